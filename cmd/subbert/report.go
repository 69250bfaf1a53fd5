package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs/result"
)

// reportCmd turns run directories into one page.
type reportCmd struct {
	Runs    []string `arg:"" name:"run" help:"Run directories of subbert pretrain, finetune, probe and attention."`
	Out     string   `short:"o" default:"report.html" help:"The page to write." placeholder:"FILE"`
	Title   string   `help:"The heading of the page." placeholder:"TEXT"`
	Unigram float64  `name:"unigram-entropy" help:"Unigram entropy of the text's word pieces in nats, drawn beside the masked-LM loss." placeholder:"NATS" range:"0..1e3"`
	Export  string   `help:"Also write the figures of the page, as SVG and PNG, and its tables, as CSV and LaTeX, to this directory." placeholder:"DIR"`
	JSON    bool     `help:"Print a summary of the runs as JSON."`
	outputFlag
}

func (v *reportCmd) Help() string {
	return `Writes the results of one or more runs to one HTML file that needs no network: a verdict in words, scores with intervals beside the baseline run and the bag of words and, folded, the scores by label, confusion matrices, curves over steps, tokens and time, and the machines. The baseline run is the first with cls pooling, or else the first. The differences of their configs name the runs; runs that differ only in their seed are shown as one. A run that is not finished is shown up to its last report. Directories that are not run directories are skipped.`
}

func (v *reportCmd) Run(c *console) error {
	for i, dir := range v.Runs {
		if slices.ContainsFunc(v.Runs[:i], func(other string) bool { return filepath.Clean(other) == filepath.Clean(dir) }) {
			return misusef("%s is named twice", dir)
		}
	}
	out, err := v.output(c, v.Out, "")
	if err != nil {
		return err
	}
	if v.Export != "" {
		if _, err := v.output(c, v.Export, "*"); err != nil {
			return err
		}
	}
	meter := newMeter(c)
	runs, err := report.ReadRuns(c.ctx, v.Runs, func(dir string, done, size int64) { meter.reading(dir)(done, size) },
		func(dir string) { c.log.Warn("skipped: not a run directory", "path", dir, "lacks", result.ConfigFile) })
	meter.end()
	if err != nil {
		return err
	}
	page, err := report.Compose(c.ctx, runs, report.Options{Title: v.Title, Path: out, Export: v.Export, UnigramEntropy: v.Unigram, Made: time.Now()})
	if err != nil {
		return err
	}
	if err := report.Write(c.ctx, out, page); err != nil {
		return err
	}
	if v.Export != "" {
		if err := report.Export(v.Export, page); err != nil {
			return err
		}
	}
	return v.print(c, runs, page)
}

// print prints what was written.
func (v *reportCmd) print(c *console, runs []*report.Run, page *report.Page) error {
	if v.JSON {
		summary := struct {
			Page    string           `json:"page"`
			Verdict []string         `json:"verdict,omitempty"`
			Runs    []report.Summary `json:"runs"`
		}{Page: v.Out, Verdict: page.Verdict}
		for _, r := range runs {
			summary.Runs = append(summary.Runs, r.Summary())
		}
		return c.printJSON(summary)
	}
	for _, r := range runs {
		for _, note := range r.Notes {
			c.log.Warn(note, "run", r.Dir)
		}
	}
	for _, line := range page.Verdict {
		fmt.Fprintln(c.out, line)
	}
	_, err := fmt.Fprintln(c.out, v.Out)
	return err
}
