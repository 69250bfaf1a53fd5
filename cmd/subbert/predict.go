package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/subbert/subbert/extract"
)

type predictCmd struct {
	Model string   `arg:"" help:"A fine-tuned model: the model directory of a run."`
	In    string   `arg:"" help:"Marked sentences, or text with mentions."`
	From  string   `default:"tsv" enum:"ddi2013,aimed,ppi-xml,chemprot,tsv,pubtator,bioc,jsonl" placeholder:"FORMAT" help:"Its format: tsv (marked sentences), pubtator, bioc, jsonl (text with mentions), or a corpus: ddi2013, aimed, ppi-xml, chemprot."`
	Out   string   `required:"" placeholder:"FILE" help:"File to write: .tsv, .jsonl, .pubtator or .xml, also .gz and .zst; - is standard output."`
	To    string   `default:"auto" enum:"auto,tsv,jsonl,pubtator,bioc" placeholder:"FORMAT" help:"Format of the output: auto (by the extension of --out, else tsv), tsv (index, gold, predicted, a probability per label), jsonl (also the sentences and, if the model has attention weights, those of the words), pubtator or bioc (the input, which must have the same format, XML or JSON, with a relation and its probability for each pair of concepts)."`
	Types []string `placeholder:"A,B" help:"pubtator, bioc, jsonl: the types of a pair's two mentions, such as Chemical,Disease, or all for every two mentions. Default: the types of the pairs that the model was trained on."`

	MinProbability float64 `placeholder:"P" help:"Predict the most probable relation if its probability is at least P, and the negative label otherwise." range:"0..1"`

	applyFlags
	JSON bool `name:"json" help:"Print the summary as JSON."`
	outputFlag
}

func (v *predictCmd) Help() string {
	return `Applies a fine-tuned model to pairs of mentions: those of marked sentences, or every pair of mentions in a sentence of a text. The model directory says how mentions are marked, how long a sentence may be, and what the labels are.

A line of the jsonl format is {"id": "1", "text": "...", "mentions": [{"id": "T1", "type": "DRUG", "start": 0, "end": 7}, ...]}; positions count characters, ends exclusive. "relations": [{"label": "...", "a": "T1", "b": "T2"}, ...] gives the right answers, if they are known. If the input has right answers, the score is printed.`
}

func (v *predictCmd) Run(c *console) (err error) {
	r := extract.Request{Source: extract.Source{Format: v.From}, Form: v.To}
	if v.To == "auto" {
		if r.Form, err = extract.FormOf(v.Out); err != nil {
			return misused(err)
		}
	}
	if r.Out, err = v.output(c, v.Out, ""); err != nil {
		return err
	}
	options, err := v.options(c)
	if err != nil {
		return err
	}
	var done func()
	if r.Name, done, err = c.input(v.In); err != nil {
		return err
	}
	defer done()
	if err := r.Check(); err != nil {
		return err
	}
	if err := r.PairTypes(v.Types...); err != nil {
		return err
	}
	dir, err := c.modelPath(c.ctx, v.Model)
	if err != nil {
		return err
	}
	options.MinProbability = v.MinProbability
	m, err := extract.Open(c.ctx, dir, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	progress := predicting{meter: newBurstMeter(c)}
	r.Read, r.Predicted = progress.read, progress.predicted
	s, err := m.Write(c.ctx, r)
	progress.meter.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.err, "%s: %v\n", v.In, s.Cut)
	return c.show(v.JSON, s, func(w io.Writer) error { return printPredicted(w, s) })
}

// predicting shows the progress of predictions by the part of the input that has been read.
type predicting struct {
	meter      *meter
	done, size int64
	began      time.Time // of the first prediction
}

func (p *predicting) read(done, size int64) {
	p.done, p.size = done, size
	if p.began.IsZero() {
		p.meter.bytes("reading", done, size)
	}
}

func (p *predicting) predicted(pairs int) {
	if p.began.IsZero() {
		p.began = time.Now()
	}
	left := float64(p.size)
	if p.done >= p.size {
		left = 0
	}
	p.meter.begin("predicting")
	p.meter.show(float64(p.done), left, func(float64) string {
		return fmt.Sprintf("%d pairs, %.0f pairs/s", pairs, float64(pairs)/time.Since(p.began).Seconds())
	})
}

// printPredicted prints the number of pairs with each label, the speed, and the score.
func printPredicted(w io.Writer, s *extract.Summary) error {
	printCounts(w, s.Labels)
	if s.Score != nil {
		fmt.Fprintf(w, "micro without %s: P %.1f R %.1f F1 %.1f of %d\n", s.Score.Negative, s.Score.Micro.P, s.Score.Micro.R, s.Score.Micro.F1, s.Score.Micro.Support)
	}
	_, err := fmt.Fprintf(w, "%d pairs in %.1f s, compiling included: %.0f pairs/s; wrote %s\n", s.Pairs, s.Seconds, s.PerSecond, s.Out)
	return err
}

// printCounts prints how often each label was predicted.
func printCounts(w io.Writer, counts map[string]int) {
	for _, l := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "%s\t%d\n", l, counts[l])
	}
}
