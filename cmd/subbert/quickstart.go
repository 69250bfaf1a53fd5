package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/quickstart"
	"github.com/subbert/subbert/runs/result"
)

type quickstartCmd struct {
	Dir       string   `default:"quickstart" help:"Directory to make." placeholder:"DIR"`
	Text      []string `help:"Your own texts instead of the made-up ones (JSON lines or plain text)." placeholder:"FILE"`
	Relations string   `help:"Your own marked sentences instead of the made-up ones (index, sentence, label)." placeholder:"FILE"`
	Query     string   `help:"What to select; the default goes with the made-up sample, and your own texts are all taken." placeholder:"QUERY"`
	Vocab     string   `help:"Vocabulary for your own texts; without it one is learned from them." placeholder:"FILE" type:"existingfile"`
	Brief     bool     `hidden:"" help:"A few steps of everything, to see whether it works; tests use it."`
	JSON      bool     `name:"json" help:"Print the scores as JSON."`
	outputFlag
}

func (v *quickstartCmd) Help() string {
	return `Runs the whole line and shows each command before it runs it: select texts, shard them, pre-train a small BERT, fine-tune classifiers from it and from a random start, score, and write a page with curves and tables. At the end it prints what pre-training and the attention head bring, with intervals, and what took the time. The files of the runs stay, to change and to run again.`
}

// quickstartResult is what quickstart --json prints.
type quickstartResult struct {
	Report  string                         `json:"report"`
	Seconds float64                        `json:"seconds"`
	Parts   []quickstartPart               `json:"parts"`
	Results map[string]*result.Relation    `json:"results"`
	Gains   map[string]evaluate.Difference `json:"gains"`
}

// quickstartPart says how long a step of the pipeline took.
type quickstartPart struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

func (v *quickstartCmd) Run(c *console) error {
	return v.replacing(c, v.Dir, "pretrain.toml", func() error { return v.run(c) })
}

func (v *quickstartCmd) run(c *console) error {
	line := &quickstart.Line{Dir: v.Dir, Texts: v.Text, Query: v.Query, Relations: v.Relations, Vocab: v.Vocab, Brief: v.Brief, Notes: c.err}
	steps, err := line.Steps()
	var exists *quickstart.ExistsError
	if errors.As(err, &exists) {
		return misused(err)
	}
	if err != nil {
		return err
	}
	out := quickstartResult{Report: line.Page(), Results: map[string]*result.Relation{}, Gains: map[string]evaluate.Difference{}}
	for _, s := range steps {
		started := time.Now()
		if err := c.step(s); err != nil {
			return err
		}
		out.Parts = append(out.Parts, quickstartPart{s.Name, time.Since(started).Seconds()})
		out.Seconds += time.Since(started).Seconds()
	}
	scores, err := line.Scores()
	if err != nil {
		return err
	}
	for _, s := range scores {
		out.Results[s.Name] = s.Relation
	}
	for _, each := range line.Comparisons() {
		r, err := compare.Runs(c.ctx, each.A, each.B, compare.Options{Samples: 2000, Seed: 1})
		if err != nil {
			return err
		}
		out.Gains[each.Name] = r.Tests[0]
	}
	return c.show(v.JSON, out, func(w io.Writer) error { return printQuickstart(w, line, scores, out) })
}

// step carries out a step of the pipeline.
func (c *console) step(s quickstart.Step) error {
	fmt.Fprintf(c.err, "\n== %s\n", s.Title)
	if s.Make != nil {
		if err := s.Make(c.ctx); err != nil {
			return err
		}
	}
	if s.Command == nil {
		return nil
	}
	return c.call(s.Command())
}

// call prints a command of this program and runs it in this process. The result that it prints goes to the log.
func (c *console) call(args []string) error {
	shown := make([]string, len(args))
	for i, a := range args {
		if shown[i] = a; strings.ContainsAny(a, " *") {
			shown[i] = "'" + a + "'"
		}
	}
	fmt.Fprintf(c.err, "$ subbert %s\n", strings.Join(shown, " "))
	if err := invoke(c.ctx, c.withFlags(args), c.in, c.err, c.err); err != nil {
		return fmt.Errorf("subbert %s: %w", args[0], err)
	}
	return nil
}

// printQuickstart prints the scores, what they show, what took the time, and the path of the page.
func printQuickstart(to io.Writer, line *quickstart.Line, scores []quickstart.Score, r quickstartResult) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n\tP\tR\tF1\n")
	for _, s := range scores {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\n", s.Name, s.Micro.P, s.Micro.R, s.Micro.F1)
	}
	first := scores[0]
	fmt.Fprintf(w, "bag of words\t\t\t%.1f\nmost frequent relation\t\t\t%.1f\n", first.Baseline[result.BaselineWords].F1, first.Majority.F1)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range line.Comparisons() {
		fmt.Fprintln(to, gainText(c.Name, r.Gains[c.Name]))
		if c.Note != "" {
			fmt.Fprintln(to, c.Note)
		}
	}
	fmt.Fprintf(to, "The intervals are over the %d test sentences, with one seed. Other seeds differ by several points more, in either direction.\n\n", first.Instances)
	for _, p := range r.Parts {
		if p.Seconds >= 0.5 {
			fmt.Fprintf(w, "%s\t%s\n", p.Name, span(time.Duration(p.Seconds*float64(time.Second))))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "\nTook %s. Open %s\n", span(time.Duration(r.Seconds*float64(time.Second))), r.Report)
	return err
}

// gainText says what a difference in micro F1 shows.
func gainText(what string, d evaluate.Difference) string {
	text := fmt.Sprintf("What %s brings: %+.1f points of F1", what, d.Delta)
	if d.Low == nil {
		return text
	}
	return text + fmt.Sprintf(", 95 %% interval %+.1f to %+.1f.", *d.Low, *d.High)
}
