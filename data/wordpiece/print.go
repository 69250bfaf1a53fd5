package wordpiece

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/subbert/subbert/data/text"
)

// Printer writes the tokens and ids of lines of text as JSON: {"tokens":[...],"ids":[...]} for each line.
type Printer struct {
	tokenizer *Tokenizer
	out       *bufio.Writer
	quoted    [][]byte // tokens as JSON, encoded when first seen
	ids       []int32
}

// NewPrinter returns a Printer that writes to w. The caller must call Flush at the end.
func NewPrinter(w io.Writer, t *Tokenizer) *Printer {
	return &Printer{tokenizer: t, out: bufio.NewWriterSize(w, 1<<16), quoted: make([][]byte, t.Vocabulary().Size())}
}

// Flush writes the buffered output.
func (p *Printer) Flush() error { return p.out.Flush() }

// Print prints every line of r, whose name is for errors. It ends at the first line that is not UTF-8. It flushes
// whenever reading the next line may block, because the writer of r may wait for the answer.
func (p *Printer) Print(name string, r io.Reader) error {
	in := text.NewLines(r)
	for {
		line, err := in.NextWhole()
		if err == io.EOF && in.Number() == 1 {
			return fmt.Errorf("%s: empty; nothing to tokenize", name)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := p.line(string(bytes.TrimSuffix(line, []byte("\n")))); err != nil {
			return err
		}
		if !in.Buffered() {
			if err := p.out.Flush(); err != nil {
				return err
			}
		}
	}
}

// line prints one line. The writer keeps its first error and returns it from every later call.
func (p *Printer) line(text string) error {
	p.ids = p.tokenizer.Append(p.ids[:0], text)
	p.out.WriteString(`{"tokens":[`)
	for i, id := range p.ids {
		if i > 0 {
			p.out.WriteByte(',')
		}
		p.out.Write(p.token(id))
	}
	p.out.WriteString(`],"ids":[`)
	for i, id := range p.ids {
		if i > 0 {
			p.out.WriteByte(',')
		}
		p.out.Write(strconv.AppendInt(p.out.AvailableBuffer(), int64(id), 10))
	}
	_, err := p.out.WriteString("]}\n")
	return err
}

// token returns a token as JSON.
func (p *Printer) token(id int32) []byte {
	if p.quoted[id] == nil {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.Encode(p.tokenizer.Vocabulary().Token(id)) // a string always has an encoding
		p.quoted[id] = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	return p.quoted[id]
}
