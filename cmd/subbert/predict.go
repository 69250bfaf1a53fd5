package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/internal/atomicfile"
)

type predictCmd struct {
	Model string   `arg:"" help:"A fine-tuned model: the model directory of a run."`
	In    string   `arg:"" help:"What to predict: marked sentences, or text with mentions."`
	From  string   `default:"tsv" enum:"ddi2013,aimed,ppi-xml,chemprot,tsv,pubtator,bioc,jsonl" placeholder:"FORMAT" help:"Its format: tsv (marked sentences), pubtator, bioc, jsonl (text with mentions), or a corpus: ddi2013, aimed, ppi-xml, chemprot."`
	Out   string   `required:"" placeholder:"FILE" help:"Where to: .tsv, .jsonl, .pubtator or .xml, also .gz and .zst; - is standard output."`
	To    string   `default:"auto" enum:"auto,tsv,jsonl,pubtator,bioc" placeholder:"FORMAT" help:"As what: auto (as the name of --out ends, else tsv), tsv (index, gold, predicted, a probability per label), jsonl (with the sentences and, where the model has attention weights, those of the words), pubtator or bioc (the input, of the same form, with a relation and its probability for each pair of concepts)."`
	Types []string `placeholder:"A,B" help:"pubtator, bioc, jsonl: the types of a pair's two mentions, such as Chemical,Disease, or all for every two mentions. Without it those of the pairs that the model was trained on."`

	MinProbability float64 `placeholder:"P" help:"Give a relation only where its probability is at least P, the most probable one of several, and the negative label elsewhere."`

	Batch int `default:"32" help:"Sentences at a time."`
	precisionFlag
	JSON bool `name:"json" help:"Print the summary as JSON."`
	outputFlag
}

func (v *predictCmd) Help() string {
	return `Applies a fine-tuned model to pairs of mentions: those of marked sentences, or every pair of mentions in a sentence of a text. The model directory says how mentions are marked, how long a sentence may be and which labels there are.

A line of the jsonl format is {"id": "1", "text": "...", "mentions": [{"id": "T1", "type": "DRUG", "start": 0, "end": 7}, ...]}; positions count characters, ends exclusive. "relations": [{"label": "...", "a": "T1", "b": "T2"}, ...] gives right answers, if they are known. Where the input has right answers the score is printed.`
}

// predictSummary is what predict --json prints.
type predictSummary struct {
	Pairs     int              `json:"pairs"`
	Labels    map[string]int   `json:"labels"` // how often each label was predicted
	Seconds   float64          `json:"seconds"`
	PerSecond float64          `json:"pairs_per_second"`
	Cut       marked.Cut       `json:"cut"`
	Types     [][2]string      `json:"types,omitempty"` // of the two mentions of the pairs that the model was trained on; none: not known
	Score     *evaluate.Report `json:"score,omitempty"`
	Out       string           `json:"out"`
}

