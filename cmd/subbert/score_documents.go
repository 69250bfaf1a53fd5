package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/subbert/subbert/data/concepts"
	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
)

// documentScore is what score --level document prints.
type documentScore struct {
	Level string `json:"level"`
	concepts.Report
	MinProbability float64  `json:"min_probability"`
	Ceiling        *ceiling `json:"ceiling,omitempty"`
	Hypernyms      string   `json:"hypernyms"` // what is done with pairs of a more general concept
}

// ceiling is what pairs up to some sentences apart can find.
type ceiling struct {
	Within    int     `json:"within"`
	Reachable int     `json:"reachable"`
	Recall    float64 `json:"recall"`
}

// documents compares the relations of concepts in articles.
func (v *scoreCmd) documents(c *console) error {
	types, err := request.PairTypes(v.Types)
	if err != nil {
		return err
	}
	gold, _, err := concepts.Gold(v.Gold)
	if err != nil {
		return err
	}
	found, err := concepts.Combine(extracted.Read(v.Pred), cmp.Or(v.Negative, "false"))
	if err != nil {
		return err
	}
	s := documentScore{Level: v.Level, Report: concepts.Compare(gold, found, v.MinProbability), MinProbability: v.MinProbability, Hypernyms: "kept"}
	if err := s.agree(v); err != nil {
		return err
	}
	if v.Within != nil {
		examples, err := request.Stream(c.ctx, "pubtator", v.Gold, relations.Options{Types: types, Within: *v.Within})
		if err != nil {
			return err
		}
		n, err := concepts.Reachable(gold, examples)
		if err != nil {
			return err
		}
		s.Ceiling = &ceiling{*v.Within, n, 100 * float64(n) / float64(len(gold))}
	}
	return c.show(v.JSON, s, s.print)
}

// agree refuses predictions none of whose labels is a right one's.
func (s *documentScore) agree(v *scoreCmd) error {
	var right, predicted []string
	for _, l := range slices.Sorted(maps.Keys(s.Labels)) {
		if s.Labels[l].Gold > 0 {
			right = append(right, l)
		}
		if s.Labels[l].Predicted > 0 {
			predicted = append(predicted, l)
		}
	}
	if len(predicted) > 0 && !slices.ContainsFunc(predicted, func(l string) bool { return slices.Contains(right, l) }) {
		return fmt.Errorf("%s has the labels %v and %s has %v; none is in both (--negative names the one that means no relation)", v.Gold, right, v.Pred, predicted)
	}
	return nil
}

func (s *documentScore) print(w io.Writer) error {
	for _, l := range slices.Sorted(maps.Keys(s.Labels)) {
		printDocumentScore(w, l, s.Labels[l])
	}
	printDocumentScore(w, "micro", s.Micro)
	if c := s.Ceiling; c != nil {
		fmt.Fprintf(w, "pairs up to %d sentences apart reach %d of %d relations, a recall of %.1f\n", c.Within, c.Reachable, s.Micro.Gold, c.Recall)
	}
	_, err := fmt.Fprintln(w, "pairs of more general concepts count as any other")
	return err
}

func printDocumentScore(w io.Writer, name string, s concepts.Score) {
	fmt.Fprintf(w, "%s: P %.2f R %.2f F1 %.2f; %d right of %d predicted, %d gold\n", name, s.Precision, s.Recall, s.F1, s.Right, s.Predicted, s.Gold)
}
