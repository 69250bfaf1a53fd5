package relations

import (
	"regexp"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// Shown returns e marked by m: its text is the marked sentence, and its mentions have the spans of their marks there.
func (m Marking) Shown(e Example) Example {
	marked := m.Mark(e)
	e.Text, e.Mentions = marked.Text, nil
	for _, part := range []struct {
		mention *Mention
		at      text.Span
	}{{&e.A, marked.A}, {&e.B, marked.B}} {
		if part.mention.Found() {
			part.mention.Spans = []text.Span{part.at}
		}
	}
	return e
}

// mark matches everything that a marking puts into a sentence.
var mark = regexp.MustCompile(tag.String() + `|</?e[12]:[^>\s]*>`)

// Marks returns the distinct marks in the sentences of examples, sorted.
func Marks(examples []Example) []string {
	seen := map[string]bool{}
	var out []string
	for _, e := range examples {
		for _, m := range mark.FindAllString(e.Text, -1) {
			if !seen[m] {
				seen[m] = true
				out = append(out, m)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Stretches splits a marked sentence at the tags that replace mentions: n tags give n+1 parts. Marks that keep the
// mention in the text, such as <e1:DRUG>, are removed without a split.
func Stretches(sentence string) []string {
	var out []string
	var part strings.Builder
	at := 0
	for _, m := range mark.FindAllStringIndex(sentence, -1) {
		part.WriteString(sentence[at:m[0]])
		if at = m[1]; sentence[m[0]] == '<' {
			part.WriteByte(' ')
			continue
		}
		out = append(out, part.String())
		part.Reset()
	}
	part.WriteString(sentence[at:])
	return append(out, part.String())
}

// MarkingOf returns the marking that produces these marks.
func MarkingOf(marks []string) Marking {
	switch {
	case len(marks) == 0:
		return Unmarked
	case slices.Contains(marks, "@OTHER$"):
		return EntityMask
	case slices.ContainsFunc(marks, func(m string) bool { return m[0] == '<' }):
		return TypedMarker
	}
	return Tag
}

// PairTypes returns the distinct pairs of mention types in examples, A's type first, sorted. It skips examples that
// lack a type, as those with a mention that is not found do.
func PairTypes(examples []Example) [][2]string {
	var out [][2]string
	for _, e := range examples {
		pair := [2]string{e.A.Type, e.B.Type}
		if e.A.Type == "" || e.B.Type == "" || slices.Contains(out, pair) {
			continue
		}
		out = append(out, pair)
	}
	slices.SortFunc(out, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return out
}
