package trainer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/trainer/metrics"
)

// ErrInterrupted ends a run whose context was cancelled; its state was saved.
var ErrInterrupted = errors.New("interrupted; the state is saved")

// NonFiniteError ends a run whose loss or gradient was not finite. The state is that before the update.
type NonFiniteError struct {
	Step    int
	Loss    float64
	Norm    float64
	Records []string // what the batch was made of
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("step %d: loss %g, gradient norm %g: not finite; the state is that before this step", e.Step, e.Loss, e.Norm)
}

// Hint says what usually helps.
func (e *NonFiniteError) Hint() string {
	return `lower optimizer.learning_rate, lengthen the warm-up, or set run.on_non_finite = "skip"; nonfinite.json in the run directory says which records the batch held`
}

// Trainer trains one task on one backend. It is not for concurrent use.
type Trainer struct {
	plan Plan
	step *step
	now  int // completed updates

	// Recorder gets a report every Plan.Recording.EverySteps. Required by Train.
	Recorder metrics.Recorder
	// Save is called with the state complete at a step that is due, at the end, and when interrupted.
	Save func(step int) error
	// Evaluate, if set, is called at the steps that are due for it and at the end; its values are recorded.
	Evaluate func(ctx context.Context, step int) ([]metrics.Value, error)
}

// New prepares to train task on backend from the parameters that store holds. It adds the moments to store.
func New(backend compute.Backend, store *model.Store, task Task, plan Plan) (*Trainer, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	s, err := newStep(backend, store, task, plan)
	if err != nil {
		return nil, err
	}
	return &Trainer{plan: plan, step: s}, nil
}

// Forward prepares a graph that reads the trained parameters, on the trainer's devices.
func (t *Trainer) Forward(name string, inputs int, build Build) (*Forward, error) {
	return newForward(t.step.backend, t.step.store, t.step.mesh, name, inputs, build)
}

// Step is the number of completed updates.
func (t *Trainer) Step() int { return t.now }

// Unused names the parameters that the loss does not depend on; they are neither updated nor decayed. It is known
// once the first step ran.
func (t *Trainer) Unused() []string {
	used := make(map[string]bool, len(t.step.used))
	for _, p := range t.step.used {
		used[p.Path()] = true
	}
	var names []string
	for _, p := range t.step.params {
		if !used[p.Path()] {
			names = append(names, parameterName(p))
		}
	}
	return names
}

// Train makes the updates from the present step to the last one of the plan. When ctx ends it finishes the update it
// is in, saves, and returns ErrInterrupted.
func (t *Trainer) Train(ctx context.Context, batches Batches) error {
	w := newWindow(t.plan)
	steps := t.plan.Schedule.Steps()
	for batch, err := range batches.From(t.now) {
		if err != nil {
			return fmt.Errorf("step %d: %w", t.now, err)
		}
		out, err := t.step.run(t.now, batch, t.plan.Optimizer.LearningRate*t.plan.Schedule.Rate(t.now))
		if err != nil {
			return err
		}
		w.add(out, batch.Records)
		t.now++
		if err := t.after(ctx, w, t.now >= steps); err != nil {
			return err
		}
		if t.now >= steps {
			return nil
		}
	}
	return fmt.Errorf("step %d: the data ended before step %d", t.now, steps)
}

// after does what is due once an update is complete.
func (t *Trainer) after(ctx context.Context, w *window, last bool) error {
	stopped := ctx.Err() != nil && !last
	evaluate := t.Evaluate != nil && !stopped && (last || due(t.now, t.plan.Recording.EvaluateEvery))
	save := t.Save != nil && (last || stopped || due(t.now, t.plan.Checkpointing.EverySteps))
	if last || stopped || evaluate || save || due(t.now, t.plan.Recording.EverySteps) {
		values, err := w.read(t.step.names)
		if err != nil {
			return err
		}
		if err := t.Recorder.Record(t.now, values...); err != nil {
			return err
		}
	}
	if evaluate {
		values, err := t.Evaluate(ctx, t.now)
		if err != nil {
			return fmt.Errorf("evaluation at step %d: %w", t.now, err)
		}
		if err := t.Recorder.Record(t.now, values...); err != nil {
			return err
		}
		w.restart()
	}
	if save {
		if err := t.Save(t.now); err != nil {
			return fmt.Errorf("saving step %d: %w", t.now, err)
		}
	}
	if stopped {
		return ErrInterrupted
	}
	return nil
}

