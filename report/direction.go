package report

import (
	"fmt"
	"strings"
	"unicode"
)

// Names and sentences come from the files of others. Unicode's bidirectional controls in them could make the text after
// them read in a different order, so the page shows these as numbers and isolates a name inside a sentence of its own.

const (
	isolateStart = '\u2068' // first strong isolate
	isolateEnd   = '\u2069'
)

// isolated returns a foreign name for use in a sentence: its direction ends where the name ends.
func isolated(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == isolateStart || r == isolateEnd {
			return unicode.ReplacementChar
		}
		return r
	}, name)
	if !strings.ContainsFunc(name, fromRight) {
		return name
	}
	return string(isolateStart) + name + string(isolateEnd)
}

// fromRight reports whether r belongs to a script that is written from right to left.
func fromRight(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

// isOverride reports whether r sets the direction of the text after it.
func isOverride(r rune) bool { return '\u202a' <= r && r <= '\u202e' || r == '\u2066' || r == '\u2067' }

// withoutOverrides shows overrides as numbers.
func withoutOverrides(text string) string {
	if !strings.ContainsFunc(text, isOverride) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isOverride(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
