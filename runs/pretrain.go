package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/pretraining"
	"github.com/subbert/subbert/tasks/relation"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// Pretrain carries out the pre-training run that config describes. It writes config.toml, metrics.jsonl, checkpoints
// and, at the end, result.json and model/ to the run directory. The error is a *configs.Error if config or the files
// that it names are at fault, and ErrInterrupted if ctx ended and the state was saved.
func Pretrain(ctx context.Context, config configs.Pretraining, env Env) (_ *result.Pretraining, err error) {
	if err := config.Validate(); err != nil {
		return nil, configs.Wrap(err)
	}
	env = env.complete()
	s, err := open(ctx, spec{config.Model, config.Common, config.Task.Batching, config.Task.Sequence, config}, env, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	set, closeShards, err := openShards(ctx, env, config.Data.Shards, config.Device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeShards()) }()
	if err := checkShards(env, set, s.init); err != nil {
		return nil, err
	}
	p := &pretrainingRun{session: s, config: config, set: set, task: pretraining.New(s.bert, s.options(), config.Task, config.Task.Rows())}
	return p.run(ctx)
}

// pretrainingRun is a pre-training run in progress.
type pretrainingRun struct {
	*session
	config configs.Pretraining
	set    *shards.Set
	task   *pretraining.Task
	text   pretraining.Text // of the held-out documents
}

