package relations

import (
	"regexp"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/text"
)

// Shown is e as m shows it: the text is the marked sentence, and the mentions are what stands for them in it.
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

// mark finds whatever a marking puts into a sentence.
var mark = regexp.MustCompile(tag.String() + `|</?e[12]:[^>\s]*>`)

// Marks are the marks in the sentences of examples, each once, sorted.
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

// Stretches are the parts of a marked sentence around what stands for a mention, one more than there are such tags. Marks
// that leave the mention's name in the text, as <e1:DRUG> does, are taken out and part nothing.
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

// MarkingOf says which marking gives such marks as sentences that are marked already have.
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

// PairTypes are the types of the two mentions of examples, A's first, each two once, sorted. Mentions that are not found have
// none.
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
