package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/rundir"
	"github.com/subbert/subbert/trainer/schedule"
)

// configFlags are how every verb that runs a config is called.
type configFlags struct {
	Config string   `arg:"" help:"The run, in TOML; see docs/config.md." type:"path"`
	Set    []string `help:"Change the config: KEY=VALUE with a dotted key, such as optimizer.learning_rate=5e-5." placeholder:"KEY=VALUE" sep:"none"`
	Fresh  []string `help:"Heads that may start from random values: model.fresh." placeholder:"HEAD"`
}

// read reads the config for task.
func (f configFlags) read(task string) (configs.Config, error) {
	set := f.Set
	if len(f.Fresh) > 0 {
		set = append(set, fmt.Sprintf(`model.fresh=["%s"]`, strings.Join(f.Fresh, `","`)))
	}
	c, err := configs.Read(f.Config, task, set)
	if err != nil {
		return c, misused(err)
	}
	return c, nil
}

// session is a training run being set up and carried out, for whatever task.
type session struct {
	c       *console
	config  configs.Config
	model   *checkpoints.Model
	bert    bert.Config
	backend *backend.Handle
	dir     *rundir.Dir
	state   *trainer.State // to continue from; nil at the start
	store   *model.Store
	trainer *trainer.Trainer
	as      checkpoints.Export // what a saved model is, weights apart
	started time.Time
	last    lastReport
	goal    trainer.Goal    // of the evaluations
	watches []trainer.Watch // what is measured beside them
}

