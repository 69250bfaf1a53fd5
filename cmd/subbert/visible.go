package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// visible writes control characters that a terminal would obey as escapes, such as \u001b, except line ends and tabs. The
// escapes are those of JSON, so that JSON keeps its meaning. It is safe for concurrent use, as a file is.
type visible struct {
	to      io.Writer
	lock    sync.Mutex // protects the fields below
	out     []byte
	pending bool // the last byte was the first byte of a two-byte control character, or of another character
}

// To returns a Writer that writes to w.
func visibly(w io.Writer) *visible { return &visible{to: w} }

// controlLead is the first byte in UTF-8 of U+0080 to U+00BF, of which those up to U+009F are control characters.
const controlLead = 0xc2

// Write writes p with its control characters escaped. A last byte that may begin a control character is kept until the
// next call.
func (v *visible) Write(p []byte) (int, error) {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.out = v.out[:0]
	from := 0
	for i, b := range p {
		lead := v.pending
		v.pending = b == controlLead
		switch {
		case lead && 0x80 <= b && b < 0xa0:
			v.out = append(v.out, p[from:max(from, i-1)]...)
			v.out = fmt.Appendf(v.out, `\u%04x`, b)
			from = i + 1
		case lead && i == 0: // the first byte was held back
			v.out = append(v.out, controlLead)
		}
		if b < ' ' && b != '\n' && b != '\t' || b == 0x7f {
			v.out = append(v.out, p[from:i]...)
			v.out = fmt.Appendf(v.out, `\u%04x`, b)
			from = i + 1
		}
	}
	end := len(p)
	if v.pending { // until the next byte is known
		end--
	}
	v.out = append(v.out, p[min(from, end):end]...)
	if _, err := v.to.Write(v.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escaped returns text as visible writes it.
func escaped(text string) string {
	var b strings.Builder
	visibly(&b).Write([]byte(text)) // a Builder never fails
	return b.String()
}

// Unwrap returns the writer that v writes to.
func (v *visible) Unwrap() io.Writer { return v.to }

// raw returns the writer below w that writes what a terminal is to obey, or w itself if there is none.
func raw(w io.Writer) io.Writer {
	for {
		over, ok := w.(interface{ Unwrap() io.Writer })
		if !ok {
			return w
		}
		w = over.Unwrap()
	}
}
