package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
)

// Forms of a file of predictions.
const (
	FormTSV       = "tsv"      // NewTSV
	FormJSONLines = "jsonl"    // NewJSONLines
	FormPubTator  = "pubtator" // NewPubTator; the source must have this form, too
	FormBioC      = "bioc"     // NewBioC; the source must have this form, too
)

// FormOf returns the form that the extension of a file name indicates; without an extension TSV. The extension may be
// followed by .gz or .zst.
func FormOf(name string) (string, error) {
	short := strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst"} {
		short = strings.TrimSuffix(short, packed)
	}
	switch filepath.Ext(short) {
	case "", ".tsv", ".txt":
		return FormTSV, nil
	case ".jsonl", ".json":
		return FormJSONLines, nil
	case ".pubtator":
		return FormPubTator, nil
	case ".xml", ".bioc":
		return FormBioC, nil
	}
	return "", fmt.Errorf("%s: unknown extension, want .tsv, .jsonl, .pubtator or .xml, also .gz and .zst, or --to", name)
}

// Request asks for the predictions of a source in a file.
type Request struct {
	Source
	Out       string
	Form      string          // of Out
	Predicted func(pairs int) // receives the number of pairs predicted so far; may be nil
}

// Check returns a *RequestError if the source cannot be written in the form of Out.
func (r Request) Check() error {
	if (r.Form == FormPubTator || r.Form == FormBioC) && r.Form != r.Format {
		return &RequestError{fmt.Errorf("--to %[1]s needs --from %[1]s: it is the input with relations added", r.Form)}
	}
	return nil
}

// Summary sums up the predictions of a source.
type Summary struct {
	Pairs     int              `json:"pairs"`
	Labels    map[string]int   `json:"labels"` // how often each label was predicted
	Seconds   float64          `json:"seconds"`
	PerSecond float64          `json:"pairs_per_second"`
	Cut       marked.Cut       `json:"cut"`
	Types     [][2]string      `json:"types,omitempty"` // of the two mentions of the pairs that the model was trained on; none: not known
	Score     *evaluate.Report `json:"score,omitempty"` // nil unless the source gives the right label of every pair
	Out       string           `json:"out"`
}

// Write predicts the source and writes r.Out, whole or not at all.
func (m *Model) Write(ctx context.Context, r Request) (*Summary, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	examples, err := m.Examples(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	s := &Summary{Labels: map[string]int{}, Out: r.Out}
	if err := atomicfile.WriteContext(ctx, r.Out, func(w io.Writer) error { return m.write(ctx, w, r, examples, s) }); err != nil {
		return nil, err
	}
	s.Seconds, s.Cut, s.Types = time.Since(started).Seconds(), m.Cut(), m.Settings().Types
	s.PerSecond = float64(s.Pairs) / s.Seconds
	return s, nil
}

// write writes the predictions to w and counts them in s.
func (m *Model) write(ctx context.Context, w io.Writer, r Request, examples iter.Seq2[relations.Example, error], s *Summary) error {
	packed, err := stream.Pack(w, r.Out)
	if err != nil {
		return err
	}
	out, err := m.writer(ctx, packed, r)
	if err != nil {
		return err
	}
	var gold, predicted []string
	for p, err := range m.Predict(ctx, examples) {
		if labels := new(LabelsError); errors.As(err, &labels) {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		if err == nil {
			err = out.Write(p)
		}
		if err != nil {
			return err
		}
		s.Pairs++
		s.Labels[p.Label]++
		if p.Example.Label != "" {
			gold, predicted = append(gold, p.Example.Label), append(predicted, p.Label)
		}
		if r.Predicted != nil {
			r.Predicted(s.Pairs)
		}
	}
	if err := errors.Join(out.Close(), packed.Close()); err != nil || len(gold) < s.Pairs {
		return err
	}
	report, err := evaluate.Score(gold, predicted, m.Labels(), m.Negative())
	s.Score = &report
	return err
}

// writer returns the writer of the form that r asks for.
func (m *Model) writer(ctx context.Context, w io.Writer, r Request) (Writer, error) {
	switch r.Form {
	case FormJSONLines:
		return NewJSONLines(w, m.Labels()), nil
	case FormPubTator:
		return NewPubTator(ctx, w, r.Name, m.Labels(), m.Negative())
	case FormBioC:
		return NewBioC(ctx, w, r.Name, m.Labels(), m.Negative())
	}
	return NewTSV(w, m.Labels()), nil
}
