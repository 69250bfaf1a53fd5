package relations

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// Marking is the way in which a sentence shows a model the two mentions of a pair.
type Marking string

// The markings. The rest of the text is unchanged.
const (
	// Tag replaces the hull of each mention by @TYPE$; mentions that overlap become one tag with both types,
	// @DRUG-DRUG$. This is the published anonymised form (BLUE), and the paper's.
	Tag Marking = "tag"
	// TypedMarker keeps the mentions and puts <e1:TYPE> ... </e1:TYPE> and <e2:TYPE> ... </e2:TYPE> around them.
	TypedMarker Marking = "typed_marker"
	// EntityMask is Tag, and also replaces every other mention of the sentence by @OTHER$.
	EntityMask Marking = "entity_mask"
	// Unmarked does not change the sentence.
	Unmarked Marking = "none"
)

// Markings returns the values of Marking.
func Markings() []Marking { return []Marking{Tag, TypedMarker, EntityMask, Unmarked} }

// Marked is a sentence as a model sees it. A and B are the spans of the two mentions, marks included. They are equal if
// one tag replaces both mentions, and zero for a mention that is not in the text.
type Marked struct {
	Text string
	A, B text.Span
}

// edit replaces a span of the sentence, possibly an empty one.
type edit struct {
	at   text.Span
	text string
	a, b bool // the edit replaces this mention, or is one of its two marks
}

// Mark returns the sentence of e marked by m. It panics if m is not one of Markings.
func (m Marking) Mark(e Example) Marked {
	switch m {
	case Tag:
		return apply(e, tags(e))
	case EntityMask:
		edits := tags(e)
		return apply(e, append(edits, others(e, edits)...))
	case TypedMarker:
		return apply(e, markers(e))
	case Unmarked:
		return Marked{e.Text, e.A.Hull(), e.B.Hull()}
	}
	panic(fmt.Sprintf("relations: marking %q", string(m)))
}

// tags returns the replacements of the two mentions, or one replacement if they overlap.
func tags(e Example) []edit {
	a, b := e.A.Hull(), e.B.Hull()
	if e.A.Found() && e.B.Found() && a.Overlaps(b) {
		return []edit{{a.Union(b), "@" + short(e.A.Type) + "-" + short(e.B.Type) + "$", true, true}}
	}
	var out []edit
	if e.A.Found() {
		out = append(out, edit{a, "@" + e.A.Type + "$", true, false})
	}
	if e.B.Found() {
		out = append(out, edit{b, "@" + e.B.Type + "$", false, true})
	}
	return out
}

// tagName returns a mention type as it appears in tags: capital letters, digits and underscores, as readers of marked
// sentences expect.
func tagName(typ string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(typ))
	if name = strings.Trim(name, "_"); name == "" || name[0] < 'A' {
		name = strings.TrimSuffix("ENTITY_"+name, "_")
	}
	return name
}

// short returns the type as it appears in the tag of an overlap: published files have @CHEM-GENE$.
func short(kind string) string {
	if kind == "CHEMICAL" {
		return "CHEM"
	}
	return kind
}

// others returns the replacements of the mentions that do not overlap taken. Of mentions that overlap each other it
// replaces the first and longest.
func others(e Example, taken []edit) []edit {
	mentions := e.Mentions
	byStart := func(m, n Mention) int { return text.Compare(m.Hull(), n.Hull()) }
	if !slices.IsSortedFunc(mentions, byStart) {
		mentions = slices.Clone(mentions)
		slices.SortStableFunc(mentions, byStart)
	}
	var out []edit
	free := 0 // no edit of out reaches beyond this byte
	for _, m := range mentions {
		h := m.Hull()
		overlaps := func(t edit) bool { return t.at.Overlaps(h) }
		if m.Found() && h.Start >= free && !slices.ContainsFunc(taken, overlaps) {
			out = append(out, edit{at: h, text: "@OTHER$"})
			free = h.End
		}
	}
	return out
}

// marker is an insertion before or after a mention.
type marker struct {
	edit
	number int // number of the mention, 1 or 2
	side   int // 1 opens, -1 closes
	far    int // the other end of the mention
}

// markers returns the insertions around the two mentions. At the same place a closing mark comes before an opening one,
// and the longer mention encloses the shorter. The marks of crossing mentions cross; their numbers tell them apart.
func markers(e Example) []edit {
	var ms []marker
	for i, m := range []Mention{e.A, e.B} {
		if !m.Found() {
			continue
		}
		h, n := m.Hull(), i+1
		name := fmt.Sprintf("e%d:%s>", n, m.Type)
		ms = append(ms,
			marker{edit{text.Span{Start: h.Start, End: h.Start}, "<" + name, n == 1, n == 2}, n, 1, h.End},
			marker{edit{text.Span{Start: h.End, End: h.End}, "</" + name, n == 1, n == 2}, n, -1, h.Start})
	}
	slices.SortFunc(ms, func(x, y marker) int {
		return cmp.Or(cmp.Compare(x.at.Start, y.at.Start), cmp.Compare(x.side, y.side),
			cmp.Compare(y.far, x.far), cmp.Compare(x.side*x.number, y.side*y.number))
	})
	out := make([]edit, len(ms))
	for i, m := range ms {
		out[i] = m.edit
	}
	return out
}

// apply applies edits, which do not overlap, and returns the new spans of the two mentions.
func apply(e Example, edits []edit) Marked {
	slices.SortStableFunc(edits, func(x, y edit) int { return cmp.Compare(x.at.Start, y.at.Start) })
	var out strings.Builder
	var marked Marked
	from := 0
	for _, ed := range edits {
		out.WriteString(e.Text[from:ed.at.Start])
		written := text.Span{Start: out.Len(), End: out.Len() + len(ed.text)}
		out.WriteString(ed.text)
		from = ed.at.End
		if ed.a {
			marked.A = grown(marked.A, written)
		}
		if ed.b {
			marked.B = grown(marked.B, written)
		}
	}
	out.WriteString(e.Text[from:])
	marked.Text = out.String()
	return marked
}

// grown returns the union of s and t; a zero s is empty.
func grown(s, t text.Span) text.Span {
	if s == (text.Span{}) {
		return t
	}
	return s.Union(t)
}
