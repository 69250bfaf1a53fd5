package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/text"
)

type dataSentencesCmd struct {
	JSON bool `help:"Print a JSON object a line: start, end and the text."`
}

func (*dataSentencesCmd) Help() string {
	return `Reads text from standard input and prints "start end" for each sentence: offsets in characters (Unicode code points)
from the start of the input, from 0, the end excluded. A line end ends a sentence, unless the line ends with an abbreviation such as "Fig."`
}

func (v *dataSentencesCmd) Run(c *console) error {
	splitter, err := corpus.NewSplitter()
	if err != nil {
		return err
	}
	meter := newMeter(c)
	c.in = c.standardInput(meter)
	out := bufio.NewWriterSize(c.out, 1<<16)
	err = errors.Join(v.lines(c, splitter, out), out.Flush()) // output before a fault is correct
	meter.end()
	return endsEarly(c, err)
}

// lines prints the sentences of the lines of standard input.
func (v *dataSentencesCmd) lines(c *console, splitter *corpus.Splitter, out *bufio.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	characters := 0 // before the line
	var spans []text.Span
	lines := linesTogether{Lines: text.NewLines(c.in), splitter: splitter}
	for {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		i := 0
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

// linesTogether reads lines, each together with the lines in which its last sentence may continue.
type linesTogether struct {
	*text.Lines
	splitter *corpus.Splitter
	failed   error // in the line after those returned last
}

func (l *linesTogether) next() (string, error) {
	var all strings.Builder
	for l.failed == nil {
		var line []byte
		if line, l.failed = l.NextWhole(); l.failed != nil {
			break
		}
		all.Write(line)
		if !l.splitter.Unfinished(string(line)) || all.Len() > text.MaxLine {
			return all.String(), nil
		}
	}
	if all.Len() > 0 {
		return all.String(), nil
	}
	return "", l.failed
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
