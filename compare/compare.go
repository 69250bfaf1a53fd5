// Package compare tests whether two models differ on the same pairs: by paired tests over instances and over seeds, and
// by the pairs that only one of them gets right.
package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// Options say how two models are compared.
type Options struct {
	Negative string // the label that means no relation; empty: the label of the runs, or a word such as false, 0, none and no_relation
	Samples  int    // number that each test draws
	Seed     uint64 // of the draws

	Read  func(file string, done, size int64)  // receives the progress of reading a file; may be nil
	Drawn func(test string, done, samples int) // receives the progress of a test; may be nil
}

// Comparison is the comparison of two models' predictions of the same pairs.
type Comparison struct {
	A         string                `json:"-"` // file of predictions, or run directory
	B         string                `json:"-"`
	Negative  string                `json:"negative"`
	Instances int                   `json:"instances"`
	RunsA     int                   `json:"runs_a"`
	RunsB     int                   `json:"runs_b"`
	OnlyA     int                   `json:"only_a_right"` // pairs that A gets right in more than half of its runs and B does not
	OnlyB     int                   `json:"only_b_right"`
	Tests     []evaluate.Difference `json:"tests"`
	Findings  []result.Finding      `json:"findings,omitempty"`

	Cases []Case `json:"-"` // the pairs of OnlyA and OnlyB, in the order of the predictions
}

// Case is a pair that one model gets right and the other wrong.
type Case struct {
	Index, Gold string
	A, B        Vote
}

// Vote is the vote of the runs of a model on a pair: the most frequent label, and the number of runs that are right.
type Vote struct {
	Predicted   string
	Right, Runs int
	Probability float64 // of Predicted, mean over the runs; 0 if the predictions have none
}

// IsRight reports whether more than half of the runs are right.
func (v Vote) IsRight() bool { return 2*v.Right > v.Runs }

// NegativeError says that the label that means no relation is not among the labels.
type NegativeError struct {
	Negative string
	Labels   []string
}

func (e *NegativeError) Error() string {
	return fmt.Sprintf("negative label %q is not among the labels %s; name it with --negative", e.Negative, strings.Join(e.Labels, ", "))
}

// Runs compares the predictions at a with those at b. Each is a predictions.tsv or a run directory, whose seeds are
// taken together. If ctx ends, it returns the error of ctx.
func Runs(ctx context.Context, a, b string, o Options) (*Comparison, error) {
	p, err := o.openPair(ctx, []string{a}, []string{b})
	if err != nil {
		return nil, err
	}
	c := &Comparison{A: a, B: b, Negative: p.negative, Instances: len(p.a[0]), RunsA: len(p.a), RunsB: len(p.b)}
	if err := c.findCases(ctx, p); err != nil {
		return nil, err
	}
	if err := c.test(ctx, p, o); err != nil {
		return nil, err
	}
	c.find(p)
	return c, nil
}

// Gain returns evaluate.GainOf for the predictions at a over those at b, run directories of the same seeds.
func Gain(ctx context.Context, a, b string, o Options) (evaluate.Gain, error) {
	p, err := o.openPair(ctx, []string{a}, []string{b})
	if err != nil {
		return evaluate.Gain{}, err
	}
	g, err := evaluate.GainOf(ctx, p.gold(), labels(p.a), labels(p.b), p.negative, o.Seed)
	if err != nil {
		err = fmt.Errorf("%s and %s: %w", a, b, err)
	}
	return g, err
}

// pair holds the predictions of two models. Each run has a row for each pair, in the same order.
type pair struct {
	a, b         [][]relations.Prediction
	runsA, runsB []*relations.Predictions
	negative     string
}

// openPair reads the predictions at the paths of a and of b.
func (o Options) openPair(ctx context.Context, a, b []string) (p pair, err error) {
	if p.runsA, err = o.openAll(ctx, a); err != nil {
		return p, err
	}
	if p.runsB, err = o.openAll(ctx, b); err != nil {
		return p, err
	}
	asked := o.Negative
	if asked == "" {
		asked = negativeOf(slices.Concat(a, b)...)
	}
	if p.negative, err = fold(a[0], slices.Concat(p.runsA, p.runsB), asked); err != nil {
		return p, err
	}
	if p.a, err = aligned(p.runsA[0], p.runsA); err == nil {
		p.b, err = aligned(p.runsA[0], p.runsB)
	}
	if err != nil {
		return p, fmt.Errorf("%s and %s: %w", strings.Join(a, " and "), strings.Join(b, " and "), err)
	}
	return p, nil
}

// gold returns the gold labels.
func (p pair) gold() []string {
	gold := make([]string, len(p.a[0]))
	for i, row := range p.a[0] {
		gold[i] = row.Gold
	}
	return gold
}

// open reads the predictions at path: a file, or the directory of a run of one or several seeds.
func (o Options) open(ctx context.Context, path string) ([]*relations.Predictions, error) {
	files, err := result.Predictions(path)
	if err != nil {
		return nil, err
	}
	var runs []*relations.Predictions
	for _, file := range files {
		options := relations.Options{Context: ctx}
		if o.Read != nil {
			options.Read = func(done, size int64) { o.Read(file, done, size) }
		}
		p, err := relations.OpenPredictions(file, options)
		if err != nil {
			return nil, err
		}
		runs = append(runs, p)
	}
	return runs, nil
}

