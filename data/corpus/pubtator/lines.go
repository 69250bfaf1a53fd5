package pubtator

import (
	"errors"
	"fmt"
	"io"

	"github.com/subbert/subbert/data/text"
)

// MaxDocument is the maximum size in bytes of a document's annotations.
const MaxDocument = 16 << 20

// Options are the settings of a reader. The zero value is ready to use.
type Options struct {
	// Strict makes a broken line an error that ends the reading.
	Strict bool
	// Fault is called for each line that is skipped.
	Fault func(Fault)
	// Note is called with a line for each change to a file as a whole.
	Note func(string)
}

// Fault is something wrong with one line of a file.
type Fault struct {
	File       string
	Line       int  // from 1
	Annotation bool // only an annotation of a document is skipped
	Err        error
}

func (f Fault) Error() string { return fmt.Sprintf("%s: line %d: %v", f.File, f.Line, f.Err) }

func (f Fault) Unwrap() error { return f.Err }

// lines reads the good lines of a text file.
type lines struct {
	*text.Lines
	name    string
	options Options
}

func newLines(r io.Reader, name string, o Options) *lines { return &lines{text.NewLines(r), name, o} }

// next returns the next good line without its end, valid until the next call; io.EOF after the last one.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.Next()
		if broken, ok := errors.AsType[*text.LineError](err); ok {
			if err := l.passOver(broken.Err); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s: line %d: %w", l.name, l.Number(), err)
		}
		return line, err
	}
}

// passOver reports a fault in the line read last, or returns it if reading is strict.
func (l *lines) passOver(err error) error { return l.fault(Fault{Line: l.Number(), Err: err}) }

func (l *lines) fault(f Fault) error {
	f.File = l.name
	if l.options.Strict {
		return f
	}
	if l.options.Fault != nil {
		l.options.Fault(f)
	}
	return nil
}
