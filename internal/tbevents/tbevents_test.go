package tbevents

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// sample writes what scripts/tbevents.py then reads with TensorBoard: two steps, the second one replaced by
// a continued run.
func sample(t *testing.T) (first, second []byte) {
	t.Helper()
	at := time.Unix(1_700_000_000, 250_000_000)
	var a, b bytes.Buffer
	w, err := NewWriter(&a, at)
	if err != nil {
		t.Fatal(err)
	}
	for step, loss := range []float64{7.5, 6.25, 99} {
		at = at.Add(time.Second)
		if err := w.Scalars(at, 10*step, Scalar{"train/mlm_loss", loss}, Scalar{"train/learning_rate", 2e-5}); err != nil {
			t.Fatal(err)
		}
	}
	at = at.Add(time.Minute)
	if w, err = NewWriter(&b, at); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		w.Start(at, 10),
		w.Scalars(at, 20, Scalar{"train/mlm_loss", 5.5}, Scalar{"heldout/mlm_loss", math.NaN()}),
		w.Scalars(at, 3_000_000_000),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return a.Bytes(), b.Bytes()
}

func TestGolden(t *testing.T) {
	first, second := sample(t)
	for name, got := range map[string][]byte{
		FileName(time.Unix(1_700_000_000, 0), "madeup-host"): first,
		FileName(time.Unix(1_700_000_063, 0), "madeup-host"): second,
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from what was written before and read by TensorBoard (scripts/tbevents.py; -update rewrites it)", name)
		}
	}
}

func TestFileName(t *testing.T) {
	if got, want := FileName(time.Unix(12, 0), "a/b"), "events.out.tfevents.0000000012.a_b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestErrorsAreReported(t *testing.T) {
	const want = "tbevents: disk full"
	if _, err := NewWriter(&failing{0}, time.Time{}); err == nil || err.Error() != want {
		t.Errorf("NewWriter: got error %v, want %s", err, want)
	}
	w, err := NewWriter(&failing{1}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Scalars(time.Time{}, 1, Scalar{"a", 1}); err == nil || err.Error() != want {
		t.Errorf("Scalars: got error %v, want %s", err, want)
	}
}

func BenchmarkScalars(b *testing.B) {
	w, err := NewWriter(&failing{math.MaxInt}, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	values := []Scalar{{"train/loss", 1}, {"train/mlm_loss", 2}, {"train/nsp_loss", 3}, {"train/grad_norm", 4}}
	for b.Loop() {
		if err := w.Scalars(time.Time{}, 100, values...); err != nil {
			b.Fatal(err)
		}
	}
}
