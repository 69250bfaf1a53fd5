package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/quickstart"
	"github.com/subbert/subbert/runs/result"
)

type quickstartCmd struct {
	Dir       string   `default:"quickstart" help:"Directory to make." placeholder:"DIR"`
	Text      []string `help:"Your own texts instead of the made-up ones (JSON lines or plain text)." placeholder:"FILE"`
	Relations string   `help:"Your own marked sentences instead of the made-up ones (index, sentence, label)." placeholder:"FILE"`
	Query     string   `help:"What to select; the default goes with the made-up sample, and your own texts are all taken." placeholder:"QUERY"`
	Vocab     string   `help:"Vocabulary for your own texts; without it one is learned from them." placeholder:"FILE" type:"existingfile"`
	JSON      bool     `name:"json" help:"Print the scores as JSON."`
}

func (v *quickstartCmd) Help() string {
	return `Runs the whole line and shows each command before it runs it: select texts, shard them, pre-train a small BERT, fine-tune the [CLS] baseline and the attention head from it and from a random start, score, and write a page with curves and tables. The files of the runs stay, to change and to run again.`
}

func (v *quickstartCmd) Run(c *console) error {
	started := time.Now()
	line := &quickstart.Line{Dir: v.Dir, Texts: v.Text, Query: v.Query, Relations: v.Relations, Vocab: v.Vocab, Notes: c.err}
	steps, err := line.Steps()
	var exists *quickstart.ExistsError
	if errors.As(err, &exists) {
		return misused(err)
	}
	if err != nil {
		return err
	}
	for _, s := range steps {
		fmt.Fprintf(c.err, "\n== %s\n", s.Title)
		if s.Make != nil {
			if err := s.Make(c.ctx); err != nil {
				return err
			}
		}
		if s.Command != nil {
			if err := c.call(s.Command()); err != nil {
				return err
			}
		}
	}
	scores, err := line.Scores()
	if err != nil {
		return err
	}
	took := time.Since(started)
	results := map[string]*result.Relation{}
	for _, s := range scores {
		results[s.Name] = s.Relation
	}
	out := map[string]any{"report": line.Page(), "seconds": took.Seconds(), "results": results}
	return c.show(v.JSON, out, func(w io.Writer) error { return printScoresOf(w, line, scores, took) })
}

// call shows a command of this program and runs it, in this process. The result it prints goes to the log.
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

// printScoresOf prints the scores beside each other and the page to open.
func printScoresOf(to io.Writer, line *quickstart.Line, scores []quickstart.Score, took time.Duration) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n\tP\tR\tF1\n")
	for _, s := range scores {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\n", s.Name, s.Micro.P, s.Micro.R, s.Micro.F1)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "Micro-averaged over the labels that are a relation; always answering the most frequent of them scores %.1f.\nOne seed each: differences of a few points mean nothing.\nTook %s. Open %s\n", scores[0].Majority.F1, span(took), line.Page())
	return err
}
