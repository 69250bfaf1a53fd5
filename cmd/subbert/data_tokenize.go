package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/runs/result"
)

type dataTokenizeCmd struct {
	Vocab        string   `required:"" type:"path" placeholder:"FILE" help:"Vocabulary, one token a line (vocab.txt of a BERT), tokenizer.json, or a model's directory, which has the settings, too."`
	Uncased      bool     `help:"Lower-case the text and strip accents, as uncased vocabularies want it."`
	MaxWordChars int      `placeholder:"N" help:"Longer words become [UNK]: 200 in Google's code (the default for a vocabulary alone), 100 in Hugging Face's." range:"1..1e6"`
	NeverSplit   []string `placeholder:"TOKEN" help:"Tokens to keep whole where they stand between spaces, such as [MASK]."`
	Files        []string `arg:"" optional:"" name:"file" help:"Text in UTF-8; standard input if none, or for -."`
}

func (*dataTokenizeCmd) Help() string {
	return `Prints {"tokens":[...],"ids":[...]} for each line, without [CLS] and [SEP]. It stops at the first line that is not
UTF-8, where Google's code would pass over the bytes. docs/tokenizer.md says where other tokenizers differ.`
}

func (v *dataTokenizeCmd) Run(c *console) error {
	opened, config, err := request.OpenTokenizer(result.ModelPath(v.Vocab), v.Uncased, v.MaxWordChars)
	if err != nil {
		return err
	}
	config.NeverSplit = v.NeverSplit
	tokenizer, err := wordpiece.New(opened.Vocabulary(), config)
	if err != nil {
		return misused(err)
	}
	p := &piecePrinter{tokenizer: tokenizer, out: bufio.NewWriterSize(c.out, 1<<16), quoted: make([][]byte, tokenizer.Vocabulary().Size())}
	files := v.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	meter := newMeter(c)
	defer meter.end()
	for _, name := range files {
		if err := p.file(c, meter, name); err != nil {
			return endsEarly(c, errors.Join(err, p.out.Flush())) // output before a fault is correct
		}
	}
	return p.out.Flush()
}

// piecePrinter prints the pieces of lines as JSON.
type piecePrinter struct {
	tokenizer *wordpiece.Tokenizer
	out       *bufio.Writer
	quoted    [][]byte // tokens as JSON, encoded when first seen
	ids       []int32
}

// file prints the pieces of the lines of the file called name.
func (p *piecePrinter) file(c *console, meter *meter, name string) error {
	if name == "-" {
		return p.lines(c.standardInput(meter), "standard input")
	}
	f, err := c.open(meter, name)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading only
	return p.lines(f, name)
}

func (p *piecePrinter) lines(r io.Reader, name string) error {
	in := text.NewLines(r)
	for {
		line, err := in.NextWhole()
		if err == io.EOF {
			if in.Number() == 1 {
				return fmt.Errorf("%s: empty; nothing to tokenize", name)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := p.print(string(bytes.TrimSuffix(line, []byte("\n")))); err != nil {
			return err
		}
		if !in.Buffered() { // whoever writes the lines may be waiting for the answer
			if err := p.out.Flush(); err != nil {
				return err
			}
		}
	}
}

// print writes one line of JSON. The writer keeps its first error and gives it to every later call.
func (p *piecePrinter) print(text string) error {
	p.ids = p.tokenizer.Append(p.ids[:0], text)
	p.out.WriteString(`{"tokens":[`)
	for i, id := range p.ids {
		if i > 0 {
			p.out.WriteByte(',')
		}
		token, err := p.token(id)
		if err != nil {
			return err
		}
		p.out.Write(token)
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

func (p *piecePrinter) token(id int32) ([]byte, error) {
	if p.quoted[id] == nil {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(p.tokenizer.Vocabulary().Token(id)); err != nil {
			return nil, err
		}
		p.quoted[id] = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	return p.quoted[id], nil
}
