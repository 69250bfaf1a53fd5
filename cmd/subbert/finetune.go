package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/renameio/v2"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer/metrics"
)

type finetuneCmd struct {
	configFlags
	Resume bool `help:"Continue the newest valid checkpoint of the run; start if there is none."`
	JSON   bool `name:"json" help:"Print the result as JSON."`
}

func (v *finetuneCmd) Help() string {
	return `Trains model.init to classify the marked sentences of data.train (made by subbert data relations) and scores data.test, or data.dev if there is no test. The run directory gets config.toml, metrics.jsonl, checkpoints/, and at the end result.json, predictions.tsv and model/.`
}

// relationResult is result.json of a fine-tuning run.
type relationResult struct {
	Task     string   `json:"task"`
	Labels   []string `json:"labels"`
	Negative string   `json:"negative"`
	Scored   string   `json:"scored"` // the file
	Pooling  string   `json:"pooling"`
	Seed     uint32   `json:"seed"`
	Steps    int      `json:"steps"`
	evaluate.Report
	Majority evaluate.PRF `json:"majority"` // micro, of always answering the most frequent positive label
	Cut      tasks.Cut    `json:"cut"`      // of the training sentences
	Seconds  float64      `json:"seconds"`
	Backend  string       `json:"backend"`
	Model    string       `json:"model"`
}

func (v *finetuneCmd) Run(c *console) error {
	config, err := v.read(tasks.NameRelation)
	if err != nil {
		return err
	}
	r, err := openRun(c, config, v.Resume)
	if err != nil {
		return err
	}
	result, err := r.finetune()
	if err = errors.Join(err, r.close()); err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(result)
	}
	return printRelation(c, result)
}

// relationData is what a fine-tuning run reads.
type relationData struct {
	labels           []string
	negative         string
	train, dev, test []tasks.Example
	gold             map[string]string // label by example id, of what is scored
	scored           string            // the file that is scored
	cut              tasks.Cut
}

// finetune is a fine-tuning run from its examples to its result.
func (r *session) finetune() (*relationResult, error) {
	data, err := r.readExamples()
	if err != nil {
		return nil, err
	}
	task, err := tasks.NewRelation(r.bert, r.options(), r.config.Task, len(data.labels), r.rows())
	if err != nil {
		return nil, misused(err)
	}
	plan, err := r.plan(len(data.train))
	if err != nil {
		return nil, err
	}
	if err := r.load(task.Parameters()); err != nil {
		return nil, err
	}
	if r.as, err = r.relationModel(data); err != nil {
		return nil, err
	}
	if err := r.prepare(task, plan); err != nil {
		return nil, err
	}
	r.describe(data)
	predictor, err := task.NewPredictor(r.trainer.Forward)
	if err != nil {
		return nil, err
	}
	batches := task.Batches(data.train, plan.Batch, uint64(r.config.Run.Seed), r.config.Device.Workers)
	if err := r.train(plan, batches, devScore(predictor, data)); err != nil {
		return nil, err
	}
	return r.finishRelation(predictor, data)
}

// readExamples reads and encodes the files of examples.
func (r *session) readExamples() (*relationData, error) {
	c, d := r.config, &relationData{}
	train, err := readRelations(c.Data.Train)
	if err != nil {
		return nil, err
	}
	train = sample(train, c.Data.TrainExamples)
	if d.labels, d.negative, err = labelsOf(train, c.Task); err != nil {
		return nil, misused(fmt.Errorf("%s: %w", c.Data.Train, err))
	}
	tokenizer, err := wordpiece.New(r.model.Vocabulary, tokenizerConfig(r.model))
	if err != nil {
		return nil, misused(err)
	}
	e := &tasks.Encoder{Tokenizer: tokenizer, Special: r.model.Vocabulary.Special(), Length: c.Task.Sequence, Truncate: c.Task.Truncate, Labels: d.labels}
	if d.train, d.cut, err = e.Encode(train); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Data.Train, err)
	}
	for _, part := range []struct {
		file string
		to   *[]tasks.Example
		most int
	}{{c.Data.Dev, &d.dev, 0}, {c.Data.Test, &d.test, c.Data.TestExamples}} {
		if part.file == "" {
			continue
		}
		examples, err := readRelations(part.file)
		if err != nil {
			return nil, err
		}
		if *part.to, _, err = e.Encode(sample(examples, part.most)); err != nil {
			return nil, fmt.Errorf("%s: %w", part.file, err)
		}
		d.scored = part.file
	}
	return d, nil
}

