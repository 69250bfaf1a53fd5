package quickstart

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/runs/result"
)

// Outcome is what the pipeline shows, and what took the time.
type Outcome struct {
	Report  string                         `json:"report"` // path of the page
	Seconds float64                        `json:"seconds"`
	Parts   []Part                         `json:"parts"`
	Results map[string]*result.Relation    `json:"results"` // of the fine-tunings, by name
	Gains   map[string]evaluate.Difference `json:"gains"`   // in micro F1, by what differs

	comparisons []Comparison
	scores      []Score
}

// Part says how long a step of the pipeline took.
type Part struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Outcome reads the results of the fine-tunings and compares them. parts are the steps that were made.
func (l *Line) Outcome(ctx context.Context, parts []Part) (*Outcome, error) {
	o := &Outcome{Report: l.Page(), Parts: parts, Results: map[string]*result.Relation{}, Gains: map[string]evaluate.Difference{}, comparisons: l.comparisons()}
	for _, p := range parts {
		o.Seconds += p.Seconds
	}
	var err error
	if o.scores, err = l.readScores(); err != nil {
		return nil, err
	}
	for _, s := range o.scores {
		o.Results[s.Name] = s.Relation
	}
	for _, each := range o.comparisons {
		r, err := compare.Runs(ctx, each.A, each.B, compare.Options{Samples: 2000, Seed: 1})
		if err != nil {
			return nil, err
		}
		o.Gains[each.Name] = r.Tests[0]
	}
	return o, nil
}

// WriteText writes the scores, what they show, what took the time, and the path of the page.
func (o *Outcome) WriteText(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n\tP\tR\tF1\n")
	for _, s := range o.scores {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\n", s.Name, s.Micro.P, s.Micro.R, s.Micro.F1)
	}
	first := o.scores[0]
	fmt.Fprintf(w, "bag of words\t\t\t%.1f\nmost frequent relation\t\t\t%.1f\n", first.Baseline[result.BaselineWords].F1, first.Majority.F1)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range o.comparisons {
		fmt.Fprintln(to, gainText(c.Name, o.Gains[c.Name]))
		if c.Note != "" {
			fmt.Fprintln(to, c.Note)
		}
	}
	fmt.Fprintf(to, "The intervals are over the %d test sentences, with one seed. Other seeds differ by several points more, in either direction.\n\n", first.Instances)
	for _, p := range o.Parts {
		if p.Seconds >= 0.5 {
			fmt.Fprintf(w, "%s\t%s\n", p.Name, readable.Seconds(p.Seconds))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "\nTook %s. Open %s\n", readable.Seconds(o.Seconds), o.Report)
	return err
}

// gainText says what a difference in micro F1 shows.
func gainText(what string, d evaluate.Difference) string {
	text := fmt.Sprintf("Gain of %s: %+.1f points of F1", what, d.Delta)
	if d.Low == nil {
		return text
	}
	return text + fmt.Sprintf(", 95 %% interval %+.1f to %+.1f.", *d.Low, *d.High)
}
