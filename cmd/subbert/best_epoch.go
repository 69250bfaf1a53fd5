package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/renameio/v2"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
)

// bestFile says which directory of the run holds the best weights so far. It is written after them.
const bestFile = "best.json"

// bestEpoch is the epoch with the best micro F1 on the dev examples; the first of equals. Step 0 is none yet.
type bestEpoch struct {
	Step int     `json:"step"`
	F1   float64 `json:"f1"`
	Dir  string  `json:"dir"` // a model directory in the run's
}

// openBest is the best epoch so far of a run that keeps it, nil of one that keeps the last.
func (r *session) openBest() (*bestEpoch, error) {
	if r.config.Task.Keep != tasks.KeepBestDev {
		return nil, nil
	}
	best := &bestEpoch{F1: -1}
	text, err := os.ReadFile(r.dir.File(bestFile))
	if errors.Is(err, fs.ErrNotExist) || r.state == nil {
		return best, nil // the run starts
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, best); err != nil {
		return nil, fmt.Errorf("%s: %w", r.dir.File(bestFile), err)
	}
	return best, nil
}

// keepIfBest keeps the weights of step if f1 is better than any before. Nothing happens if best is nil.
func (r *session) keepIfBest(best *bestEpoch, step int, f1 float64) error {
	if best == nil || f1 <= best.F1 {
		return nil
	}
	state, err := r.trainer.State()
	if err != nil {
		return err
	}
	before := best.Dir
	*best = bestEpoch{Step: step, F1: f1, Dir: fmt.Sprintf("best-%07d", step)}
	if _, err := r.dir.ExportTo(best.Dir, state, r.as); err != nil {
		return err
	}
	text, err := json.Marshal(best)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(r.dir.File(bestFile), text, 0o644); err != nil {
		return err
	}
	if before == "" || before == best.Dir {
		return nil
	}
	return os.RemoveAll(r.dir.File(before))
}

// restoreBest puts the best weights in place of the last ones. Nothing happens if best is nil.
func (r *session) restoreBest(best *bestEpoch) (err error) {
	if best == nil {
		return nil
	}
	m, err := checkpoints.OpenModel(r.dir.File(best.Dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	var wanted []checkpoints.Parameter
	for v := range r.store.IterVariables() {
		if v.Trainable {
			wanted = append(wanted, checkpoints.Parameter{Name: weights.Name(v.Path()), Shape: v.Shape().Dimensions})
		}
	}
	_, err = m.Load(wanted, checkpoints.Fresh{}, func(p checkpoints.Parameter, values []float32) error {
		return r.store.GetVariable(weights.Path(p.Name)).SetValue(tensors.FromFlatDataAndDimensions(values, p.Shape...))
	})
	r.c.log.Info("kept the best epoch", "step", best.Step, "dev_f1", best.F1)
	return err
}
