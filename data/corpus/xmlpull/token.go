package xmlpull

import (
	"bytes"
	"io"
	"unicode"
	"unicode/utf8"
)

// Classes of bytes.
const (
	isName  = 1 << iota // may be in a name; beyond ASCII needs a closer look
	isSpace             // white space of XML
	isPlain             // nothing to look at in text
	isValue             // nothing to look at in the value of an attribute
)

var class = classes()

func classes() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == ':', c == '-', c == '.':
			t[c] = isName | isPlain | isValue
		case c == ' ', c == '\t', c == '\n':
			t[c] = isSpace | isPlain | isValue
		case c == '\r':
			t[c] = isSpace | isValue
		case c == ']':
			t[c] = isValue
		case c == '"', c == '\'':
			t[c] = isPlain
		case c >= 0x80:
			t[c] = isName
		case c == '<', c == '&', c < ' ':
		default:
			t[c] = isPlain | isValue
		}
	}
	return t
}

// Next reads a token. It returns None on an error; see Err.
func (r *Reader) Next() Kind {
	if r.err != nil {
		return None
	}
	if r.closed {
		r.closed = false
		r.pop()
		return End
	}
	for {
		if len(r.open) == 0 && r.skipSpace() {
			return None
		}
		if r.end-r.pos < 4 && !r.lookAhead() {
			return None
		}
		kind, again := r.token(r.buf[r.pos:r.end])
		if !again {
			return kind
		}
	}
}

// token reads the token at the start of b, or skips markup and asks to be called again.
func (r *Reader) token(b []byte) (kind Kind, again bool) {
	switch {
	case b[0] != '<':
		kind = r.readText()
	case len(b) == 1:
		r.need()
	case b[1] == '/':
		return r.endTag(), false
	case b[1] == '!' || b[1] == '?':
		kind = r.readAside()
	default:
		return r.startTag(), false
	}
	return kind, kind == None && r.err == nil
}

// lookAhead reads on until four bytes are in the window or the input ends. It returns false if none is.
func (r *Reader) lookAhead() bool {
	for r.end-r.pos < 4 && r.fill() {
	}
	return r.err == nil && (r.pos < r.end || r.need())
}

// skipSpace passes over white space outside the root element. It returns true at the end of the document.
func (r *Reader) skipSpace() bool {
	for {
		r.pos += spaces(r.buf[r.pos:r.end])
		if r.pos < r.end || r.err != nil {
			return false
		}
		if !r.fill() {
			return r.rooted && r.ioErr == io.EOF
		}
	}
}

// readText reads a piece of text: up to markup, a reference or the end of the window. It returns None without an
// error if it must be called again.
func (r *Reader) readText() Kind {
	b := r.buf[r.pos:r.end]
	i := 0
	for {
		for i < len(b) && class[b[i]]&isPlain != 0 {
			i++
		}
		if i == len(b) || b[i] == '<' {
			return r.piece(i)
		}
		n, ok := r.unusual(b[i:])
		if !ok && i > 0 {
			return r.piece(i)
		}
		if !ok {
			return r.special(b)
		}
		i += n
	}
}

// piece makes the next n bytes a Text token.
func (r *Reader) piece(n int) Kind {
	r.text = r.buf[r.pos : r.pos+n]
	if len(r.open) == 0 {
		return r.fault(r.pos, "text outside the root element: %.20q", r.text)
	}
	r.pos += n
	return Text
}

// unusual is the length of the character at the start of b, if it may occur in text unescaped.
func (r *Reader) unusual(b []byte) (int, bool) {
	if b[0] == ']' {
		return 1, len(b) > 2 && (b[1] != ']' || b[2] != '>') || len(b) <= 2 && r.ioErr != nil
	}
	if b[0] < utf8.RuneSelf {
		return 0, false
	}
	c, n := utf8.DecodeRune(b)
	return n, legal(c, n)
}

