package relations

import (
	"slices"
	"unicode/utf8"

	"github.com/subbert/subbert/data/text"
)

// Place is the place of an example in its document, before any marking. Positions count characters (code points) of the
// document as its source does: in BioC from the offset of the passage, in PubTator over title, a space and abstract. They
// do not count NUL characters, which readers remove. Ranges are half-open, [start, end).
type Place struct {
	Section  string // section of the first sentence, in lower case: title, abstract, methods and so on; empty if the source does not say
	Sentence string // the sentence, or the text from the first sentence to the last
	Start    int    // start of Sentence
	A, B     Named
}

// Named is a mention as it appears in the document.
type Named struct {
	Words      string // the text under its spans
	ID         string // id of the concept, as in the source; empty if unknown
	Type       string // as in the source
	Start, End int    // the hull
}

// passage is a part of an abstract's text with its own offset in the source.
type passage struct {
	text.Span
	section string
	offset  int // position of its first character in the document
}

// counter converts byte positions in an abstract's text to character positions in the document. It is fast if
// consecutive positions are close together.
type counter struct {
	a         *abstract
	in        int // passage of the last position; -1 before the first
	at, place int // the last position in bytes and in characters
}

// position returns the character position of byte b.
func (c *counter) position(b int) int {
	passages := c.a.passages
	i, found := slices.BinarySearchFunc(passages, b, func(p passage, b int) int { return p.Start - b })
	if !found {
		i = max(0, i-1)
	}
	if len(passages) == 0 {
		return b
	}
	if i != c.in || c.at < passages[i].Start {
		c.in, c.at, c.place = i, passages[i].Start, passages[i].offset
	}
	if b >= c.at {
		c.place += utf8.RuneCountInString(c.a.text[c.at:b])
	} else {
		c.place -= utf8.RuneCountInString(c.a.text[b:c.at])
	}
	c.at = b
	return c.place
}

// section returns the section of byte b.
func (a *abstract) section(b int) string {
	for i := len(a.passages) - 1; i >= 0; i-- {
		if a.passages[i].Start <= b {
			return a.passages[i].section
		}
	}
	return ""
}

// named returns m as it appears in the document.
func (a *abstract) named(m annotation, c *counter) Named {
	h := m.Hull()
	return Named{Words: m.Under(a.text), ID: m.concept, Type: m.Subtype, Start: c.position(h.Start), End: c.position(h.End)}
}
