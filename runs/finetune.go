package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// Finetune carries out the fine-tuning run that config describes, or the runs, if there are folds or several seeds. A
// single run writes config.toml, metrics.jsonl, checkpoints and, at the end, result.json, predictions.tsv and model/ to
// the run directory. Several runs write to a directory each inside it, and result.json sums them up. The error is a
// *configs.Error if config or the files that it names are at fault, and ErrInterrupted if ctx ended and the state was
// saved.
func Finetune(ctx context.Context, config configs.Relation, env Env) (*result.Relation, error) {
	if err := config.Validate(); err != nil {
		return nil, configs.Wrap(err)
	}
	env = env.complete()
	read, err := readExamples(ctx, config.Data, config.Task.Examples, env)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	if config.Task.Several() {
		return finetuneSeveral(ctx, config, env, read)
	}
	sets, err := read.arrange(config.Data, config.Task.Examples)
	if err != nil {
		return nil, err
	}
	return finetune(ctx, config, env, nil, sets, Progress{}, nil)
}

// interrupted returns ErrInterrupted in place of err if ctx ended before the run could save its state.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) && !errors.Is(err, ErrInterrupted) {
		return fmt.Errorf("%w: run the same command again", ErrInterrupted)
	}
	return err
}

// relationRun is a fine-tuning run in progress.
type relationRun struct {
	*session
	config    configs.Relation
	rows      *rowSets
	weights   relation.ClassWeights
	predictor *relation.Predictor
	settings  relation.Settings // of the saved model
	best      *bestEpoch        // nil if the last epoch is kept
}

// finetune carries out one fine-tuning run on one device: on, or if on is nil the one that the environment opens. If it
// is one of several, part says which, and warned holds the findings that they have logged.
func finetune(ctx context.Context, config configs.Relation, env Env, on *backend.Handle, sets *Sets, part Progress, warned *told) (_ *result.Relation, err error) {
	s, err := open(ctx, spec{config.Model, config.Common, config.Task.Batching, config.Task.Sequence, config}, env, on)
	if err != nil {
		return nil, err
	}
	s.part, s.found.told = part, warned
	defer func() { err = errors.Join(err, s.close()) }()
	r := &relationRun{session: s, config: config}
	if r.rows, err = s.encode(ctx, sets, config.Task.Examples); err != nil {
		return nil, err
	}
	return r.run(ctx)
}

// run carries out the run from its rows to its result.
func (r *relationRun) run(ctx context.Context) (*result.Relation, error) {
	of := r.config.Task
	of.Labels, of.ClassWeights = r.rows.Labels, of.ClassWeights.Balance(r.rows.train, r.rows.Labels)
	r.weights = of.ClassWeights
	plan, err := r.relationPlan()
	if err != nil {
		return nil, err
	}
	runs := max(1, r.part.Of) // all of them share the compilation
	epochs := float64(plan.Schedule.Steps()*plan.Batch) / float64(len(r.rows.train))
	if of, err = r.fit(of, float64(runs)*epochs); err != nil {
		return nil, err
	}
	task, err := relation.New(r.bert, r.options(), of, len(r.rows.Labels), of.Rows())
	if err != nil {
		return nil, configs.Wrap(err)
	}
	batches := task.Batches(r.rows.train, plan.Batch, uint64(r.config.Run.Seed), r.config.Device.Workers)
	padding := batches.Padding(0)
	if r.backend.Client != nil { // the Go backend computes a graph as it is
		plan.Shapes = task.Shapes(padding.Lengths)
	}
	if err := r.sameLabels(); err != nil {
		return nil, err
	}
	if err := r.load(task.Parameters()); err != nil {
		return nil, err
	}
	if err := r.describeModel(of.Lengths); err != nil {
		return nil, err
	}
	if err := r.prepare(task, plan); err != nil {
		return nil, err
	}
	r.noteExamples(padding)
	if r.predictor, err = task.NewPredictor(r.trainer.Forward, r.backend.ShapeCost()); err != nil {
		return nil, err
	}
	r.trainer.Ahead = r.predictor.Fit(slices.Concat(r.rows.dev, r.rows.test))
	if err := r.openBest(); err != nil {
		return nil, err
	}
	if err := r.train(ctx, plan, batches, r.devScore()); err != nil {
		return nil, err
	}
	if err := r.restoreBest(ctx); err != nil {
		return nil, err
	}
	return r.finish(ctx)
}

// fit chooses the lengths that rows are padded to. A run that continues keeps those of its checkpoint: for more epochs, or for
// another backend, Fit chooses others, and the steps would have other batches.
func (r *relationRun) fit(of relation.Config, epochs float64) (relation.Config, error) {
	if r.state == nil {
		return of.Fit(r.bert, r.rows.train, epochs, r.backend.ShapeCost()), nil
	}
	text, err := r.dir.ModelConfig()
	if err != nil {
		return of, err
	}
	before, err := relation.ReadSettings(text)
	if err != nil || before == nil {
		return of, err
	}
	of.Lengths = before.Lengths
	return of, nil
}

