package sweep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWatch expects the newest whole line with the time left, or else the last one, of the log of each run that is working.
func TestWatch(t *testing.T) {
	var w Watch
	for name, log := range map[string]string{
		"c": "step 1/9, 8s left\nstep 2/9, 7s left\nsaved\n", "b": "step 1/9\nstep 2/9\nstep", "a": strings.Repeat("-", 10000) + "\nseed-1: step 3/9\n\n", "empty": "", "begun": "step", "over": "step 9/9\n",
		"long": "step 1/9\n" + strings.Repeat("-", 4095) + "\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, LogFile), []byte(log), 0o644); err != nil {
			t.Fatal(err)
		}
		w.Note(Status{Name: name, State: Running, Dir: dir})
	}
	w.Note(Status{Name: "elsewhere", State: Running, Dir: filepath.Join(t.TempDir(), "none")})
	w.Note(Status{Name: "over", State: Done})
	w.Note(Status{Name: "later", State: Waiting})
	lines, err := w.Lines()
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"a: seed-1: step 3/9", "b: step 2/9", "c: step 2/9, 7s left", "long: " + strings.Repeat("-", 4095)}, lines); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestWatchUnreadable expects the lines of the other runs, and an error, if the log of one cannot be read.
func TestWatchUnreadable(t *testing.T) {
	good, bad := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(good, LogFile), []byte("step 1/9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(bad, LogFile), 0o755); err != nil {
		t.Fatal(err)
	}
	var w Watch
	w.Note(Status{Name: "good", State: Running, Dir: good})
	w.Note(Status{Name: "bad", State: Running, Dir: bad})
	lines, err := w.Lines()
	if err == nil {
		t.Error("no error")
	}
	if diff := cmp.Diff([]string{"good: step 1/9"}, lines); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
