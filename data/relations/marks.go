package relations

import (
	"regexp"
	"slices"

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
