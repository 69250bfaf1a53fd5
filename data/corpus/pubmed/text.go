package pubmed

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus/xmlpull"
)

// text reads the current element to its end and returns its characters, white space normalised. Inline markup is
// dropped: "10<sup>5</sup>" is "105", as in other texts made from PubMed. A displayed formula, <DispFormula>, is
// surrounded by spaces, and so are headings and blocks in bold face that follow each other without a space.
func (p *parser) text() string {
	p.buf, p.last = p.buf[:0], face{}
	p.mixed()
	p.buf = normalise(p.buf)
	return string(p.buf)
}

// mixed appends the characters of the current element to buf.
func (p *parser) mixed() {
	for {
		switch p.x.Next() {
		case xmlpull.Text:
			if p.last.heading && p.last.end == len(p.buf) && beginsWord(p.x.Text()) {
				p.buf = append(p.buf, ' ')
			}
			p.buf = append(p.buf, p.x.Text()...)
		case xmlpull.Start:
			p.inline()
		default:
			return
		}
	}
}

// inline appends the characters of an element within text.
func (p *parser) inline() {
	switch name := string(p.x.Name()); name {
	case "mml:math", "math":
		p.buf = appendMath(p.buf, p.x)
	case "DispFormula", "p", "br", "li", "tr", "td", "th", "div":
		p.buf = append(p.buf, ' ')
		p.mixed()
		p.buf = append(p.buf, ' ')
	case "b", "i", "u":
		p.faced(name)
	default:
		p.mixed()
	}
}

// face is a part of buf in another typeface.
type face struct {
	name       string
	start, end int
	heading    bool // such as METHODS:
}

// faced appends the characters of an element of bold, italic or underlined text, after a space if its words would run
// into those before it.
func (p *parser) faced(name string) {
	before, start := p.last, len(p.buf)
	p.mixed()
	inside := p.buf[start:]
	f := face{name: name, start: start, heading: isHeading(inside)}
	sideBySide := before.name == name && before.end == start && areBlocks(p.buf[before.start:before.end], inside)
	afterSentence := f.heading && start > 0 && bytes.IndexByte([]byte(".?!)]"), p.buf[start-1]) >= 0
	if sideBySide || afterSentence {
		p.buf = slices.Insert(p.buf, start, ' ')
		f.start++
	}
	f.end = len(p.buf)
	p.last = f
}

// isHeading reports whether b is a heading before its text, such as "Methods:".
func isHeading(b []byte) bool {
	b = bytes.TrimSpace(b)
	first, _ := utf8.DecodeRune(b)
	return len(b) > 4 && len(b) < 80 && b[len(b)-1] == ':' && unicode.IsUpper(first)
}

// areBlocks reports whether a and b, side by side in one typeface, are blocks of words rather than parts of a name such
// as NF and κB.
func areBlocks(a, b []byte) bool {
	last, _ := utf8.DecodeLastRune(a)
	return (len(a) >= 4 || len(b) >= 4) && beginsWord(b) && (unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune(".,;:?!)]%", last))
}

func beginsWord(b []byte) bool {
	first, _ := utf8.DecodeRune(b)
	return unicode.IsLetter(first) || unicode.IsDigit(first)
}

// title reads a title. The placeholder "[Not Available]." of articles with only a vernacular title counts as empty.
func (p *parser) title() string {
	s := p.text()
	switch strings.ToLower(strings.Trim(s, "[]. ")) {
	case "not available", "in process citation":
		return ""
	}
	return s
}

// normalise makes every run of white space in b one space, in place, and none at its ends.
func normalise(b []byte) []byte {
	n := 0
	space := true // at the start, so that leading space is dropped
	for i := 0; i < len(b); {
		c := b[i]
		if c > ' ' && c < utf8.RuneSelf {
			b[n] = c
			n++
			i++
			space = false
			continue
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b[i:])
		}
		if r <= ' ' || unicode.IsSpace(r) {
			if !space {
				b[n] = ' '
				n++
			}
			space = true
		} else {
			n += copy(b[n:], b[i:i+size])
			space = false
		}
		i += size
	}
	if space && n > 0 {
		n--
	}
	return b[:n]
}
