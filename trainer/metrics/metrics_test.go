package metrics

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesContinueWithoutWhatWillBeWrittenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	write := func(step int, steps ...int) {
		t.Helper()
		l, err := OpenLines(path, step)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			if err := l.Record(s, Value{"loss", float64(s) / 3}, Value{"grad_norm", math.NaN()}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(0, 10, 20, 30)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"step":40,"lo`); err != nil { // the process died here
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	write(20, 30)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"step":10,"loss":3.33333333,"grad_norm":null}
{"step":20,"loss":6.66666667,"grad_norm":null}
{"step":30,"loss":10,"grad_norm":null}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	read := map[int][]Value{}
	err = ReadLines(path, func(step int, values ...Value) error { read[step] = values; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int][]Value{10: {{"loss", 3.33333333}}, 20: {{"loss", 6.66666667}}, 30: {{"loss", 10}}}, read); diff != "" {
		t.Errorf("read back: -want +got\n%s", diff)
	}
}
