package relations

import (
	"fmt"
	"iter"
	"slices"

	"github.com/subbert/subbert/data/text"
)

// Mention is a name in a text. A discontinuous mention has several spans ("mu- and delta-selective opioids").
type Mention struct {
	Spans   []text.Span // ascending and not empty; nil if the mention is not in the text
	Type    string      // the class that appears in tags: DRUG, PROTEIN, CHEMICAL, GENE, ...
	Subtype string      // the class as the corpus writes it: brand, group, GENE-Y, ...
	ID      string      // the id in the corpus
	Surface string      // the name in the corpus, which may differ from the text under the spans
}

// Found reports whether m is in the text.
func (m Mention) Found() bool { return len(m.Spans) > 0 }

// Hull returns the span from the first start of m to its last end, or the zero span if m is not in the text.
func (m Mention) Hull() text.Span {
	if !m.Found() {
		return text.Span{}
	}
	h := m.Spans[0]
	for _, s := range m.Spans[1:] {
		h = h.Union(s)
	}
	return h
}

// Under returns the text under the spans of m, joined by spaces.
func (m Mention) Under(text string) string {
	out := ""
	for i, s := range m.Spans {
		if i > 0 {
			out += " "
		}
		out += text[s.Start:s.End]
	}
	return out
}

// NoFold is the Fold of an example in a corpus without folds.
const NoFold = -1

// Example is a pair of mentions in a sentence.
type Example struct {
	ID       string // the id of the pair in the corpus; the index column of a TSV
	Document string
	Split    string // train, dev, test, or empty if the corpus does not say
	Fold     int    // the fold this example is tested in, from 0, or NoFold
	Text     string // the sentence, unchanged
	A, B     Mention
	Mentions []Mention // all mentions of the sentence, including A and B; the examples of the sentence share the slice
	Label    string    // empty if the corpus has no labels
	Place    *Place    // the place in the document, in formats that annotate whole texts with positions (pubtator, bioc, jsonl); else nil
}

// check returns the first fault in the spans of e.
func (e *Example) check() error {
	for _, m := range []*Mention{&e.A, &e.B} {
		for _, s := range m.Spans {
			if s.Start < 0 || s.End > len(e.Text) || s.Start >= s.End {
				return fmt.Errorf("pair %s: mention %q at bytes %d-%d, outside a text of %d bytes", e.ID, m.Surface, s.Start, s.End, len(e.Text))
			}
		}
	}
	return nil
}

// checked yields the examples of seq. At the first example that is wrong or repeats an earlier one it yields an error
// and ends.
func checked(seq iter.Seq2[Example, error]) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		seen := map[string]bool{}
		for e, err := range seq {
			if err == nil {
				err = e.check()
			}
			if err == nil && seen[e.ID] {
				err = fmt.Errorf("pair %s appears twice in the corpus", e.ID)
			}
			if err != nil {
				yield(Example{}, err)
				return
			}
			seen[e.ID] = true
			if !yield(e, nil) {
				return
			}
		}
	}
}

// failed yields only err.
func failed(err error) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) { yield(Example{}, err) }
}

// Collect returns the examples of seq, or its first error.
func Collect(seq iter.Seq2[Example, error]) ([]Example, error) {
	var out []Example
	for e, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// sortSpans puts the spans of a mention in ascending order.
func sortSpans(s []text.Span) { slices.SortFunc(s, text.Compare) }
