package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/tasks"
)

// predictionsName is the file of a run's predictions.
const predictionsName = "predictions.tsv"

// relationResult is result.json of a fine-tuning run.
type relationResult struct {
	Task     string   `json:"task"`
	Corpus   string   `json:"corpus,omitempty"` // the format of data.corpus
	Labels   []string `json:"labels"`
	Negative string   `json:"negative"`
	Scored   string   `json:"scored"` // the file, or the split of the corpus
	Pooling  string   `json:"pooling"`
	Padding  string   `json:"padding"`
	Seed     uint32   `json:"seed"`
	Fold     *int     `json:"fold,omitempty"`
	Steps    int      `json:"steps"`
	KeptStep int      `json:"kept_step,omitempty"` // whose weights were kept, if not the last's
	evaluate.Report
	Majority evaluate.PRF            `json:"majority"` // micro, of always answering the most frequent positive label
	Baseline map[string]evaluate.PRF `json:"baseline"` // micro, of methods without a model
	Cut      tasks.Cut               `json:"cut"`      // of the training sentences
	Seconds  float64                 `json:"seconds"`
	Backend  string                  `json:"backend"`
	Model    string                  `json:"model"`
}

// scoreRelation predicts and scores what the result is of, and scores the baselines on it.
func (r *session) scoreRelation(p *tasks.Predictor, d *relationData, result *relationResult) error {
	examples, split := d.scored()
	rows := d.testRows
	result.Scored = cmp.Or(r.config.Data.Test, r.config.Data.Corpus+" "+split)
	if split == "dev" {
		rows, result.Scored = d.devRows, cmp.Or(r.config.Data.Dev, split)
	}
	if len(examples) == 0 {
		result.Scored = ""
		return nil
	}
	predictions, report, err := score(p, d, rows)
	if err != nil {
		return err
	}
	result.Report = report
	if err := result.baselines(d, examples); err != nil {
		return err
	}
	file := &relations.Predictions{Labels: d.labels}
	for i, made := range predictions {
		one := relations.Prediction{Index: rows[i].ID, Gold: d.labels[rows[i].Label], Predicted: d.labels[made.Label()]}
		for _, x := range made.Probabilities {
			one.Probabilities = append(one.Probabilities, float64(x))
		}
		file.Rows = append(file.Rows, one)
	}
	return writeWhole(r.dir.File(predictionsName), file.Write)
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
			return nil, evaluate.Report{}, fmt.Errorf("pair %s has no label to score", e.ID)
		}
		gold[i], predicted[i] = d.labels[e.Label], d.labels[predictions[i].Label()]
	}
	report, err := evaluate.Score(gold, predicted, d.labels, d.negative)
	return predictions, report, err
}

// baselines are the scores of methods that need no model, on what the result is of.
func (result *relationResult) baselines(d *relationData, examples []relations.Example) error {
	gold := make([]string, len(examples))
	for i, e := range examples {
		gold[i] = e.Label
	}
	micro := func(predicted []string) (evaluate.PRF, error) {
		report, err := evaluate.Score(gold, predicted, d.labels, d.negative)
		return report.Micro, err
	}
	var err error
	if result.Majority, err = micro(slices.Repeat([]string{mostFrequent(d)}, len(gold))); err != nil {
		return err
	}
	result.Baseline = map[string]evaluate.PRF{}
	for name, predict := range map[string]func(train, test []relations.Example) []string{
		"word overlap": relations.WordOverlap, "bag of words": relations.BagOfWords,
	} {
		if result.Baseline[name], err = micro(predict(d.train, examples)); err != nil {
			return err
		}
	}
	return nil
}

// mostFrequent is the most frequent positive label of the training examples.
func mostFrequent(d *relationData) string {
	counts := map[string]int{}
	for _, e := range d.train {
		counts[e.Label]++
	}
	best := ""
	for _, l := range d.labels {
		if l != d.negative && (best == "" || counts[l] > counts[best]) {
			best = l
		}
	}
	return best
}

// relationSettings is the key "subbert" of a relation model's config.json: what it takes to apply the model.
type relationSettings struct {
	Pooling     string   `json:"pooling"`
	WithCLS     bool     `json:"with_cls"`
	Mask        string   `json:"sll_mask"`
	Layers      []int    `json:"layers,omitempty"`
	HardSigmoid bool     `json:"hard_sigmoid,omitempty"`
	Sequence    int      `json:"sequence"`
	Padding     string   `json:"padding"`
	Lengths     []int    `json:"lengths,omitempty"`
	Truncate    string   `json:"truncate"`
	Marking     string   `json:"marking"`
	Marks       []string `json:"marks"`  // that stood in the training sentences
	Labels      []string `json:"labels"` // in the classifier's order
	Negative    string   `json:"negative"`
}

// relationModel is what a saved model carries beside its weights: config.json with the labels and the settings.
func (r *session) relationModel(d *relationData) (checkpoints.Export, error) {
	as := checkpoints.Export{Vocabulary: r.model.Vocabulary, Tokenizer: r.model.Tokenizer}
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
		Sequence: task.Sequence, Padding: task.Padding, Lengths: task.Lengths, Truncate: task.Truncate,
		Marking: string(d.marking), Marks: d.marks, Labels: d.labels, Negative: d.negative,
	}
	var err error
	as.Config, err = json.Marshal(fields)
	return as, err
}

// readSettings reads what m's config.json says of how to apply it; nil if m is no relation model of ours.
func readSettings(m *checkpoints.Model) (*relationSettings, error) {
	var fields struct {
		Settings *relationSettings `json:"subbert"`
	}
	if err := json.Unmarshal(m.Config.Raw, &fields); err != nil {
		return nil, fmt.Errorf("%s: config.json: %w", m.Path, err)
	}
	if fields.Settings != nil && len(fields.Settings.Labels) == 0 {
		return nil, nil // another task's
	}
	if s, most := fields.Settings, cmp.Or(m.Config.MaxPositionEmbeddings, 512); s != nil && (s.Sequence < 3 || s.Sequence > most) {
		return nil, fmt.Errorf("%s: config.json: subbert: sequence %d, want 3 to max_position_embeddings, %d", m.Path, s.Sequence, most)
	}
	return fields.Settings, nil
}

// sameLabels refuses to go on with a classifier that was trained for other labels than the data's.
func (r *session) sameLabels(d *relationData) error {
	labels, err := r.model.Labels()
	if err != nil || labels == nil || r.state != nil || slices.Equal(labels, d.labels) {
		return err
	}
	for _, head := range r.config.Model.Fresh {
		if head == "classifier" || head == "all" {
			return nil
		}
	}
	return misusef(`%s: the model's labels are %q, the data's %q; model.fresh = ["classifier"] starts a new classifier`, r.config.Model.Init, labels, d.labels)
}

// print prints the score as a table.
func (result *relationResult) print(c *console) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tP\tR\tF1\texamples\t\n", result.Pooling)
	for _, l := range result.Labels {
		printPRF(w, l, result.PerClass[l])
	}
	printPRF(w, "micro, without "+result.Negative, result.Micro)
	printPRF(w, "majority label", result.Majority)
	for _, name := range []string{"word overlap", "bag of words"} {
		printPRF(w, name, result.Baseline[name])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "model: %s\n", result.Model)
	return err
}

func printPRF(w io.Writer, name string, s evaluate.PRF) {
	fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%d\t\n", name, s.P, s.R, s.F1, s.Support)
}
