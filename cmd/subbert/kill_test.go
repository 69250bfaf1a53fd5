package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kills is the number of times that TestKill kills a run. docs/experiments.md records a run with 50.
var kills = flag.Int("kills", 3, "how often TestKill kills its run")

// realWorld is a directory with init/ and shards/ of real text, which replace the made-up ones of TestKill.
var realWorld = flag.String("world", "", "directory with init/ and shards/ of the text that TestKill trains on")

// world unpacks the files of the pretrain script and makes their shards: a run of a tiny model, ready to start.
func world(t *testing.T) string {
	t.Helper()
	dir := unpacked(t, "testdata/script/pretrain.txtar")
	if *realWorld != "" {
		inPlace(t, dir, "init")
		inPlace(t, dir, "shards")
		return dir
	}
	finish(t, child(dir, "data", "shard", "--vocab", "init/vocab.txt", "--held-out", "0.25", "--out", "shards", "docs.jsonl"), 0)
	return dir
}

// inPlace puts that directory of realWorld into dir.
func inPlace(t *testing.T, dir, name string) {
	t.Helper()
	from, err := filepath.Abs(filepath.Join(*realWorld, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(from, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// child returns a command that runs this program in dir.
func child(dir string, args ...string) *exec.Cmd {
	c := exec.Command("subbert", append([]string{"--quiet", "--backend", "go"}, args...)...)
	c.Dir = dir
	c.Stdout, c.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	return c
}

// pretraining returns a command that makes the run called name with the given number of steps, and a checkpoint after
// every step or two.
func pretraining(dir, name string, steps int, set ...string) *exec.Cmd {
	args := []string{"pretrain", "run.toml", "--resume"}
	for _, s := range append([]string{"run.dir=runs/" + name, fmt.Sprintf("schedule.steps=%d", steps), "record.tensorboard=false"}, set...) {
		args = append(args, "--set", s)
	}
	return child(dir, args...)
}

// finish runs c to its end and checks its exit code.
func finish(t *testing.T, c *exec.Cmd, want int) {
	t.Helper()
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := c.ProcessState.ExitCode(); got != want {
		t.Fatalf("%s: exit code %d, want %d\n%s", strings.Join(c.Args, " "), got, want, c.Stderr)
	}
}

// learnedSum returns the checksum of what a run has learned.
func learnedSum(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "runs", name, "model", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// waitForFile returns once a file matches the pattern.
func waitForFile(t *testing.T, pattern string) {
	t.Helper()
	eventually(t, pattern, func() bool {
		found, err := filepath.Glob(pattern)
		return err == nil && len(found) > 0
	})
}

// TestSignals: on SIGINT and SIGTERM a run saves, says so and exits with 130. Continued with other workers it ends
// where an uninterrupted run does bit for bit; continued with other microbatches, up to rounding.
func TestSignals(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	dir := world(t)
	const steps = 60
	finish(t, pretraining(dir, "straight", steps), 0)
	for _, test := range []struct {
		signal os.Signal
		set    []string
	}{{os.Interrupt, []string{"device.workers=1"}}, {syscall.SIGTERM, []string{"device.workers=3", "record.every_steps=7", "checkpoint.every_steps=100"}}} {
		t.Run(test.signal.String(), func(t *testing.T) {
			name := test.signal.String()
			c := pretraining(dir, name, steps, "checkpoint.every_steps=10")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			waitForFile(t, filepath.Join(dir, "runs", name, "checkpoints", "step-*"))
			if err := c.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			err := c.Wait()
			if code := c.ProcessState.ExitCode(); code != 130 || !strings.Contains(fmt.Sprint(c.Stderr), "--resume continues") {
				t.Fatalf("exit code %d (%v), want 130 and a word on --resume\n%s", code, err, c.Stderr)
			}
			finish(t, pretraining(dir, name, steps, test.set...), 0)
			if got, want := learnedSum(t, dir, name), learnedSum(t, dir, "straight"); got != want {
				t.Errorf("weights %.12s, uninterrupted %.12s", got, want)
			}
		})
	}
}

// TestKill kills a run again and again, a few steps after it continued, about as often inside a save as not, and
// continues it. In the end its weights are those of a run without kills. The progress of the run decides when to kill
// it, so that a fast machine is killed as often as a slow one.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains")
	}
	dir := world(t)
	steps := 40 + 20**kills
	often := []string{"checkpoint.every_steps=1", "checkpoint.keep=2", "record.evaluate_every=0"}
	finish(t, pretraining(dir, "straight", steps, often...), 0)
	rng := rand.New(rand.NewPCG(uint64(*kills), 0))
	saving := 0
	for killed := range *kills {
		after := newestStep(t, dir) + 1 + rng.IntN(6)
		inSave := rng.IntN(2) == 0
		c := begin(t, pretraining(dir, "killed", steps, often...))
		c.until(t, fmt.Sprintf("step %d after %d kills", after, killed), func() bool { return newestStep(t, dir) >= after && (!inSave || isSaving(dir)) })
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
		c.kill(t)
		if isSaving(dir) {
			saving++
		}
	}
	finish(t, pretraining(dir, "killed", steps, often...), 0)
	if got, want := learnedSum(t, dir, "killed"), learnedSum(t, dir, "straight"); got != want {
		t.Errorf("after %d kills: weights %.12s, uninterrupted %.12s", *kills, got, want)
	}
	t.Logf("killed %d times, %d of them with a checkpoint half written", *kills, saving)
}

// newestStep returns the step of the newest checkpoint of the run that is killed; 0 if there is none.
func newestStep(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "runs", "killed", "checkpoints", "step-*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return 0
	}
	step, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(slices.Max(found)), "step-"))
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// isSaving reports whether there is an incomplete checkpoint.
func isSaving(dir string) bool {
	found, err := filepath.Glob(filepath.Join(dir, "runs", "killed", "checkpoints", ".saving-*"))
	return err == nil && len(found) > 0
}
