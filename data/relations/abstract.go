package relations

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/text"
)

// abstract is a text that is annotated as a whole. Its pairs are mentions in one sentence or in sentences close together.
type abstract struct {
	id       string
	split    string
	text     string
	sections []text.Span // title, abstract, ...: no sentence crosses a section boundary
	passages []passage   // parts of text, ascending; nil if the source has no positions worth keeping
	mentions []annotation
	relate   func(a, b annotation) []string // the labels of a pair; nil if it is negative
	stated   []Fact                         // relations between concepts
	oneSpan  bool                           // two mentions with the same span make a pair: ChemProt's published counts include such pairs
}

// annotation is a mention with the name that appears in pair ids.
type annotation struct {
	Mention
	name    string
	concept string // the identifier of the concept that it names, if the source has one
}

// withoutNUL removes the NUL characters from the text and the mentions of a.
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
	for i := range a.passages {
		a.passages[i].Span = move(a.passages[i].Span)
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

// pairs returns the examples that each yields.
func (a *abstract) pairs(o Options) ([]Example, error) {
	var out []Example
	for e, err := range a.each(o) {
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// each yields the examples of a, ordered by the sentence of the first mention, then by the number of sentences that the
// pair spans, then by the starts of the mentions. A pair with several labels becomes several examples; the ids of the
// second and later ones end in the label. A span makes no pair with itself.
func (a *abstract) each(o Options) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		a.withoutNUL(o)
		mentions := slices.Clone(a.mentions)
		slices.SortStableFunc(mentions, func(m, n annotation) int { return text.Compare(m.Hull(), n.Hull()) })
		sentences, err := a.sentences(mentions, o)
		if err != nil {
			yield(Example{}, err)
			return
		}
		of := make([]int, len(sentences)+1) // of[i] is the first mention of sentence i
		for i, s := range sentences {
			n := of[i]
			for n < len(mentions) && s.Holds(mentions[n].Hull()) {
				n++
			}
			of[i+1] = n
		}
		paired := newPaired(a.stated)
		p := pairing{a: a, o: o, count: counter{a: a, in: -1}, yield: func(e Example) bool { paired.see(&e); return yield(e, nil) }}
		for i := range sentences {
			if of[i] < of[i+1] && !p.from(sentences[i:min(i+o.Within+1, len(sentences))], of[i:], mentions) {
				return
			}
		}
		if o.Covered != nil {
			o.Covered(a.split, paired.coverage())
		}
	}
}

// pairing makes the examples of an abstract.
type pairing struct {
	a      *abstract
	o      Options
	count  counter
	yield  func(Example) bool
	looked int // pairs of the current first sentence so far
}

// from makes the pairs of a mention in the first of sentences with a mention in any of them, and reports whether to
// continue. Sentence i has the mentions of[i] to of[i+1].
func (p *pairing) from(sentences []text.Span, of []int, mentions []annotation) bool {
	p.looked = 0
	all := within(sentences[0], mentions[of[0]:of[len(sentences)]])
	for last, s := range sentences {
		in := all[:of[last+1]-of[0]]
		pairs := couples(in, p.o.Types)
		if last > 0 {
			if of[last] == of[last+1] {
				continue
			}
			pairs = across(in, of[last]-of[0], of[1]-of[0], p.o.Types)
		}
		if more, full := p.over(sentences[0].Union(s), in, pairs); !more || full {
			return more
		}
	}
	return true
}

// over makes the examples of text s, which has the mentions in. more reports whether the consumer wants more examples,
// full whether the first sentence has reached its limit of pairs.
func (p *pairing) over(s text.Span, in []annotation, pairs iter.Seq2[int, int]) (more, full bool) {
	all := make([]Mention, len(in))
	for i, m := range in {
		all[i] = m.Mention
	}
	sentence, section, start, limit := s.Of(p.a.text), p.a.section(s.Start), p.count.position(s.Start), p.o.maxPairs(s)
	for i, j := range pairs {
		if p.looked++; p.looked > limit {
			p.o.bounded("document %s: a sentence with %d mentions has more than %d pairs: %.60q; the others are left out", p.a.id, len(in), limit, sentence)
			return true, true
		}
		m, n := in[i], in[j]
		if !p.a.oneSpan && slices.Equal(m.Spans, n.Spans) {
			continue
		}
		e := Example{ID: p.a.id + "." + m.name + "." + n.name, Document: p.a.id, Split: p.a.split, Fold: NoFold,
			Text: sentence, A: m.Mention, B: n.Mention, Mentions: all}
		if len(p.a.passages) > 0 {
			e.Place = &Place{Section: section, Sentence: sentence, Start: start,
				A: p.a.named(shifted(m, s.Start), &p.count), B: p.a.named(shifted(n, s.Start), &p.count)}
		}
		for _, e := range labelled(e, p.a.relate(m, n), p.o.negative()) {
			if !p.yield(e) {
				return false, false
			}
		}
	}
	return true, false
}

// ofTypes returns the mentions of the two types of a pair. ordered reports whether the mention that comes first in the
// text is the first of the pair.
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

// couples yields the mentions i and j that make a pair: of the two types in their order, or any two.
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

// across yields the couples of one of the first n mentions with a mention from late on.
func across(mentions []annotation, late, n int, types [2]string) iter.Seq2[int, int] {
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

// isType reports whether kind is the type want. want may be a short name.
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

// within returns the mentions of sentence s with spans relative to its start.
func within(s text.Span, mentions []annotation) []annotation {
	out := make([]annotation, len(mentions))
	for i, m := range mentions {
		out[i] = shifted(m, -s.Start)
	}
	return out
}

// shifted returns m with its spans moved by n bytes.
func shifted(m annotation, n int) annotation {
	m.Spans = slices.Clone(m.Spans)
	for i := range m.Spans {
		m.Spans[i] = m.Spans[i].Shift(n)
	}
	return m
}

// sentences splits the sections of a into sentences. It joins sentences that share a mention: the splitter was wrong
// there.
func (a *abstract) sentences(mentions []annotation, o Options) ([]text.Span, error) {
	var all []text.Span
	for _, sec := range a.sections {
		for _, s := range o.Sentences(sec.Of(a.text)) {
			if s = s.Shift(sec.Start); s.Start < sec.Start || s.End > sec.End || s.Start > s.End {
				return nil, fmt.Errorf("document %s: the sentence splitter returned bytes %d-%d, outside the text", a.id, s.Start, s.End)
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
