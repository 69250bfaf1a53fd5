package trainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	Records []string // the records of the batch
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("step %d: loss %g, gradient norm %g: not finite; the state is the one before this step", e.Step, e.Loss, e.Norm)
}

// Hint suggests usual remedies.
func (e *NonFiniteError) Hint() string {
	return `lower optimizer.learning_rate, lengthen the warm-up, or set run.on_non_finite = "skip" or "rollback"; nonfinite.json in the run directory lists the records of the batch`
}

// Trainer trains one task on one backend. It is not for concurrent use.
type Trainer struct {
	plan Plan
	step *step
	now  int // completed updates, those left out included

	skipped []int // steps whose update is skipped
	best    *Best
	losses  Losses
	tokens  int64   // positions trained on so far
	before  float64 // seconds that earlier processes spent on the run

	unmeasured []int // as in Progress

	began time.Time // when this one took over

	// Recorder gets a report every Plan.Recording.EverySteps. Required by Train.
	Recorder metrics.Recorder
	// Log, if set, receives what a person should know at once.
	Log *slog.Logger
	// Save is called after the update of a step at which a checkpoint is due, at the end, and on
	// interruption.
	Save func(step int) error
	// Replace, if set, is called when the measurements that the checkpoint of a step lacked were made.
	Replace func(step int) error
	// Saved, if set, is called after every update, and returns the error of a background save that failed.
	Saved func() error
	// Newest returns the state of the newest checkpoint; the policy "rollback" needs it.
	Newest func() (*State, error)
	// Evaluate, if set, is called at the steps at which an evaluation is due and at the end; its values are
	// recorded.
	Evaluate func(ctx context.Context, step int) ([]metrics.Value, error)
	// Goal names the value of Evaluate by which models are compared; without a name none are.
	Goal Goal
	// Improved, if set, is called when an evaluation was the best so far.
	Improved func(step int, value float64) error
	// Ahead are functions that compile graphs for later use; they are called before the first step.
	Ahead []func() error
	// Watches are further measurements, each with its own interval; their values are recorded.
	Watches []Watch
}

// Goal is a value that training minimises or maximises.
type Goal struct {
	Name string
	Up   bool
}

// Watch is a measurement that is made every Every steps and at the end.
type Watch struct {
	Every   int // 0: only at the end
	Measure func(ctx context.Context, step int) ([]metrics.Value, error)
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
	return &Trainer{plan: plan, step: s, began: time.Now()}, nil
}

// Forward prepares a graph that reads the trained parameters, on the trainer's devices.
func (t *Trainer) Forward(name string, inputs int, build Build) (*Forward, error) {
	return newForward(t.step.backend, t.step.store, t.step.mesh, name, inputs, build)
}

// Step is the number of completed updates.
func (t *Trainer) Step() int { return t.now }

// Unused names the parameters that are frozen or that the loss does not depend on; they are neither updated nor
// decayed. The names are known after the first step.
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

// Train makes the updates from the current step to the last one of the plan, or until patience runs out. First it
// makes the measurements that the step it continues from lacks, and has its checkpoint replaced. When ctx ends, it finishes the current update, saves,
// and returns ErrInterrupted.
func (t *Trainer) Train(ctx context.Context, batches Batches) error {
	lacking := len(t.unmeasured)
	last, err := t.measure(ctx, t.now >= t.plan.Schedule.Steps() || t.outOfPatience())
	if err != nil {
		return err
	}
	if len(t.unmeasured) > 0 { // as before: the checkpoint says so
		return ErrInterrupted
	}
	if lacking > 0 && t.Replace != nil {
		if err := t.Replace(t.now); err != nil {
			return err
		}
	}
	if last {
		return nil
	}
	back := t.plan.Run.OnNonFinite == OnNonFiniteBack
	if back && t.now == 0 && t.Save != nil { // something to return to
		if err := t.Save(0); err != nil {
			return err
		}
	}
	for {
		err := t.run(ctx, batches)
		var bad *NonFiniteError
		if !back || !errors.As(err, &bad) {
			return err
		}
		if err := t.rollBack(bad); err != nil {
			return err
		}
	}
}

// run makes updates until there is a reason to stop.
func (t *Trainer) run(ctx context.Context, batches Batches) error {
	w := newWindow(t)
	steps := t.plan.Schedule.Steps()
	ahead := t.compileAhead
	for batch, err := range batches.From(ctx, t.now) {
		if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return t.stopWaiting(w)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w", t.now, err)
		}
		w.input += w.lap()
		if ahead != nil {
			if err := ahead(batch); err != nil {
				return err
			}
			ahead = nil
		}
		if !slices.Contains(t.skipped, t.now) {
			out, err := t.step.run(t.now, batch, t.plan.Optimizer.LearningRate*t.plan.Schedule.Rate(t.now))
			if err != nil {
				return err
			}
			tokens := cmp.Or(batch.Tokens, t.plan.At(t.now).TokensPerStep())
			t.tokens += int64(tokens)
			w.add(out, batch.Records, tokens)
		}
		w.compute += w.lap()
		t.now++
		done, err := t.after(ctx, w, t.now >= steps)
		if err != nil || done {
			return err
		}
		w.lap() // time that is neither input nor compute is the host's
	}
	return fmt.Errorf("step %d: the data end before step %d", t.now, steps)
}

