package text

import (
	"fmt"
	"iter"
	"unicode/utf8"
)

// Unit is the unit of positions in a text.
type Unit int

// The units. Tools in Python count characters, tools in Java and JavaScript units of UTF-16, older ones bytes.
const (
	Characters Unit = iota // Unicode code points
	UTF16                  // code units of UTF-16: two for a character beyond U+FFFF
	Bytes                  // of UTF-8
	numUnits
)

func (u Unit) String() string {
	return [numUnits]string{"characters", "UTF-16 units", "bytes"}[u]
}

// width is the number of units in a character.
func (u Unit) width(r rune) int {
	switch {
	case u == Bytes:
		return utf8.RuneLen(r)
	case u == UTF16 && r >= 0x10000:
		return 2
	}
	return 1
}

// Offsets converts positions in one text to bytes. Its memory is about four bytes for each byte of a text beyond ASCII. It
// is not for concurrent use.
type Offsets struct {
	text   string
	ascii  int               // number of ASCII bytes at the start of text, where all units are equal
	starts [numUnits][]int32 // the byte offset of each unit, or -1 within a character; the last is the length of text; built when needed
}

// NewOffsets returns the offsets of a text in UTF-8.
func NewOffsets(text string) *Offsets {
	n := 0
	for n < len(text) && text[n] < utf8.RuneSelf {
		n++
	}
	return &Offsets{text: text, ascii: n}
}

// Text is the text that positions are in.
func (o *Offsets) Text() string { return o.text }

// Len is the length of the text in a unit.
func (o *Offsets) Len(u Unit) int {
	if u == Bytes || o.ascii == len(o.text) {
		return len(o.text)
	}
	return len(o.table(u)) - 1
}

// Span converts the units [start, end) to bytes. It fails if they lie outside the text, are empty, or cut a character.
func (o *Offsets) Span(u Unit, start, end int) (Span, error) {
	if start < 0 || start >= end || end > o.Len(u) {
		return Span{}, fmt.Errorf("%s %d to %d lie outside the text of %d", u, start, end, o.Len(u))
	}
	s := Span{o.at(u, start), o.at(u, end)}
	if s.Start < 0 || s.End < 0 {
		return Span{}, fmt.Errorf("%s %d to %d split a character", u, start, end)
	}
	return s, nil
}

// at is the byte offset of position i, or -1 if it is within a character.
func (o *Offsets) at(u Unit, i int) int {
	if i <= o.ascii {
		return i
	}
	if u == Bytes {
		if i < len(o.text) && !utf8.RuneStart(o.text[i]) {
			return -1
		}
		return i
	}
	return int(o.table(u)[i])
}

func (o *Offsets) table(u Unit) []int32 {
	if o.starts[u] == nil {
		starts := make([]int32, 0, len(o.text)+1)
		for i, r := range o.text {
			starts = append(starts, int32(i))
			for range u.width(r) - 1 {
				starts = append(starts, -1)
			}
		}
		o.starts[u] = append(starts, int32(len(o.text)))
	}
	return o.starts[u]
}

// InCharacters converts spans, which are ascending and do not overlap, to half-open ranges of the characters of text.
func InCharacters(text string, spans []Span) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		at, bytes := 0, 0
		for _, s := range spans {
			start := at + utf8.RuneCountInString(text[bytes:s.Start])
			at = start + utf8.RuneCountInString(text[s.Start:s.End])
			bytes = s.End
			if !yield(start, at) {
				return
			}
		}
	}
}
