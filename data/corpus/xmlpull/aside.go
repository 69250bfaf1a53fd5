package xmlpull

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Root reads up to the start tag of the root element and returns its name, empty on an error.
func (r *Reader) Root() string {
	if !r.lookAhead() {
		return ""
	}
	switch b := r.buf[r.pos:r.end]; {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		r.pos += 3
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		r.fault(r.pos, "UTF-16, want UTF-8")
		return ""
	}
	if r.Next() != Start {
		return "" // text and end tags outside the root are faults
	}
	return string(r.Name())
}

// readAside reads markup that begins with <! or <?. It returns Text for a CDATA section, and None for markup
// that is skipped.
func (r *Reader) readAside() Kind {
	b := r.buf[r.pos:r.end]
	switch {
	case b[1] == '?':
		return r.instruction()
	case bytes.HasPrefix(b, []byte("<!--")):
		n := r.until(4, "-->", "comment")
		if n > 0 {
			r.pos += n
		}
		return None
	case len(b) > 2 && b[2] == '[':
		return r.cdata()
	case len(b) > 2 && b[2] == 'D' && len(r.open) == 0:
		return r.readDoctype()
	}
	return r.fault(r.pos, "broken markup %.20q", b)
}

// until returns the length of the markup that the next bytes begin and that end closes; 0 with an error if end is
// missing.
func (r *Reader) until(from int, end, what string) int {
	for {
		b := r.buf[r.pos:r.end]
		if len(b) > from {
			if i := bytes.Index(b[from:], []byte(end)); i >= 0 {
				return r.checkAside(b[:from+i], from+i+len(end), what)
			}
		}
		if r.ioErr != nil {
			r.fault(r.pos, "%s has no end", what)
			return 0
		}
		if !r.fill() && r.err != nil {
			return 0
		}
	}
}

// checkAside checks the characters of markup of n bytes and returns n, or 0 with an error.
func (r *Reader) checkAside(b []byte, n int, what string) int {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf && b[i] >= ' ' {
			i++
			continue
		}
		c, size := utf8.DecodeRune(b[i:])
		if !legal(c, size) {
			r.fault(r.pos+i, "%s: %s", what, describe(b[i:]))
			return 0
		}
		i += size
	}
	return n
}

func (r *Reader) instruction() Kind {
	n := r.until(2, "?>", "processing instruction")
	if n == 0 {
		return None
	}
	if b := r.buf[r.pos : r.pos+n]; bytes.HasPrefix(b, []byte("<?xml ")) || bytes.HasPrefix(b, []byte("<?xml\t")) {
		if len(r.open) > 0 {
			return r.fault(r.pos, "<?xml ...?> within the document; the file is a concatenation of files")
		}
		if e := encoding(string(b)); e != "" && e != "utf-8" && e != "utf8" && e != "us-ascii" && e != "ascii" {
			return r.fault(r.pos, "encoding %s, want UTF-8", e)
		}
	}
	r.pos += n
	return None
}

// encoding is the encoding in an XML declaration, in lower case.
func encoding(declaration string) string {
	_, after, ok := strings.Cut(declaration, "encoding")
	if !ok {
		return ""
	}
	after = strings.TrimLeft(after, "= \t\r\n\"'")
	if i := strings.IndexAny(after, "\"'?"); i >= 0 {
		after = after[:i]
	}
	return strings.ToLower(after)
}

func (r *Reader) cdata() Kind {
	const begin = "<![CDATA["
	for r.end-r.pos < len(begin) {
		if !r.need() {
			return None
		}
	}
	if !bytes.HasPrefix(r.buf[r.pos:r.end], []byte(begin)) || len(r.open) == 0 {
		return r.fault(r.pos, "broken markup %.20q", r.buf[r.pos:r.end])
	}
	n := r.until(len(begin), "]]>", "CDATA section")
	if n == 0 {
		return None
	}
	r.text = bytes.ReplaceAll(r.buf[r.pos+len(begin):r.pos+n-3], []byte("\r\n"), []byte("\n"))
	r.pos += n
	return Text
}

// readDoctype reads a document type declaration. It rejects declarations with their own definitions: these could
// make a short file expand to any length, and the readers need none.
func (r *Reader) readDoctype() Kind {
	n := r.until(2, ">", "document type")
	if n == 0 {
		return None
	}
	b := r.buf[r.pos : r.pos+n]
	if !bytes.HasPrefix(b, []byte("<!DOCTYPE")) {
		return r.fault(r.pos, "broken markup %.20q", b)
	}
	if bytes.IndexByte(b, '[') >= 0 {
		return r.fault(r.pos, "the document type has its own definitions, such as entities, which are not allowed")
	}
	r.doctype = strings.TrimSpace(string(b[len("<!DOCTYPE") : n-1]))
	r.pos += n
	return None
}
