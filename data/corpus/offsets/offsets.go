// Package offsets turns the offsets of annotated corpora into bytes.
//
// Formats count characters, but do not all mean the same: tools in Python count code points, tools in Java UTF-16
// units, older ones bytes. Text beyond ASCII tells them apart, because the annotation repeats the words it marks.
package offsets

import (
	"fmt"
	"unicode/utf8"
)

// Span is a stretch of text: bytes, half-open.
type Span struct{ Start, End int }

// Locate returns the bytes of text from start to end, which say where words stand, counted in code points, else in
// UTF-16 units, else in bytes. It fails if the words are at none of these places.
func Locate(text string, start, end int, words string) (Span, error) {
	if start < 0 || end < start || end > len(text) {
		return Span{}, fmt.Errorf("%.40q at %d-%d, but the text has %d bytes", words, start, end, len(text))
	}
	var first Span
	for i, width := range []func(rune) int{one, utf16Units, utf8.RuneLen} {
		s := Span{Start: walk(text, start, width)}
		s.End = s.Start + walk(text[s.Start:], end-start, width)
		if text[s.Start:s.End] == words {
			return s, nil
		}
		if i == 0 {
			first = s
		}
	}
	return Span{}, fmt.Errorf("%.40q at %d-%d, but the text there is %.40q", words, start, end, text[first.Start:first.End])
}

// Points returns the bytes of text from start to end, counted in code points.
func Points(text string, start, end int) (Span, error) {
	if start < 0 || end < start || end > len(text) {
		return Span{}, fmt.Errorf("%d-%d, but the text has %d bytes", start, end, len(text))
	}
	s := Span{Start: walk(text, start, one)}
	s.End = s.Start + walk(text[s.Start:], end-start, one)
	return s, nil
}

func one(rune) int { return 1 }

func utf16Units(r rune) int {
	if r >= 0x10000 {
		return 2
	}
	return 1
}

// walk returns how many bytes of text the first n units are.
func walk(text string, n int, width func(rune) int) int {
	for i, r := range text {
		if n <= 0 {
			return i
		}
		n -= width(r)
	}
	return len(text)
}
