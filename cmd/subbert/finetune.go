package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

type finetuneCmd struct {
	configFlags
	Folds  int  `help:"Cross-validate in K folds: task.folds." placeholder:"K"`
	Seeds  int  `help:"Run N seeds, from run.seed on: task.seeds." placeholder:"N"`
	Resume bool `help:"Continue the newest valid checkpoint of the run, of several runs each; start where there is none."`
	JSON   bool `name:"json" help:"Print the result as JSON."`
}

func (v *finetuneCmd) Help() string {
	return `Trains model.init to classify the marked sentences of data.train (made by subbert data relations), or of a corpus in its own form (data.corpus, task.corpus), and scores the test examples, or dev if there are none. The run directory gets config.toml, metrics.jsonl, checkpoints/, and at the end result.json, predictions.tsv and model/.

With folds or several seeds each of their runs gets a directory of its own inside the run directory, and result.json sums them up. --resume passes over the runs that are complete.`
}

func (v *finetuneCmd) Run(c *console) error {
	if v.Folds != 0 {
		v.Set = append(v.Set, fmt.Sprintf("task.folds=%d", v.Folds))
	}
	if v.Seeds != 0 {
		v.Set = append(v.Set, fmt.Sprintf("task.seeds=%d", v.Seeds))
	}
	config, err := v.read(tasks.NameRelation)
	if err != nil {
		return err
	}
	if isCell(config.Task) {
		result, err := runCell(c, config, v.Resume)
		if err != nil {
			return err
		}
		return c.show(v.JSON, result)
	}
	sets, err := readSets(c, config)
	if err != nil {
		return err
	}
	result, err := finetune(c, config, v.Resume, nil, sets)
	if err != nil {
		return err
	}
	return c.show(v.JSON, result)
}

// printable is a result for people.
type printable interface{ print(c *console) error }

// show prints result, for machines or for people.
func (c *console) show(asJSON bool, result printable) error {
	if asJSON {
		return c.printJSON(result)
	}
	return result.print(c)
}

// finetune is one fine-tuning run, computed by on unless that is nil.
func finetune(c *console, config configs.Config, resume bool, on *backend.Handle, sets *relationSets) (*relationResult, error) {
	r, err := openRun(c, config, resume, on)
	if err != nil {
		return nil, err
	}
	result, err := r.finetune(sets)
	return result, errors.Join(err, r.close())
}

// finetune is a fine-tuning run from its examples to its result.
func (r *session) finetune(sets *relationSets) (*relationResult, error) {
	data, err := r.encode(sets)
	if err != nil {
		return nil, err
	}
	of := r.config.Task
	of.Labels = data.labels
	task, err := tasks.NewRelation(r.bert, r.options(), of, len(data.labels), r.rows())
	if err != nil {
		return nil, misused(err)
	}
	plan, err := r.relationPlan(data)
	if err != nil {
		return nil, err
	}
	if err := r.sameLabels(data); err != nil {
		return nil, err
	}
	if err := r.load(task.Parameters()); err != nil {
		return nil, err
	}
	if r.as, err = r.relationModel(data); err != nil {
		return nil, err
	}
	if err := r.prepare(task, plan); err != nil {
		return nil, err
	}
	batches := task.Batches(data.rows, plan.Batch, uint64(r.config.Run.Seed), r.config.Device.Workers)
	r.describe(data, batches.Padding(0))
	predictor, err := task.NewPredictor(r.trainer.Forward)
	if err != nil {
		return nil, err
	}
	best, err := r.openBest()
	if err != nil {
		return nil, err
	}
	if err := r.train(plan, batches, r.devScore(predictor, data, best)); err != nil {
		return nil, err
	}
	if err := r.restoreBest(best); err != nil {
		return nil, err
	}
	return r.finishRelation(predictor, data, best)
}

// relationPlan is the plan of a fine-tuning run. To keep the best epoch, each is evaluated.
func (r *session) relationPlan(d *relationData) (trainer.Plan, error) {
	if r.config.Task.Keep == tasks.KeepBestDev {
		if len(d.dev) == 0 {
			return trainer.Plan{}, misusef("task.keep = %q, but there are no dev examples: data.dev or data.dev_fraction gives some", tasks.KeepBestDev)
		}
		r.config.Record.EvaluateEvery = (len(d.rows) + r.config.Task.Batch - 1) / r.config.Task.Batch
	}
	return r.plan(len(d.rows))
}

// describe prints what will be learned from, with the first examples as the model sees them.
func (r *session) describe(d *relationData, p tasks.Padding) {
	fmt.Fprintf(r.c.err, "examples: %d to learn from, %d dev, %d test; marking %s, labels %s, negative %s\n",
		len(d.train), len(d.dev), len(d.test), d.marking, strings.Join(d.labels, " "), d.negative)
	fmt.Fprintln(r.c.err, p)
	for _, e := range d.rows[:min(2, len(d.rows))] {
		fmt.Fprintf(r.c.err, "example %s: %s -> %s\n", e.ID, pieces(r.model.Vocabulary, e.IDs), d.labels[e.Label])
	}
}

// devScore scores the dev examples during training and keeps the best weights if best is not nil. It is nil if there are
// no dev examples, or if they are what the result is of and scored at the end anyway.
func (r *session) devScore(p *tasks.Predictor, d *relationData, best *bestEpoch) func(context.Context, int) ([]metrics.Value, error) {
	if len(d.dev) == 0 || len(d.test) == 0 && best == nil {
		return nil
	}
	return func(_ context.Context, step int) ([]metrics.Value, error) {
		_, report, err := score(p, d, d.devRows)
		if err != nil {
			return nil, err
		}
		if err := r.keepIfBest(best, step, report.Micro.F1); err != nil {
			return nil, err
		}
		return []metrics.Value{
			{Name: "heldout_p", Value: report.Micro.P}, {Name: "heldout_r", Value: report.Micro.R}, {Name: "heldout_f1", Value: report.Micro.F1},
		}, nil
	}
}

// finishRelation scores the trained model and leaves predictions, model and result.
func (r *session) finishRelation(p *tasks.Predictor, d *relationData, best *bestEpoch) (*relationResult, error) {
	task := r.config.Task
	result := &relationResult{
		Task: tasks.NameRelation, Corpus: task.Corpus, Labels: d.labels, Negative: d.negative, Pooling: task.Pooling,
		Seed: r.config.Run.Seed, Steps: r.trainer.Step(), Cut: d.cut, Backend: r.where(), Padding: task.Padding,
	}
	if task.Folds > 0 {
		result.Fold = &task.Fold
	}
	if best != nil {
		result.KeptStep = best.Step
	}
	if err := r.scoreRelation(p, d, result); err != nil {
		return nil, err
	}
	var err error
	if result.Model, err = r.export(r.relationCard(result)); err != nil {
		return nil, err
	}
	result.Seconds = time.Since(r.started).Seconds()
	return result, r.dir.WriteResult(result)
}
