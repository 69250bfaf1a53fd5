package rundir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/trainer"
)

// nano returns a model of which only the weights matter here.
func nano(t *testing.T) checkpoints.Export {
	t.Helper()
	v, err := wordpiece.ReadVocabulary(strings.NewReader("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nB\n"), "vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	return checkpoints.Export{Config: []byte("{}"), Vocabulary: v, Tokenizer: wordpiece.Default()}
}

func state(step int) *trainer.State {
	a := func(name string, values ...float32) trainer.Array {
		return trainer.Array{Name: name, Shape: []int{len(values)}, Data: values}
	}
	s := float32(step)
	return &trainer.State{Step: step,
		Progress:   trainer.Progress{Skipped: []int{step / 2}, Best: &trainer.Best{Step: 1, Value: 2.5, Since: 3}, Tokens: 1 << 40, Seconds: 0.25},
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
		if err := d.Save(state(s), nano(t)); err != nil {
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
	if left, err := filepath.Glob(filepath.Join(path, result.CheckpointsDir, "step-*")); err != nil || len(left) != 2 {
		t.Errorf("kept %v (%v), want the two newest", left, err)
	}
}

func TestContinuePassesOverDamage(t *testing.T) {
	path := t.TempDir()
	save(t, open(t, path, 0), 10, 20)
	weights := filepath.Join(path, result.CheckpointsDir, "step-0000020", weightsFile)
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
	if err := d.Save(state(1), checkpoints.Export{Config: []byte("no JSON"), Vocabulary: nano(t).Vocabulary}); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(state(2), nano(t)); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("got %v, want the first save's error", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.Glob(d.File(result.CheckpointsDir) + "/*"); err != nil || len(got) != 0 {
		t.Errorf("left %s", strings.Join(got, " "))
	}
}

func TestExport(t *testing.T) {
	d := open(t, t.TempDir(), 0)
	defer d.Close()
	for _, step := range []int{1, 2} {
		path, err := d.Export(state(step), nano(t))
		if err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(filepath.Join(path, weightsFile))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, 1)
		if err := errors.Join(host.ReadFloat32(f, f.Tensors()[1], got), f.Close()); err != nil || got[0] != float32(step) {
			t.Errorf("step %d exports %v (%v)", step, got, err)
		}
	}
}

// TestNewest: the state to roll back to is the newest one, even while it is being written.
func TestNewest(t *testing.T) {
	d := open(t, t.TempDir(), 2)
	if _, err := d.Newest(); !errors.Is(err, checkpoints.ErrNone) {
		t.Errorf("before the first save: %v, want ErrNone", err)
	}
	for _, step := range []int{10, 20} {
		if err := d.Save(state(step), nano(t)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.Newest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(state(20), got); diff != "" {
		t.Errorf("-saved +read\n%s", diff)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRetentionByTime: with a period of hours that never passes, the first checkpoint stays beside the newest.
func TestRetentionByTime(t *testing.T) {
	path := t.TempDir()
	d, err := Open(path, trainer.Checkpointing{Keep: 1, KeepHours: 1000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	save(t, d, 10, 20, 30)
	left, err := filepath.Glob(filepath.Join(path, result.CheckpointsDir, "step-*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "step-0000010" || filepath.Base(left[1]) != "step-0000030" {
		t.Errorf("kept %v (%v), want the first and the newest", left, err)
	}
}
