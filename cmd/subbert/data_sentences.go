package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus"
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
	meter := newMeter(c)
	c.in = c.standardInput(meter)
	out := bufio.NewWriterSize(c.out, 1<<16)
	err = errors.Join(v.lines(c, splitter, out), out.Flush()) // what came before a fault is right
	meter.end()
	return endsEarly(c, err)
}

// lines prints the sentences of the lines of standard input.
func (v *dataSentencesCmd) lines(c *console, splitter *corpus.Splitter, out *bufio.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	characters := 0 // before the line
	var spans []corpus.Span
	for line, err := range corpus.Lines(c.in, "standard input") {
		if err != nil {
			return err
		}
		at, bytes := characters, 0
		spans = splitter.Append(spans[:0], line)
		for _, s := range spans {
			at += utf8.RuneCountInString(line[bytes:s.Start])
			end := at + utf8.RuneCountInString(line[s.Start:s.End])
			if err := v.print(out, enc, at, end, line[s.Start:s.End]); err != nil {
				return err
			}
			at, bytes = end, s.End
		}
		characters = at + utf8.RuneCountInString(line[bytes:])
	}
	return nil
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