// tokenizerConfig is how the model's text is taken apart.
func tokenizerConfig(m *checkpoints.Model) wordpiece.Config {
	c := wordpiece.Default()
	c.Lower = m.Lower
	return c
}

func readRelations(file string) ([]relations.Example, error) {
	return relations.Collect(relations.Read("tsv", file, relations.Options{}))
}

// sample keeps n examples, in their order: those that come first in one fixed random order, the same for every seed of a
// run. 0 keeps all.
func sample(examples []relations.Example, n int) []relations.Example {
	if n == 0 || n >= len(examples) {
		return examples
	}
	chosen := rand.New(rand.NewPCG(0, uint64(len(examples)))).Perm(len(examples))[:n]
	slices.Sort(chosen)
	kept := make([]relations.Example, n)
	for i, c := range chosen {
		kept[i] = examples[c]
	}
	return kept
}

// labelsOf settles the labels, in the classifier's order, and which of them is negative.
func labelsOf(train []relations.Example, task tasks.Config) (labels []string, negative string, err error) {
	labels = task.Labels
	if len(labels) == 0 {
		for _, x := range train {
			if !slices.Contains(labels, x.Label) {
				labels = append(labels, x.Label)
			}
		}
		slices.Sort(labels)
	}
	if slices.Contains(labels, "") {
		return nil, "", errors.New("an example has no label")
	}
	if len(labels) < 2 {
		return nil, "", fmt.Errorf("the only label is %q, want at least two", labels)
	}
	if task.Negative != "" {
		if !slices.Contains(labels, task.Negative) {
			return nil, "", fmt.Errorf("task.negative = %q is none of the labels %q", task.Negative, labels)
		}
		return labels, task.Negative, nil
	}
	for _, l := range labels {
		if strings.EqualFold(l, "false") || l == "0" {
			return labels, l, nil
		}
	}
	return nil, "", fmt.Errorf(`none of the labels %q is "false" or "0"; name the one that means no relation: task.negative`, labels)
}

// describe prints what will be learned from, with the first examples as the model sees them.
func (r *session) describe(d *relationData) {
	fmt.Fprintf(r.c.err, "examples: %d to learn from, %d dev, %d test; labels %s, negative %s\n",
		len(d.train), len(d.dev), len(d.test), strings.Join(d.labels, " "), d.negative)
	fmt.Fprintln(r.c.err, d.cut)
	for _, e := range d.train[:min(2, len(d.train))] {
		words := make([]string, len(e.IDs))
		for i, id := range e.IDs {
			words[i] = r.model.Vocabulary.Token(id)
		}
		fmt.Fprintf(r.c.err, "example %s: %s -> %s\n", e.ID, strings.Join(words, " "), d.labels[e.Label])
	}
}

// devScore scores the dev examples during training; nil if there are none.
func devScore(p *tasks.Predictor, d *relationData) func(context.Context, int) ([]metrics.Value, error) {
	if len(d.dev) == 0 || len(d.test) == 0 {
		return nil
	}
	return func(context.Context, int) ([]metrics.Value, error) {
		_, report, err := score(p, d, d.dev)
		if err != nil {
			return nil, err
		}
		return []metrics.Value{
			{Name: "heldout_p", Value: report.Micro.P}, {Name: "heldout_r", Value: report.Micro.R}, {Name: "heldout_f1", Value: report.Micro.F1},
		}, nil
	}
}

// score predicts examples and compares with their labels.
func score(p *tasks.Predictor, d *relationData, examples []tasks.Example) ([]tasks.Prediction, evaluate.Report, error) {
	var predictions []tasks.Prediction
	for made, err := range p.Predict(examples) {
		if err != nil {
			return nil, evaluate.Report{}, err
		}
		predictions = append(predictions, made)
	}
	gold, predicted := make([]string, len(examples)), make([]string, len(examples))
	for i, e := range examples {
		if e.Label < 0 {
			return nil, evaluate.Report{}, fmt.Errorf("%s: example %s has no label to score", d.scored, e.ID)
		}
		gold[i], predicted[i] = d.labels[e.Label], d.labels[predictions[i].Label()]
	}
	confusion, err := evaluate.Confuse(gold, predicted, d.labels)
	if err != nil {
		return nil, evaluate.Report{}, err
	}
	report, err := confusion.Report(d.negative)
	return predictions, report, err
}

