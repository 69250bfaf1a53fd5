package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/tasks"
)

// predicted are pairs with what the model says of them, in the input's order.
type predicted struct {
	settings *relationSettings
	examples []relations.Example
	rows     []tasks.Example
	made     []tasks.Prediction
}

// label is what was predicted for pair i.
func (p predicted) label(i int) string { return p.settings.Labels[p.made[i].Label()] }

// table is p as predictions.tsv.
func (p predicted) table() *relations.Predictions {
	file := &relations.Predictions{Labels: p.settings.Labels}
	for i, e := range p.examples {
		one := relations.Prediction{Index: e.ID, Gold: e.Label, Predicted: p.label(i)}
		for _, x := range p.made[i].Probabilities {
			one.Probabilities = append(one.Probabilities, float64(x))
		}
		file.Rows = append(file.Rows, one)
	}
	return file
}

// predictedLine is a line of the jsonl output.
type predictedLine struct {
	ID            string             `json:"id"`
	Document      string             `json:"document"`
	Sentence      string             `json:"sentence"` // as the model saw it, marks and all
	A             predictedMention   `json:"a"`
	B             predictedMention   `json:"b"`
	Gold          string             `json:"gold,omitempty"`
	Label         string             `json:"label"`
	Probabilities map[string]float32 `json:"probabilities"`
	Words         []weighedWord      `json:"words,omitempty"` // with their attention, where the model has some
}

type predictedMention struct {
	ID   string `json:"id,omitempty"`
	Type string `json:"type"`
	Text string `json:"text"`
}

// weighedWord is a word of a sentence, between blanks, and the sum of its pieces' attention.
type weighedWord struct {
	Word   string  `json:"word"`
	Weight float32 `json:"weight"`
}

func (p predicted) writeJSONL(w io.Writer) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i, e := range p.examples {
		line := predictedLine{ID: e.ID, Document: e.Document, Sentence: e.Text, A: mentionOf(e.A), B: mentionOf(e.B),
			Gold: e.Label, Label: p.label(i), Probabilities: map[string]float32{}}
		for l, x := range p.made[i].Probabilities {
			line.Probabilities[p.settings.Labels[l]] = x
		}
		if p.made[i].Attention != nil {
			line.Words = weighedWords(e.Text, p.rows[i].Spans, p.made[i].Attention)
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

func mentionOf(m relations.Mention) predictedMention {
	return predictedMention{ID: m.ID, Type: m.Type, Text: m.Surface}
}

// weighedWords sums the weights of positions over the words, between blanks, that their spans lie in. Words without a
// position, because the sentence was cut, are left out.
func weighedWords(text string, spans []text.Span, weights []float32) []weighedWord {
	var out []weighedWord
	start, end := -1, -1 // of the word that is being summed
	for i, s := range spans {
		if s.Start == s.End {
			continue
		}
		if s.Start >= end {
			start, end = s.Start, s.End
			if j := strings.LastIndexAny(text[:start], " \t\n\r"); j >= 0 {
				start = j + 1
			} else {
				start = 0
			}
			if j := strings.IndexAny(text[s.Start:], " \t\n\r"); j >= 0 {
				end = s.Start + j
			} else {
				end = len(text)
			}
			out = append(out, weighedWord{Word: text[start:end]})
		}
		out[len(out)-1].Weight += weights[i]
	}
	return out
}

// pubtator is the PubTator text with, after each document, a line for each relation that was predicted between two of
// its concepts; relations that stand in it already are left out.
func (p predicted) pubtator(text string) func(io.Writer) error {
	lines := map[string][]string{} // by document
	for i, e := range p.examples {
		if p.label(i) == p.settings.Negative || e.A.ID == "" || e.B.ID == "" {
			continue
		}
		line := strings.Join([]string{e.Document, p.label(i), e.A.ID, e.B.ID}, "\t")
		if !slices.Contains(lines[e.Document], line) {
			lines[e.Document] = append(lines[e.Document], line)
		}
	}
	return func(w io.Writer) error {
		out := bufio.NewWriter(w) // keeps the first error for Flush
		document := ""
		end := func() {
			for _, l := range lines[document] {
				fmt.Fprintln(out, l)
			}
			document = ""
		}
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\r\n")
			if id, _, ok := strings.Cut(line, "|t|"); ok && !strings.Contains(id, "\t") {
				end()
				document = id
			}
			if line == "" {
				end()
			}
			if !isRelationLine(line) {
				fmt.Fprintln(out, line)
			}
		}
		end()
		return out.Flush()
	}
}

// isRelationLine says whether a PubTator line is id, type, concept, concept, and no mention.
func isRelationLine(line string) bool {
	f := strings.Split(line, "\t")
	if len(f) < 4 || strings.Contains(f[0], "|") {
		return false
	}
	isPosition := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return !(len(f) >= 5 && isPosition(f[1]) && isPosition(f[2]))
}
