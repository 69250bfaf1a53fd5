package metrics

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestTensorBoard looks for what a reader must find in the bytes; internal/tbevents holds their order by golden files
// that TensorBoard itself read.
func TestTensorBoard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tensorboard")
	for i, host := range []string{"one.1", "one.2"} { // two processes of one run within a second
		r, err := OpenTensorBoard(dir, host, 10*i)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Record(10*i+5, Value{"mlm_loss", 3}, Value{"heldout_mlm_loss", 4}); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v (%v), want two", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"train/mlm_loss", "heldout/mlm_loss", "brain.Event:2"} {
		if !bytes.Contains(text, []byte(tag)) {
			t.Errorf("no %s in the file", tag)
		}
	}
	if _, err := OpenTensorBoard(filepath.Join(files[0], "x"), "one", 0); err == nil {
		t.Error("a directory below a file: no error")
	}
}

func TestRewind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	lines, err := OpenLines(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := Tee{lines}
	for _, step := range []int{1, 2, 3} {
		if err := all.Record(step, Value{"loss", float64(step)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := all.Rewind(1); err != nil {
		t.Fatal(err)
	}
	if err := all.Record(2, Value{"loss", 7}); err != nil {
		t.Fatal(err)
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want := "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":7}\n"; err != nil || string(got) != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}
