package xmlpull

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	startWindow = 256 << 10
	maxWindow   = 1 << 20 // the longest tag, comment or CDATA section
	maxDepth    = 256
	maxAttrs    = 64
)

// Kind is the kind of a token.
type Kind uint8

const (
	None  Kind = iota // an error, or the end of the document
	Start             // a start tag
	End               // an end tag, or the end of an empty-element tag
	Text              // a piece of text; several may follow each other
)

// Position is a place in the decompressed file.
type Position struct {
	Offset int64 // bytes before it
	Line   int   // from 1
}

// SyntaxError says where and why a file is not well-formed.
type SyntaxError struct {
	Position
	What string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d (byte %d): %s", e.Line, e.Offset, e.What)
}

// Config describes the records of a file.
type Config struct {
	// Records are the elements that occur only as children of the root. One found elsewhere means that the record
	// before it was cut off; Resume looks for them.
	Records []string
	// MaxRecord is the maximum size in bytes of a record, and of the space between two. 0 stands for 32
	// MiB.
	MaxRecord int64
}

// Reader reads the tokens of a document. It is not for concurrent use.
type Reader struct {
	in      io.Reader
	config  Config
	buf     []byte // the window
	pos     int    // buf[pos:end] is unread
	end     int
	base    int64 // offset of buf[0]
	counted int   // buf[:counted] has been searched for line ends
	lines   int   // line ends before buf[counted]
	ioErr   error // of in; stays
	err     error
	record  Position
	limit   int64 // offset at which the current record is too long
	doctype string

	names  []byte // the names of the open elements, one after another
	open   []int  // the offset of each in names
	rooted bool   // the root has been opened
	closed bool   // the tag read last was <x/>; its End comes next
	attrs  []attr
	text   []byte
	char   [4]byte // backs text for a reference
}

// New returns a reader of the document in r.
func New(r io.Reader, c Config) *Reader {
	if c.MaxRecord == 0 {
		c.MaxRecord = 32 << 20
	}
	return &Reader{in: r, config: c, buf: make([]byte, startWindow), limit: c.MaxRecord}
}

// Err is the first error since the start or the last Resume: a *SyntaxError, or an error of the underlying
// reader.
func (r *Reader) Err() error { return r.err }

// Position is the start of the next token; after a *SyntaxError, the start of the faulty one.
func (r *Reader) Position() Position {
	p := r.at(r.pos)
	r.counted, r.lines = r.pos, p.Line-1
	return p
}

// RecordPosition is the start of the record that Record found last, or tried to find.
func (r *Reader) RecordPosition() Position { return r.record }

// at is the position of buf[i], which must not lie before buf[counted].
func (r *Reader) at(i int) Position {
	return Position{Offset: r.base + int64(i), Line: r.lines + bytes.Count(r.buf[r.counted:i], []byte("\n")) + 1}
}

// Name is the name of the element that a Start token opened, as written, including its prefix. It and the attributes
// are valid until the next token.
func (r *Reader) Name() []byte { return r.names[r.open[len(r.open)-1]:] }

// Text is the content of a Text token, with references resolved and line ends converted to "\n"; valid until the next
// token.
func (r *Reader) Text() []byte { return r.text }

// Doctype is the document type declaration between "<!DOCTYPE" and ">", empty if there was none.
func (r *Reader) Doctype() string { return r.doctype }

// Record moves to the next child of the root. It returns false at the end of the document and on an error. The
// previous record must have been read to its end.
func (r *Reader) Record() bool {
	r.limit = r.base + int64(r.pos) + r.config.MaxRecord
	for {
		r.record = r.Position()
		switch r.Next() {
		case Start:
			return true
		case Text:
			if len(bytes.TrimSpace(r.text)) > 0 {
				r.fault(r.pos-len(r.text), "text between records: %.40q", bytes.TrimSpace(r.text))
				return false
			}
		case End:
			r.Next() // finds a fault, or nothing
			return false
		case None:
			return false
		}
	}
}

// Child moves to the next child of the element opened last, skipping text. It returns false after the end tag of that
// element, and on an error. The child must be read to its end before the next call: with Skip, or with Child until it
// returns false.
func (r *Reader) Child() bool {
	for {
		switch r.Next() {
		case Start:
			return true
		case End, None:
			return false
		}
	}
}

// Skip skips the rest of the element opened last, including its end tag.
func (r *Reader) Skip() {
	depth := len(r.open)
	for len(r.open) >= depth && r.Next() != None {
	}
}

