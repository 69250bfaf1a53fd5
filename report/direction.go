package report

import (
	"fmt"
	"strings"
	"unicode"
)

// Names and sentences come from files of others. Unicode's bidirectional controls in them could make the text after them
// read otherwise than it is: those are shown by their numbers, and a name inside a sentence of ours is isolated.

const (
	isolateStart = '\u2068' // first strong isolate
	isolateEnd   = '\u2069'
)

// isolated returns a foreign name for a sentence of ours: its direction ends where it ends.
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

// fromRight reports whether r belongs to a script that is written from the right.
func fromRight(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

// isOverride reports whether r makes the text after it run in a direction of its choice.
func isOverride(r rune) bool { return '\u202a' <= r && r <= '\u202e' || r == '\u2066' || r == '\u2067' }

// withoutOverrides shows overrides by their numbers.
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
