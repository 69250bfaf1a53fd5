package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

type attentionCmd struct {
	Model     string   `arg:"" help:"A model: the model directory of a run. With --layer any encoder will do."`
	Corpus    string   `required:"" placeholder:"FILE" help:"Marked sentences, as subbert data relations writes them; with --form a corpus in its own form, of which the test pairs are seen, or all if it has none apart."`
	Form      string   `default:"tsv" enum:"tsv,ddi2013,aimed,ppi-xml,chemprot,pubtator,bioc,jsonl" placeholder:"FORM" help:"Of the corpus: tsv, ddi2013, aimed, ppi-xml, chemprot, pubtator, bioc or jsonl."`
	Out       string   `default:"attention" placeholder:"DIR" help:"Directory to make."`
	Index     []string `placeholder:"ID" help:"Show these sentences, by the index column."`
	Baseline  string   `placeholder:"FILE.tsv" help:"predictions.tsv of another model: show sentences that it gets wrong and this one right."`
	Sentences int      `default:"10" help:"How many sentences to show."`
	Layer     int      `help:"Look at the encoder's own attention in this layer, from 1, in place of the pooling's." placeholder:"L"`
	Head      int      `help:"Its head, from 1; 0 is the mean of all." placeholder:"N"`
	From      string   `enum:"cls,mentions" default:"cls" placeholder:"WHERE" help:"Where its attention goes out from: cls or mentions."`
	Near      int      `default:"3" help:"Stems are counted of words this near a mention; 0 counts the whole sentence." placeholder:"WORDS"`
	Least     int      `default:"10" help:"A stem counts if it is met this often." placeholder:"TIMES"`
	Top       int      `default:"10" help:"How many stems to list."`
	Batch     int      `default:"32" help:"Sentences at a time."`
	precisionFlag
	JSON bool `name:"json" help:"Print the result as JSON."`
	outputFlag
}

func (v *attentionCmd) Help() string {
	return `Shows which words a model with attention pooling weighs, after Fig. 2 and Table 8 of Su & Vijay-Shanker 2022: sentences with each word as dark as it is heavy, and the Porter stems of the greatest mean weight near the mentions.

The directory gets index.html, sentences/*.svg, stems.csv and result.json; subbert report shows it among other runs.`
}

func (v *attentionCmd) Run(c *console) error {
	if err := v.check(); err != nil {
		return err
	}
	return v.replacing(c, v.Out, result.File, func() error { return v.look(c) })
}

func (v *attentionCmd) look(c *console) (err error) {
	options := v.extraction(c, v.Batch)
	options.AnyEncoder = v.Layer > 0
	started := time.Now()
	dir, err := c.modelPath(c.ctx, v.Model)
	if err != nil {
		return err
	}
	m, err := extract.Open(c.ctx, dir, options)
	var other *extract.NotFineTunedError
	if errors.As(err, &other) {
		return &extract.NoWeightsError{Path: v.Model}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	show := extract.Show{Sentences: v.Sentences, Index: v.Index, Near: v.Near, Least: v.Least, Top: v.Top}
	if show.Baseline, err = v.baseline(c); err != nil {
		return err
	}
	examples, err := v.examples(c, m)
	if err != nil {
		return err
	}
	look := extract.Look{Layer: v.Layer, Head: v.Head, From: v.From}
	weights, err := m.Weights(c.ctx, look, show, examples)
	if asked := new(extract.RequestError); errors.As(err, &asked) {
		return fmt.Errorf("%s: %w", v.Corpus, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.err, "%s: %v\n", v.Corpus, m.Cut())
	weights.Data, weights.Baseline = v.Corpus, v.Baseline
	r := &result.Attention{Task: result.TaskAttention, Model: v.Model, Labels: m.Labels(), Attention: weights, Provenance: runs.Provenance(c.command)}
	r.Seconds = time.Since(started).Seconds()
	if err := extract.WriteAttention(c.ctx, v.Out, r); err != nil {
		return err
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return v.print(w, r) })
}

// check refuses flags that contradict each other.
func (v *attentionCmd) check() error {
	if v.Layer == 0 && (v.Head != 0 || v.From != "cls") {
		return misusef("--head and --from are of the encoder's own attention: name its --layer")
	}
	if len(v.Index) > 0 && v.Baseline != "" {
		return misusef("--index and --baseline both choose sentences: give one")
	}
	if v.Sentences < 0 || v.Near < 0 || v.Least < 1 || v.Top < 1 || v.Batch < 1 || v.Layer < 0 {
		return misusef("--sentences %d, --near %d, --least %d, --top %d, --batch %d, --layer %d: want at least 0, 0, 1, 1, 1 and 0", v.Sentences, v.Near, v.Least, v.Top, v.Batch, v.Layer)
	}
	return nil
}

// baseline reads the labels that the baseline predicts; nil if there is no baseline.
func (v *attentionCmd) baseline(c *console) (map[string]string, error) {
	if v.Baseline == "" {
		return nil, nil
	}
	file, err := relations.OpenPredictions(v.Baseline, relations.Options{Context: c.ctx})
	if err != nil {
		return nil, err
	}
	said := make(map[string]string, len(file.Rows))
	for _, r := range file.Rows {
		said[r.Index] = r.Predicted
	}
	return said, nil
}

// examples returns the test pairs of the corpus, or all pairs if it has no test set.
func (v *attentionCmd) examples(c *console, m *extract.Model) (iter.Seq2[relations.Example, error], error) {
	meter := newMeter(c)
	name, done, err := c.input(v.Corpus)
	if err != nil {
		return nil, err
	}
	defer done()
	stream, err := m.Examples(c.ctx, extract.Source{Format: v.Form, Name: name, Read: meter.reading(v.Corpus)})
	if err != nil {
		return nil, err
	}
	all, err := relations.Collect(stream)
	if err != nil {
		return nil, err
	}
	apart := slices.ContainsFunc(all, func(e relations.Example) bool { return e.Split == "test" })
	return func(yield func(relations.Example, error) bool) {
		defer meter.end()
		for i, e := range all {
			meter.counts("sentences", i, len(all))
			if (!apart || e.Split == "test") && !yield(e, nil) {
				return
			}
		}
	}, nil
}

// print prints the stems and the path of the page.
func (v *attentionCmd) print(w io.Writer, r *result.Attention) error {
	if err := report.StemTable(r.Attention).Text(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", plural(len(r.Attention.Sentences), "sentence", "s"), filepath.Join(v.Out, result.PageFile))
	return err
}
