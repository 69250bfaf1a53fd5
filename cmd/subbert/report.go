package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/subbert/subbert/report"
)

// reportCmd turns run directories into one page.
type reportCmd struct {
	Runs    []string `arg:"" name:"run" help:"Run directories, as subbert pretrain and finetune leave them."`
	Out     string   `short:"o" default:"report.html" help:"The page to write." placeholder:"FILE"`
	Title   string   `help:"The heading of the page." placeholder:"TEXT"`
	Unigram float64  `name:"unigram-entropy" help:"Entropy of the text's single pieces in nats, drawn beside the masked-LM loss." placeholder:"NATS"`
	JSON    bool     `help:"Print a summary of the runs as JSON."`
}

func (v *reportCmd) Help() string {
	return `Draws the curves and scores of one or more runs into one HTML file that needs no network: loss over steps, tokens and hours, precision, recall and F1 with their spread over seeds, confusion matrices, and what ran where. A run that is still going, or was interrupted, is shown as far as it got.`
}

func (v *reportCmd) Run(c *console) error {
	if v.Unigram < 0 {
		return misusef("--unigram-entropy is %v, want nats, which are not negative", v.Unigram)
	}
	meter := newMeter(c)
	defer meter.end()
	var runs []*report.Run
	var seen []string
	for _, dir := range v.Runs {
		if slices.Contains(seen, filepath.Clean(dir)) {
			return misusef("%s is named twice", dir)
		}
		seen = append(seen, filepath.Clean(dir))
		r, err := report.ReadRun(c.ctx, dir, meter.reading(dir))
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	page, err := report.Compose(c.ctx, runs, report.Options{Title: v.Title, Path: v.Out, UnigramEntropy: v.Unigram, Made: time.Now()})
	if err != nil {
		return err
	}
	if err := report.Write(v.Out, page); err != nil {
		return err
	}
	meter.end()
	return v.print(c, runs)
}

// print says what was written.
func (v *reportCmd) print(c *console, runs []*report.Run) error {
	if v.JSON {
		summary := struct {
			Page string           `json:"page"`
			Runs []report.Summary `json:"runs"`
		}{Page: v.Out}
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
	_, err := fmt.Fprintln(c.out, v.Out)
	return err
}
