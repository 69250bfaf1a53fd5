package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

type finetuneCmd struct {
	configFlags
	Folds  int  `help:"Cross-validate in K folds: task.folds." placeholder:"K" range:"0..10000"`
	Seeds  int  `help:"Run N seeds, the first of which is run.seed: task.seeds." placeholder:"N" range:"0..10000"`
	Resume bool `help:"Continue the run, or each of several runs, from its newest valid checkpoint, or from the start if it has none."`
	extendFlag
	JSON bool `name:"json" help:"Print the result as JSON."`
}

func (v *finetuneCmd) Help() string {
	return `Trains model.init to classify the marked sentences of data.train (made by subbert data relations), or of a corpus in its own form (data.corpus, task.corpus), and scores the test examples, or the dev examples if there is no test set. The run directory gets config.toml, metrics.jsonl, checkpoints/, and at the end result.json, predictions.tsv and model/.

With folds or several seeds, each run has a directory of its own inside the run directory, and result.json sums them up. --resume skips complete runs.`
}

func (v *finetuneCmd) Run(c *console) error {
	if v.Folds != 0 {
		v.Set = append(v.Set, fmt.Sprintf("task.folds=%d", v.Folds))
	}
	if v.Seeds != 0 {
		v.Set = append(v.Set, fmt.Sprintf("task.seeds=%d", v.Seeds))
	}
	config, err := readExtended(v.configFlags, v.extendFlag, configs.ReadRelation)
	if err != nil {
		return err
	}
	r, err := runs.Finetune(c.ctx, config, v.of(c.env(v.Resume)))
	if err != nil {
		return err
	}
	print := printRelation
	if r.Several() {
		print = printSeveral
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return print(w, r) })
}

// baselines are the methods without a model, in the order in which they are printed.
var baselines = [...]string{result.BaselineOverlap, result.BaselineWords}

// printRelation prints the scores of one run as a table.
func printRelation(to io.Writer, r *result.Relation) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, s evaluate.PRF) {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%d\t\n", name, s.P, s.R, s.F1, s.Support)
	}
	fmt.Fprintf(w, "%s\tP\tR\tF1\texamples\t\n", r.Pooling)
	for _, l := range r.Labels {
		row(l, r.PerClass[l])
	}
	row("micro, without "+r.Negative, r.Micro)
	row("majority label", r.Majority)
	for _, name := range baselines {
		row(name, r.Baseline[name])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	printReading(to, r)
	_, err := fmt.Fprintf(to, "model: %s\n", r.Model)
	return err
}

// printReading prints how far the scores can be trusted, and the findings that make the model useless.
func printReading(to io.Writer, r *result.Relation) {
	for _, i := range r.Intervals {
		fmt.Fprintln(to, i)
	}
	if r.Calibration != nil && r.Calibration.Fitted > 0 {
		fmt.Fprintln(to, r.Calibration)
	}
	for _, f := range r.Findings {
		if f.Kind == result.OneLabelPredicted || f.Kind == result.NotAboveBaseline {
			fmt.Fprintf(to, "note: %s\n", f.Text)
		}
	}
}

// printSeveral prints a row for each of several runs, and their summary.
func printSeveral(to io.Writer, r *result.Relation) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, p, r, f1 float64) { fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t\n", name, p, r, f1) }
	micro := func(name string, s evaluate.PRF) { row(name, s.P, s.R, s.F1) }
	fmt.Fprintf(w, "%s, micro without %s\tP\tR\tF1\t\n", r.Pooling, r.Negative)
	over := "seeds"
	if len(r.Seeds) == 1 {
		over = "folds"
		for f, s := range r.Folds {
			micro(fmt.Sprintf("fold %d", f), s)
		}
	} else {
		for _, s := range r.Seeds {
			micro(fmt.Sprintf("seed %d", s.Seed), s.Micro)
		}
	}
	s := r.Spread
	row(fmt.Sprintf("mean of %d %s", s.F1.N, over), s.P.Mean, s.R.Mean, s.F1.Mean)
	row("sd", s.P.SD, s.R.SD, s.F1.SD)
	row("min", s.P.Min, s.R.Min, s.F1.Min)
	row("max", s.P.Max, s.R.Max, s.F1.Max)
	micro("all predictions together", r.Micro)
	micro("majority label", r.Majority)
	for _, name := range baselines {
		micro(name, r.Baseline[name])
	}
	err := w.Flush()
	printReading(to, r)
	return err
}
