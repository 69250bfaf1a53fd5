package text

import (
	"slices"
	"strings"
)

// WithoutNUL returns s without its NUL characters, and a function that converts a span of s to a span of
// the result.
func WithoutNUL(s string) (clean string, move func(Span) Span) {
	if strings.IndexByte(s, 0) < 0 {
		return s, func(at Span) Span { return at }
	}
	var nuls []int
	for i := range len(s) {
		if s[i] == 0 {
			nuls = append(nuls, i)
		}
	}
	before := func(at int) int { n, _ := slices.BinarySearch(nuls, at); return at - n }
	return strings.ReplaceAll(s, "\x00", ""), func(at Span) Span { return Span{before(at.Start), before(at.End)} }
}
