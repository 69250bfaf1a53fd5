package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/relation"
)

// bestEpoch is the content of best.json: the epoch with the best micro F1 on the dev examples, the first if several are
// equal. It is written after its weights. A Step of 0 means that there is none.
type bestEpoch struct {
	Step int     `json:"step"`
	F1   float64 `json:"f1"`
	Dir  string  `json:"dir"` // a model directory inside the run's directory
}

// openBest finds the best epoch so far, if the run keeps the best epoch.
func (r *relationRun) openBest() error {
	if r.config.Task.Keep != relation.KeepBestDev {
		return nil
	}
	r.best = &bestEpoch{F1: -1}
	path := r.dir.File(result.BestEpochFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || r.state == nil {
		return nil // the run is starting
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, r.best); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// keepIfBest keeps the weights of step if f1 is better than every earlier score. It does nothing if the run keeps the
// last epoch.
func (r *relationRun) keepIfBest(step int, f1 float64) error {
	if r.best == nil || f1 <= r.best.F1 {
		return nil
	}
	state, err := r.trainer.State()
	if err != nil {
		return err
	}
	before := r.best.Dir
	*r.best = bestEpoch{Step: step, F1: f1, Dir: fmt.Sprintf("best-%07d", step)}
	if _, err := r.dir.ExportTo(r.best.Dir, state, r.as); err != nil {
		return err
	}
	if err := atomicfile.WriteJSON(r.dir.File(result.BestEpochFile), r.best); err != nil {
		return err
	}
	if before == "" || before == r.best.Dir {
		return nil
	}
	return os.RemoveAll(r.dir.File(before))
}

// restoreBest replaces the last weights by the best ones. It does nothing if the run keeps the last epoch.
func (r *relationRun) restoreBest(ctx context.Context) (err error) {
	if r.best == nil {
		return nil
	}
	m, err := checkpoints.OpenModel(ctx, r.dir.File(r.best.Dir))
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
	r.env.Log.Info("kept the best epoch", "step", r.best.Step, "dev_f1", r.best.F1)
	return err
}