// stopWaiting saves what there is of a run that is asked to stop while it waits for a batch.
func (t *Trainer) stopWaiting(w *window) error {
	if err := t.report(w); err != nil {
		return err
	}
	if t.Save != nil && t.now > 0 {
		if err := t.Save(t.now); err != nil {
			return err
		}
	}
	return ErrInterrupted
}

// after does the work that is due after an update, and reports whether training is done.
func (t *Trainer) after(ctx context.Context, w *window, last bool) (done bool, err error) {
	if t.Saved != nil {
		if err := t.Saved(); err != nil {
			return false, err
		}
	}
	asked := ctx.Err() != nil
	t.unmeasured = t.measurements(last)
	measuring := len(t.unmeasured) > 0
	save := last || isDue(t.now, t.plan.Checkpointing.EverySteps)
	if measuring || save || asked || isDue(t.now, t.plan.Recording.EverySteps) {
		if err := t.report(w); err != nil {
			return false, err
		}
	}
	last, err = t.measure(ctx, last)
	if err != nil {
		return false, err
	}
	if measuring {
		w.restart()
	}
	stopped := asked && !last || len(t.unmeasured) > 0
	if t.Save != nil && (save || last || stopped) {
		if err := t.Save(t.now); err != nil {
			return false, err
		}
	}
	if stopped {
		return false, ErrInterrupted
	}
	return last, nil
}

// measurements are those due at this step, numbered as in Progress.Unmeasured. If it is the last step, all are.
func (t *Trainer) measurements(last bool) []int {
	var due []int
	if t.Evaluate != nil && (last || isDue(t.now, t.plan.Recording.EvaluateEvery)) {
		due = append(due, 0)
	}
	for i, w := range t.Watches {
		if last || isDue(t.now, w.Every) {
			due = append(due, i+1)
		}
	}
	return due
}

// measure makes the measurements that are due until ctx ends, and says whether this is the last step: it is, too, if the
// evaluation ends the patience. The measurements that ctx cut short or left out stay in t.unmeasured.
func (t *Trainer) measure(ctx context.Context, last bool) (isLast bool, err error) {
	for len(t.unmeasured) > 0 && ctx.Err() == nil {
		next := t.unmeasured[0]
		if next == 0 {
			err = t.evaluate(ctx)
		} else {
			err = t.watch(ctx, next-1)
		}
		if err != nil && ctx.Err() != nil {
			return last, nil
		}
		if err != nil {
			return last, fmt.Errorf("measuring at step %d: %w", t.now, err)
		}
		t.unmeasured = t.unmeasured[1:]
		if next == 0 && !last && t.outOfPatience() {
			last, t.unmeasured = true, t.measurements(true)[1:]
		}
	}
	return last, nil
}

// report records what happened since the last report, if anything did.
func (t *Trainer) report(w *window) error {
	if len(w.pending) == 0 {
		return nil
	}
	values, err := w.read(t.step.names)
	if err != nil {
		return err
	}
	return t.Recorder.Record(t.now, values...)
}

// evaluate records an evaluation and compares it with the best.
func (t *Trainer) evaluate(ctx context.Context) error {
	if t.Evaluate == nil { // of a run that had one
		return nil
	}
	values, err := t.Evaluate(ctx, t.now)
	if err != nil {
		return err
	}
	if err := t.Recorder.Record(t.now, values...); err != nil {
		return err
	}
	for _, v := range values {
		if v.Name == t.Goal.Name {
			return t.judge(v.Value)
		}
	}
	return nil
}

// judge keeps the best value of the goal and counts the evaluations since then.
func (t *Trainer) judge(value float64) error {
	if t.best != nil && !(t.Goal.Up && value > t.best.Value || !t.Goal.Up && value < t.best.Value) {
		t.best.Since++
		return nil
	}
	t.best = &Best{Step: t.now, Value: value}
	if t.Improved == nil {
		return nil
	}
	return t.Improved(t.now, value)
}

// Best is the best evaluation so far, nil before the first.
func (t *Trainer) Best() *Best { return t.progress().Best }

// Seconds is the time spent on the run so far, by this process and the processes that it continues.
func (t *Trainer) Seconds() float64 { return t.before + time.Since(t.began).Seconds() }

// Tokens is the number of positions trained on so far, padding included.
func (t *Trainer) Tokens() int64 { return t.tokens }

// outOfPatience reports whether too many evaluations in a row brought no improvement.
func (t *Trainer) outOfPatience() bool {
	return t.plan.Run.Patience > 0 && t.best != nil && t.best.Since >= t.plan.Run.Patience
}

// watch makes measurement i of Watches.
func (t *Trainer) watch(ctx context.Context, i int) error {
	if i >= len(t.Watches) { // of a config that had more
		return nil
	}
	values, err := t.Watches[i].Measure(ctx, t.now)
	if err != nil {
		return err
	}
	return t.Recorder.Record(t.now, values...)
}

// isDue reports whether step is a multiple of every; with every 0 it never is.
func isDue(step, every int) bool { return every > 0 && step%every == 0 }

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