// majority is the score of always answering the most frequent positive label.
func majority(d *relationData, examples []tasks.Example) (evaluate.PRF, error) {
	counts := map[string]int{}
	for _, e := range d.train {
		counts[d.labels[e.Label]]++
	}
	best := ""
	for _, l := range d.labels {
		if l != d.negative && (best == "" || counts[l] > counts[best]) {
			best = l
		}
	}
	gold := make([]string, len(examples))
	for i, e := range examples {
		gold[i] = d.labels[e.Label]
	}
	confusion, err := evaluate.Confuse(gold, slices.Repeat([]string{best}, len(gold)), d.labels)
	if err != nil {
		return evaluate.PRF{}, err
	}
	report, err := confusion.Report(d.negative)
	return report.Micro, err
}

// relationModel is what a saved model carries beside its weights: config.json with the labels, and under "subbert" what
// it takes to apply it.
func (r *session) relationModel(d *relationData) (checkpoints.Export, error) {
	as := checkpoints.Export{Vocabulary: r.model.Vocabulary, Lower: r.model.Lower}
	var fields map[string]any
	if err := json.Unmarshal(r.model.Config.Raw, &fields); err != nil {
		return as, err
	}
	names, ids := map[string]string{}, map[string]int{}
	for i, l := range d.labels {
		names[fmt.Sprint(i)], ids[l] = l, i
	}
	task := r.config.Task
	fields["id2label"], fields["label2id"] = names, ids
	fields["subbert"] = relationSettings{
		Pooling: task.Pooling, WithCLS: task.WithCLS, Mask: task.Relation.Mask, Layers: task.Layers, HardSigmoid: task.HardSigmoid,
		Sequence: task.Sequence, Truncate: task.Truncate, Labels: d.labels, Negative: d.negative,
	}
	var err error
	as.Config, err = json.Marshal(fields)
	return as, err
}

// relationSettings is the key "subbert" of a relation model's config.json.
type relationSettings struct {
	Pooling     string   `json:"pooling"`
	WithCLS     bool     `json:"with_cls"`
	Mask        string   `json:"sll_mask"`
	Layers      []int    `json:"layers,omitempty"`
	HardSigmoid bool     `json:"hard_sigmoid,omitempty"`
	Sequence    int      `json:"sequence"`
	Truncate    string   `json:"truncate"`
	Labels      []string `json:"labels"` // in the classifier's order
	Negative    string   `json:"negative"`
}

// finishRelation scores the trained model and leaves predictions, model and result.
func (r *session) finishRelation(p *tasks.Predictor, d *relationData) (*relationResult, error) {
	result := &relationResult{
		Task: tasks.NameRelation, Labels: d.labels, Negative: d.negative, Scored: d.scored, Pooling: r.config.Task.Pooling,
		Seed: r.config.Run.Seed, Steps: r.trainer.Step(), Cut: d.cut, Backend: r.where(),
	}
	examples := d.test
	if len(examples) == 0 {
		examples = d.dev
	}
	if len(examples) > 0 {
		predictions, report, err := score(p, d, examples)
		if err != nil {
			return nil, err
		}
		result.Report = report
		if result.Majority, err = majority(d, examples); err != nil {
			return nil, err
		}
		if err := writePredictions(r.dir.File("predictions.tsv"), d, examples, predictions); err != nil {
			return nil, err
		}
	}
	var err error
	if result.Model, err = r.export(r.relationCard(result)); err != nil {
		return nil, err
	}
	result.Seconds = time.Since(r.started).Seconds()
	return result, r.dir.WriteResult(result)
}

// writePredictions writes index, gold, predicted and a probability per label.
func writePredictions(path string, d *relationData, examples []tasks.Example, predictions []tasks.Prediction) (err error) {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Cleanup())
		}
	}()
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "index\tgold\tpredicted\t%s\n", strings.Join(d.labels, "\t"))
	for i, e := range examples {
		fmt.Fprintf(w, "%s\t%s\t%s", e.ID, d.labels[e.Label], d.labels[predictions[i].Label()])
		for _, p := range predictions[i].Probabilities {
			fmt.Fprintf(w, "\t%.6g", p)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// printRelation prints the score as a table.
func printRelation(c *console, result *relationResult) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, s evaluate.PRF) {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%d\t\n", name, s.P, s.R, s.F1, s.Support)
	}
	fmt.Fprintf(w, "%s\tP\tR\tF1\texamples\t\n", result.Pooling)
	for _, l := range result.Labels {
		row(l, result.PerClass[l])
	}
	row("micro, without "+result.Negative, result.Micro)
	row("majority label", result.Majority)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "model: %s\n", result.Model)
	return err
}
