package extract

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
)

// Writer writes predictions in some format. Close writes what is buffered; it does not close the underlying writer.
type Writer interface {
	Write(Prediction) error
	Close() error
}

// tsvWriter writes predictions.tsv: index, gold, predicted and a probability for each label.
type tsvWriter struct{ out *relations.PredictionWriter }

// NewTSV returns a writer of predictions.tsv for a model with labels.
func NewTSV(w io.Writer, labels []string) Writer {
	return tsvWriter{relations.NewPredictionWriter(w, labels)}
}

func (t tsvWriter) Write(p Prediction) error {
	row := relations.Prediction{Index: p.Example.ID, Gold: p.Example.Label, Predicted: p.Label}
	for _, x := range p.Probabilities {
		row.Probabilities = append(row.Probabilities, float64(x))
	}
	return t.out.Write(row)
}

func (t tsvWriter) Close() error { return t.out.Flush() }

// jsonLine is a line of the JSON lines form.
type jsonLine struct {
	ID            string             `json:"id"`
	Document      string             `json:"document"`
	Sentence      string             `json:"sentence"` // as the model saw it, marks included
	A             jsonMention        `json:"a"`
	B             jsonMention        `json:"b"`
	Gold          string             `json:"gold,omitempty"`
	Label         string             `json:"label"`
	Probabilities map[string]float32 `json:"probabilities"`
	Words         []weighedWord      `json:"words,omitempty"` // with their attention, if the model has attention weights
}

type jsonMention struct {
	ID   string `json:"id,omitempty"`
	Type string `json:"type"`
	Text string `json:"text"`
}

// weighedWord is a word of a sentence, delimited by spaces, and the sum of the attention of its pieces.
type weighedWord struct {
	Word   string  `json:"word"`
	Weight float32 `json:"weight"`
}

type jsonWriter struct {
	out    *bufio.Writer
	enc    *json.Encoder
	labels []string
}

// NewJSONLines writes an object on each line: the sentence as the model saw it, its mentions, the label, a probability
// for each label and, if the model has attention weights, those of the words.
func NewJSONLines(w io.Writer, labels []string) Writer {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return &jsonWriter{out, enc, labels}
}

func (j *jsonWriter) Write(p Prediction) error {
	e := p.Example
	line := jsonLine{ID: e.ID, Document: e.Document, Sentence: e.Text, A: mentionOf(e.A), B: mentionOf(e.B), Gold: e.Label, Label: p.Label, Probabilities: map[string]float32{}}
	for i, x := range p.Probabilities {
		line.Probabilities[j.labels[i]] = x
	}
	if p.Attention != nil {
		line.Words = weighedWords(e.Text, p.Row, p.Attention)
	}
	return j.enc.Encode(line)
}

func (j *jsonWriter) Close() error { return j.out.Flush() }

func mentionOf(m relations.Mention) jsonMention {
	return jsonMention{ID: m.ID, Type: m.Type, Text: m.Surface}
}

// weighedWords adds up the weights of positions over the words, delimited by spaces, that contain their spans. It omits
// words without a position, because the sentence was cut.
func weighedWords(line string, row marked.Row, weights []float32) []weighedWord {
	const blanks = " \t\n\r"
	var out []weighedWord
	end := -1 // of the word that is being added up
	for i, s := range row.Spans {
		if s.Start == s.End {
			continue
		}
		if s.Start >= end {
			start := strings.LastIndexAny(line[:s.Start], blanks) + 1
			if end = len(line); strings.ContainsAny(line[s.Start:], blanks) {
				end = s.Start + strings.IndexAny(line[s.Start:], blanks)
			}
			out = append(out, weighedWord{Word: line[start:end]})
		}
		out[len(out)-1].Weight += weights[i]
	}
	return out
}

// pubtatorWriter copies a PubTator file and adds, after each document, a line for each relation predicted between two
// of its concepts. It omits the relations in the file.
type pubtatorWriter struct {
	out      *bufio.Writer // keeps the first error for Flush
	labels   []string
	negative string
	name     string
	in       *text.Lines
	closing  func() error
	document string // the one whose lines are being copied
	found    stated // of document
}

// NewPubTator writes a copy of the PubTator file called name with the relations that a model with labels predicted for
// each document. Their fifth field is the greatest probability over all pairs of mentions with that relation.
// Predictions must come in the order of the file's documents.
func NewPubTator(w io.Writer, name string, labels []string, negative string) (Writer, error) {
	in, err := stream.Open(name)
	if err != nil {
		return nil, err
	}
	return &pubtatorWriter{out: bufio.NewWriter(w), labels: labels, negative: negative, name: name, in: text.NewLines(in), closing: in.Close}, nil
}

func (t *pubtatorWriter) Write(p Prediction) error {
	e := p.Example
	if e.Document != t.document {
		if err := t.copyTo(e.Document); err != nil {
			return err
		}
	}
	if p.Label == t.negative || e.A.ID == "" || e.B.ID == "" {
		return nil
	}
	t.found.add(statedRelation{label: p.Label, concepts: [2]string{e.A.ID, e.B.ID}}, p, t.labels)
	return nil
}

// copyTo ends the present document and copies lines up to the title of document, or to the end if document is empty.
func (t *pubtatorWriter) copyTo(document string) error {
	for {
		read, err := t.in.Next()
		ok := err == nil
		if !ok && err != io.EOF {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		line := string(read)
		id, _, title := strings.Cut(line, "|t|")
		title = title && !strings.Contains(id, "\t")
		if !ok || title || line == "" {
			for _, r := range t.found.order {
				fmt.Fprintf(t.out, "%s\t%s\t%s\t%s\t%.4g\n", t.document, r.label, r.concepts[0], r.concepts[1], t.found.probability[r])
			}
			t.found = stated{}
		}
		if !ok {
			break
		}
		if title {
			t.document = id
		}
		if !isRelationLine(line) {
			fmt.Fprintln(t.out, line)
		}
		if title && id == document {
			return nil
		}
	}
	if document != "" {
		return fmt.Errorf("document %s has predictions, but is not in the rest of the file", document)
	}
	return nil
}

func (t *pubtatorWriter) Close() error {
	err := t.copyTo("")
	return errors.Join(err, t.closing(), t.out.Flush())
}

// isRelationLine reports whether a PubTator line states a relation (id, type, concept, concept) and not a mention.
func isRelationLine(line string) bool {
	f := strings.Split(line, "\t")
	if len(f) < 4 || strings.Contains(f[0], "|") {
		return false
	}
	isPosition := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return !(len(f) >= 5 && isPosition(f[1]) && isPosition(f[2]))
}
