package xmlpull

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// attr is an attribute of the start tag read last: name and raw value, slices of the window.
type attr struct{ name, value []byte }

// Attr appends the value of an attribute of the start tag read last, with references resolved and white space as
// spaces. It returns dst unchanged if there is no such attribute.
func (r *Reader) Attr(dst []byte, name string) []byte {
	for _, a := range r.attrs {
		if string(a.name) != name {
			continue
		}
		for v := a.value; len(v) > 0; {
			switch {
			case v[0] == '&':
				c, n, _ := parseReference(v) // checked by scanValue
				dst, v = utf8.AppendRune(dst, c), v[n:]
			case class[v[0]]&isSpace != 0:
				dst, v = append(dst, ' '), v[1:]
			default:
				dst, v = append(dst, v[0]), v[1:]
			}
		}
	}
	return dst
}

// Has reports whether the start tag read last has an attribute with exactly this raw value.
func (r *Reader) Has(name, value string) bool {
	for _, a := range r.attrs {
		if string(a.name) == name {
			return string(a.value) == value
		}
	}
	return false
}

// parseStart parses the start tag at the start of b and sets attrs and closed. It returns its name and length; length
// 0 means that b ends before the tag does, or that there is an error.
func (r *Reader) parseStart(b []byte) ([]byte, int) {
	r.attrs = r.attrs[:0]
	i := 1 + nameLen(b[1:])
	name := b[1:i]
	if i < len(b) && b[i] == '>' {
		return name, r.checkStart(name, i+1)
	}
	for {
		spaced := false
		for i < len(b) && class[b[i]]&isSpace != 0 {
			i++
			spaced = true
		}
		switch {
		case i+1 >= len(b) && (i >= len(b) || b[i] != '>'):
			return nil, 0
		case b[i] == '>':
			return name, r.checkStart(name, i+1)
		case b[i] == '/' && b[i+1] == '>':
			n := r.checkStart(name, i+2)
			r.closed = n > 0
			return name, n
		case !spaced:
			r.fault(r.pos, "broken tag %.40q", b)
			return nil, 0
		}
		n := r.parseAttr(b[i:])
		if n == 0 {
			return nil, 0
		}
		i += n
	}
}

// checkStart checks the name and the place of a start tag of n bytes, and that its attributes differ. It returns n, or
// 0 with an error.
func (r *Reader) checkStart(name []byte, n int) int {
	switch depth := len(r.open); {
	case !goodName(name):
		r.fault(r.pos, "broken tag %.20q", r.buf[r.pos:r.end])
	case depth == 0 && r.rooted:
		r.fault(r.pos, "<%.40s> after the end of the root element", name)
	case depth >= maxDepth:
		r.fault(r.pos, "elements nested deeper than %d", maxDepth)
	case depth > 1 && r.isRecord(name):
		r.fault(r.pos, "<%s> within <%s>; the record before it has no end", name, r.Name())
	}
	for i := range r.attrs {
		for j := range i {
			if bytes.Equal(r.attrs[i].name, r.attrs[j].name) {
				r.fault(r.pos, "<%s>: attribute %s occurs twice", name, r.attrs[i].name)
			}
		}
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *Reader) isRecord(name []byte) bool {
	for _, record := range r.config.Records {
		if string(name) == record {
			return true
		}
	}
	return false
}

// parseAttr parses name="value" at the start of b and returns its length; 0 means that b ends too early, or an error.
func (r *Reader) parseAttr(b []byte) int {
	n := nameLen(b)
	i := n + spaces(b[n:])
	if i >= len(b) {
		return 0
	}
	if b[i] != '=' || !goodName(b[:n]) {
		r.fault(r.pos, "broken attribute %.20q", b)
		return 0
	}
	i++
	i += spaces(b[i:])
	if i >= len(b) {
		return 0
	}
	quote := b[i]
	if quote != '"' && quote != '\'' {
		r.fault(r.pos, "attribute %s: value without quotes", b[:n])
		return 0
	}
	i++
	m := r.scanValue(b[i:], quote)
	if m < 0 {
		return 0
	}
	if len(r.attrs) == maxAttrs {
		r.fault(r.pos, "more than %d attributes", maxAttrs)
		return 0
	}
	r.attrs = append(r.attrs, attr{name: b[:n], value: b[i : i+m]})
	return i + m + 1
}

// scanValue returns the length of the attribute value that quote ends; -1 means that b ends too early, or an
// error.
func (r *Reader) scanValue(b []byte, quote byte) int {
	for i := 0; ; {
		for i < len(b) && class[b[i]]&isValue != 0 {
			i++
		}
		if i == len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == quote:
			return i
		case c == '"' || c == '\'':
			i++
		case c == '&':
			_, n, what := parseReference(b[i:])
			if n == 0 && (r.ioErr == nil || what == "") {
				return -1
			}
			if what != "" {
				r.fault(r.pos, "attribute: %s", what)
				return -1
			}
			i += n
		case c == '<':
			r.fault(r.pos, `"<" in the value of an attribute; a quote is missing`)
			return -1
		default:
			c, n := utf8.DecodeRune(b[i:])
			if !legal(c, n) {
				if utf8.FullRune(b[i:]) {
					r.fault(r.pos, "attribute: %s", describe(b[i:]))
				}
				return -1
			}
			i += n
		}
	}
}

// spaces is the number of white-space characters at the start of b.
func spaces(b []byte) int {
	i := 0
	for i < len(b) && class[b[i]]&isSpace != 0 {
		i++
	}
	return i
}

// parseReference parses the reference at the start of b, which begins with &. It returns its character and length, or
// a description of the fault. Length 0 means that b ends too early.
func parseReference(b []byte) (c rune, n int, what string) {
	const longest = 32
	head := b[1:min(len(b), longest)]
	end := bytes.IndexByte(head, ';')
	if end < 0 {
		n := 0
		if len(b) >= longest {
			n = 1
		}
		return 0, n, fmt.Sprintf("%.20q is not a reference; write a plain & as &amp;", b)
	}
	body := head[:end]
	switch string(body) {
	case "lt":
		return '<', end + 2, ""
	case "gt":
		return '>', end + 2, ""
	case "amp":
		return '&', end + 2, ""
	case "quot":
		return '"', end + 2, ""
	case "apos":
		return '\'', end + 2, ""
	}
	if len(body) > 1 && body[0] == '#' {
		c, ok := charNumber(string(body[1:]))
		if !ok {
			return 0, 1, fmt.Sprintf("&%s; is not a character", body)
		}
		return c, end + 2, ""
	}
	if !goodName(body) || nameLen(body) < len(body) {
		return 0, 1, fmt.Sprintf("%.20q is not a reference; write a plain & as &amp;", b)
	}
	return 0, 1, fmt.Sprintf("unknown entity &%s; (only lt, gt, amp, quot, apos and numbers are known)", body)
}

// charNumber parses the number of a character reference: decimal, or hexadecimal after x.
func charNumber(s string) (rune, bool) {
	base := 10
	if s[0] == 'x' {
		base, s = 16, s[1:]
	}
	v, err := strconv.ParseUint(s, base, 32)
	if err != nil || v > 0x10FFFF || v >= 0xD800 && v < 0xE000 {
		return 0, false
	}
	return rune(v), legal(rune(v), 3)
}

func quoteRune(c rune) string { return fmt.Sprintf("U+%04X", c) }
