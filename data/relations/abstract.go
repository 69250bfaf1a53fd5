package relations

import (
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubtator"
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
	oneSpan  bool                           // two mentions of one span make a pair: ChemProt's published counts have them
}

// annotation is a mention under the name that pair ids are made of.
type annotation struct {
	Mention
	name string
}

// withoutNUL takes the NUL characters out of the text and the names of a.
func (a *abstract) withoutNUL(o Options) {
	clean, move := text.WithoutNUL(a.text)
	if clean == a.text {
		return
	}
	*o.nuls += len(a.text) - len(clean)
	a.text = clean
	for i := range a.sections {
		a.sections[i] = move(a.sections[i])
	}
	a.mentions = slices.DeleteFunc(a.mentions, func(m annotation) bool { return move(m.Hull()).Len() == 0 })
	for i := range a.mentions {
		m := &a.mentions[i]
		m.Surface, _ = text.WithoutNUL(m.Surface)
		spans := m.Spans
		m.Spans = nil
		for _, s := range spans {
			if s = move(s); s.Len() > 0 {
				m.Spans = append(m.Spans, s)
			}
		}
	}
}

// pairs are the examples of a: by sentence, then by where the mentions start. A pair with several labels is
// several examples, of which the second and later carry the label in their id. A span makes no pair with itself.
func (a *abstract) pairs(o Options) ([]Example, error) {
	a.withoutNUL(o)
	mentions := slices.Clone(a.mentions)
	slices.SortStableFunc(mentions, func(m, n annotation) int { return text.Compare(m.Hull(), n.Hull()) })
	sentences, err := a.sentences(mentions, o)
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, s := range sentences {
		n := 0
		for n < len(mentions) && s.Holds(mentions[n].Hull()) {
			n++
		}
		out = a.appendPairs(out, s, mentions[:n], o)
		mentions = mentions[n:]
	}
	return out, nil
}

// appendPairs appends the pairs of the mentions of sentence s.
func (a *abstract) appendPairs(out []Example, s text.Span, mentions []annotation, o Options) []Example {
	if len(mentions) < 2 {
		return out
	}
	in := within(s, mentions)
	all := make([]Mention, len(in))
	for i, m := range in {
		all[i] = m.Mention
	}
	limit, looked := o.maxPairs(s), 0
	for i, j := range couples(in, o.Types) {
		if looked++; looked > limit {
			o.warn("document %s: a sentence with %d mentions makes more than %d pairs: %.60q; the others are left out", a.id, len(in), limit, s.Of(a.text))
			break
		}
		m, n := in[i], in[j]
		if !a.oneSpan && slices.Equal(m.Spans, n.Spans) {
			continue
		}
		e := Example{ID: a.id + "." + m.name + "." + n.name, Document: a.id, Split: a.split, Fold: NoFold,
			Text: s.Of(a.text), A: m.Mention, B: n.Mention, Mentions: all}
		out = append(out, labelled(e, a.relate(m, n), o.negative())...)
	}
	return out
}

// couples are the mentions i and j that make a pair: of the two types in their order, or any two.
func couples(mentions []annotation, types [2]string) func(yield func(i, j int) bool) {
	of := func(typ string) (out []int) {
		for i, m := range mentions {
			if typ == "" || isType(m.Type, typ) {
				out = append(out, i)
			}
		}
		return out
	}
	first, second := of(types[0]), of(types[1])
	ordered := types[0] == types[1] || isType(types[0], types[1])
	return func(yield func(i, j int) bool) {
		for at, i := range first {
			rest := second
			if ordered {
				rest = first[at+1:]
			}
			for _, j := range rest {
				if i != j && !yield(i, j) {
					return
				}
			}
		}
	}
}

// isType says whether kind is the type that was asked for, which may be a short name of it.
func isType(kind, want string) bool {
	return strings.EqualFold(kind, want) || pubtator.TypeName(kind) == pubtator.TypeName(want) && pubtator.TypeName(want) != ""
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

// within are the mentions of sentence s with spans counted from its start.
func within(s text.Span, mentions []annotation) []annotation {
	out := slices.Clone(mentions)
	for i := range out {
		out[i].Spans = slices.Clone(out[i].Spans)
		for j := range out[i].Spans {
			out[i].Spans[j] = out[i].Spans[j].Shift(-s.Start)
		}
	}
	return out
}

// sentences splits the sections of a. Sentences that a mention would straddle are joined: the splitter was wrong
// there.
func (a *abstract) sentences(mentions []annotation, o Options) ([]text.Span, error) {
	var all []text.Span
	for _, sec := range a.sections {
		for _, s := range o.Sentences(sec.Of(a.text)) {
			if s = s.Shift(sec.Start); s.Start < sec.Start || s.End > sec.End || s.Start > s.End {
				return nil, fmt.Errorf("document %s: the splitter put a sentence at bytes %d-%d, outside its text", a.id, s.Start, s.End)
			}
			all = append(all, s)
		}
	}
	for _, m := range mentions {
		all = append(all, m.Hull())
	}
	slices.SortStableFunc(all, text.Compare)
	out := all[:0]
	for _, s := range all {
		if last := len(out) - 1; last >= 0 && out[last].Overlaps(s) {
			out[last] = out[last].Union(s)
		} else {
			out = append(out, s)
		}
	}
	return out, nil
}
