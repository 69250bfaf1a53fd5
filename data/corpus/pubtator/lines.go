package pubtator

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// MaxLine is the most bytes a line may have.
	MaxLine = 4 << 20
	// MaxDocument is the most bytes the lines of a document may have together.
	MaxDocument = 16 << 20
)

// Options say how to read. The zero value is good.
type Options struct {
	// Strict makes a broken line an error that ends the reading.
	Strict bool
	// Fault is told of each line passed over.
	Fault func(Fault)
}

// Fault is something wrong with one line of a file.
type Fault struct {
	File string
	Line int // from 1
	Err  error
}

func (f Fault) Error() string { return fmt.Sprintf("%s: line %d: %v", f.File, f.Line, f.Err) }

func (f Fault) Unwrap() error { return f.Err }

// errLine is why a line cannot be read as text; the next one can.
type lineError string

func (e lineError) Error() string { return string(e) }

// lines reads a file line by line.
type lines struct {
	name    string
	options Options
	r       *bufio.Reader
	number  int // of the line read last, from 1
	long    []byte
}

func newLines(r io.Reader, name string, o Options) *lines {
	return &lines{name: name, options: o, r: bufio.NewReaderSize(r, 1<<16)}
}

// next returns the next good line without its end, valid until the next call; io.EOF after the last one.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.read()
		var broken lineError
		if errors.As(err, &broken) {
			if err := l.passOver(broken); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s: line %d: %w", l.name, l.number, err)
		}
		return line, err
	}
}

// passOver tells of a fault in the line read last, or returns it if reading is strict.
func (l *lines) passOver(err error) error {
	f := Fault{File: l.name, Line: l.number, Err: err}
	if l.options.Strict {
		return f
	}
	if l.options.Fault != nil {
		l.options.Fault(f)
	}
	return nil
}

func (l *lines) read() ([]byte, error) {
	l.number++
	line, err := l.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = l.readLong(line)
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, err
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
		return nil, lineError("not text in UTF-8")
	}
	return line, nil
}

// readLong goes on with a line that does not fit the buffer of r.
func (l *lines) readLong(line []byte) (_ []byte, err error) {
	l.long = append(l.long[:0], line...)
	err = bufio.ErrBufferFull
	tooLong := false
	for err == bufio.ErrBufferFull {
		line, err = l.r.ReadSlice('\n')
		if tooLong = tooLong || len(l.long)+len(line) > MaxLine; !tooLong {
			l.long = append(l.long, line...)
		}
	}
	if tooLong && (err == nil || err == io.EOF) {
		return nil, lineError(fmt.Sprintf("longer than %d MiB", MaxLine>>20))
	}
	return l.long, err
}
