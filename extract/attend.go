package extract

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/relation"
)

// Look says which attention weights to show. The zero value means those of the model's attention pooling.
type Look struct {
	Layer int    // of the encoder, from 1; 0: the attention pooling
	Head  int    // of the layer, from 1; 0: the mean of all heads
	From  string // the query: relation.FromCLS (the default) or relation.FromMentions
}

// String names the attention in words; pooling is the model's.
func (l Look) String(pooling string) string {
	if l.Layer == 0 {
		return pooling + " pooling of the last layer"
	}
	head := "mean of its heads"
	if l.Head > 0 {
		head = fmt.Sprintf("head %d", l.Head)
	}
	from := map[string]string{relation.FromCLS: "[CLS]", relation.FromMentions: "the mentions"}[cmp.Or(l.From, relation.FromCLS)]
	return fmt.Sprintf("encoder layer %d, %s, from %s", l.Layer, head, from)
}

// RequestError says that a request contradicts itself, or that the model or the data do not have what it asks for.
type RequestError struct{ Err error }

func (e *RequestError) Error() string { return e.Err.Error() }

func (e *RequestError) Unwrap() error { return e.Err }

// NoWeightsError says that a model does not have the attention weights that were asked for.
type NoWeightsError struct{ Path, Pooling string }

func (e *NoWeightsError) Error() string {
	if e.Pooling == "" {
		return e.Path + ": not a relation model made by subbert finetune, so it has no attention pooling; --layer shows the encoder's attention"
	}
	return fmt.Sprintf("%s: %s pooling has no attention weights; --layer shows the encoder's attention", e.Path, e.Pooling)
}

// Attended is an example with the attention of its words. The label is empty if the model has no classifier.
type Attended struct {
	Prediction
	Words     []marked.Word
	Positions int // the number of positions that share the attention
}

// Attend yields the examples in order, each with the label that the model predicts and the attention of its words.
func (m *Model) Attend(ctx context.Context, l Look, examples iter.Seq2[relations.Example, error]) (iter.Seq2[Attended, error], error) {
	if l.Layer == 0 && (!m.tuned || m.settings.Pooling != "attention") {
		return nil, &NoWeightsError{m.files.Path, m.settings.Pooling}
	}
	var heads *relation.HeadAttention
	if l.Layer > 0 {
		store, _, err := tasks.Load(m.files, bert.Parameters(m.bert), checkpoints.Fresh{}, 0)
		if err != nil {
			return nil, err
		}
		heads, err = relation.NewHeadAttention(m.handle.Backend, store, m.bert, m.options.Model, l.Layer, l.Head, cmp.Or(l.From, relation.FromCLS), m.options.Rows, m.settings.Sequence)
		if err != nil {
			return nil, &RequestError{err}
		}
	}
	return func(yield func(Attended, error) bool) {
		var predictor *relation.Predictor
		if m.tuned {
			predictor = m.predictor.Begin(1)
		}
		for window, err := range windows(examples, m.options.Rows, m.options.Window) {
			var attended []Attended
			if err == nil {
				attended, err = m.attend(ctx, predictor, heads, window)
			}
			if err != nil {
				yield(Attended{}, err)
				return
			}
			for _, a := range attended {
				if !yield(a, nil) {
					return
				}
			}
		}
	}, nil
}

// attend is Attend for one window; heads is nil for the attention pooling, predictor without a classifier.
func (m *Model) attend(ctx context.Context, predictor *relation.Predictor, heads *relation.HeadAttention, window []relations.Example) ([]Attended, error) {
	out := make([]Attended, 0, len(window))
	var err error
	if predictor != nil {
		var e encoded
		if e, err = m.encodeWindow(window); err == nil {
			m.predict(ctx, predictor, e, func(p Prediction, failed error) bool {
				out, err = append(out, Attended{Prediction: p}), failed
				return true
			})
		}
	} else {
		out, err = m.unlabelled(window)
	}
	if err != nil {
		return nil, err
	}
	if heads != nil {
		rows := make([]marked.Row, len(out))
		for i, a := range out {
			rows[i] = a.Row
		}
		i := 0
		for weights, err := range heads.Weights(ctx, rows) {
			if err != nil {
				return nil, err
			}
			out[i].Attention = slices.Clone(weights)
			i++
		}
	}
	for i := range out {
		out[i].Words = marked.Words(m.files.Vocabulary, out[i].Example.Text, out[i].Row, out[i].Attention)
		out[i].Positions = len(out[i].Row.IDs)
		if heads == nil && m.settings.Mask == "tokens" {
			out[i].Positions -= 2 // [CLS] and [SEP] have no share
		}
	}
	return out, nil
}

// unlabelled returns the rows of a window for a model without a classifier, which needs no labels.
func (m *Model) unlabelled(window []relations.Example) ([]Attended, error) {
	plain := slices.Clone(window)
	for i := range plain {
		plain[i].Label = ""
	}
	rows, cut, err := m.encoder.Encode(plain)
	if err != nil {
		return nil, err
	}
	m.cut = m.cut.Plus(cut)
	out := make([]Attended, len(window))
	for i, e := range window {
		out[i].Example, out[i].Row = e, rows[i]
	}
	return out, nil
}
