package relations

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/forms"
)

// Prediction is the answer of a model for one pair.
type Prediction struct {
	Index, Gold, Predicted string    // Gold is empty if it is not known
	Probabilities          []float64 // one for each label
}

// Predictions is the content of a file predictions.tsv: the columns index, gold and predicted, and for each label a
// column with its name that holds its probability.
type Predictions struct {
	Labels []string
	Rows   []Prediction
}

// Write writes p with a header. Probabilities have enough digits to be read back exactly.
func (p *Predictions) Write(w io.Writer) error {
	out := NewPredictionWriter(w, p.Labels)
	for _, r := range p.Rows {
		if err := out.Write(r); err != nil {
			return err
		}
	}
	return out.Flush()
}

// PredictionWriter writes predictions.tsv row by row.
type PredictionWriter struct {
	out    *bufio.Writer // keeps the first error for Flush
	labels []string
}

// NewPredictionWriter writes the header.
func NewPredictionWriter(w io.Writer, labels []string) *PredictionWriter {
	out := bufio.NewWriter(w)
	out.WriteString("index\tgold\tpredicted")
	for _, l := range labels {
		out.WriteString("\t" + l)
	}
	out.WriteByte('\n')
	return &PredictionWriter{out, labels}
}

// Write writes a row.
func (w *PredictionWriter) Write(r Prediction) error {
	if len(r.Probabilities) != len(w.labels) {
		return fmt.Errorf("prediction %s: %d probabilities for %d labels", r.Index, len(r.Probabilities), len(w.labels))
	}
	fmt.Fprintf(w.out, "%s\t%s\t%s", field(r.Index), field(r.Gold), field(r.Predicted))
	for _, x := range r.Probabilities {
		w.out.WriteByte('\t')
		w.out.Write(strconv.AppendFloat(w.out.AvailableBuffer(), x, 'g', -1, 64))
	}
	return w.out.WriteByte('\n')
}

// Flush writes the buffered rows and returns the first error of all writes.
func (w *PredictionWriter) Flush() error { return w.out.Flush() }

// OpenPredictions reads predictions.tsv from the file name. It uses only Context and Read of o. A repeated index is an
// error.
func OpenPredictions(name string, o Options) (*Predictions, error) {
	src, err := openSource(name, forms.TSV, o)
	if err != nil {
		return nil, err
	}
	if len(src.files) != 1 {
		return nil, fmt.Errorf("%s: not a file", name)
	}
	p := &Predictions{}
	var at []int // the columns of p.Labels
	seen := map[string]bool{}
	for r, err := range readTable(src.lines(src.files[0])) {
		if err != nil {
			return nil, err
		}
		if len(p.Rows) == 0 {
			if p.Labels, at, err = r.table.probabilities(); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		one, err := r.prediction(at)
		if err == nil && seen[one.Index] {
			err = r.line.errorf("index %s appears twice in the file", one.Index)
		}
		if err != nil {
			return nil, err
		}
		seen[one.Index] = true
		p.Rows = append(p.Rows, one)
	}
	if len(p.Rows) == 0 {
		return nil, fmt.Errorf("%s: no predictions", name)
	}
	return p, nil
}

// probabilities returns the labels that have a column of probabilities in t, and the numbers of these columns.
func (t *table) probabilities() (labels []string, at []int, err error) {
	known := []string{"index", "gold", "predicted"}
	for _, want := range known {
		if _, ok := t.columns[want]; !ok {
			return nil, nil, fmt.Errorf("no column %s; want a header with index, gold, predicted and the labels", want)
		}
	}
	for i, h := range t.header {
		if !slices.Contains(known, strings.ToLower(strings.TrimSpace(h))) {
			labels, at = append(labels, h), append(at, i)
		}
	}
	return labels, at, nil
}

func (r row) prediction(at []int) (Prediction, error) {
	p := Prediction{
		Index:     r.fields[r.table.columns["index"]],
		Gold:      r.fields[r.table.columns["gold"]],
		Predicted: r.fields[r.table.columns["predicted"]],
	}
	for _, i := range at {
		x, err := strconv.ParseFloat(r.fields[i], 64)
		if err != nil || !(x >= 0 && x <= 1) {
			return p, r.line.errorf("column %s: %q is not a probability", r.table.header[i], r.fields[i])
		}
		p.Probabilities = append(p.Probabilities, x)
	}
	return p, nil
}

// Align returns the rows of other in the order of p. Both must have the same indices with the same gold labels.
func (p *Predictions) Align(other *Predictions) ([]Prediction, error) {
	if len(p.Rows) != len(other.Rows) {
		return nil, fmt.Errorf("%d and %d predictions; want predictions of the same pairs", len(p.Rows), len(other.Rows))
	}
	at := make(map[string]int, len(other.Rows))
	for i, r := range other.Rows {
		at[r.Index] = i
	}
	out := make([]Prediction, len(p.Rows))
	for i, r := range p.Rows {
		j, ok := at[r.Index]
		if !ok {
			return nil, fmt.Errorf("pair %s is in one file and not in the other", r.Index)
		}
		if out[i] = other.Rows[j]; out[i].Gold != r.Gold {
			return nil, fmt.Errorf("pair %s: gold label %q in one and %q in the other", r.Index, r.Gold, out[i].Gold)
		}
	}
	return out, nil
}

// LabelSet returns p.Labels or, if they are empty, the sorted labels of the rows.
func (p *Predictions) LabelSet() []string {
	if len(p.Labels) > 0 {
		return p.Labels
	}
	met := map[string]bool{}
	for _, r := range p.Rows {
		met[r.Gold], met[r.Predicted] = true, true
	}
	return slices.Sorted(maps.Keys(met))
}

// ByIndex returns the predicted labels by index.
func (p *Predictions) ByIndex() map[string]string {
	labels := make(map[string]string, len(p.Rows))
	for _, r := range p.Rows {
		labels[r.Index] = r.Predicted
	}
	return labels
}
