package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
)

type attentionCmd struct {
	Model     string   `arg:"" help:"A model: the model directory of a run. With --layer, any encoder."`
	Corpus    string   `required:"" placeholder:"FILE" help:"Marked sentences, as subbert data relations writes them; with --form, a corpus in its own form: its test pairs, or all pairs if it has no test set."`
	Form      string   `default:"tsv" enum:"tsv,ddi2013,aimed,ppi-xml,chemprot,pubtator,bioc,jsonl" placeholder:"FORM" help:"Form of the corpus: tsv, ddi2013, aimed, ppi-xml, chemprot, pubtator, bioc or jsonl."`
	Out       string   `default:"attention" placeholder:"DIR" help:"Directory to create."`
	Index     []string `placeholder:"ID" help:"Show the sentences with these values in the index column."`
	Baseline  string   `placeholder:"FILE.tsv" help:"predictions.tsv of another model: show sentences that it gets wrong and this one right."`
	Sentences int      `default:"10" help:"Number of sentences to show." range:"0..1e6"`
	Layer     int      `help:"Show the encoder's attention in this layer, from 1, instead of the attention of the pooling." placeholder:"L" range:"0..1024"`
	Head      int      `help:"Head of the layer, from 1; 0 is the mean of all heads." placeholder:"N" range:"0..1024"`
	From      string   `enum:"cls,mentions" default:"cls" placeholder:"WHERE" help:"Position that attends: cls or mentions."`
	Near      int      `default:"3" help:"Count the stems of words at most this far from a mention; 0 counts the whole sentence." placeholder:"WORDS" range:"0..1e6"`
	Least     int      `default:"10" help:"Ignore stems that occur less often." placeholder:"TIMES" range:"1..1e9"`
	Top       int      `default:"10" help:"Number of stems to list." range:"1..1e6"`
	applyFlags
	JSON bool `name:"json" help:"Print the result as JSON."`
	outputFlag
}

func (v *attentionCmd) Help() string {
	return `Shows which words a model with attention pooling weighs, after Fig. 2 and Table 8 of Su & Vijay-Shanker 2022: sentences in which darker words have greater weights, and the Porter stems with the greatest mean weight near the mentions.

The directory gets index.html, sentences/*.svg, stems.csv and result.json; subbert report shows them together with other runs.`
}

func (v *attentionCmd) Run(c *console) error {
	return v.replacing(c, v.Out, result.File, func() error { return v.look(c) })
}

func (v *attentionCmd) look(c *console) (err error) {
	corpus, done, err := c.input(v.Corpus)
	if err != nil {
		return err
	}
	defer done()
	meter := newMeter(c)
	r := extract.AttentionRequest{
		Model: v.Model, Source: extract.Source{Format: v.Form, Name: corpus, Read: meter.reading(v.Corpus)}, Look: extract.Look{Layer: v.Layer, Head: v.Head, From: v.From},
		Show:     extract.Show{Sentences: v.Sentences, Index: v.Index, Near: v.Near, Least: v.Least, Top: v.Top},
		Baseline: v.Baseline, Out: v.Out, Provenance: runs.Provenance(c.command), Counted: func(done, total int) { meter.counts("sentences", done, total) },
	}
	if err := r.Check(); err != nil {
		return err
	}
	options, err := v.options(c)
	if err != nil {
		return err
	}
	dir, err := c.modelPath(c.ctx, v.Model)
	if err != nil {
		return err
	}
	options.AnyEncoder = true
	m, err := extract.Open(c.ctx, dir, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	made, err := m.Attention(c.ctx, r)
	meter.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.err, "%s: %v\n", v.Corpus, m.Cut())
	return c.show(v.JSON, made, func(w io.Writer) error { return v.print(w, made) })
}

// print prints the stems and the path of the page.
func (v *attentionCmd) print(w io.Writer, r *result.Attention) error {
	if err := report.StemTable(r.Attention).Text(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", readable.Plural(len(r.Attention.Sentences), "sentence", "s"), filepath.Join(v.Out, result.PageFile))
	return err
}
