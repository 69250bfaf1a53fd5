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
	Final   map[string]float64 `json:"final"`   // at the last report
	HeldOut map[string]float64 `json:"heldout"` // of the documents kept apart; null if there are none
	Seconds float64            `json:"seconds"` // of this process
	Backend string             `json:"backend"`
	Model   string             `json:"model"`
}

func (v *pretrainCmd) Run(c *console) error {
	config, err := v.read(tasks.NamePretraining)
	if err != nil {
		return err
	}
	r, err := openRun(c, config, v.Resume)
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
func (r *session) pretrain() (*pretrainingResult, error) {
	set, err := shards.Open(r.config.Data.Shards)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	header := set.Header()
	if err := header.CheckVocabulary(r.model.Vocabulary.Hash(), r.model.Vocabulary.Size()); err != nil {
		return nil, misused(err)
	}
	training, heldOut, err := drawers(set, r.model, r.config.Task, uint64(r.config.Run.Seed))
	if err != nil {
		return nil, err
	}
	plan, err := r.plan(0)
	if err != nil {
		return nil, err
	}
	task := tasks.NewPretraining(r.bert, r.options(), r.config.Task, r.rows())
	if err := r.load(task.Parameters()); err != nil {
		return nil, err
	}
	r.as = checkpoints.Export{Config: r.model.Config.Raw, Vocabulary: r.model.Vocabulary, Lower: r.model.Lower}
	if err := r.prepare(task, plan); err != nil {
		return nil, err
	}
	if err := r.showInstances(training, 2); err != nil {
		return nil, err
	}
	evaluate, err := r.heldOut(task, heldOut)
	if err != nil {
		return nil, err
	}
	if err := r.train(plan, task.Batches(training, plan.Batch, r.config.Device.Workers), evaluate); err != nil {
		return nil, err
	}
	return r.finishPretraining(plan)
}

// drawers opens what instances are drawn from: the training documents and, if there are any, those held out.
func drawers(set *shards.Set, m *checkpoints.Model, task tasks.Config, seed uint64) (training, heldOut *instances.Drawer, err error) {
	c := task.Instances(seed)
	documents, err := set.Split(shards.Train)
	if err != nil {
		return nil, nil, err
	}
	if training, err = instances.New(documents, m.Vocabulary, c); err != nil {
		return nil, nil, err
	}
	if documents, err = set.Split(shards.HeldOut); err != nil || documents.NumDocuments() == 0 {
		return training, nil, err
	}
	heldOut, err = instances.New(documents, m.Vocabulary, c)
	return training, heldOut, err
}

// heldOut prepares the evaluation of the documents kept apart: always the same instances, those of epoch 0.
func (r *session) heldOut(task *tasks.Pretraining, d *instances.Drawer) (func(context.Context, int) ([]metrics.Value, error), error) {
	if d == nil {
		return nil, nil
	}
	epoch, err := d.Epoch(0)
	if err != nil {
		return nil, err
	}
	evaluation, err := r.trainer.Evaluation(task)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, step int) ([]metrics.Value, error) {
		values, err := evaluation.Run(ctx, task.Evaluate(epoch, 0, r.config.Device.Workers))
		for i := range values {
			values[i].Name = "heldout_" + values[i].Name
		}
		return values, err
	}, nil
}

// showInstances prints the first instances of the run, decoded, so that a person sees what is being learned.
func (r *session) showInstances(d *instances.Drawer, n int) error {
	epoch, err := d.Epoch(0)
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

func (r *session) finishPretraining(plan trainer.Plan) (*pretrainingResult, error) {
	path, err := r.export(r.pretrainingCard(plan))
	if err != nil {
		return nil, err
	}
	result := &pretrainingResult{
		Task: tasks.NamePretraining, Steps: r.trainer.Step(), Final: r.last.training, HeldOut: r.last.heldOut,
		Seconds: time.Since(r.started).Seconds(), Backend: r.where(), Model: path,
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
