package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

type pretrainCmd struct {
	configFlags
	Resume bool `help:"Continue the newest valid checkpoint of the run; start if there is none."`
	JSON   bool `name:"json" help:"Print the result as JSON."`
}

func (v *pretrainCmd) Help() string {
	return `Continues the pre-training of model.init on data.shards: masked words and, unless task.nsp is false, next sentences. The run directory gets config.toml, metrics.jsonl, checkpoints/step-NNNNNNN/, and at the end result.json and model/, which transformers loads.`
}

// pretrainingResult is result.json of a pre-training run.
type pretrainingResult struct {
	Task    string             `json:"task"`
	Steps   int                `json:"steps"`
	Final   map[string]float64 `json:"final"`          // at the last report
	HeldOut map[string]float64 `json:"heldout"`        // of the documents kept apart; null if there are none
	Best    *trainer.Best      `json:"best,omitempty"` // evaluation
	Tokens  int64              `json:"tokens"`         // positions trained on, padding included
	Seconds float64            `json:"seconds"`        // over all processes that worked on the run
	Backend string             `json:"backend"`
	Model   string             `json:"model"`

	UnigramEntropy float64 `json:"unigram_entropy,omitempty"` // of the documents kept apart, in nats
	provenance
}

func (v *pretrainCmd) Run(c *console) error {
	config, err := v.read(tasks.NamePretraining)
	if err != nil {
		return err
	}
	r, err := openRun(c, config, v.Resume, nil)
	if err != nil {
		return err
	}
	result, err := r.pretrain()
	if err = errors.Join(err, r.close()); err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(result)
	}
	return printPretraining(c, result)
}

// pretrain is a pre-training run from its shards to its result.
func (r *session) pretrain() (_ *pretrainingResult, err error) {
	set, closeShards, err := openShards(r.c, r.config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeShards()) }()
	if err := checkShards(r.c, set, r.model); err != nil {
		return nil, err
	}
	task := tasks.NewPretraining(r.bert, r.options(), r.config.Task, r.rows())
	plan, batches, err := r.stages(set, task)
	if err != nil {
		return nil, err
	}
	if err := r.load(task.Parameters()); err != nil {
		return nil, err
	}
	r.as = checkpoints.Export{Config: r.model.Config.Raw, Vocabulary: r.model.Vocabulary, Tokenizer: r.model.Tokenizer}
	if err := r.prepare(task, plan); err != nil {
		return nil, err
	}
	if err := r.showInstances(set, 2); err != nil {
		return nil, err
	}
	evaluate, text, err := r.heldOut(task, set)
	if err != nil {
		return nil, err
	}
	if err := r.watchDownstream(); err != nil {
		return nil, err
	}
	if err := r.train(plan, batches, evaluate); err != nil {
		return nil, err
	}
	return r.finishPretraining(plan, text)
}

// mostUnknown is the share of [UNK] above which a vocabulary hardly fits a text.
const mostUnknown = 0.01

// checkShards compares what shards were made with to the model they are for.
func checkShards(c *console, set *shards.Set, m *checkpoints.Model) error {
	header := set.Header()
	if err := header.CheckVocabulary(m.Vocabulary.Hash(), m.Vocabulary.Size()); err != nil {
		return misused(err)
	}
	if err := header.CheckTokenizer(m.Tokenizer); err != nil {
		return misused(err)
	}
	total := header.Total()
	rate := float64(total.Unknown) / float64(max(1, total.Tokens))
	if rate > mostUnknown {
		c.log.Warn("many pieces are [UNK]: the vocabulary hardly fits the text", "unknown", total.Unknown, "of", total.Tokens, "percent", 100*rate)
		return nil
	}
	c.log.Info("shards", "tokens", total.Tokens, "unknown_percent", 100*rate, "lower_case", header.Tokenizer.Lower)
	return nil
}

// stages resolves the plan of a run and the batches of each of its phases. A phase draws instances of its own.
func (r *session) stages(set *shards.Set, task *tasks.Pretraining) (trainer.Plan, trainer.Batches, error) {
	plan, err := r.plan(0)
	if err != nil {
		return plan, nil, err
	}
	plan.FLOPs = task.FLOPs(plan.Batch)
	stretches, err := r.config.Task.Stretches(plan.Schedule.Steps())
	if err != nil {
		return plan, nil, misused(err)
	}
	documents, err := set.Split(shards.Train)
	if err != nil {
		return plan, nil, err
	}
	var batches tasks.Phased
	for i, s := range stretches {
		if s.Task.Sequence > r.bert.MaxPositionEmbeddings {
			return plan, nil, misusef("task.phases: sequence = %d, but the model has %d positions (max_position_embeddings)", s.Task.Sequence, r.bert.MaxPositionEmbeddings)
		}
		drawer, err := instances.New(documents, r.model.Vocabulary, s.Task.Instances(uint64(i)<<32|uint64(r.config.Run.Seed)))
		if err != nil {
			return plan, nil, err
		}
		part := tasks.NewPretraining(r.bert, r.options(), s.Task, s.Task.Rows())
		batches = append(batches, tasks.PhaseBatches{From: s.From, Batches: part.Batches(drawer, s.Task.Batch, r.config.Device.Workers)})
		if i > 0 {
			plan.Later = append(plan.Later, trainer.Stage{From: s.From, Batch: s.Task.Batch, MicroBatch: s.Task.Rows(), Sequence: s.Task.Sequence, FLOPs: part.FLOPs(s.Task.Batch)})
		}
	}
	if err := plan.Validate(); err != nil {
		return plan, nil, misused(err)
	}
	return plan, batches, nil
}

