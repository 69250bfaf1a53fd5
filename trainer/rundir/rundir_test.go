package rundir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/trainer"
)

// noFiles stands for the files that make a checkpoint a model directory.
func noFiles(checkpoints.FileWriter) error { return nil }

func state(step int) *trainer.State {
	a := func(name string, values ...float32) trainer.Array {
		return trainer.Array{Name: name, Shape: []int{len(values)}, Data: values}
	}
	s := float32(step)
	return &trainer.State{Step: step,
		Parameters: []trainer.Array{a("bert.a.weight", 1, s), a("bert.b.bias", s)},
		M:          []trainer.Array{a("bert.a.weight", 2, s), a("bert.b.bias", -s)},
		V:          []trainer.Array{a("bert.a.weight", 3, s), a("bert.b.bias", s*s)}}
}

func open(t *testing.T, path string, keep int) *Dir {
	t.Helper()
	d, err := Open(path, trainer.Checkpointing{Keep: keep}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func save(t *testing.T, d *Dir, steps ...int) {
	t.Helper()
	for _, s := range steps {
		if err := d.Save(state(s), noFiles); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestContinue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	d := open(t, path, 2)
	if got, _, err := d.Continue(false); got != nil || err != nil {
		t.Fatalf("a new directory continues at %v, %v", got, err)
	}
	save(t, d, 10, 20, 30)

	d = open(t, path, 2)
	if _, _, err := d.Continue(false); !errors.Is(err, ErrExists) {
		t.Errorf("without resume: %v, want ErrExists", err)
	}
	got, passed, err := d.Continue(true)
	if err != nil || len(passed) != 0 {
		t.Fatal(err, passed)
	}
	if diff := cmp.Diff(state(30), got); diff != "" {
		t.Errorf("-saved +read\n%s", diff)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(path, CheckpointsDir, "step-*")); err != nil || len(left) != 2 {
		t.Errorf("kept %v (%v), want the two newest", left, err)
	}
}

func TestContinuePassesOverDamage(t *testing.T) {
	path := t.TempDir()
	save(t, open(t, path, 0), 10, 20)
	weights := filepath.Join(path, CheckpointsDir, "step-0000020", weightsFile)
	data, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(weights, data, 0o644); err != nil {
		t.Fatal(err)
	}
	d := open(t, path, 0)
	defer d.Close()
	got, passed, err := d.Continue(true)
	if err != nil || got.Step != 10 || len(passed) != 1 || passed[0].Step != 20 {
		t.Errorf("got %+v, passed %v, %v; want step 10 with 20 passed over", got, passed, err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, 0)
	if _, err := Open(path, trainer.Checkpointing{}, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("second claim: %v, want ErrBusy", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, 0).Close(); err != nil {
		t.Error(err)
	}
}

func TestSaveReportsTheFailureOfTheOneBefore(t *testing.T) {
	d := open(t, t.TempDir(), 0)
	full := errors.New("no space left")
	if err := d.Save(state(1), func(checkpoints.FileWriter) error { return full }); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(state(2), noFiles); !errors.Is(err, full) {
		t.Errorf("got %v, want the first save's error", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.Glob(d.File(CheckpointsDir) + "/*"); err != nil || len(got) != 0 {
		t.Errorf("left %s", strings.Join(got, " "))
	}
}
