package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/subbert/subbert/data/text"
)

// plainReader reads plain text one document at a time: lines up to a blank one.
type plainReader struct {
	lines *text.Lines
	block []byte
	nuls  int
}

// next returns the next document. A broken line makes its document broken.
func (r *plainReader) next() (Document, error) {
	r.block = r.block[:0]
	var wrong error // the first fault of the document
	for {
		line, err := r.lines.Next()
		var broken *text.LineError
		switch {
		case errors.As(err, &broken):
			if wrong == nil {
				wrong = err
			}
			continue
		case err != nil && err != io.EOF:
			return Document{}, err
		}
		line = bytes.TrimSpace(withoutNUL(line, &r.nuls))
		if err == nil && len(line) > 0 {
			if wrong == nil {
				wrong = r.add(line)
			}
			continue
		}
		switch {
		case wrong != nil:
			return Document{}, wrong
		case len(r.block) > 0:
			return Document{Sections: []Section{{Part: Text, Text: string(r.block)}}}, nil
		case err == io.EOF:
			return Document{}, err
		}
	}
}

// add adds a line to the document.
func (r *plainReader) add(line []byte) error {
	if len(r.block)+len(line) >= text.MaxLine {
		return r.lines.Fault(fmt.Errorf("more than %d MiB without a blank line; separate documents by blank lines", text.MaxLine>>20))
	}
	if len(r.block) > 0 {
		r.block = append(r.block, '\n')
	}
	r.block = append(r.block, line...)
	return nil
}

// withoutNUL is line without its NUL characters, whose number it adds to n.
func withoutNUL(line []byte, n *int) []byte {
	found := bytes.Count(line, []byte{0})
	if found == 0 {
		return line
	}
	*n += found
	return bytes.ReplaceAll(line, []byte{0}, nil)
}