// openRun claims the run's directory and opens what the run starts from and what computes it, which is on unless that is
// nil. The caller closes it.
func openRun(c *console, config configs.Config, resume bool, on *backend.Handle) (_ *session, err error) {
	r := &session{c: c, config: config, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.model, err = openModel(c, config.Model.Init); err != nil {
		return r, err
	}
	if r.bert, err = bert.ReadConfig(r.model.Files.Config); err != nil {
		return r, err
	}
	if config.Task.Sequence > r.bert.MaxPositionEmbeddings {
		return r, misusef("task.sequence = %d, but the model has %d positions (max_position_embeddings)", config.Task.Sequence, r.bert.MaxPositionEmbeddings)
	}
	if r.backend = on; on == nil {
		if r.backend, err = openBackend(c, config.Device); err != nil {
			return r, err
		}
	}
	if r.dir, err = rundir.Open(config.Run.Dir, config.Checkpoint, r.saved); err != nil {
		return r, err
	}
	r.dir.Failed = func(err error) { c.log.Warn("going on all the same", "error", err) }
	state, passed, err := r.dir.Continue(resume)
	if errors.Is(err, rundir.ErrExists) {
		return r, misusef("%w; --resume continues it, another run.dir starts anew", err)
	}
	if err != nil {
		return r, err
	}
	for _, p := range passed {
		c.log.Warn("checkpoint passed over", "step", p.Step, "why", p.Err)
	}
	r.state = state
	return r, r.sameRun()
}

// sameRun refuses to continue a run with another config than it was started with, where that changes what is learned.
func (r *session) sameRun() error {
	if r.state == nil {
		return nil
	}
	return sameConfig(r.config)
}

// sameConfig compares config with the one its run directory was started with.
func sameConfig(config configs.Config) error {
	before, err := configs.Read(filepath.Join(config.Run.Dir, rundir.ConfigFile), config.Task.Name, nil)
	if err != nil {
		return fmt.Errorf("the config the run was started with: %w", err)
	}
	if changed := config.Changes(before); len(changed) > 0 {
		return misusef("%s was started with %s; continue with the same, or start anew in another run.dir", config.Run.Dir, strings.Join(changed, ", "))
	}
	return nil
}

func (r *session) close() error {
	var errs []error
	if r.dir != nil {
		errs = append(errs, r.dir.Close())
	}
	if r.model != nil {
		errs = append(errs, r.model.Close())
	}
	if r.backend != nil {
		errs = append(errs, r.backend.Close())
	}
	return errors.Join(errs...)
}

// saved says that a checkpoint is durable.
func (r *session) saved(s checkpoints.Saved) {
	r.c.log.Info("saved", "step", s.Step, "dir", s.Dir, "mb", s.Bytes/1e6, "seconds", s.Took.Seconds())
}

// options is how the model computes.
func (r *session) options() bert.Options { return modelOptions(r.config.Device) }

// modelOptions is how a model computes on a device as a config describes it.
func modelOptions(d configs.Device) bert.Options {
	o := bert.Options{CuDNN: d.Attention == configs.CuDNN}
	if d.Precision == "bfloat16" {
		o.Precision = dtypes.BFloat16
	}
	return o
}

// attention says who computes it, for the plan.
func (r *session) attention(devices int) string {
	who := func(dropout bool) string {
		if obstacle := bert.FusedAttention(r.bert, r.options(), dropout, devices); obstacle != "" {
			return "decomposed (cuDNN's does not apply: " + obstacle + ")"
		}
		return "cuDNN's"
	}
	return fmt.Sprintf("%s in training, %s in evaluation", who(true), who(false))
}

// rows is the size of a microbatch.
func (r *session) rows() int {
	if r.config.Task.MicroBatch > 0 {
		return r.config.Task.MicroBatch
	}
	return r.config.Task.Batch
}

// load fills the parameters the task wants and prints what became of each part of the model.
func (r *session) load(wanted []weights.Parameter) error {
	if r.state != nil {
		// Everything is about to be replaced by the checkpoint; what the model started from does not matter any more.
		var err error
		r.store, err = tasks.Create(wanted, uint64(r.config.Run.Seed))
		return err
	}
	fresh, err := checkpoints.ParseFresh(r.config.Model.Fresh...)
	if err != nil {
		return misusef("model.fresh: %w", err)
	}
	store, report, err := tasks.Load(r.model, wanted, fresh, uint64(r.config.Run.Seed))
	if err != nil {
		return misused(err)
	}
	fmt.Fprint(r.c.err, report)
	r.store = store
	return r.dir.WriteWeights(report)
}

// plan resolves the numbers of the run. examples is the size of an epoch, 0 where there is none.
func (r *session) plan(examples int) (trainer.Plan, error) {
	perEpoch := (examples + r.config.Task.Batch - 1) / r.config.Task.Batch
	s, err := schedule.New(r.config.Schedule, perEpoch)
	if err != nil {
		return trainer.Plan{}, misused(err)
	}
	p := trainer.Plan{
		Schedule: s, Optimizer: r.config.Optimizer, PeakFLOPs: r.config.Device.PeakTFLOPs * 1e12 * float64(r.backend.Devices),
		Batch: r.config.Task.Batch, MicroBatch: r.rows(), Sequence: r.config.Task.Sequence, Devices: r.backend.Devices,
		Checkpointing: r.config.Checkpoint, Recording: r.config.Record, Run: r.config.Run,
	}
	if err := p.Validate(); err != nil {
		return p, misused(err)
	}
	return p, nil
}

// prepare builds the trainer, goes on from the checkpoint if there is one, and prints the plan.
func (r *session) prepare(task trainer.Task, plan trainer.Plan) (err error) {
	if r.trainer, err = trainer.New(r.backend.Backend, r.store, task, plan); err != nil {
		return err
	}
	if r.state != nil {
		if err := r.trainer.Restore(r.state); err != nil {
			return err
		}
		r.c.log.Info("continuing", "step", r.state.Step, "of", plan.Schedule.Steps())
	}
	r.printPlan(plan)
	text, err := r.config.Text()
	if err != nil {
		return err
	}
	return r.dir.WriteConfig(text)
}

func (r *session) printPlan(p trainer.Plan) {
	parameters, bytes := int64(0), int64(0)
	for v := range r.store.IterVariables() {
		bytes += v.Shape().ByteSize()
		if v.Trainable {
			parameters += int64(v.Shape().Size())
		}
	}
	w := tabwriter.NewWriter(r.c.err, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w, "plan")
	row("model", "%d layers, hidden size %d, %s parameters", r.bert.NumHiddenLayers, r.bert.HiddenSize, count(float64(parameters)))
	moments := "parameters and moments in float32"
	if p.Optimizer.FirstMoment != optim.Float32 {
		moments += ", the first moment in " + p.Optimizer.FirstMoment
	}
	row("state", "%s bytes: %s", count(float64(bytes)), moments)
	row("steps", "%d, warm-up %d, %s decay, peak rate %g", p.Schedule.Steps(), p.Schedule.WarmupSteps(), r.config.Schedule.Kind, p.Optimizer.LearningRate)
	row("batch", "%d rows of %d positions in %s over %s: %s tokens a step", p.Batch, p.Sequence, plural(p.Micros(), "microbatch", "es"), plural(p.Devices, "device", "s"), count(float64(p.TokensPerStep())))
	if r.config.Device.Attention == configs.CuDNN {
		row("attention", "%s", r.attention(p.Devices))
	}
	for _, s := range p.Later {
		row(fmt.Sprintf("from step %d", s.From), "%d rows of %d positions in %s: %s tokens a step", s.Batch, s.Sequence, plural(s.Micros(), "microbatch", "es"), count(float64(s.TokensPerStep())))
	}
	row("checkpoints", "every %d steps in %s", p.Checkpointing.EverySteps, r.dir.File(rundir.CheckpointsDir))
	if err := w.Flush(); err != nil {
		r.c.log.Warn("printing the plan", "error", err)
	}
}

// train carries the run out: records, saves, evaluates, stops when asked to.
func (r *session) train(plan trainer.Plan, batches trainer.Batches, evaluate func(context.Context, int) ([]metrics.Value, error)) (err error) {
	lines, err := r.dir.Metrics(r.trainer.Step())
	if err != nil {
		return err
	}
	if r.trainer.Step() > 0 {
		if err := r.last.continued(r.dir.File(rundir.MetricsFile)); err != nil {
			return errors.Join(err, lines.Close())
		}
	}
	recorder := metrics.Tee{lines, &r.last}
	if r.config.Record.TensorBoard {
		events, err := r.events()
		if err != nil {
			return errors.Join(err, lines.Close())
		}
		if r.config.Checkpoint.OnError == trainer.OnErrorContinue {
			events.Tolerate(r.dir.Failed)
		}
		recorder = append(recorder, events)
	}
	if !r.c.quiet {
		recorder = append(recorder, newProgress(r.c.err, plan.Schedule.Steps(), r.trainer.Step()))
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	if r.goal.Name == "" {
		r.goal = trainer.Goal{Name: "heldout_f1", Up: true}
	}
	r.trainer.Recorder, r.trainer.Log = recorder, r.c.log
	r.trainer.Evaluate, r.trainer.Goal, r.trainer.Watches = evaluate, r.goal, r.watches
	r.trainer.Newest, r.trainer.Saved = r.dir.Newest, r.dir.Saved
	if r.config.Checkpoint.Best {
		r.trainer.Improved = r.keepBest
	}
	r.trainer.Save = func(int) error {
		state, err := r.trainer.State()
		if err != nil {
			return err
		}
		return r.dir.Save(state, r.as)
	}
	if r.trainer.Step() >= plan.Schedule.Steps() {
		r.c.log.Info("nothing left to train", "step", r.trainer.Step())
		return r.measureAtEnd(recorder, evaluate)
	}
	err = r.trainer.Train(r.c.ctx, batches)
	if err == nil {
		if unused := r.trainer.Unused(); len(unused) > 0 {
			r.c.log.Info("not trained: frozen, or the loss does not depend on them", "parameters", strings.Join(unused, " "))
		}
	}
	var bad *trainer.NonFiniteError
	if errors.As(err, &bad) {
		err = errors.Join(err, r.dir.WritePostMortem(bad))
	}
	flush := r.dir.Flush
	if err == nil { // what the run is for is its model, which comes next
		flush = r.dir.Settle
	}
	if flushed := flush(); flushed != nil && errors.Is(err, trainer.ErrInterrupted) {
		return fmt.Errorf("stopped at step %d: %w", r.trainer.Step(), flushed)
	} else if flushed != nil {
		return errors.Join(flushed, err)
	}
	if errors.Is(err, trainer.ErrInterrupted) {
		return fmt.Errorf("%w: step %d saved in %s; --resume continues", errInterrupted, r.trainer.Step(), r.config.Run.Dir)
	}
	return err
}

// events begins the event file of this process.
func (r *session) events() (*metrics.TensorBoard, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return metrics.OpenTensorBoard(r.dir.File(rundir.EventsDir), fmt.Sprintf("%s.%d", host, os.Getpid()), r.trainer.Step())
}

// keepBest leaves the model as it is beside the run, under best/.
func (r *session) keepBest(step int, value float64) error {
	state, err := r.trainer.State()
	if err != nil {
		return err
	}
	as := r.as
	as.Card = fmt.Sprintf("# %s, step %d\n\nThe best evaluation so far: %s %.4g.\n", r.config.Run.Dir, step, r.goal.Name, value)
	_, err = r.dir.ExportTo(rundir.BestDir, state, as)
	return err
}

// measureAtEnd makes up for a last evaluation that was interrupted.
func (r *session) measureAtEnd(recorder metrics.Recorder, evaluate func(context.Context, int) ([]metrics.Value, error)) error {
	step := r.trainer.Step()
	if evaluate == nil || r.last.measured == step {
		return nil
	}
	values, err := evaluate(r.c.ctx, step)
	if err != nil {
		return err
	}
	return recorder.Record(step, values...)
}

// export leaves the trained model beside the run.
func (r *session) export(card string) (string, error) {
	state, err := r.trainer.State()
	if err != nil {
		return "", err
	}
	as := r.as
	as.Card = card
	return r.dir.Export(state, as)
}

// where says what computed the run, for its result.
func (r *session) where() string {
	return fmt.Sprintf("%s, %s (%s); %s/%s, %s", r.backend.Name, plural(r.backend.Devices, "device", "s"), r.backend.Description, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
