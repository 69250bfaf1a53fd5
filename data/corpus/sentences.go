package corpus

import (
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/subbert/subbert/data/text"
)

// Sentence is a sentence of a text.
type Sentence struct {
	Start int    `json:"start"` // in characters (code points) from the start of the text
	End   int    `json:"end"`   // after the last character
	Text  string `json:"text"`
}

// Sentences yields the sentences of r. A line end ends a sentence, unless the line is Unfinished. Memory is bounded by
// the longest line.
func (s *Splitter) Sentences(r io.Reader) iter.Seq2[Sentence, error] {
	return func(yield func(Sentence, error) bool) {
		var spans []text.Span
		characters := 0 // before the line
		for line, err := range s.lines(text.NewLines(r)) {
			if err != nil {
				yield(Sentence{}, err)
				return
			}
			i := 0
			spans = s.Append(spans[:0], line)
			for start, end := range text.InCharacters(line, spans) {
				if !yield(Sentence{characters + start, characters + end, spans[i].Of(line)}, nil) {
					return
				}
				i++
			}
			characters += utf8.RuneCountInString(line)
		}
	}
}

// lines yields each line together with the lines in which its last sentence may continue.
func (s *Splitter) lines(in *text.Lines) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var all strings.Builder
		for {
			line, err := in.NextWhole()
			all.Write(line)
			if err == nil && s.Unfinished(string(line)) && all.Len() <= text.MaxLine {
				continue
			}
			if all.Len() > 0 && !yield(all.String(), nil) || err == io.EOF {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
			all.Reset()
		}
	}
}