// legal reports whether c, decoded from n bytes, is a character of XML.
func legal(c rune, n int) bool {
	if c == utf8.RuneError {
		return n == 3
	}
	return c >= ' ' && c != 0xFFFE && c != 0xFFFF || c == '\t' || c == '\n' || c == '\r'
}

// special reads a reference or a carriage return at the start of b, or reports a fault. b has four bytes or ends the
// input, so that more input cannot change the result.
func (r *Reader) special(b []byte) Kind {
	switch b[0] {
	case '&':
		return r.reference()
	case '\r':
		r.pos++
		if len(b) > 1 && b[1] == '\n' {
			return None // the line feed follows as text
		}
		r.text = append(r.char[:0], '\n')
		return Text
	}
	return r.fault(r.pos, "%s", describe(b))
}

// describe describes the fault at the start of b.
func describe(b []byte) string {
	if b[0] == ']' {
		return `"]]>" in text`
	}
	c, n := utf8.DecodeRune(b)
	if c == utf8.RuneError && n == 1 {
		return "invalid UTF-8"
	}
	return "illegal character " + quoteRune(c)
}

// reference reads a reference in text.
func (r *Reader) reference() Kind {
	for {
		c, n, what := parseReference(r.buf[r.pos:r.end])
		if n == 0 && r.fill() {
			continue
		}
		if what == "" && len(r.open) == 0 {
			what = "text outside the root element"
		}
		if what != "" {
			return r.fault(r.pos, "%s", what)
		}
		r.text = utf8.AppendRune(r.char[:0], c)
		r.pos += n
		return Text
	}
}

// startTag reads a start tag or an empty-element tag.
func (r *Reader) startTag() Kind {
	for {
		t, n := r.parseStart(r.buf[r.pos:r.end])
		switch {
		case n > 0:
			r.names = append(r.names, t...)
			r.open = append(r.open, len(r.names)-len(t))
			r.pos += n
			r.rooted = true
			return Start
		case r.err != nil || !r.need():
			return None
		}
	}
}

// endTag reads an end tag.
func (r *Reader) endTag() Kind {
	if b := r.buf[r.pos:r.end]; len(r.open) > 0 {
		want := r.Name()
		if n := len(want) + 2; len(b) > n && b[n] == '>' && bytes.Equal(b[2:n], want) {
			r.pop()
			r.pos += n + 1
			return End // the common case
		}
	}
	return r.oddEndTag()
}

// oddEndTag reads an end tag that has white space, reaches beyond the window, or is wrong.
func (r *Reader) oddEndTag() Kind {
	for {
		b := r.buf[r.pos:r.end]
		n := nameLen(b[2:])
		i := 2 + n
		for i < len(b) && class[b[i]]&isSpace != 0 {
			i++
		}
		if i == len(b) {
			if !r.need() {
				return None
			}
			continue
		}
		name := b[2 : 2+n]
		if b[i] != '>' || n == 0 {
			return r.fault(r.pos, "broken end tag %.40q", b)
		}
		if len(r.open) == 0 {
			return r.fault(r.pos, "end tag </%.40s> without a start tag", name)
		}
		if want := r.Name(); !bytes.Equal(name, want) {
			return r.fault(r.pos, "end tag </%.40s>, want </%.40s>", name, want)
		}
		r.pop()
		r.pos += i + 1
		return End
	}
}

func (r *Reader) pop() {
	last := len(r.open) - 1
	r.names, r.open = r.names[:r.open[last]], r.open[:last]
}

// nameLen is the length of the name at the start of b; goodName checks how it begins.
func nameLen(b []byte) int {
	i := 0
	for i < len(b) && class[b[i]]&isName != 0 {
		i++
	}
	return i
}

// goodName reports whether b, whose bytes are all isName, is a name.
func goodName(b []byte) bool {
	if len(b) == 0 || b[0] == '-' || b[0] == '.' || b[0] >= '0' && b[0] <= '9' {
		return false
	}
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		c, n := utf8.DecodeRune(b[i:])
		if !unicode.In(c, unicode.L, unicode.M, unicode.N) {
			return false
		}
		i += n
	}
	return true
}
