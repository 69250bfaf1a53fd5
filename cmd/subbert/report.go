package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs/result"
)

// reportCmd turns run directories into one page.
type reportCmd struct {
	Runs    []string `arg:"" name:"run" help:"Run directories, as subbert pretrain and finetune leave them."`
	Out     string   `short:"o" default:"report.html" help:"The page to write." placeholder:"FILE"`
	Title   string   `help:"The heading of the page." placeholder:"TEXT"`
	Unigram float64  `name:"unigram-entropy" help:"Entropy of the text's single pieces in nats, drawn beside the masked-LM loss." placeholder:"NATS" range:"0..1e3"`
	Export  string   `help:"Write the page's figures, as SVG and PNG, and its tables, as CSV and LaTeX, into this directory, too." placeholder:"DIR"`
	JSON    bool     `help:"Print a summary of the runs as JSON."`
	outputFlag
}

func (v *reportCmd) Help() string {
	return `Says what came of one or more runs in one HTML file that needs no network: a verdict in words, scores with intervals beside the baseline run and the bag of words, and folded away scores by label, confusion matrices, curves over steps, tokens and time, and what ran where. The baseline run is the first with cls pooling, or else the first. Runs are called by what differs between their configs; those that differ in their seed alone are shown as one. A run that is still going, or was interrupted, is shown as far as it got. Directories that are no runs are passed over.`
}

func (v *reportCmd) Run(c *console) error {
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
	defer meter.end()
	runs, err := v.read(c, meter)
	if err != nil {
		return err
	}
	page, err := report.Compose(c.ctx, runs, report.Options{Title: v.Title, Path: out, Export: v.Export, UnigramEntropy: v.Unigram, Made: time.Now()})
	if err != nil {
		return err
	}
	if err := report.Write(out, page); err != nil {
		return err
	}
	if v.Export != "" {
		if err := report.Export(v.Export, page); err != nil {
			return err
		}
	}
	meter.end()
	return v.print(c, runs, page)
}

// read reads the runs. It skips paths that exist and are not runs, with a line for each, as long as one of the others
// is a run.
func (v *reportCmd) read(c *console, meter *meter) ([]*report.Run, error) {
	var runs []*report.Run
	var seen []string
	var none error // for the first path that is not a run
	for _, dir := range v.Runs {
		if slices.Contains(seen, filepath.Clean(dir)) {
			return nil, misusef("%s is named twice", dir)
		}
		seen = append(seen, filepath.Clean(dir))
		r, err := report.ReadRun(c.ctx, dir, meter.reading(dir))
		var other *report.NotRunError
		if errors.As(err, &other) {
			if none == nil {
				none = err
			}
			if len(v.Runs) > 1 {
				c.log.Warn("passed over: no run directory", "path", dir, "lacks", result.ConfigFile)
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	if len(runs) == 0 && len(v.Runs) > 1 {
		return nil, fmt.Errorf("none of the %d arguments is a run directory: %w", len(v.Runs), none)
	}
	if len(runs) == 0 {
		return nil, none
	}
	return runs, nil
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
