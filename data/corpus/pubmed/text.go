package pubmed

import (
	"unicode"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus/xmlpull"
)

// text reads the current element to its end and returns its characters, white space normalised. Inline markup leaves
// no trace: "10<sup>5</sup>" is "105", as in the texts others have made of PubMed. What stands on a line of its own,
// <DispFormula>, is set off by spaces.
func (p *parser) text() string {
	p.buf = p.buf[:0]
	p.mixed()
	p.buf = normalise(p.buf)
	return string(p.buf)
}

// mixed appends the characters of the current element to buf.
func (p *parser) mixed() {
	for {
		switch p.x.Next() {
		case xmlpull.Text:
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
	switch string(p.x.Name()) {
	case "mml:math", "math":
		p.buf = appendMath(p.buf, p.x)
	case "DispFormula":
		p.buf = append(p.buf, ' ')
		p.mixed()
		p.buf = append(p.buf, ' ')
	default:
		p.mixed()
	}
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
