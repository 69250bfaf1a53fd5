package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// MaxLine is the most bytes a line may have: a full article in one JSON line has some 100 kB, a file that is no text
// at all may have a gigabyte.
const MaxLine = 16 << 20

// Lines reads text line by line, each with its end, so that together they are the input. It yields an error for what is
// not text, naming name and the line, and ends there.
func Lines(r io.Reader, name string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		l := &lines{r: bufio.NewReaderSize(r, 1<<18)}
		for {
			line, err := l.checked()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield("", fmt.Errorf("%s: line %d: %w", name, l.number, err))
				return
			}
			if !yield(string(line), nil) {
				return
			}
		}
	}
}

// lineFault is something wrong with one line: the next one can be read.
type lineFault struct{ error }

func (f lineFault) Unwrap() error { return f.error }

// lines reads text line by line and checks that it is text.
type lines struct {
	r      *bufio.Reader
	long   []byte // a line longer than the buffer of r
	number int    // of the line returned last, from 1
}

// next returns the next line without its end, valid until the next call; io.EOF after the last one. A byte order mark
// is left out.
func (l *lines) next() ([]byte, error) {
	line, err := l.checked()
	if err != nil {
		return nil, err
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}

// checked returns the next line as it is, once it is known to be text.
func (l *lines) checked() ([]byte, error) {
	line, err := l.read()
	if err != nil {
		return nil, err
	}
	if i := bytes.IndexByte(line, 0); i >= 0 {
		return nil, lineFault{fmt.Errorf("zero byte at column %d; this is binary data, not text", i+1)}
	}
	if !utf8.Valid(line) {
		return nil, lineFault{fmt.Errorf("invalid UTF-8 at column %d", invalidAt(line)+1)}
	}
	return line, nil
}

func (l *lines) read() ([]byte, error) {
	l.number++
	line, err := l.r.ReadSlice('\n')
	if err == nil {
		return line, nil
	}
	l.long = l.long[:0]
	for {
		l.long = append(l.long, line...)
		if len(l.long) > MaxLine {
			return nil, fmt.Errorf("line longer than %d MiB; this is no file of documents", MaxLine>>20)
		}
		if err != bufio.ErrBufferFull {
			break
		}
		line, err = l.r.ReadSlice('\n')
	}
	if err == nil || errors.Is(err, io.EOF) && len(l.long) > 0 {
		return l.long, nil
	}
	return nil, err
}

// invalidAt is the offset of the first byte that is not UTF-8.
func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}
