package relations

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/text"
)

// abstract is a text annotated as a whole, from which pairs of mentions in one sentence, or a few apart, are taken.
type abstract struct {
	id       string
	split    string
	text     string
	sections []text.Span // title, abstract, ...: no sentence crosses from one to the next
	mentions []annotation
	relate   func(a, b annotation) []string // the labels of a pair; none if it is negative
	stated   []Fact                         // relations between concepts
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

// pairs are the examples of a: by the sentence of the mention that comes first, then by how many sentences the pair spans, then by where
// the mentions start. A pair with several labels is several examples, of which the second and later carry the label in their
// id. A span makes no pair with itself.
func (a *abstract) pairs(o Options) ([]Example, error) {
	a.withoutNUL(o)
	mentions := slices.Clone(a.mentions)
	slices.SortStableFunc(mentions, func(m, n annotation) int { return text.Compare(m.Hull(), n.Hull()) })
	sentences, err := a.sentences(mentions, o)
	if err != nil {
		return nil, err
	}
	of := make([]int, len(sentences)+1) // of[i] is the first mention of sentence i
	for i, s := range sentences {
		n := of[i]
		for n < len(mentions) && s.Holds(mentions[n].Hull()) {
			n++
		}
		of[i+1] = n
	}
	p := pairing{a: a, o: o}
	for i := range sentences {
		if of[i] < of[i+1] {
			p.from(sentences[i:min(i+o.Within+1, len(sentences))], of[i:], mentions)
		}
	}
	if o.Covered != nil {
		o.Covered(a.split, a.coverage(p.out))
	}
	return p.out, nil
}

// pairing makes the examples of an abstract.
type pairing struct {
	a      *abstract
	o      Options
	out    []Example
	looked int // pairs of the sentence at hand
}

// from makes the pairs of a mention of the first of sentences with one of any of them. Sentence i has the mentions from of[i] to
// of[i+1].
func (p *pairing) from(sentences []text.Span, of []int, mentions []annotation) {
	p.looked = 0
	all := within(sentences[0], mentions[of[0]:of[len(sentences)]])
	for last, s := range sentences {
		in := all[:of[last+1]-of[0]]
		pairs := couples(in, p.o.Types)
		if last > 0 {
			if of[last] == of[last+1] {
				continue
			}
			pairs = across(in, of[1]-of[0], of[last]-of[0], p.o.Types)
		}
		if full := p.over(sentences[0].Union(s), in, pairs); full {
			return
		}
	}
}

// over makes the examples of text s, whose mentions are in. It reports whether the first sentence has as many pairs as it may have.
func (p *pairing) over(s text.Span, in []annotation, pairs iter.Seq2[int, int]) (full bool) {
	all := make([]Mention, len(in))
	for i, m := range in {
		all[i] = m.Mention
	}
	limit := p.o.maxPairs(s)
	for i, j := range pairs {
		if p.looked++; p.looked > limit {
			p.o.warn("document %s: a sentence with %d mentions makes more than %d pairs: %.60q; the others are left out", p.a.id, len(in), limit, s.Of(p.a.text))
			return true
		}
		m, n := in[i], in[j]
		if !p.a.oneSpan && slices.Equal(m.Spans, n.Spans) {
			continue
		}
		e := Example{ID: p.a.id + "." + m.name + "." + n.name, Document: p.a.id, Split: p.a.split, Fold: NoFold,
			Text: s.Of(p.a.text), A: m.Mention, B: n.Mention, Mentions: all}
		p.out = append(p.out, labelled(e, p.a.relate(m, n), p.o.negative())...)
	}
	return false
}

// ofTypes are the mentions of the two types of a pair, and whether the mention that comes first is the pair's first.
func ofTypes(mentions []annotation, types [2]string) (first, second []int, ordered bool) {
	of := func(typ string) (out []int) {
		for i, m := range mentions {
			if typ == "" || isType(m.Type, typ) {
				out = append(out, i)
			}
		}
		return out
	}
	return of(types[0]), of(types[1]), types[0] == types[1] || isType(types[0], types[1])
}

// couples are the mentions i and j that make a pair: of the two types in their order, or any two.
func couples(mentions []annotation, types [2]string) iter.Seq2[int, int] {
	first, second, ordered := ofTypes(mentions, types)
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

// across are the couples of one of the first n mentions and one from late on.
func across(mentions []annotation, n, late int, types [2]string) iter.Seq2[int, int] {
	first, second, ordered := ofTypes(mentions, types)
	early := func(of []int) []int { at, _ := slices.BinarySearch(of, n); return of[:at] }
	later := func(of []int) []int { at, _ := slices.BinarySearch(of, late); return of[at:] }
	return func(yield func(i, j int) bool) {
		for _, i := range early(first) {
			for _, j := range later(second) {
				if !yield(i, j) {
					return
				}
			}
		}
		if ordered {
			return
		}
		for _, j := range early(second) {
			for _, i := range later(first) {
				if !yield(i, j) {
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