// run carries out the run from its shards to its result.
func (p *pretrainingRun) run(ctx context.Context) (*result.Pretraining, error) {
	plan, batches, err := p.stages()
	if err != nil {
		return nil, err
	}
	if err := p.foreseePairs(); err != nil {
		return nil, err
	}
	if err := p.load(p.task.Parameters()); err != nil {
		return nil, err
	}
	p.as = checkpoints.Export{Config: p.init.Config.Raw, Vocabulary: p.init.Vocabulary, Tokenizer: p.init.Tokenizer}
	if err := p.prepare(p.task, plan); err != nil {
		return nil, err
	}
	if err := p.noteInstances(ctx, 2); err != nil {
		return nil, err
	}
	evaluate, err := p.heldOut(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.watchDownstream(ctx); err != nil {
		return nil, err
	}
	if err := p.train(ctx, plan, batches, evaluate); err != nil {
		return nil, err
	}
	return p.finish(ctx, plan)
}

// stages resolves the plan of the run and the batches of each of its phases. Each phase draws its own instances.
func (p *pretrainingRun) stages() (trainer.Plan, trainer.Batches, error) {
	plan, err := p.plan(0)
	if err != nil {
		return plan, nil, err
	}
	plan.FLOPs = p.task.FLOPs(plan.Batch)
	stretches, err := p.config.Task.Stretches(plan.Schedule.Steps())
	if err != nil {
		return plan, nil, configs.Wrap(err)
	}
	documents, err := p.set.Split(shards.Train)
	if err != nil {
		return plan, nil, err
	}
	var batches pretraining.Phased
	for i, s := range stretches {
		if s.Task.Sequence > p.bert.MaxPositionEmbeddings {
			return plan, nil, configs.Errorf("task.phases: sequence = %d, but the model has %d positions (max_position_embeddings)", s.Task.Sequence, p.bert.MaxPositionEmbeddings)
		}
		drawer, err := instances.New(documents, p.init.Vocabulary, s.Task.Instances(uint64(i)<<32|uint64(p.config.Run.Seed)))
		if err != nil {
			return plan, nil, err
		}
		part := pretraining.New(p.bert, p.options(), s.Task, s.Task.Rows())
		batches = append(batches, pretraining.PhaseBatches{From: s.From, Batches: part.Batches(drawer, s.Task.Batch, p.config.Device.Workers)})
		if i > 0 {
			plan.Later = append(plan.Later, trainer.Stage{From: s.From, Batch: s.Task.Batch, MicroBatch: s.Task.Rows(), Sequence: s.Task.Sequence, FLOPs: part.FLOPs(s.Task.Batch)})
		}
	}
	return plan, batches, configs.Wrap(plan.Validate())
}

// epoch returns the instances of a split that are evaluated or shown.
func (p *pretrainingRun) epoch(ctx context.Context, split string) (*instances.Epoch, error) {
	return firstEpoch(ctx, p.set, split, p.init.Vocabulary, p.config.Task, p.config.Run.Seed)
}

// heldOut returns the evaluation on the held-out documents, which is the same in all phases; nil if there are none.
func (p *pretrainingRun) heldOut(ctx context.Context) (evaluation, error) {
	documents, err := p.set.Split(shards.HeldOut)
	if err != nil {
		return nil, err
	}
	if documents.NumDocuments() == 0 {
		p.env.Log.Warn("the shards have no held-out documents, so nothing is measured on unseen text; subbert data shard --held-out sets documents aside")
		return nil, nil
	}
	if documents.NumDocuments() == 1 && p.config.Task.NSP {
		p.find(result.OneHeldOut, "only 1 document is held out, so random next segments come from the same document: heldout_nsp_loss and heldout_nsp_accuracy mean nothing")
	}
	epoch, err := p.epoch(ctx, shards.HeldOut)
	if err != nil {
		return nil, err
	}
	if p.text, err = pretraining.ReadText(ctx, p.set, shards.HeldOut); err != nil {
		return nil, err
	}
	measure := pretraining.Measure{Task: p.task}
	measured, err := p.trainer.Evaluation(measure)
	if err != nil {
		return nil, err
	}
	p.goal = trainer.Goal{Name: "heldout_mlm_loss"}
	return func(ctx context.Context, step int) ([]metrics.Value, error) {
		batches := measure.Evaluate(epoch, 0, p.config.Device.Workers)
		values, err := measured.Run(ctx, p.env.measuring(p.config.Task.Rows(), epoch.Len(), batches))
		values = p.text.Complete(values)
		for i := range values {
			values[i].Name = "heldout_" + values[i].Name
		}
		return values, err
	}, nil
}

// watchDownstream prepares to measure, during the run, how well a relation task can be learned from the frozen encoder.
func (p *pretrainingRun) watchDownstream(ctx context.Context) error {
	d := p.config.Downstream
	if d.Train == "" {
		return nil
	}
	task := relation.Default()
	task.Sequence, task.Truncate = p.config.Task.Sequence, marked.TruncateAroundMentions
	data := relation.Data{Train: d.Train, Test: d.Test, TrainExamples: d.TrainExamples, TestExamples: d.TestExamples}
	sets, err := ReadSets(ctx, data, task.Examples, p.env)
	if err != nil {
		return err
	}
	e, err := encoderOf(p.init, task.Examples, sets.Labels)
	if err != nil {
		return err
	}
	train, _, err := rowsOf(ctx, e, sets.Train)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Train, err)
	}
	test, _, err := rowsOf(ctx, e, sets.Test)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Test, err)
	}
	classifier, err := relation.New(p.bert, p.options(), task, len(sets.Labels), p.config.Task.Rows())
	if err != nil {
		return err
	}
	linear, err := relation.NewLinear(classifier, p.trainer.Forward, train, test, sets.Labels, sets.Negative)
	if err != nil {
		return err
	}
	p.watches = append(p.watches, trainer.Watch{Every: d.EverySteps, Measure: linear.Measure})
	return nil
}

// noteInstances writes the first instances of the run, decoded, to the notes, so that a person sees what is being
// learned.
func (p *pretrainingRun) noteInstances(ctx context.Context, n int) error {
	epoch, err := p.epoch(ctx, shards.Train)
	if err != nil {
		return err
	}
	for i := range min(n, epoch.Len()) {
		var drawn instances.Instance
		if err := epoch.Draw(i, &drawn); err != nil {
			return err
		}
		p.env.note("instance %d: %s", i, instanceText(drawn, p.init.Vocabulary))
	}
	return nil
}

