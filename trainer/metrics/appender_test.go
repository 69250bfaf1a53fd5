package metrics

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk: reports that a full disk does not take are errors, or come with the next one, in order and without a gap.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	l, err := OpenLines(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	disk := l.to.file
	record := func(step int) error { return l.Record(step, Value{"loss", 1}) }

	l.to.file = full
	if err := record(1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want ENOSPC", err)
	}
	told := 0
	l.Tolerate(func(err error) {
		if told++; !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("told of %v, want ENOSPC", err)
		}
	})
	for _, step := range []int{2, 3} {
		if err := record(step); err != nil || told != 1 {
			t.Errorf("step %d: error %v, told %d times; want none, once", step, err, told)
		}
	}
	l.to.file = disk
	if err := record(4); err != nil {
		t.Fatal(err)
	}
	l.to.file = full
	if err := record(5); err != nil || told != 2 {
		t.Errorf("error %v, told %d times; want none, again", err, told)
	}
	l.to.file = disk
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	const want = `{"step":1,"loss":1}
{"step":2,"loss":1}
{"step":3,"loss":1}
{"step":4,"loss":1}
{"step":5,"loss":1}
`
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("the file holds (%v)\n%s\nwant\n%s", err, got, want)
	}
}