// due says whether step is a multiple of every; an every of 0 is never due.
func due(step, every int) bool { return every > 0 && step%every == 0 }

// window gathers the outcomes of steps since the last report, on the device, until they are read.
type window struct {
	plan    Plan
	pending []outcome
	records [][]string
	start   time.Time // of the run
	since   time.Time // of the window
}

func newWindow(plan Plan) *window {
	now := time.Now()
	return &window{plan: plan, start: now, since: now}
}

// restart keeps time that was not spent on steps out of the next report's rate.
func (w *window) restart() { w.since = time.Now() }

func (w *window) add(out outcome, records []string) {
	w.pending = append(w.pending, out)
	w.records = append(w.records, records)
}

// read fetches the pending outcomes and makes one report of them: losses and observed values are means over the
// window's steps, learning rate and gradient norm those of its last step.
func (w *window) read(names []string) ([]metrics.Value, error) {
	sums := make([]float64, 1+len(names))
	var norm, skipped float64
	for i, out := range w.pending {
		means, n, made, err := out.fetch()
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", out.step, err)
		}
		if !made {
			if w.plan.Run.OnNonFinite == OnNonFiniteStop {
				return nil, &NonFiniteError{Step: out.step, Loss: means[0], Norm: n, Records: w.records[i]}
			}
			skipped++
			continue
		}
		norm = n
		for j, m := range means {
			sums[j] += m
		}
	}
	count := float64(len(w.pending)) - skipped
	values := []metrics.Value{{Name: "loss", Value: sums[0] / count}}
	for i, name := range names {
		values = append(values, metrics.Value{Name: name, Value: sums[1+i] / count})
	}
	seconds := time.Since(w.since).Seconds()
	at := w.pending[len(w.pending)-1].step
	values = append(values,
		metrics.Value{Name: "learning_rate", Value: w.plan.Optimizer.LearningRate * w.plan.Schedule.Rate(at)},
		metrics.Value{Name: "grad_norm", Value: norm},
		metrics.Value{Name: "tokens_per_sec", Value: float64(len(w.pending)*w.plan.TokensPerStep()) / seconds},
		metrics.Value{Name: "seconds", Value: time.Since(w.start).Seconds()})
	if skipped > 0 {
		values = append(values, metrics.Value{Name: "skipped_updates", Value: skipped})
	}
	w.pending, w.records = w.pending[:0], w.records[:0]
	w.restart()
	return values, nil
}

// fetch transfers what the step observed: the mean of each value over the batch (the loss is a sum over microbatches),
// the gradient norm, and whether the update was made.
func (o outcome) fetch() (means []float64, norm float64, made bool, err error) {
	var total []float64
	for _, t := range o.observed {
		if total, err = addFlat(total, t); err != nil {
			return nil, 0, false, err
		}
	}
	tail := total
	if o.applied != nil {
		if tail, err = addFlat(nil, o.applied); err != nil {
			return nil, 0, false, err
		}
	} else {
		total = total[:len(total)-2]
	}
	norm, made = tail[len(tail)-2], tail[len(tail)-1] == 1
	return meansOf(total), norm, made, nil
}

// meansOf turns [loss, sum, weight, sum, weight, ...] into [loss, mean, mean, ...]; a weight of 0 gives 0.
func meansOf(total []float64) []float64 {
	means := []float64{total[0]}
	for i := 1; i < len(total); i += 2 {
		mean := 0.0
		if total[i+1] != 0 {
			mean = total[i] / total[i+1]
		}
		means = append(means, mean)
	}
	return means
}

// addFlat adds the float32 values of t to total, which is nil at first.
func addFlat(total []float64, t *tensors.Tensor) ([]float64, error) {
	flat, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, err
	}
	if total == nil {
		total = make([]float64, len(flat))
	}
	for i, v := range flat {
		total[i] += float64(v)
	}
	return total, nil
}
