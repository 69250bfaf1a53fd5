package relations

import (
	"slices"
	"unicode/utf8"

	"github.com/subbert/subbert/data/text"
)

// Place says where an example stands in its document, before any marking. Positions count characters (code points) of the document
// as its source counts them: in BioC from the offset of the passage, in PubTator over title, a space and abstract. NUL characters, which
// readers leave out, are not counted. Ranges are half-open, [start, end).
type Place struct {
	Section  string // of the first sentence, in lower case: title, abstract, methods and so on; empty where the source does not say
	Sentence string // the sentence, or the text from the first sentence to the last
	Start    int    // of Sentence
	A, B     Named
}

// Named is a mention as it stands in the document.
type Named struct {
	Words      string // the text under its spans
	ID         string // of the concept, as the source has it; empty if unknown
	Type       string // as the source has it
	Start, End int    // of the hull
}

// passage is a part of an abstract's text that its source counts on its own.
type passage struct {
	text.Span
	section string
	offset  int // of its first character in the document
}

// counter turns bytes of an abstract's text into characters of the document. It is fast where the bytes asked for lie near each other.
type counter struct {
	a         *abstract
	in        int // passage; -1 before the first question
	at, place int // byte and its character
}

// position is the character of byte b.
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

// section is the section that byte b lies in.
func (a *abstract) section(b int) string {
	for i := len(a.passages) - 1; i >= 0; i-- {
		if a.passages[i].Start <= b {
			return a.passages[i].section
		}
	}
	return ""
}

// named is m as it stands in the document.
func (a *abstract) named(m annotation, c *counter) Named {
	h := m.Hull()
	return Named{Words: m.Under(a.text), ID: m.concept, Type: m.Subtype, Start: c.position(h.Start), End: c.position(h.End)}
}
