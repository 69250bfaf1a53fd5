package text

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Marked is a name in a text as a file describes it: its position, in the file's unit, and its words.
type Marked struct {
	Ranges [][2]int // half-open; several if the name is discontinuous
	Words  string   // of several ranges usually with a space between; empty if the file does not repeat them
}

// Units finds out the unit of a file's positions, and locates its names. By definition the formats count characters,
// but some tools count other units. Text beyond ASCII shows the unit, because files repeat the words they mark. The
// zero value has no evidence yet.
type Units struct {
	votes [numUnits]int
	found [numUnits]bool // a name was located by counting this unit
}

// See uses m as evidence: its words are at its position counted in some units, and not in others.
func (u *Units) See(o *Offsets, m Marked) {
	if o.ascii == len(o.Text()) || m.Words == "" || m.end() <= o.ascii {
		return
	}
	var levels [numUnits]match
	best := nowhere
	for unit := range numUnits {
		_, levels[unit], _ = m.in(o, unit)
		best = max(best, levels[unit])
	}
	if best == nowhere || levels == [numUnits]match{best, best, best} {
		return
	}
	for unit, level := range levels {
		if level == best {
			u.votes[unit]++
		}
	}
}

// Seen is the amount of evidence.
func (u *Units) Seen() int { return max(u.votes[Characters], u.votes[UTF16], u.votes[Bytes]) }

// Unit is the unit with the most evidence, and characters without evidence for another unit.
func (u *Units) Unit() Unit {
	best := Characters
	for unit, n := range u.votes {
		if n > u.votes[best] {
			best = Unit(unit)
		}
	}
	return best
}

// Found reports whether a name was located by counting a unit other than characters, and returns that unit.
func (u *Units) Found() (Unit, bool) {
	for _, unit := range []Unit{Bytes, UTF16} {
		if u.found[unit] {
			return unit, true
		}
	}
	return Characters, false
}

// Locate returns the spans of m, counted in the file's unit, or in another unit if exactly its words are there. It
// fails if they are nowhere. Words may differ from the text in case, white space, accents, dashes and the spelling of
// Greek letters.
func (u *Units) Locate(o *Offsets, m Marked) ([]Span, error) {
	first := u.Unit()
	spans, level, err := m.in(o, first)
	if level == nowhere && (len(m.Words) > 2 || u.Seen() == 0) {
		for unit := range numUnits {
			if other, level, _ := m.in(o, unit); unit != first && level == exact {
				u.note(o, m, unit)
				return other, nil
			}
		}
	}
	if level == nowhere {
		return nil, err
	}
	u.note(o, m, first)
	return spans, nil
}

// note records that unit was used, if the units differ.
func (u *Units) note(o *Offsets, m Marked, unit Unit) {
	if unit != Characters && m.end() > o.ascii {
		u.found[unit] = true
	}
}

// match is the degree to which the words of a name agree with the text.
type match int

const (
	nowhere match = iota
	alike
	exact
)

// end is the last position of m.
func (m Marked) end() int {
	end := 0
	for _, r := range m.Ranges {
		end = max(end, r[1])
	}
	return end
}

// in returns the spans of m if its positions count unit, and whether its words are there; the error says why
// not.
func (m Marked) in(o *Offsets, unit Unit) ([]Span, match, error) {
	if len(m.Ranges) == 0 {
		return nil, nowhere, errors.New("no position")
	}
	spans := make([]Span, len(m.Ranges))
	var pieces []string
	for i, r := range m.Ranges {
		if r[0] == r[1] {
			return nil, nowhere, fmt.Errorf("%.40q at %d-%d: the range is empty", m.Words, r[0], r[1])
		}
		var err error
		if spans[i], err = o.Span(unit, r[0], r[1]); err != nil {
			return nil, nowhere, fmt.Errorf("%.40q at %d-%d: %w", m.Words, r[0], r[1], err)
		}
		if piece := spans[i].Of(o.text); strings.TrimFunc(piece, isBlank) == "" {
			return nil, nowhere, fmt.Errorf("%.40q at %d-%d: the text there is white space", m.Words, r[0], r[1])
		} else {
			pieces = append(pieces, piece)
		}
	}
	under := strings.Join(pieces, " ")
	switch {
	case m.Words == "" || under == m.Words:
		return spans, exact, nil
	case sameWords(under, m.Words) || len(pieces) > 1 && allWithin(pieces, m.Words):
		return trimmed(o.text, spans), alike, nil
	}
	return nil, nowhere, fmt.Errorf("%.40q at %d-%d, but the text there is %.40q", m.Words, m.Ranges[0][0], m.end(), under)
}

// allWithin reports whether each of pieces consists of whole words of words: tools insert words between the pieces of
// a name, or leave some out.
func allWithin(pieces []string, words string) bool {
	for _, p := range pieces {
		before, after, found := strings.Cut(words, p)
		if !found || strings.TrimFunc(p, isBlank) != p || joins(before, p) || joins(p, after) {
			return false
		}
	}
	return true
}

// joins reports whether a and b, joined, would merge into one word.
func joins(a, b string) bool {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return inWord(last) && inWord(first)
}

// trimmed is spans without the white space at their ends.
func trimmed(text string, spans []Span) []Span {
	for i, s := range spans {
		left := strings.TrimLeftFunc(s.Of(text), isBlank)
		spans[i].Start = s.End - len(left)
		spans[i].End = spans[i].Start + len(strings.TrimRightFunc(left, isBlank))
	}
	return spans
}

// isBlank reports whether r is invisible.
func isBlank(r rune) bool { return r == 0 || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// Bounds of the search for evidence: the amount that is enough, and the documents and bytes to read ahead.
const (
	enough     = 3
	aheadItems = 64
	aheadBytes = 1 << 20
)

// Ahead passes on the documents of seq, but reads ahead so that u has enough evidence, or has seen a number of
// documents, before it passes on the first. seq must call See.
func Ahead[T any](u *Units, seq iter.Seq2[T, error], size func(T) int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var held []T
		bytes := 0
		flush := func() bool {
			for _, d := range held {
				if !yield(d, nil) {
					return false
				}
			}
			clear(held)
			held, bytes = held[:0], 0
			return true
		}
		for d, err := range seq {
			if err != nil {
				if flush() {
					yield(d, err)
				}
				return
			}
			held, bytes = append(held, d), bytes+size(d)
			if (u.Seen() >= enough || len(held) >= aheadItems || bytes >= aheadBytes) && !flush() {
				return
			}
		}
		flush()
	}
}
