package text

import "cmp"

// Span is a half-open range [Start, End) of the bytes of a text.
type Span struct{ Start, End int }

// Len is the number of bytes in s.
func (s Span) Len() int { return s.End - s.Start }

// Overlaps reports whether s and t share a byte.
func (s Span) Overlaps(t Span) bool { return s.Start < t.End && t.Start < s.End }

// Holds reports whether t lies in s.
func (s Span) Holds(t Span) bool { return s.Start <= t.Start && t.End <= s.End }

// Union is the smallest span that holds s and t.
func (s Span) Union(t Span) Span { return Span{min(s.Start, t.Start), max(s.End, t.End)} }

// Shift is s moved by n bytes.
func (s Span) Shift(n int) Span { return Span{s.Start + n, s.End + n} }

// Of is the part of text that s covers.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

// Compare orders spans by their start, and of spans with the same start the longer first.
func Compare(a, b Span) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End)) }

// CountWords counts the words of s, separated by white space.
func CountWords(s string) int {
	n, space := 0, true
	for i := range len(s) {
		now := s[i] <= ' '
		if space && !now {
			n++
		}
		space = now
	}
	return n
}