// heldOut prepares the evaluation of the documents kept apart; nil if there are none. It is the same for all phases.
func (r *session) heldOut(task *tasks.Pretraining, set *shards.Set) (func(context.Context, int) ([]metrics.Value, error), tasks.Text, error) {
	var text tasks.Text
	if documents, err := set.Split(shards.HeldOut); err != nil || documents.NumDocuments() == 0 {
		if err == nil {
			r.c.log.Warn("the shards hold no document out, so nothing is measured on unseen text; subbert data shard --held-out keeps some apart")
		}
		return nil, text, err
	}
	epoch, err := evaluationEpoch(set, shards.HeldOut, &evaluated{model: r.model, task: r.config.Task, seed: r.config.Run.Seed})
	if err != nil {
		return nil, text, err
	}
	if text, err = tasks.ReadText(set, shards.HeldOut); err != nil {
		return nil, text, err
	}
	measure := tasks.Measure{Pretraining: task}
	evaluation, err := r.trainer.Evaluation(measure)
	if err != nil {
		return nil, text, err
	}
	r.goal = trainer.Goal{Name: "heldout_mlm_loss"}
	return func(ctx context.Context, step int) ([]metrics.Value, error) {
		values, err := evaluation.Run(ctx, measure.Evaluate(epoch, 0, r.config.Device.Workers))
		values = text.Complete(values)
		for i := range values {
			values[i].Name = "heldout_" + values[i].Name
		}
		return values, err
	}, text, nil
}

// watchDownstream prepares to measure, on the way, what the encoder is worth to a relation task.
func (r *session) watchDownstream() error {
	d := r.config.Downstream
	if d.Train == "" {
		return nil
	}
	config := r.config
	config.Data = configs.Data{Train: d.Train, Test: d.Test, TrainExamples: d.TrainExamples, TestExamples: d.TestExamples}
	config.Task = tasks.Default(tasks.NameRelation)
	config.Task.Sequence, config.Task.Truncate = r.config.Task.Sequence, tasks.TruncateAroundMentions
	sets, err := readSets(r.c, config)
	if err != nil {
		return err
	}
	tokenizer, err := wordpiece.New(r.model.Vocabulary, r.model.Tokenizer)
	if err != nil {
		return misused(err)
	}
	e := tasks.Encoder{Tokenizer: tokenizer, Special: r.model.Vocabulary.Special(), Length: config.Task.Sequence, Truncate: config.Task.Truncate, Labels: sets.labels}
	train, _, err := e.Encode(sets.train)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Train, err)
	}
	test, _, err := e.Encode(sets.test)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Test, err)
	}
	relation, err := tasks.NewRelation(r.bert, r.options(), config.Task, len(sets.labels), r.rows())
	if err != nil {
		return err
	}
	linear, err := tasks.NewLinear(relation, r.trainer.Forward, train, test, sets.labels, sets.negative)
	if err != nil {
		return err
	}
	r.watches = append(r.watches, trainer.Watch{Every: d.EverySteps, Measure: linear.Measure})
	return nil
}

// showInstances prints the first instances of the run, decoded, so that a person sees what is being learned.
func (r *session) showInstances(set *shards.Set, n int) error {
	epoch, err := evaluationEpoch(set, shards.Train, &evaluated{model: r.model, task: r.config.Task, seed: r.config.Run.Seed})
	if err != nil {
		return err
	}
	for i := range min(n, epoch.Len()) {
		var drawn instances.Instance
		if err := epoch.Draw(i, &drawn); err != nil {
			return err
		}
		fmt.Fprintf(r.c.err, "instance %d: %s\n", i, instanceText(drawn, r.model.Vocabulary))
	}
	return nil
}

// instanceText is an instance as a person reads it: masked positions show what is there and what was.
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

func (r *session) finishPretraining(plan trainer.Plan, text tasks.Text) (*pretrainingResult, error) {
	path, err := r.export(r.pretrainingCard(plan))
	if err != nil {
		return nil, err
	}
	result := &pretrainingResult{
		Task: tasks.NamePretraining, Steps: r.trainer.Step(), Final: r.last.training, HeldOut: r.last.heldOut,
		Best: r.trainer.Best(), Tokens: r.trainer.Tokens(), Seconds: r.trainer.Seconds(), Backend: r.where(), Model: path,
		UnigramEntropy: text.UnigramEntropy, provenance: r.c.provenance(),
	}
	return result, r.dir.WriteResult(result)
}

// printPretraining prints the result for a person.
func printPretraining(c *console, result *pretrainingResult) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, part := range []struct {
		name   string
		values map[string]float64
	}{{"training, last report", result.Final}, {"held-out documents", result.HeldOut}} {
		if part.values == nil {
			continue
		}
		fmt.Fprintf(w, "%s\n", part.name)
		for _, name := range slices.Sorted(maps.Keys(part.values)) {
			if text := shown(metrics.Value{Name: name, Value: part.values[name]}); text != "" {
				fmt.Fprintf(w, "  %s\n", strings.TrimPrefix(text, "heldout_"))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "%d steps in %s\nmodel: %s\n", result.Steps, span(time.Duration(result.Seconds*float64(time.Second))), result.Model)
	return err
}
