package relations

import (
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// abstract is a text annotated as a whole, from which pairs of mentions in one sentence are taken.
type abstract struct {
	id       string
	split    string
	text     string
	sections []text.Span // title, abstract, ...: no sentence crosses from one to the next
	mentions []annotation
	relate   func(a, b annotation) []string // the labels of a pair; none if it is negative
}

// annotation is a mention under the name that pair ids are made of.
type annotation struct {
	Mention
	name string
}

// pairs are the examples of a: by sentence, then by where the mentions start. A pair with several labels is
// several examples, of which the second and later carry the label in their id.
func (a *abstract) pairs(o Options) ([]Example, error) {
	mentions := slices.Clone(a.mentions)
	slices.SortStableFunc(mentions, func(m, n annotation) int { return text.Compare(m.Hull(), n.Hull()) })
	sentences, err := a.sentences(mentions, o)
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, s := range sentences {
		in := inside(s, mentions)
		all := make([]Mention, len(in))
		for i, m := range in {
			all[i] = m.Mention
		}
		for i, m := range in {
			for j, n := range in {
				if !paired(o.Types, i, j, m, n) {
					continue
				}
				e := Example{ID: a.id + "." + m.name + "." + n.name, Document: a.id, Split: a.split, Fold: NoFold,
					Text: a.text[s.Start:s.End], A: m.Mention, B: n.Mention, Mentions: all}
				out = append(out, labelled(e, a.relate(m, n), o.negative())...)
			}
		}
	}
	return out, nil
}

// paired says whether mentions i and j of a sentence make a pair: of the two types in their order, or any two.
func paired(types [2]string, i, j int, a, b annotation) bool {
	if types == [2]string{} {
		return i < j
	}
	fits := strings.EqualFold(a.Type, types[0]) && strings.EqualFold(b.Type, types[1])
	return fits && (i < j || !strings.EqualFold(types[0], types[1]))
}

func labelled(e Example, labels []string, negative string) []Example {
	if len(labels) == 0 {
		e.Label = negative
		return []Example{e}
	}
	out := make([]Example, len(labels))
	for i, l := range labels {
		out[i] = e
		out[i].Label = l
		if i > 0 {
			out[i].ID += "." + l
		}
	}
	return out
}

// inside are the mentions that lie in sentence s, with spans counted from its start.
func inside(s text.Span, mentions []annotation) []annotation {
	var out []annotation
	for _, m := range mentions {
		h := m.Hull()
		if h.Start < s.Start || h.End > s.End {
			continue
		}
		m.Spans = slices.Clone(m.Spans)
		for i := range m.Spans {
			m.Spans[i].Start -= s.Start
			m.Spans[i].End -= s.Start
		}
		out = append(out, m)
	}
	return out
}

// sentences splits the sections of a. Sentences that a mention would straddle are joined: the splitter was wrong
// there.
func (a *abstract) sentences(mentions []annotation, o Options) ([]text.Span, error) {
	var out []text.Span
	for _, sec := range a.sections {
		for _, s := range o.Sentences(a.text[sec.Start:sec.End]) {
			s = text.Span{Start: s.Start + sec.Start, End: s.End + sec.Start}
			if s.Start < sec.Start || s.End > sec.End || s.Start > s.End {
				return nil, fmt.Errorf("document %s: the splitter put a sentence at bytes %d-%d, outside its text", a.id, s.Start, s.End)
			}
			out = append(out, s)
		}
	}
	for _, m := range mentions {
		out = joined(out, m.Hull())
	}
	return out, nil
}

// joined replaces the sentences that share a byte with h by one that also holds h; none changes if one holds h.
func joined(sentences []text.Span, h text.Span) []text.Span {
	whole := h
	var out []text.Span
	for _, s := range sentences {
		if !s.Overlaps(h) {
			out = append(out, s)
			continue
		}
		whole = whole.Union(s)
	}
	at, _ := slices.BinarySearchFunc(out, whole, text.Compare)
	return slices.Insert(out, at, whole)
}