// relationPlan returns the plan of the run. If the best epoch is kept, every epoch is evaluated.
func (r *relationRun) relationPlan() (trainer.Plan, error) {
	if r.config.Task.Keep == relation.KeepBestDev {
		if len(r.rows.dev) == 0 {
			return trainer.Plan{}, configs.Errorf("task.keep = %q, but there are no dev examples; set data.dev or data.dev_fraction", relation.KeepBestDev)
		}
		r.common.Record.EvaluateEvery = (len(r.rows.train) + r.config.Task.Batch - 1) / r.config.Task.Batch
	}
	return r.plan(len(r.rows.train))
}

// sameLabels refuses to continue with a classifier that was trained for other labels than those of the data.
func (r *relationRun) sameLabels() error {
	labels, err := r.init.Labels()
	if err != nil || labels == nil || r.state != nil || slices.Equal(labels, r.rows.Labels) {
		return err
	}
	for _, head := range r.model.Fresh {
		if head == "classifier" || head == "all" {
			return nil
		}
	}
	return configs.Errorf(`%s: the model has the labels %q, the data %q; set model.fresh = ["classifier"] to train a new classifier`, r.model.Init, labels, r.rows.Labels)
}

// describeModel sets what a saved model has beside its weights, including lengths, for a run that continues.
func (r *relationRun) describeModel(lengths []int) error {
	task := r.config.Task
	task.Lengths = lengths
	r.settings = relation.SettingsOf(task, r.rows.Marking, r.rows.Marks, r.rows.Labels, r.rows.Negative, r.rows.Types)
	config, err := r.settings.AddTo(r.init.Config.Raw)
	r.as = checkpoints.Export{Config: config, Vocabulary: r.init.Vocabulary, Tokenizer: r.init.Tokenizer}
	return err
}

// noteExamples writes a note on the training examples, with the first ones as the model sees them.
func (r *relationRun) noteExamples(p relation.Padding) {
	r.env.note("examples: %d train, %d dev, %d test; marking %s, labels %s, negative %s",
		len(r.rows.train), len(r.rows.dev), len(r.rows.test), r.rows.Marking, strings.Join(r.rows.Labels, " "), r.rows.Negative)
	for _, l := range r.rows.Labels {
		if w, ok := r.weights.Of[l]; ok {
			r.env.note("class weight of %s: %.3g", l, w)
		}
	}
	r.env.note("%v", p)
	for _, e := range r.rows.train[:min(2, len(r.rows.train))] {
		r.env.note("example %s: %s -> %s", e.ID, tokens(r.init.Vocabulary, e.IDs), r.rows.Labels[e.Label])
	}
}

// devScore returns the evaluation that scores the dev examples during training and keeps the weights of the best epoch,
// if the config asks for that. It returns nil if there are no dev examples, or if the result is on them and they are
// scored at the end anyway.
func (r *relationRun) devScore() evaluation {
	if len(r.rows.dev) == 0 || len(r.rows.test) == 0 && r.best == nil {
		return nil
	}
	return func(ctx context.Context, step int) ([]metrics.Value, error) {
		_, report, err := r.score(ctx, r.rows.dev)
		if err != nil {
			return nil, err
		}
		if err := r.keepIfBest(step, report.Micro.F1); err != nil {
			return nil, err
		}
		return []metrics.Value{
			{Name: "heldout_p", Value: report.Micro.P}, {Name: "heldout_r", Value: report.Micro.R}, {Name: "heldout_f1", Value: report.Micro.F1},
		}, nil
	}
}

// finish scores the trained model and writes predictions, model and result.
func (r *relationRun) finish(ctx context.Context) (*result.Relation, error) {
	task := r.config.Task
	out := &result.Relation{
		Task: result.TaskRelation, Corpus: task.Corpus, Pooling: task.Pooling, Seed: r.config.Run.Seed, Steps: r.trainer.Step(), Cut: r.rows.cut,
		Backend: r.where(), Padding: task.Padding, Provenance: Provenance(r.env.Command),
	}
	out.Labels, out.Negative = r.rows.Labels, r.rows.Negative
	if task.Folds > 0 {
		out.Fold = &task.Fold
	}
	if r.best != nil {
		out.KeptStep = r.best.Step
	}
	if r.config.Task.ClassWeights.Balanced {
		out.ClassWeights = r.weights.Of
	}
	scaled, err := r.calibrate(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.scoreResult(ctx, out, scaled); err != nil {
		return nil, err
	}
	out.Findings = r.found.all
	if out.Model, err = r.export(r.card(out)); err != nil {
		return nil, err
	}
	out.Seconds, out.CompileSeconds = time.Since(r.started).Seconds(), r.compiling().Seconds()
	return out, r.dir.WriteResult(out)
}
