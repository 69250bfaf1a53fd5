package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// evaluated returns the directory of a run that evaluates its model on many held-out documents after every 10 steps and
// keeps the best.
func evaluated(t *testing.T) (dir string, args []string) {
	t.Helper()
	dir = unpacked(t, "testdata/script/pretrain.txtar")
	put(t, filepath.Join(dir, "docs.jsonl"), lines(200_000, func(i int) string {
		return fmt.Sprintf(`{"id":"%d","text":"The dose acts with the effect. The cell binds with the drug. The gene acts in the cell %d."}`+"\n", i, i)
	}))
	finish(t, child(dir, "data", "shard", "--vocab", "init/vocab.txt", "--held-out", "0.9", "--out", "shards", "docs.jsonl"), 0)
	args = []string{"pretrain", "run.toml", "--resume"}
	for _, set := range []string{"run.dir=run", "checkpoint.best=true", "record.tensorboard=false", "checkpoint.keep=0", "checkpoint.every_steps=10", "device.workers=1"} {
		args = append(args, "--set", set)
	}
	return dir, args
}

// TestSignalInEvaluation: a run that SIGTERM stops during a held-out evaluation and --resume continues leaves the files of
// a run that nobody stopped, whether it is the first evaluation or the last.
func TestSignalInEvaluation(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	dir, args := evaluated(t)
	finish(t, child(dir, args...), 0)
	want := filesOfRun(t, filepath.Join(dir, "run"))
	for _, step := range []int{10, 20} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			if err := os.RemoveAll(filepath.Join(dir, "run")); err != nil {
				t.Fatal(err)
			}
			record := filepath.Join(dir, "run/metrics.jsonl")
			r := begin(t, child(dir, args...))
			eventually(t, fmt.Sprintf("the report of step %d", step), func() bool { return recorded(record, step, "mlm_loss") })
			if err := r.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			<-r.ended
			if code := r.ProcessState.ExitCode(); code != exitInterrupted {
				t.Fatalf("exit code %d, want %d\n%s", code, exitInterrupted, r.Stderr)
			}
			if recorded(record, step, "heldout_mlm_loss") {
				t.Fatalf("the evaluation of step %d ended before the signal: give it more documents", step)
			}
			finish(t, child(dir, args...), 0)
			if diff := cmp.Diff(want, filesOfRun(t, filepath.Join(dir, "run"))); diff != "" {
				t.Errorf("the files differ from those of a run that nobody stopped (-want +got)\n%s", diff)
			}
		})
	}
}

// recorded reports whether the metrics in a file have a value of the given name at a step.
func recorded(file string, step int, name string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, fmt.Appendf(nil, `{"step":%d,`, step)) && bytes.Contains(line, []byte(`"`+name+`":`)) {
			return true
		}
	}
	return false
}

// filesOfRun returns the content of the files of a run, by their paths. Of metrics.jsonl and result.json it has the numbers
// that do not depend on the time, and of a checkpoint's trainer.json all but the seconds. It leaves out the model's README
// and the manifests, which have the times.
func filesOfRun(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, path := range paths(t, dir) {
		info, err := os.Stat(filepath.Join(dir, path))
		if path == dir || err == nil && info.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		switch name := filepath.Base(path); {
		case name == "manifest.json" || path == "model/README.md":
			continue
		case name == "trainer.json":
			text = secondsOfRun.ReplaceAll(text, nil)
		case name == "metrics.jsonl":
			var kept []string
			for line := range bytes.Lines(text) {
				kept = append(kept, withoutTimes(t, line))
			}
			text = []byte(strings.Join(kept, "\n"))
		case name == "result.json":
			text = []byte(withoutTimes(t, text))
		}
		files[path] = string(text)
	}
	return files
}

var secondsOfRun = regexp.MustCompile(`"seconds":[^,}\n]*`)

// withoutTimes returns the numbers of a JSON object that do not depend on the time.
func withoutTimes(t *testing.T, object []byte) string {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal(object, &values); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		timed := strings.Contains(name, "seconds") || strings.Contains(name, "_per_sec") || name == "provenance"
		if n, ok := values[name].(float64); ok && !timed {
			fmt.Fprintf(&b, "%s %v ", name, n)
		} else if table, ok := values[name].(map[string]any); ok && !timed {
			inner, err := json.Marshal(table)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s (%s) ", name, withoutTimes(t, inner))
		}
	}
	return b.String()
}
