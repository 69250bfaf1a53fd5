package runs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/runs/rundir"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// spec is the part of a run's config that does not depend on its task.
type spec struct {
	model    configs.Model
	common   configs.Common
	batching tasks.Batching
	sequence int
	config   savable
}

// savable is a config that is stored in its run's directory.
type savable interface {
	Text() ([]byte, error)
	Changes(ctx context.Context, path string) ([]string, error)
}

// session sets up and carries out a run of any task.
type session struct {
	spec
	env     Env
	init    *checkpoints.Model // the model that the run starts from
	bert    bert.Config
	backend *backend.Handle
	dir     *rundir.Dir
	state   *trainer.State // to continue from; nil at the start
	store   *model.Store
	trainer *trainer.Trainer
	as      checkpoints.Export // the model to save, without its weights
	started time.Time
	last    lastReports
	goal    trainer.Goal    // of the evaluations
	watches []trainer.Watch // measured in addition
	part    Progress        // which of several runs this is
	found   findings
}

// open claims the run's directory and opens the model that the run starts from and its device: on, or if on is nil the
// device that the environment opens. The caller closes the session.
func open(ctx context.Context, r spec, env Env, on *backend.Handle) (_ *session, err error) {
	s := &session{spec: r, env: env, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.init, err = env.openModel(ctx, r.model.Init); err != nil {
		return s, err
	}
	if s.bert, err = bert.ReadConfig(s.init.Files.Config); err != nil {
		return s, err
	}
	if r.sequence > s.bert.MaxPositionEmbeddings {
		return s, configs.Errorf("task.sequence = %d, but the model has %d positions (max_position_embeddings)", r.sequence, s.bert.MaxPositionEmbeddings)
	}
	if s.backend = on; on == nil {
		if s.backend, err = env.Backend(ctx, r.common.Device); err != nil {
			return s, err
		}
	}
	if s.dir, err = rundir.Open(r.common.Run.Dir, r.common.Checkpoint, s.saved); err != nil {
		return s, err
	}
	s.dir.Failed = func(err error) { env.Log.Warn("the run continues despite an error", "error", err) }
	state, passed, err := s.dir.Continue(env.Resume)
	if errors.Is(err, rundir.ErrExists) {
		return s, configs.Errorf("%w; --resume continues it, and another run.dir starts a new run", err)
	}
	if err != nil {
		return s, err
	}
	for _, p := range passed {
		env.Log.Warn("checkpoint skipped", "step", p.Step, "why", p.Err)
	}
	if s.state = state; state == nil {
		if env.Extend {
			return s, configs.Errorf("%s: there is no checkpoint to extend the run from (checkpoint.discard removes checkpoints)", r.common.Run.Dir)
		}
		return s, nil
	}
	return s, env.unchanged(ctx, r.config, r.common.Run.Dir, s.dir.File(result.ConfigFile))
}

func (s *session) close() error {
	var errs []error
	if s.dir != nil {
		errs = append(errs, s.dir.Close())
	}
	if s.init != nil {
		errs = append(errs, s.init.Close())
	}
	if s.backend != nil {
		errs = append(errs, s.backend.Close())
	}
	return errors.Join(errs...)
}

// saved logs that a checkpoint is durable.
func (s *session) saved(c checkpoints.Saved) {
	s.env.Log.Info("saved", "step", c.Step, "dir", c.Dir, "mb", c.Bytes/1e6, "seconds", c.Took.Seconds())
}

// options returns the settings with which the model computes.
func (s *session) options() bert.Options { return s.common.Device.ModelOptions() }

// load loads the parameters that the task needs and notes, part by part, where the values came from.
func (s *session) load(wanted []weights.Parameter) error {
	if s.state != nil {
		// The checkpoint is about to replace every value, so the model that the run started from does not matter.
		var err error
		s.store, err = tasks.Create(wanted, uint64(s.common.Run.Seed))
		return err
	}
	fresh, err := checkpoints.ParseFresh(s.model.Fresh...)
	if err != nil {
		return configs.Errorf("model.fresh: %w", err)
	}
	fresh = append(fresh, tasks.NewHead(s.init, wanted)...)
	store, report, err := tasks.Load(s.init, wanted, fresh, uint64(s.common.Run.Seed))
	if err != nil {
		return configs.Wrap(err)
	}
	fmt.Fprint(s.env.Notes, report)
	s.store = store
	return s.dir.WriteWeights(report)
}

// plan resolves the numbers of the run. examples is the size of an epoch, 0 if there is none.
func (s *session) plan(examples int) (trainer.Plan, error) {
	perEpoch := (examples + s.batching.Batch - 1) / s.batching.Batch
	steps, err := schedule.New(s.common.Schedule, perEpoch)
	if err != nil {
		return trainer.Plan{}, configs.Wrap(err)
	}
	p := trainer.Plan{
		Schedule: steps, Optimizer: s.common.Optimizer, PeakFLOPs: s.common.Device.PeakTFLOPs * 1e12 * float64(s.backend.Devices),
		Batch: s.batching.Batch, MicroBatch: s.batching.Rows(), Sequence: s.sequence, Devices: s.backend.Devices,
		Checkpointing: s.common.Checkpoint, Recording: s.common.Record, Run: s.common.Run,
	}
	return p, configs.Wrap(p.Validate())
}

// prepare builds the trainer, continues from the checkpoint if there is one, and notes the plan.
func (s *session) prepare(task trainer.Task, plan trainer.Plan) (err error) {
	if s.trainer, err = trainer.New(s.backend.Backend, s.store, task, plan); err != nil {
		return err
	}
	if s.state != nil {
		if err := s.trainer.Restore(s.state); err != nil {
			return err
		}
		s.env.Log.Info("continuing", "step", s.state.Step, "of", plan.Schedule.Steps())
	}
	if err := s.notePlan(plan); err != nil {
		return err
	}
	text, err := s.config.Text()
	if err != nil {
		return err
	}
	return s.dir.WriteConfig(text)
}

func (s *session) notePlan(p trainer.Plan) error {
	parameters, bytes := int64(0), int64(0)
	for v := range s.store.IterVariables() {
		bytes += v.Shape().ByteSize()
		if v.Trainable {
			parameters += int64(v.Shape().Size())
		}
	}
	w := tabwriter.NewWriter(s.env.Notes, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w, "plan")
	row("model", "%d layers, hidden size %d, %s parameters", s.bert.NumHiddenLayers, s.bert.HiddenSize, readable.Count(float64(parameters)))
	moments := "parameters and moments in float32"
	if p.Optimizer.FirstMoment != optim.Float32 {
		moments += ", the first moment in " + p.Optimizer.FirstMoment
	}
	row("state", "%s bytes: %s", readable.Count(float64(bytes)), moments)
	row("steps", "%d, warm-up %d, %s decay, peak learning rate %g", p.Schedule.Steps(), p.Schedule.WarmupSteps(), s.common.Schedule.Kind, p.Optimizer.LearningRate)
	row("batch", "%d rows of %d positions in %s over %s: %s tokens per step", p.Batch, p.Sequence, readable.Plural(p.Micros(), "microbatch", "es"), readable.Plural(p.Devices, "device", "s"), readable.Count(float64(p.TokensPerStep())))
	if s.common.Device.Attention == configs.CuDNN {
		row("attention", "%s", s.attention(p.Devices))
	}
	for _, l := range p.Later {
		row(fmt.Sprintf("from step %d", l.From), "%d rows of %d positions in %s: %s tokens per step", l.Batch, l.Sequence, readable.Plural(l.Micros(), "microbatch", "es"), readable.Count(float64(l.TokensPerStep())))
	}
	row("checkpoints", "every %d steps in %s", p.Checkpointing.EverySteps, s.dir.File(result.CheckpointsDir))
	return w.Flush()
}

// attention returns the name of the code that computes attention, for the plan.
func (s *session) attention(devices int) string {
	code := func(dropout bool) string {
		if obstacle := bert.FusedAttention(s.bert, s.options(), dropout, devices); obstacle != "" {
			return "decomposed (cuDNN's cannot be used: " + obstacle + ")"
		}
		return "cuDNN's"
	}
	return fmt.Sprintf("%s in training, %s in evaluation", code(true), code(false))
}

// evaluation measures the model at a step.
type evaluation func(ctx context.Context, step int) ([]metrics.Value, error)

// train carries out the run: it records, saves, evaluates, and stops when ctx ends.
func (s *session) train(ctx context.Context, plan trainer.Plan, batches trainer.Batches, evaluate evaluation) (err error) {
	recorder, err := s.recorder(plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	s.connect(recorder, evaluate)
	if s.trainer.Step() >= plan.Schedule.Steps() {
		s.env.Log.Info("no steps left to train", "step", s.trainer.Step())
	}
	err = s.trainer.Train(ctx, batches)
	if err == nil {
		if unused := s.trainer.Unused(); len(unused) > 0 {
			s.env.Log.Info("not trained: frozen, or the loss does not depend on them", "parameters", strings.Join(unused, " "))
		}
	}
	var bad *trainer.NonFiniteError
	if errors.As(err, &bad) {
		err = errors.Join(err, s.dir.WritePostMortem(bad))
	}
	wait := s.dir.Flush
	if err == nil { // the model, which is written next, matters more
		wait = s.dir.Wait
	}
	switch unsaved := wait(); {
	case unsaved != nil && errors.Is(err, trainer.ErrInterrupted):
		return fmt.Errorf("stopped at step %d: %w", s.trainer.Step(), unsaved)
	case unsaved != nil:
		return errors.Join(unsaved, err)
	}
	if errors.Is(err, trainer.ErrInterrupted) {
		return fmt.Errorf("%w: step %d saved in %s; --resume continues", ErrInterrupted, s.trainer.Step(), s.common.Run.Dir)
	}
	return err
}

// connect sets the functions that the trainer calls.
func (s *session) connect(recorder metrics.Recorder, evaluate evaluation) {
	if s.goal.Name == "" {
		s.goal = trainer.Goal{Name: "heldout_f1", Up: true}
	}
	t := s.trainer
	t.Recorder, t.Log, t.Evaluate, t.Goal, t.Watches = recorder, s.env.Log, evaluate, s.goal, s.watches
	t.Newest, t.Saved = s.dir.Newest, s.dir.Saved
	if s.common.Checkpoint.Best {
		t.Improved = s.keepBest
	}
	with := func(save func(*trainer.State, checkpoints.Export) error) func(int) error {
		return func(int) error {
			state, err := t.State()
			if err != nil {
				return err
			}
			return save(state, s.as)
		}
	}
	t.Save, t.Replace = with(s.dir.Save), with(s.dir.Replace)
}

// recorder opens everything that stores or shows the reports of the run.
func (s *session) recorder(plan trainer.Plan) (_ metrics.Tee, err error) {
	lines, err := s.dir.Metrics(s.trainer.Step())
	if err != nil {
		return nil, err
	}
	recorder := metrics.Tee{lines, &s.last}
	defer func() {
		if err != nil {
			err = errors.Join(err, recorder.Close())
		}
	}()
	if s.trainer.Step() > 0 {
		if err := s.last.continued(s.dir.File(result.MetricsFile)); err != nil {
			return nil, err
		}
	}
	if s.common.Record.TensorBoard {
		events, err := s.events()
		if err != nil {
			return nil, err
		}
		if s.common.Checkpoint.OnError == trainer.OnErrorContinue {
			events.Tolerate(s.dir.Failed)
		}
		recorder = append(recorder, events)
	}
	shown := s.part
	shown.From, shown.Steps = s.trainer.Step(), plan.Schedule.Steps()
	return append(recorder, progress{shown, s.env.Progress}), nil
}

// progress is a Recorder that passes every report to the environment.
type progress struct {
	run  Progress
	tell func(Progress)
}

// Record implements metrics.Recorder.
func (p progress) Record(step int, values ...metrics.Value) error {
	p.run.Step, p.run.Values, p.run.HeldOut = step, values, isHeldOut(values)
	p.tell(p.run)
	return nil
}

// Close implements metrics.Recorder.
func (p progress) Close() error { return nil }

// events opens the event file of this process.
func (s *session) events() (*metrics.TensorBoard, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return metrics.OpenTensorBoard(s.dir.File(result.EventsDir), fmt.Sprintf("%s.%d", host, os.Getpid()), s.trainer.Step())
}

// keepBest writes the present model to best/ in the run's directory.
func (s *session) keepBest(step int, value float64) error {
	state, err := s.trainer.State()
	if err != nil {
		return err
	}
	as := s.as
	as.Card = fmt.Sprintf("# %s, step %d\n\nThe best evaluation so far: %s %.4g.\n", s.common.Run.Dir, step, s.goal.Name, value)
	_, err = s.dir.ExportTo(result.BestDir, state, as)
	return err
}

// export writes the trained model to the run's directory.
func (s *session) export(card string) (string, error) {
	state, err := s.trainer.State()
	if err != nil {
		return "", err
	}
	as := s.as
	as.Card = card
	return s.dir.Export(state, as)
}

// where names the backend and devices of the run, for its result.
func (s *session) where() string {
	return fmt.Sprintf("%s, %s (%s); %s/%s, %s", s.backend.Name, readable.Plural(s.backend.Devices, "device", "s"), s.backend.Description, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// compiling returns the sum of the times that programs took to compile or to be read back; 0 on the Go backend.
func (s *session) compiling() (sum time.Duration) {
	if s.backend.Client != nil {
		for _, p := range s.backend.Client.Programs() {
			sum += p.Took
		}
	}
	return sum
}

// lastReports is a Recorder that keeps the newest training report and the newest held-out one, for the result.
type lastReports struct {
	training map[string]float64
	heldOut  map[string]float64
}

// Record implements metrics.Recorder.
func (l *lastReports) Record(_ int, values ...metrics.Value) error {
	report := make(map[string]float64, len(values))
	for _, v := range values {
		if !math.IsNaN(v.Value) && !math.IsInf(v.Value, 0) { // JSON has no NaN and no infinity
			report[v.Name] = metrics.Rounded(v.Value) // as a run that is resumed reads it
		}
	}
	if isHeldOut(values) {
		l.heldOut = report
	} else {
		l.training = report
	}
	return nil
}

// Close implements metrics.Recorder.
func (l *lastReports) Close() error { return nil }

// continued reads the newest reports that the run has recorded so far, for a run that is resumed shortly before its
// end.
func (l *lastReports) continued(path string) error {
	return metrics.ReadLines(path, l.Record)
}

// isHeldOut reports whether the values are those of an evaluation.
func isHeldOut(values []metrics.Value) bool {
	return len(values) > 0 && strings.HasPrefix(values[0].Name, "heldout_")
}