// instanceText returns an instance for a person to read: a masked position shows what the model sees and, in braces,
// the original.
func instanceText(d instances.Instance, v *wordpiece.Vocabulary) string {
	words := make([]string, d.Length)
	for i := range words {
		words[i] = v.Token(d.InputIDs[i])
	}
	for i := range d.NumMasked {
		at := d.MaskedPositions[i]
		words[at] = fmt.Sprintf("%s{%s}", words[at], v.Token(d.MaskedIDs[i]))
	}
	next := map[int32]string{0: "next", 1: "random"}[d.NextSentenceLabel]
	return fmt.Sprintf("(%s) %s", next, strings.Join(words, " "))
}

// finish writes model and result.
func (p *pretrainingRun) finish(ctx context.Context, plan trainer.Plan) (*result.Pretraining, error) {
	path, err := p.export(p.card(plan))
	if err != nil {
		return nil, err
	}
	if err := p.judgeWords(ctx); err != nil {
		return nil, err
	}
	r := &result.Pretraining{
		Task: result.TaskPretraining, Seed: p.config.Run.Seed, Steps: p.trainer.Step(), Final: p.last.training, HeldOut: p.last.heldOut,
		Best: (*result.Best)(p.trainer.Best()), Tokens: p.trainer.Tokens(), Seconds: p.trainer.Seconds(), Backend: p.where(), Model: path,
		CompileSeconds: p.compiling().Seconds(), UnigramEntropy: p.text.UnigramEntropy, Findings: p.found.all, Provenance: Provenance(p.env.Command),
	}
	return r, p.dir.WriteResult(r)
}

// mostRandom is the share of random next segments above which something is wrong with the documents; the intended share
// is half.
const mostRandom = 0.75

// foreseePairs refuses settings for next sentence prediction that contradict each other, and finds pairs that teach
// nothing.
func (p *pretrainingRun) foreseePairs() error {
	if !p.config.Task.NSP {
		return nil
	}
	documents, err := p.set.Split(shards.Train)
	if err != nil {
		return err
	}
	if documents.NumDocuments() == 1 {
		return configs.Errorf("%s: the shards have 1 document, and next sentence prediction needs at least 2; set task.nsp = false, or separate documents by an empty line in text files", p.config.Data.Shards)
	}
	drawer, err := instances.New(documents, p.init.Vocabulary, p.config.Task.Instances(uint64(p.config.Run.Seed)))
	if err != nil {
		return err
	}
	all, random, err := drawer.Pairs()
	if err != nil {
		return err
	}
	counts := p.set.Header().Splits[shards.Train].Counts
	switch {
	case random == all && counts.Sentences == counts.Documents:
		p.find(result.RandomNext, fmt.Sprintf("all %d documents have one sentence, so every next segment is random; set task.nsp = false", counts.Documents))
	case float64(random) > mostRandom*float64(all):
		p.find(result.RandomNext, fmt.Sprintf("%d of %d next segments are random, want half: documents have %.1f sentences on average, and one sentence often fills a row of %d positions; set task.nsp = false",
			random, all, float64(counts.Sentences)/float64(max(1, counts.Documents)), p.config.Task.Sequence))
	}
	return nil
}

// judgeWords checks whether the model restores masked words better than the frequencies of word pieces alone do: in
// held-out text, or, if there is none, in the last training report.
func (p *pretrainingRun) judgeWords(ctx context.Context) error {
	loss, where := p.last.heldOut["heldout_mlm_loss"], "in held-out text"
	if p.last.heldOut == nil {
		var err error
		if p.text.UnigramEntropy, err = pretraining.TrainingEntropy(ctx, p.set); err != nil {
			return err
		}
		loss, where = p.last.training["mlm_loss"], "in the last training report"
	}
	if loss > p.text.UnigramEntropy && p.text.UnigramEntropy > 0 {
		p.find(result.NotAboveUnigram, fmt.Sprintf("the masked-word loss is %.3f %s, above the %.3f of a guess from word piece frequencies: the model has learned less than the frequencies", loss, where, p.text.UnigramEntropy))
	}
	return nil
}
