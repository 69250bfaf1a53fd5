package rundir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/trainer"
)

// TestSaveFails: the policy decides what a failed checkpoint does to the run. The earlier checkpoints stay, and the
// failed one leaves nothing behind.
func TestSaveFails(t *testing.T) {
	broken := nano(t)
	broken.Config = []byte("no JSON")
	for _, policy := range []string{trainer.OnErrorStop, trainer.OnErrorContinue} {
		t.Run(policy, func(t *testing.T) {
			path := t.TempDir()
			d, err := Open(path, trainer.Checkpointing{Keep: 1, OnError: policy}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var told []error
			d.Failed = func(err error) { told = append(told, err) }
			if err := errors.Join(d.Save(state(10), nano(t)), d.Save(state(20), broken)); err != nil {
				t.Fatal(err)
			}
			for len(d.writing) == 0 { // until the save has ended
				time.Sleep(time.Millisecond)
			}
			err = d.Saved()
			if policy == trainer.OnErrorContinue {
				if err != nil || len(told) != 1 {
					t.Fatalf("error %v, told of %v; want it told", err, told)
				}
				err = told[0]
			}
			var failed *SaveError
			if !errors.As(err, &failed) || failed.Step != 20 || failed.Newest != 10 || strings.Contains(err.Error(), "\n") || !strings.Contains(failed.Hint(), "--resume then continues from step 10") {
				t.Errorf("error %v with hint %q, want one line of step 20, and step 10 to continue from", err, failed.Hint())
			}
			if err := d.Saved(); err != nil {
				t.Errorf("again: %v, want nothing new", err)
			}
			checkSteps(t, path, "step-0000010")
			if err := errors.Join(d.Save(state(30), nano(t)), d.Wait()); err != nil {
				t.Errorf("once it can be written: %v", err)
			}
			checkSteps(t, path, "step-0000030")

			// A failed last checkpoint of a run that is asked to stop is an error under every policy.
			if err := d.Save(state(40), broken); err != nil {
				t.Fatal(err)
			}
			if err := d.Flush(); !errors.As(err, &failed) || failed.Newest != 30 {
				t.Errorf("at last: %v, want SaveError", err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkSteps checks that the directories of checkpoints are those of want and no others.
func checkSteps(t *testing.T, path string, want string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(path, result.CheckpointsDir))
	if err != nil || len(entries) != 1 || entries[0].Name() != want {
		t.Errorf("checkpoints %v (%v), want %s", entries, err, want)
	}
}

func TestSaveFailsAtFirst(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	defer d.Close()
	broken := nano(t)
	broken.Config = nil
	if err := d.Save(state(10), broken); err != nil {
		t.Fatal(err)
	}
	var failed *SaveError
	if err := d.Flush(); !errors.As(err, &failed) || failed.Newest != -1 || !strings.Contains(failed.Hint(), "no earlier checkpoint") {
		t.Errorf("error %v, want SaveError without an earlier checkpoint", err)
	}
}

// TestNoRoom: a checkpoint that does not fit is not begun.
func TestNoRoom(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	defer d.Close()
	huge := state(10)
	huge.Parameters[0].Data = huge.Parameters[0].Data[:0:0]
	if err := d.room(huge); err != nil {
		t.Errorf("a small one: %v", err)
	}
	one := make([]float32, 1<<26) // never written to, so it takes no memory
	for range 1 << 18 {           // 2^46 bytes that share it
		huge.M = append(huge.M, trainer.Array{Data: one})
	}
	if err := d.room(huge); err == nil || !strings.Contains(err.Error(), "MB free") {
		t.Errorf("64 TB: %v, want that they do not fit", err)
	}
}

// TestExportFails: if a model cannot be written, the model that it was to replace stays.
func TestExportFails(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, 1)
	defer d.Close()
	if _, err := d.ExportTo(result.BestDir, state(1), nano(t)); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(path, result.BestDir, weightsFile))
	if err != nil {
		t.Fatal(err)
	}
	broken := nano(t)
	broken.Config = nil
	if _, err := d.ExportTo(result.BestDir, state(2), broken); err == nil {
		t.Error("a model without a config was written")
	}
	if after, err := os.ReadFile(filepath.Join(path, result.BestDir, weightsFile)); err != nil || string(after) != string(before) {
		t.Errorf("the earlier model is not as it was (%v)", err)
	}
	if _, err := d.ExportTo(result.BestDir, state(3), nano(t)); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(filepath.Join(path, result.BestDir, weightsFile)); err != nil || string(after) == string(before) {
		t.Errorf("the model is not replaced (%v)", err)
	}
	left, err := filepath.Glob(filepath.Join(path, ".best*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
