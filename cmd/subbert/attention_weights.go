package main

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
)

// look runs the model over the data and takes its weights apart into words.
func (v *attentionCmd) look(c *console, m *checkpoints.Model) (_ *seenWords, err error) {
	settings, err := readSettings(m)
	if err != nil {
		return nil, err
	}
	if settings == nil && v.Layer == 0 {
		return nil, misusef("%s: no relation model of subbert finetune, so it has no attention pooling; --layer shows the encoder's own attention", v.Model)
	}
	if settings != nil && v.Layer == 0 && settings.Pooling != "attention" {
		return nil, misusef("%s: its pooling is %s, which has no weights; --layer shows the encoder's own attention", v.Model, settings.Pooling)
	}
	examples, err := v.read(c, settings)
	if err != nil {
		return nil, err
	}
	architecture, err := bert.ReadConfig(m.Files.Config)
	if err != nil {
		return nil, err
	}
	s := &seenWords{settings: settings, examples: examples}
	if settings == nil {
		s.settings = plainSettings(architecture, examples)
	}
	rows, cut, err := encodeFor(m, s.settings, examples)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Corpus, err)
	}
	fmt.Fprintf(c.err, "%s: %v\n", v.Corpus, cut)
	h, err := openBackend(c, configs.Device{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	weights := make([][]float32, len(rows))
	if settings != nil {
		err = s.predict(h, m, architecture, rows, weights, v.Batch)
	}
	if err == nil && v.Layer > 0 {
		err = v.heads(h, m, architecture, s.settings.Sequence, rows, weights)
	}
	for i, e := range examples {
		if err == nil {
			s.words = append(s.words, tasks.Words(m.Vocabulary, e.Text, rows[i], weights[i]))
		}
	}
	return s, err
}

// read reads the sentences to look at, marked as those the model learned from.
func (v *attentionCmd) read(c *console, settings *relationSettings) ([]relations.Example, error) {
	if v.Form == "tsv" {
		return readRelations(v.Corpus)
	}
	all, err := readFormat(c, v.Form, v.Corpus, [2]string{})
	if err != nil {
		return nil, err
	}
	marking := relations.Tag
	if settings != nil {
		marking = relations.Marking(settings.Marking)
	}
	apart := slices.ContainsFunc(all, func(e relations.Example) bool { return e.Split == "test" })
	var out []relations.Example
	for _, e := range all {
		if !apart || e.Split == "test" {
			out = append(out, marking.Shown(e))
		}
	}
	return out, nil
}

// plainSettings is how sentences are encoded for an encoder that nothing fine-tuned.
func plainSettings(c bert.Config, examples []relations.Example) *relationSettings {
	s := &relationSettings{Sequence: min(128, c.MaxPositionEmbeddings), Truncate: tasks.TruncateTail}
	for _, e := range examples {
		if e.Label != "" && !slices.Contains(s.Labels, e.Label) {
			s.Labels = append(s.Labels, e.Label)
		}
	}
	return s
}

// predict notes the label of each row and, where the pooling has them, the weights.
func (s *seenWords) predict(h *backend.Handle, m *checkpoints.Model, c bert.Config, rows []tasks.Example, weights [][]float32, batch int) error {
	task, err := tasks.NewRelation(c, bert.Options{}, s.settings.task(), len(s.settings.Labels), batch)
	if err != nil {
		return err
	}
	store, _, err := tasks.Load(m, task.Parameters(), checkpoints.Fresh{}, 0)
	if err != nil {
		return err
	}
	predictor, err := task.NewPredictor(func(name string, inputs int, build trainer.Build) (*trainer.Forward, error) {
		return trainer.NewForward(h.Backend, store, 1, name, inputs, build)
	})
	if err != nil {
		return err
	}
	for made, err := range predictor.Predict(rows) {
		if err != nil {
			return err
		}
		weights[len(s.labels)] = slices.Clone(made.Attention)
		s.labels = append(s.labels, s.settings.Labels[made.Label()])
	}
	return nil
}

// heads notes the weights of the encoder's own attention.
func (v *attentionCmd) heads(h *backend.Handle, m *checkpoints.Model, c bert.Config, length int, rows []tasks.Example, weights [][]float32) error {
	store, _, err := tasks.Load(m, bert.Parameters(c), checkpoints.Fresh{}, 0)
	if err != nil {
		return err
	}
	heads, err := tasks.NewHeadAttention(h.Backend, store, c, v.Layer, v.Head, cmp.Or(v.From, tasks.FromCLS), v.Batch, length)
	if err != nil {
		return misused(err)
	}
	return fill(weights, heads.Weights(rows))
}

// fill puts the values of seq into to, in order.
func fill(to [][]float32, seq iter.Seq2[[]float32, error]) error {
	i := 0
	for w, err := range seq {
		if err != nil {
			return err
		}
		to[i] = slices.Clone(w)
		i++
	}
	return nil
}
