package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/subbert/subbert/data/corpus"
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
	out := bufio.NewWriterSize(c.out, 1<<16)
	err = v.print(out, splitter, c.standardInput(meter))
	err = errors.Join(err, out.Flush()) // output before a fault is correct
	meter.end()
	return endsEarly(c, err)
}

func (v *dataSentencesCmd) print(w io.Writer, splitter *corpus.Splitter, in io.Reader) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for s, err := range splitter.Sentences(in) {
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		if v.JSON {
			err = enc.Encode(s)
		} else {
			_, err = fmt.Fprintf(w, "%d %d\n", s.Start, s.End)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
