package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
)

type predictCmd struct {
	Model string   `arg:"" help:"A fine-tuned model: the model directory of a run."`
	In    string   `arg:"" help:"What to predict: marked sentences, or text with mentions."`
	From  string   `default:"tsv" enum:"ddi2013,aimed,ppi-xml,chemprot,tsv,pubtator,bioc,jsonl" placeholder:"FORMAT" help:"Its format: tsv (marked sentences), pubtator, bioc, jsonl (text with mentions), or a corpus: ddi2013, aimed, ppi-xml, chemprot."`
	Out   string   `required:"" placeholder:"FILE" help:"Where to."`
	To    string   `default:"tsv" enum:"tsv,jsonl,pubtator" placeholder:"FORMAT" help:"As what: tsv (index, gold, predicted, a probability per label), jsonl (with the sentences and, where the model has attention weights, those of the words) or pubtator (the input with a relation line for each pair of concepts)."`
	Types []string `placeholder:"A,B" help:"pubtator, bioc, jsonl: the types of a pair's two mentions, such as Chemical,Disease. Without it every two mentions."`
	Batch int      `default:"32" help:"Sentences at a time."`
	JSON  bool     `name:"json" help:"Print the summary as JSON."`
}

func (v *predictCmd) Help() string {
	return `Applies a fine-tuned model to pairs of mentions: those of marked sentences, or every pair of mentions in a sentence of a text. How mentions are marked, how long a sentence may be and what the labels are is in the model directory.

A line of the jsonl format is {"id": "1", "text": "...", "mentions": [{"id": "T1", "type": "DRUG", "start": 0, "end": 7}, ...]}; positions count characters, ends exclusive. "relations": [{"label": "...", "a": "T1", "b": "T2"}, ...] gives right answers, if they are known. Where the input has right answers the score is printed.`
}

// predictSummary is what predict --json prints.
type predictSummary struct {
	Pairs     int              `json:"pairs"`
	Labels    map[string]int   `json:"labels"` // how often each was predicted
	Seconds   float64          `json:"seconds"`
	PerSecond float64          `json:"pairs_per_second"`
	Cut       tasks.Cut        `json:"cut"`
	Score     *evaluate.Report `json:"score,omitempty"`
	Out       string           `json:"out"`
}

func (v *predictCmd) Run(c *console) (err error) {
	if v.To == "pubtator" && v.From != "pubtator" {
		return misusef("--to pubtator needs --from pubtator: it is the input with relations added")
	}
	if v.Batch < 1 {
		return misusef("--batch %d, want at least 1", v.Batch)
	}
	m, err := checkpoints.OpenModel(v.Model)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	settings, err := readSettings(m)
	if err != nil {
		return err
	}
	if settings == nil {
		return misusef(`%s: no relation model of subbert finetune: its config.json has no key "subbert" with labels`, v.Model)
	}
	examples, err := v.read(c, settings)
	if err != nil {
		return err
	}
	rows, cut, err := encodeFor(m, settings, examples)
	if err != nil {
		return fmt.Errorf("%s: %w", v.In, err)
	}
	fmt.Fprintf(c.err, "%s: %v\n", v.In, cut)
	started := time.Now()
	made, err := v.predict(c, m, settings, rows)
	if err != nil {
		return err
	}
	took := time.Since(started).Seconds()
	summary := predictSummary{Pairs: len(rows), Labels: map[string]int{}, Seconds: took, PerSecond: float64(len(rows)) / took, Cut: cut, Out: v.Out}
	for _, p := range made {
		summary.Labels[settings.Labels[p.Label()]]++
	}
	if summary.Score, err = scorePredictions(settings, rows, made); err != nil {
		return err
	}
	if err := v.write(predicted{settings, examples, rows, made}); err != nil {
		return err
	}
	return c.show(v.JSON, summary)
}

// read reads the pairs and marks them as the model was taught to see them.
func (v *predictCmd) read(c *console, s *relationSettings) ([]relations.Example, error) {
	var types [2]string
	if len(v.Types) != 0 && copy(types[:], v.Types) != len(v.Types) || len(v.Types) == 1 {
		return nil, misusef("--types names %d types, want two, such as Chemical,Disease", len(v.Types))
	}
	examples, err := readFormat(c, v.From, v.In, types)
	if err != nil {
		return nil, err
	}
	if v.From != "tsv" {
		for i, e := range examples {
			examples[i] = relations.Marking(s.Marking).Shown(e)
			if negative := relations.Negative(v.From); e.Label == negative {
				examples[i].Label = s.Negative
			}
		}
	}
	if slices.Contains([]string{"pubtator", "bioc", "jsonl"}, v.From) && !slices.ContainsFunc(examples, func(e relations.Example) bool { return e.Label != s.Negative }) {
		for i := range examples {
			examples[i].Label = "" // mentions alone: nothing says that they are unrelated
		}
	}
	if v.From == "tsv" && s.Marking != string(relations.Unmarked) && len(relations.Marks(examples)) == 0 {
		return nil, fmt.Errorf("%s: no marked mention in it; the model wants sentences marked by %s, such as %s", v.In, s.Marking, strings.Join(s.Marks, " "))
	}
	for _, mark := range relations.Marks(examples) {
		if !slices.Contains(s.Marks, mark) {
			c.log.Warn("the model was not taught with this mark", "mark", mark, "taught", strings.Join(s.Marks, " "))
		}
	}
	return examples, nil
}

