package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

type compareCmd struct {
	A         string `arg:"" help:"predictions.tsv of one model, or its run directory."`
	B         string `arg:"" help:"The same of the other model, on the same pairs."`
	Negative  string `placeholder:"LABEL" help:"The label that means no relation; without it as the runs say, or a word such as false, 0, none and no_relation that the files have."`
	Errors    string `placeholder:"FILE.html" help:"List the pairs that one model gets right and the other wrong, with their sentences."`
	Sentences string `placeholder:"FILE.tsv" help:"The marked sentences, for --errors; without it those of run directory A's config." type:"existingfile"`
	Samples   int    `default:"10000" help:"How many times each test draws."`
	Seed      uint64 `default:"1" help:"What the draws follow from."`
	JSON      bool   `name:"json" help:"Print the comparison as JSON."`
	outputFlag
}

func (v *compareCmd) Help() string {
	return `Says whether two models differ in micro F1 on the same pairs: by a paired bootstrap, which gives an interval of the difference, and by approximate randomisation. Of run directories with several seeds the predictions of all seeds are taken together, each pair drawn or exchanged with those of all seeds, and the scores over seeds are tested too.

--errors needs the sentences: those of run directory A's config, or a file given with --sentences.`
}

func (v *compareCmd) Run(c *console) error {
	if v.Samples < 1 {
		return misusef("--samples %d, want at least 1", v.Samples)
	}
	var err error
	if v.Errors, err = v.output(c, v.Errors, ""); err != nil {
		return err
	}
	meter := newMeter(c)
	r, err := compare.Runs(c.ctx, v.A, v.B, compare.Options{
		Negative: v.Negative, Samples: v.Samples, Seed: v.Seed, Drawn: meter.counts,
		Read: func(file string, done, size int64) { meter.reading(file)(done, size) },
	})
	meter.end()
	var negative *compare.NegativeError
	if errors.As(err, &negative) {
		return misused(err)
	}
	if err != nil {
		return err
	}
	if v.Errors != "" {
		sentences, err := v.sentences(c)
		if err != nil {
			return err
		}
		if err := report.WriteErrors(c.ctx, v.Errors, r, sentences); err != nil {
			return err
		}
		c.log.Info("wrote", "page", v.Errors, "pairs", len(r.Cases))
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return printComparison(w, r) })
}

// sentences returns the marked sentences by index.
func (v *compareCmd) sentences(c *console) (map[string]relations.Example, error) {
	var all []relations.Example
	var err error
	if v.Sentences != "" {
		all, err = request.Examples(c.ctx, "tsv", v.Sentences, relations.Options{})
	} else {
		config, failed := configs.SavedRelation(filepath.Join(v.A, result.ConfigFile))
		if failed != nil {
			return nil, misusef("--errors: no sentences: %w; --sentences names a file of them", failed)
		}
		var sets *runs.Sets
		if sets, err = runs.ReadSets(c.ctx, config.Data, config.Task.Examples, c.env(false)); err == nil {
			all = slices.Concat(sets.Test, sets.Dev, sets.Train)
		}
	}
	if err != nil {
		return nil, err
	}
	byID := make(map[string]relations.Example, len(all))
	for _, e := range slices.Backward(all) { // of equal indexes the scored pair wins over one of train
		byID[e.ID] = e
	}
	return byID, nil
}

func printComparison(w io.Writer, r *compare.Comparison) error {
	first := r.Tests[0]
	fmt.Fprintf(w, "A %s: micro F1 %.2f\nB %s: micro F1 %.2f\n", r.A, first.A, r.B, first.B)
	if r.RunsA > 1 || r.RunsB > 1 {
		fmt.Fprintf(w, "predictions of %d runs of A and %d of B taken together\n", r.RunsA, r.RunsB)
	}
	fmt.Fprintf(w, "A-B %+.2f over %d pairs (negative %q); only A right on %d, only B on %d\n\n", first.Delta, r.Instances, r.Negative, r.OnlyA, r.OnlyB)
	for _, t := range r.Tests {
		how := fmt.Sprintf("%d samples, seed %d", t.Samples, t.Seed)
		if t.Exact {
			how = fmt.Sprintf("all %d choices", t.Samples)
		}
		line := fmt.Sprintf("%s over %d %s, %s: A-B %+.2f, p = %.4f", t.Test, t.N, t.Over, how, t.Delta, t.P)
		if t.Low != nil {
			line += fmt.Sprintf(", 95 %% interval %+.2f to %+.2f", *t.Low, *t.High)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	for _, line := range report.DifferenceVerdict(r) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
