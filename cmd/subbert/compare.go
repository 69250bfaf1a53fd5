package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs"
)

type compareCmd struct {
	A         string `arg:"" help:"predictions.tsv of one model, or its run directory."`
	B         string `arg:"" help:"The same for the other model, on the same pairs."`
	Negative  string `placeholder:"LABEL" help:"The label that means no relation. Default: the label of the runs, or a label such as false, 0, none or no_relation in the files."`
	Errors    string `placeholder:"FILE.html" help:"List the pairs that one model gets right and the other wrong, with their sentences."`
	Sentences string `placeholder:"FILE.tsv" help:"The marked sentences, for --errors. Default: the sentences that the config of run directory A names." type:"existingfile"`
	Samples   int    `default:"10000" help:"Number of samples that each test draws." range:"1..1e9"`
	Seed      uint64 `default:"1" help:"Seed of the samples."`
	JSON      bool   `name:"json" help:"Print the comparison as JSON."`
	outputFlag
}

func (v *compareCmd) Help() string {
	return `Tests whether two models differ in micro F1 on the same pairs: with a paired bootstrap, which gives an interval of the difference, and with approximate randomisation. For run directories with several seeds, the tests use the predictions of all seeds: a pair is drawn or exchanged together with its predictions of every seed. The scores of the seeds are tested, too.

--errors needs the sentences: those that the config of run directory A names, or a file given with --sentences.`
}

func (v *compareCmd) Run(c *console) error {
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
	if err != nil {
		return err
	}
	if v.Errors != "" {
		sentences, err := runs.Sentences(c.ctx, v.Sentences, v.A, c.env(false))
		if err != nil {
			return fmt.Errorf("--errors: %w", err)
		}
		if err := report.WriteErrors(c.ctx, v.Errors, r, sentences); err != nil {
			return err
		}
		c.log.Info("wrote", "page", v.Errors, "pairs", len(r.Cases))
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return printComparison(w, r) })
}

func printComparison(to io.Writer, r *compare.Comparison) error {
	w := bufio.NewWriter(to) // keeps the first error for Flush
	first := r.Tests[0]
	fmt.Fprintf(w, "A %s: micro F1 %.2f\nB %s: micro F1 %.2f\n", r.A, first.A, r.B, first.B)
	if r.RunsA > 1 || r.RunsB > 1 {
		fmt.Fprintf(w, "predictions of %d runs of A and %d of B taken together\n", r.RunsA, r.RunsB)
	}
	fmt.Fprintf(w, "A-B %+.2f over %d pairs (negative %q); only A right on %d, only B on %d\n\n", first.Delta, r.Instances, r.Negative, r.OnlyA, r.OnlyB)
	for _, t := range r.Tests {
		fmt.Fprintln(w, t)
	}
	for _, line := range report.DifferenceVerdict(r) {
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}