// encodeFor turns sentences into rows as s says.
func encodeFor(m *checkpoints.Model, s *relationSettings, examples []relations.Example) ([]tasks.Example, tasks.Cut, error) {
	tokenizer, err := wordpiece.New(m.Vocabulary, tokenizerConfig(m))
	if err != nil {
		return nil, tasks.Cut{}, err
	}
	e := &tasks.Encoder{Tokenizer: tokenizer, Special: m.Vocabulary.Special(), Length: s.Sequence, Truncate: s.Truncate, Labels: s.Labels, Spans: true}
	rows, cut, err := e.Encode(examples)
	if err != nil {
		err = fmt.Errorf("the model's labels are not the data's: %w", err)
	}
	return rows, cut, err
}

// predict runs the model over rows.
func (v *predictCmd) predict(c *console, m *checkpoints.Model, s *relationSettings, rows []tasks.Example) (made []tasks.Prediction, err error) {
	architecture, err := bert.ReadConfig(m.Files.Config)
	if err != nil {
		return nil, err
	}
	task, err := tasks.NewRelation(architecture, bert.Options{}, s.task(), len(s.Labels), v.Batch)
	if err != nil {
		return nil, err
	}
	store, _, err := tasks.Load(m, task.Parameters(), checkpoints.Fresh{}, 0)
	if err != nil {
		return nil, err
	}
	parameters := 0
	for _, p := range task.Parameters() {
		parameters += p.Size()
	}
	h, err := openBackend(c, configs.Device{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	c.log.Info("model", "pooling", s.Pooling, "labels", strings.Join(s.Labels, " "), "parameters", parameters)
	predictor, err := task.NewPredictor(func(name string, inputs int, build trainer.Build) (*trainer.Forward, error) {
		return trainer.NewForward(h.Backend, store, 1, name, inputs, build)
	})
	if err != nil {
		return nil, err
	}
	for p, err := range predictor.Predict(rows) {
		if err != nil {
			return nil, err
		}
		made = append(made, p)
	}
	return made, nil
}

// task is s as a task's config.
func (s *relationSettings) task() tasks.Config {
	c := tasks.Default(tasks.NameRelation)
	c.Relation = heads.Relation{Pooling: s.Pooling, WithCLS: s.WithCLS, Mask: s.Mask, Layers: s.Layers, HardSigmoid: s.HardSigmoid}
	c.Sequence, c.Truncate, c.Labels, c.Negative, c.Lengths = s.Sequence, s.Truncate, s.Labels, s.Negative, s.Lengths
	c.Padding = cmp.Or(s.Padding, tasks.PaddingGrouped)
	return c
}

// scorePredictions compares with the right labels, where every pair has one.
func scorePredictions(s *relationSettings, rows []tasks.Example, made []tasks.Prediction) (*evaluate.Report, error) {
	gold, labels := make([]string, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		if r.Label < 0 {
			return nil, nil
		}
		gold[i], labels[i] = s.Labels[r.Label], s.Labels[made[i].Label()]
	}
	report, err := evaluate.Score(gold, labels, s.Labels, s.Negative)
	return &report, err
}

// write writes the predictions, whole or not at all.
func (v *predictCmd) write(p predicted) error {
	switch v.To {
	case "jsonl":
		return writeWhole(v.Out, p.writeJSONL)
	case "pubtator":
		f, err := stream.Open(v.In)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		return writeWhole(v.Out, p.pubtator(string(text)))
	}
	return writeWhole(v.Out, p.table().Write)
}

// print prints how many pairs got which label, how fast, and the score.
func (s predictSummary) print(c *console) error {
	for _, l := range slices.Sorted(maps.Keys(s.Labels)) {
		fmt.Fprintf(c.out, "%s\t%d\n", l, s.Labels[l])
	}
	if s.Score != nil {
		fmt.Fprintf(c.out, "micro without %s: P %.1f R %.1f F1 %.1f of %d\n", s.Score.Negative, s.Score.Micro.P, s.Score.Micro.R, s.Score.Micro.F1, s.Score.Micro.Support)
	}
	_, err := fmt.Fprintf(c.out, "%d pairs in %.1f s, loading and compiling included: %.0f pairs/s; wrote %s\n", s.Pairs, s.Seconds, s.PerSecond, s.Out)
	return err
}
