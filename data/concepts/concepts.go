// Package concepts combines what is said of pairs of mentions into relations of concepts in an article, as curators and the BioCreative V
// evaluation state them, and counts how many are right.
//
// A relation has a label and two identifiers without an order. A mention that names several concepts, "D1|D2", stands for each of
// them. Identifiers are compared without the prefix MESH:, which some files write and some do not. Nothing is filtered by a hierarchy of
// terms: a pair of a more general disease counts as any other.
package concepts

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/relations"
)

// Fact is a relation between two concepts in an article.
type Fact struct {
	Document, Label string
	A, B            string // ascending
}

// of is the fact that two identifiers name.
func of(document, label, a, b string) Fact {
	a, b = plain(a), plain(b)
	return Fact{document, label, min(a, b), max(a, b)}
}

// plain is an identifier without the prefix of MeSH.
func plain(id string) string {
	if len(id) > 5 && strings.EqualFold(id[:5], "MESH:") {
		return id[5:]
	}
	return id
}

// Gold reads the relations that a file in PubTator's text form states, and how many lines state them.
func Gold(path string) (facts map[Fact]bool, lines int, err error) {
	facts = map[Fact]bool{}
	for d, err := range pubtator.Open(path, pubtator.Options{Strict: true}) {
		if err != nil {
			return nil, 0, err
		}
		for _, r := range d.Relations {
			facts[of(d.ID, r.Type, r.A, r.B)] = true
			lines++
		}
	}
	if lines == 0 {
		return nil, 0, fmt.Errorf("%s: it states no relation", path)
	}
	return facts, lines, nil
}

// Combined is a fact with the rows that say it.
type Combined struct {
	Fact
	Rows     int
	Best     float32 // the greatest probability of a row
	Together float64 // that at least one row is right, if they erred independently
}

// Combine combines rows of pairs of mentions, but for those of the label negative. Facts come in the order of their first row.
func Combine(rows iter.Seq2[extracted.Row, error], negative string) ([]Combined, error) {
	var out []Combined
	at := map[Fact]int{}
	for r, err := range rows {
		if err != nil {
			return nil, err
		}
		if r.Label == negative {
			continue
		}
		for f := range factsOf(r.PMID, r.Label, r.AID, r.BID) {
			i, known := at[f]
			if !known {
				i = len(out)
				at[f] = i
				out = append(out, Combined{Fact: f})
			}
			c := &out[i]
			c.Rows++
			c.Best = max(c.Best, r.Probability)
			c.Together = 1 - (1-c.Together)*(1-float64(r.Probability))
		}
	}
	return out, nil
}

// factsOf yields the facts that a pair of mentions stands for. A concept is not related to itself.
func factsOf(document, label, a, b string) iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for _, x := range each(a) {
			for _, y := range each(b) {
				if f := of(document, label, x, y); f.A != f.B && !yield(f) {
					return
				}
			}
		}
	}
}

// each are the concepts that an identifier names.
func each(id string) []string {
	all := pubtator.Concepts(id)
	return slices.DeleteFunc(all, func(c string) bool { return len(relations.Concepts(c)) == 0 })
}

// Score is how the facts that were found compare with the right ones. Figures are in percent.
type Score struct {
	Gold      int     `json:"gold"`
	Predicted int     `json:"predicted"`
	Right     int     `json:"right"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

func (s *Score) finish() {
	s.Precision, s.Recall = 100*float64(s.Right)/float64(max(1, s.Predicted)), 100*float64(s.Right)/float64(max(1, s.Gold))
	if s.Right > 0 {
		s.F1 = 2 * s.Precision * s.Recall / (s.Precision + s.Recall)
	}
}

// Report is a score over all labels, and that of each.
type Report struct {
	Micro  Score            `json:"micro"`
	Labels map[string]Score `json:"labels"`
}

// Compare scores the facts found whose best row is at least as probable as least.
func Compare(gold map[Fact]bool, found []Combined, least float64) Report {
	r := Report{Labels: map[string]Score{}}
	count := func(label string, gold, predicted, right int) {
		s := r.Labels[label]
		r.Labels[label] = Score{Gold: s.Gold + gold, Predicted: s.Predicted + predicted, Right: s.Right + right}
		r.Micro = Score{Gold: r.Micro.Gold + gold, Predicted: r.Micro.Predicted + predicted, Right: r.Micro.Right + right}
	}
	for f := range gold {
		count(f.Label, 1, 0, 0)
	}
	for _, c := range found {
		if float64(c.Best) < least {
			continue
		}
		right := 0
		if gold[c.Fact] {
			right = 1
		}
		count(c.Label, 0, 1, right)
	}
	r.Micro.finish()
	for label, s := range r.Labels {
		s.finish()
		r.Labels[label] = s
	}
	return r
}

// Reachable is how many of gold are between two mentions that make one of examples.
func Reachable(gold map[Fact]bool, examples iter.Seq2[relations.Example, error]) (int, error) {
	found := map[Fact]bool{}
	for e, err := range examples {
		if err != nil {
			return 0, err
		}
		for f := range factsOf(e.Document, e.Label, e.A.ID, e.B.ID) {
			if gold[f] {
				found[f] = true
			}
		}
	}
	return len(found), nil
}