// aligned puts the rows of every run in the order of first.
func aligned(first *relations.Predictions, runs []*relations.Predictions) ([][]relations.Prediction, error) {
	out := make([][]relations.Prediction, len(runs))
	for i, r := range runs {
		var err error
		if out[i], err = first.Align(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// negativeOf returns the negative label of the first run whose result has one; empty if none has.
func negativeOf(paths ...string) string {
	for _, path := range paths {
		r, err := result.Read(path) // fails if path is a file of predictions
		if err == nil && r.Relation != nil && r.Relation.Negative != "" {
			return r.Relation.Negative
		}
	}
	return ""
}

// fold spells the labels of all runs alike, with one spelling for those that mean no relation, and returns that label.
// name is the name of the predictions in errors.
func fold(name string, runs []*relations.Predictions, asked string) (string, error) {
	var labels []string
	for _, r := range runs {
		labels = append(labels, r.LabelSet()...)
		for _, row := range r.Rows {
			if row.Gold == "" {
				return "", fmt.Errorf("%s: no gold labels, which a comparison needs", name)
			}
			labels = append(labels, row.Gold)
		}
		slices.Sort(labels)
		labels = slices.Compact(labels)
	}
	task, err := relations.TaskOf(labels, asked)
	if none := new(relations.NegativeError); errors.As(err, &none) {
		return "", &NegativeError{cmp.Or(asked, relations.DDI.Negative), labels}
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	for _, r := range runs {
		for i := range r.Rows {
			row := &r.Rows[i]
			row.Gold, _ = task.Canonical(row.Gold)
			row.Predicted, _ = task.Canonical(row.Predicted)
		}
	}
	return task.Negative, nil
}

// test tests the models over instances and, if both have at least two seeds, over seeds.
func (c *Comparison) test(ctx context.Context, p pair, o Options) error {
	gold := p.gold()
	boot, err := evaluate.Bootstrap(ctx, gold, labels(p.a), labels(p.b), c.Negative, o.draws("bootstrap"))
	if err != nil {
		return err
	}
	c.Tests = append(c.Tests, boot)
	if len(p.a) == len(p.b) {
		swap, err := evaluate.Randomise(ctx, gold, labels(p.a), labels(p.b), c.Negative, o.draws("randomisation"))
		if err != nil {
			return err
		}
		c.Tests = append(c.Tests, swap)
	}
	scoresA, err := seedScores(c.A)
	if err != nil {
		return err
	}
	scoresB, err := seedScores(c.B)
	if err != nil || len(scoresA) < 2 || len(scoresB) < 2 {
		return err
	}
	d, err := evaluate.RandomiseSeeds(ctx, scoresA, scoresB, o.draws("permutation"))
	c.Tests = append(c.Tests, d)
	return err
}

// draws returns the settings of the draws of a test.
func (o Options) draws(test string) evaluate.Draws {
	d := evaluate.Draws{Samples: o.Samples, Seed: o.Seed}
	if o.Drawn != nil {
		d.Drawn = func(done int) { o.Drawn(test, done, o.Samples) }
	}
	return d
}

// labels returns the predicted labels of each run.
func labels(runs [][]relations.Prediction) [][]string {
	out := make([][]string, len(runs))
	for i, rows := range runs {
		for _, r := range rows {
			out[i] = append(out[i], r.Predicted)
		}
	}
	return out
}

// seedScores returns the micro F1 of the seeds of the run directory at path; none if it is a file, or a single run.
func seedScores(path string) ([]float64, error) {
	files, err := result.Predictions(path)
	if err != nil || files[0] == path {
		return nil, err
	}
	r, err := result.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || r.Relation == nil {
		return nil, err
	}
	var out []float64
	for _, s := range r.Relation.Seeds {
		out = append(out, s.Micro.F1)
	}
	return out, nil
}

// findCases collects the pairs on which only one model is right, with the probability of the label that each model's
// runs vote for.
func (c *Comparison) findCases(ctx context.Context, p pair) error {
	for i, row := range p.a[0] {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := Case{Index: row.Index, Gold: row.Gold, A: vote(p.a, i), B: vote(p.b, i)}
		switch {
		case e.A.IsRight() && !e.B.IsRight():
			c.OnlyA++
		case e.B.IsRight() && !e.A.IsRight():
			c.OnlyB++
		default:
			continue
		}
		e.A.Probability = probability(p.runsA, p.a, i, e.A.Predicted)
		e.B.Probability = probability(p.runsB, p.b, i, e.B.Predicted)
		c.Cases = append(c.Cases, e)
	}
	return nil
}

// vote returns the vote of the runs on pair i.
func vote(runs [][]relations.Prediction, i int) Vote {
	v := Vote{Runs: len(runs)}
	counts := map[string]int{}
	for _, rows := range runs {
		counts[rows[i].Predicted]++
		if rows[i].Predicted == rows[i].Gold {
			v.Right++
		}
	}
	for _, rows := range runs {
		if p := rows[i].Predicted; v.Predicted == "" || counts[p] > counts[v.Predicted] {
			v.Predicted = p
		}
	}
	return v
}

// probability returns the mean over the runs of the probability of label for pair i; 0 if a run has none.
func probability(runs []*relations.Predictions, rows [][]relations.Prediction, i int, label string) float64 {
	sum := 0.0
	for k, r := range runs {
		at := slices.Index(r.Labels, label)
		if at < 0 {
			return 0
		}
		sum += rows[k][i].Probabilities[at]
	}
	return sum / float64(len(runs))
}
