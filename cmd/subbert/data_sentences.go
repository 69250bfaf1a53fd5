package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/text"
)

type dataSentencesCmd struct {
	JSON bool `help:"Print a JSON object a line: start, end and the text."`
}

func (*dataSentencesCmd) Help() string {
	return `Reads text from standard input and prints "start end" for each sentence: offsets in characters (Unicode code points)
from the start of the input, from 0, the end excluded. A line end always ends a sentence.`
}

func (v *dataSentencesCmd) Run(c *console) error {
	splitter, err := corpus.NewSplitter()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.out, 1<<16)
	return errors.Join(v.lines(c, splitter, out), out.Flush()) // what came before a fault is right
}

// lines prints the sentences of the lines of standard input.
func (v *dataSentencesCmd) lines(c *console, splitter *corpus.Splitter, out *bufio.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	characters := 0 // before the line
	var spans []text.Span
	lines := text.NewLines(c.in)
	for {
		whole, err := lines.NextWhole()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		line, i := string(whole), 0
		spans = splitter.Append(spans[:0], line)
		for start, end := range text.InCharacters(line, spans) {
			if err := v.print(out, enc, characters+start, characters+end, spans[i].Of(line)); err != nil {
				return err
			}
			i++
		}
		characters += utf8.RuneCountInString(line)
	}
}

func (v *dataSentencesCmd) print(out *bufio.Writer, enc *json.Encoder, start, end int, text string) error {
	if v.JSON {
		return enc.Encode(struct {
			Start int    `json:"start"`
			End   int    `json:"end"`
			Text  string `json:"text"`
		}{start, end, text})
	}
	_, err := fmt.Fprintf(out, "%d %d\n", start, end)
	return err
}
