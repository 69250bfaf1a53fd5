package text

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxLine is the maximum number of bytes of a line. A full article in a line of JSON has some 100 kB; a binary file
// may have a gigabyte without a line end.
const MaxLine = 16 << 20

// LineError is a fault of one line of a file. The lines after it can be read.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

// Lines reads text line by line. Its memory is bounded by MaxLine. It is not for concurrent use.
type Lines struct {
	r      *bufio.Reader
	long   []byte // a line longer than the buffer of r
	number int
}

// NewLines returns a reader of the lines of r.
func NewLines(r io.Reader) *Lines { return &Lines{r: bufio.NewReaderSize(r, 1<<18)} }

// Number is the number of the line read last, from 1.
func (l *Lines) Number() int { return l.number }

// Buffered reports whether more input is buffered, so that Next may not block.
func (l *Lines) Buffered() bool { return l.r.Buffered() > 0 }

// Next returns the next line without its end and without a byte order mark, valid until the next call, or io.EOF after the last one.
// A line that is not UTF-8, or longer than MaxLine, is a *LineError, after which the next line can be read.
func (l *Lines) Next() ([]byte, error) {
	line, err := l.NextWhole()
	if err != nil {
		return nil, err
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}

// NextWhole is Next with the line end and the byte order mark: the lines joined are the input.
func (l *Lines) NextWhole() ([]byte, error) {
	line, err := l.read()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(line) {
		return nil, l.Fault(fmt.Errorf("invalid UTF-8 at column %d; convert the text to UTF-8, or leave the line out", InvalidAt(line)+1))
	}
	return line, nil
}

// Fault wraps err as an error of the line read last.
func (l *Lines) Fault(err error) error { return &LineError{l.number, err} }

func (l *Lines) read() ([]byte, error) {
	l.number++
	line, err := l.r.ReadSlice('\n')
	if err == nil {
		return line, nil
	}
	tooLong := false
	l.long = l.long[:0]
	for {
		if tooLong = tooLong || len(l.long)+len(line) > MaxLine; !tooLong {
			l.long = append(l.long, line...)
		}
		if err != bufio.ErrBufferFull {
			break
		}
		line, err = l.r.ReadSlice('\n')
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case tooLong:
		return nil, l.Fault(fmt.Errorf("line longer than %d MiB", MaxLine>>20))
	case err == nil || len(l.long) > 0:
		return l.long, nil
	}
	return nil, io.EOF
}

// InvalidAt is the offset of the first byte of b that is not UTF-8, or its length.
func InvalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}