// AppendText appends the text of the element opened last, including nested elements, and reads its end tag.
func (r *Reader) AppendText(dst []byte) []byte {
	depth := len(r.open)
	for len(r.open) >= depth {
		switch r.Next() {
		case Text:
			dst = append(dst, r.text...)
		case None:
			return dst
		}
	}
	return dst
}

// Resume clears a *SyntaxError and moves to just before the next record or the end of the root. It returns false
// if there is none, or if the error is of another kind; Err returns the reason.
func (r *Reader) Resume() bool {
	var syntax *SyntaxError
	if !errors.As(r.err, &syntax) || len(r.open) == 0 {
		return false
	}
	if len(r.open) == 1 && syntax.Offset == r.base+int64(r.pos) && r.pos < r.end {
		r.pos++ // the fault is in the start tag of a record: do not find it again
	}
	root := string(r.names[:r.nameEnd(0)])
	r.err, r.closed = nil, false
	r.limit = math.MaxInt64
	if !r.seek(root) {
		return false
	}
	r.names, r.open = r.names[:len(root)], r.open[:1]
	return true
}

// seek moves to the next start of a record or end of the root.
func (r *Reader) seek(root string) bool {
	for {
		i := bytes.IndexByte(r.buf[r.pos:r.end], '<')
		if i < 0 {
			r.pos = r.end
			if !r.need() {
				return false
			}
			continue
		}
		r.pos += i
		if r.end-r.pos < 128 && r.fill() {
			continue // the window may cut off a tag
		}
		if r.boundary(r.buf[r.pos:r.end], root) {
			return true
		}
		r.pos++
	}
}

// boundary reports whether b begins with the start of a record or the end of the root.
func (r *Reader) boundary(b []byte, root string) bool {
	if bytes.HasPrefix(b, []byte("</")) {
		n := nameLen(b[2:])
		return string(b[2:2+n]) == root
	}
	return r.isRecord(b[1 : 1+nameLen(b[1:])])
}

// need reads more input. It returns false with err set if there is none.
func (r *Reader) need() bool {
	if r.fill() {
		return true
	}
	if r.err == nil && r.ioErr == io.EOF {
		r.err = r.cut()
	} else if r.err == nil {
		r.err = r.ioErr
	}
	return false
}

// fill appends more input to buf[pos:end], if there is more. It sets err only if the limits are exceeded.
func (r *Reader) fill() bool {
	if r.ioErr != nil || r.err != nil {
		return false
	}
	if r.base+int64(r.pos) > r.limit {
		r.fault(r.pos, "more than %d MiB without the end of a record", r.config.MaxRecord>>20)
		return false
	}
	r.shift()
	if r.end == len(r.buf) {
		if r.end >= maxWindow {
			r.fault(r.pos, "a tag, comment or CDATA section of more than %d MiB", maxWindow>>20)
			return false
		}
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	n, tries := 0, 0
	for n == 0 && r.ioErr == nil {
		if tries++; tries > 100 {
			r.ioErr = io.ErrNoProgress
			break
		}
		n, r.ioErr = r.in.Read(r.buf[r.end:])
	}
	r.end += n
	return n > 0
}

// shift moves the unread bytes to the front of the window.
func (r *Reader) shift() {
	r.lines += bytes.Count(r.buf[r.counted:r.pos], []byte("\n"))
	r.counted = 0
	r.base += int64(r.pos)
	r.end = copy(r.buf, r.buf[r.pos:r.end])
	r.pos = 0
}

// cut is the error of a document that ends early.
func (r *Reader) cut() error {
	if len(r.open) == 0 {
		return fmt.Errorf("%w: no element", io.ErrUnexpectedEOF)
	}
	root := r.names[:r.nameEnd(0)]
	p := r.at(r.end)
	return fmt.Errorf("line %d (byte %d): %w: no </%s>; the file is truncated", p.Line, p.Offset, io.ErrUnexpectedEOF, root)
}

// fault records that the byte at buf[i] is wrong.
func (r *Reader) fault(i int, format string, args ...any) Kind {
	if r.err == nil {
		r.err = &SyntaxError{Position: r.at(i), What: fmt.Sprintf(format, args...)}
	}
	return None
}

// nameEnd is the end in names of the name of the i-th open element.
func (r *Reader) nameEnd(i int) int {
	if i+1 < len(r.open) {
		return r.open[i+1]
	}
	return len(r.names)
}