func (v *predictCmd) Run(c *console) (err error) {
	if v.To, err = formOf(v.To, v.Out); err != nil {
		return err
	}
	if v.Out, err = v.output(c, v.Out, ""); err != nil {
		return err
	}
	in, done, err := c.input(v.In)
	if err != nil {
		return err
	}
	defer done()
	v.In = in
	source, err := v.source()
	if err != nil {
		return err
	}
	dir, err := c.modelPath(c.ctx, v.Model)
	if err != nil {
		return err
	}
	options := v.extraction(c, v.Batch)
	options.MinProbability = v.MinProbability
	m, err := extract.Open(c.ctx, dir, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	summary := &predictSummary{Labels: map[string]int{}, Out: v.Out}
	progress := predicting{meter: newMeter(c), summary: summary}
	source.Read = progress.read
	examples, err := m.Examples(c.ctx, source)
	if err != nil {
		return err
	}
	started := time.Now()
	err = atomicfile.Write(v.Out, func(w io.Writer) error { return v.predict(c, m, w, examples, summary, &progress) })
	progress.meter.end()
	if err != nil {
		return err
	}
	summary.Seconds, summary.Cut, summary.Types = time.Since(started).Seconds(), m.Cut(), m.Settings().Types
	summary.PerSecond = float64(summary.Pairs) / summary.Seconds
	fmt.Fprintf(c.err, "%s: %v\n", v.In, summary.Cut)
	return c.show(v.JSON, summary, summary.print)
}

// source returns the examples to predict. It refuses flags that contradict each other.
func (v *predictCmd) source() (extract.Source, error) {
	s := extract.Source{Format: v.From, Name: v.In}
	if (v.To == "pubtator" || v.To == "bioc") && v.From != v.To {
		return s, misusef("--to %[1]s needs --from %[1]s: it is the input with relations added", v.To)
	}
	if v.Batch < 1 || !(v.MinProbability >= 0 && v.MinProbability <= 1) {
		return s, misusef("--batch %d, --min-probability %g: want at least 1, and 0 to 1", v.Batch, v.MinProbability)
	}
	if s.AllPairs = slices.Equal(v.Types, []string{"all"}); s.AllPairs {
		return s, nil
	}
	var err error
	s.Types, err = request.PairTypes(v.Types)
	return s, err
}

// predict writes a prediction for each example and sums them up.
func (v *predictCmd) predict(c *console, m *extract.Model, w io.Writer, examples iter.Seq2[relations.Example, error], summary *predictSummary, progress *predicting) error {
	packed, err := stream.Pack(w, v.Out)
	if err != nil {
		return err
	}
	out, err := v.writer(packed, m)
	if err != nil {
		return err
	}
	var gold, predicted []string
	for p, err := range m.Predict(c.ctx, examples) {
		if labels := new(extract.LabelsError); errors.As(err, &labels) {
			return fmt.Errorf("%s: %w", v.In, err)
		}
		if err != nil {
			return err
		}
		if err := out.Write(p); err != nil {
			return err
		}
		summary.Pairs++
		summary.Labels[p.Label]++
		if p.Example.Label != "" {
			gold, predicted = append(gold, p.Example.Label), append(predicted, p.Label)
		}
		progress.predicted()
	}
	if err := errors.Join(out.Close(), packed.Close()); err != nil || len(gold) < summary.Pairs {
		return err
	}
	report, err := evaluate.Score(gold, predicted, m.Labels(), m.Negative())
	summary.Score = &report
	return err
}

// predicting shows the progress of predictions: while the input is being read, by the part of it that has been read.
type predicting struct {
	meter      *meter
	summary    *predictSummary
	done, size int64
	began      time.Time // of the first prediction
}

func (p *predicting) read(done, size int64) {
	p.done, p.size = done, size
	if p.summary.Pairs == 0 {
		p.meter.bytes("reading", done, size)
	}
}

func (p *predicting) predicted() {
	if p.began.IsZero() {
		p.began = time.Now()
	}
	left := float64(p.size)
	if p.done >= p.size {
		left = 0
	}
	p.meter.begin("predicting")
	p.meter.show(float64(p.done), left, func(float64) string {
		return fmt.Sprintf("%d pairs, %.0f pairs/s", p.summary.Pairs, float64(p.summary.Pairs)/time.Since(p.began).Seconds())
	})
}

func (v *predictCmd) writer(w io.Writer, m *extract.Model) (extract.Writer, error) {
	switch v.To {
	case "jsonl":
		return extract.NewJSONLines(w, m.Labels()), nil
	case "pubtator":
		return extract.NewPubTator(w, v.In, m.Labels(), m.Negative())
	case "bioc":
		return extract.NewBioC(w, v.In, m.Labels(), m.Negative())
	}
	return extract.NewTSV(w, m.Labels()), nil
}

// print prints the number of pairs with each label, the speed, and the score.
func (s *predictSummary) print(w io.Writer) error {
	for _, l := range slices.Sorted(maps.Keys(s.Labels)) {
		fmt.Fprintf(w, "%s\t%d\n", l, s.Labels[l])
	}
	if s.Score != nil {
		fmt.Fprintf(w, "micro without %s: P %.1f R %.1f F1 %.1f of %d\n", s.Score.Negative, s.Score.Micro.P, s.Score.Micro.R, s.Score.Micro.F1, s.Score.Micro.Support)
	}
	_, err := fmt.Fprintf(w, "%d pairs in %.1f s, compiling included: %.0f pairs/s; wrote %s\n", s.Pairs, s.Seconds, s.PerSecond, s.Out)
	return err
}
