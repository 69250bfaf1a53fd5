package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/subbert/subbert/runs/result"
)

// TestLanes: several runs over two devices give the same results as over one, bit for bit, and each line of output
// names its run.
func TestLanes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	if installedPlugin("cpu") == "" {
		t.Skip("the CPU plugin is not installed (subbert backend install cpu), or this is built without cgo")
	}
	dir := unpacked(t, "testdata/script/finetune.txtar")
	for _, on := range []string{"cpu", "cpu:2"} {
		c := child(dir, "finetune", "run.toml", "--seeds", "3", "--set", "run.dir=runs/"+on)
		c.Args[3] = on // in place of go
		finish(t, c, 0)
		log := c.Stderr.(interface{ String() string }).String()
		if got, want := strings.Contains(log, "seed-3: plan\n"), on != "cpu"; got != want {
			t.Errorf("%s: lines carry the name of their run: %v, want %v\n%s", on, got, want, log)
		}
	}
	for _, seed := range []string{"seed-1", "seed-2", "seed-3"} {
		if one, two := learnedSum(t, dir, "cpu/"+seed), learnedSum(t, dir, "cpu:2/"+seed); one != two {
			t.Errorf("%s: weights %.12s on one device, %.12s on two", seed, one, two)
		}
	}
}

// unpacked returns a directory with the files of a script.
func unpacked(t *testing.T, script string) string {
	t.Helper()
	archive, err := txtar.ParseFile(script)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestBestEpoch: a run that keeps its best epoch and is killed several times ends with the epoch and the weights of an
// undisturbed run.
func TestBestEpoch(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	dir := unpacked(t, "testdata/script/finetune.txtar")
	tuning := func(name string) *exec.Cmd {
		return child(dir, "finetune", "run.toml", "--resume", "--set", "run.dir=runs/"+name, "--set", "task.keep=best_dev", "--set", "data.dev_fraction=0.25",
			"--set", "schedule.epochs=24", "--set", "checkpoint.every_steps=1")
	}
	finish(t, tuning("straight"), 0)
	for killed := range 3 {
		after := newestStep(t, dir) + 20
		c := begin(t, tuning("killed"))
		c.until(t, fmt.Sprintf("step %d after %d kills", after, killed), func() bool { return newestStep(t, dir) >= after })
		c.kill(t)
	}
	finish(t, tuning("killed"), 0)
	if got, want := learnedSum(t, dir, "killed"), learnedSum(t, dir, "straight"); got != want {
		t.Errorf("weights %.12s, left alone %.12s", got, want)
	}
	if got, want := keptStep(t, dir, "killed"), keptStep(t, dir, "straight"); got != want || want == 0 {
		t.Errorf("kept step %d, left alone %d", got, want)
	}
}

// keptStep returns the step of the epoch that a run kept.
func keptStep(t *testing.T, dir, name string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "runs", name, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r result.Relation
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r.KeptStep
}

// TestSecondSeeds: finetune with several seeds in a directory where another process runs is refused in one line, before
// and after the first seed is done, and leaves that process and its files alone.
func TestSecondSeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	dir := unpacked(t, "testdata/script/finetune.txtar")
	tuning := func(name string, more ...string) *exec.Cmd {
		return child(dir, append([]string{"finetune", "run.toml", "--seeds", "2", "--set", "run.dir=runs/" + name, "--set", "schedule.epochs=12", "--set", "checkpoint.every_steps=1"}, more...)...)
	}
	finish(t, tuning("alone"), 0)
	first := begin(t, tuning("shared"))
	for _, seed := range []string{"seed-1", "seed-2"} {
		first.until(t, "a checkpoint of "+seed, func() bool {
			found, err := filepath.Glob(filepath.Join(dir, "runs/shared", seed, "checkpoints/step-*"))
			return err == nil && len(found) > 0
		})
		for _, more := range [][]string{nil, {"--resume"}} {
			second := tuning("shared", more...)
			finish(t, second, exitFailed)
			if said := fmt.Sprint(second.Stderr); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "error: ") || !strings.Contains(said, "runs/shared") {
				t.Errorf("%q said %q, want one line that names the directory", more, said)
			}
		}
	}
	if err := <-first.ended; err != nil {
		t.Errorf("the first process: %v\n%s", err, first.Stderr)
	}
	for _, seed := range []string{"seed-1", "seed-2"} {
		if got, want := learnedSum(t, dir, "shared/"+seed), learnedSum(t, dir, "alone/"+seed); got != want {
			t.Errorf("%s: weights %.12s, alone %.12s", seed, got, want)
		}
	}
}
