// Package compare says whether two models differ on the same pairs: by paired tests over instances and over seeds, and by
// the pairs that only one of them gets right.
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
	Negative string // the label that means no relation; empty: as the runs say, or a word such as false, 0, none and no_relation
	Samples  int    // that each test draws
	Seed     uint64 // of the draws
}

// Comparison is what two models' predictions of the same pairs say.
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
	FindingsA []result.Finding      `json:"findings_a,omitempty"` // what makes A useless
	FindingsB []result.Finding      `json:"findings_b,omitempty"`

	Cases []Case `json:"-"` // the pairs of OnlyA and OnlyB, in the order of the predictions
}

// Case is a pair that one model gets right and the other wrong.
type Case struct {
	Index, Gold string
	A, B        Vote
}

// Vote is what the runs of a model say of a pair: the most frequent label, and how many runs are right.
type Vote struct {
	Predicted   string
	Right, Runs int
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

// Runs compares the predictions at a with those at b: each a predictions.tsv or a run directory, whose seeds are taken
// together.
func Runs(ctx context.Context, a, b string, o Options) (*Comparison, error) {
	p, err := openPair(a, b, o.Negative)
	if err != nil {
		return nil, err
	}
	c := &Comparison{A: a, B: b, Negative: p.negative, Instances: len(p.a[0]), RunsA: len(p.a), RunsB: len(p.b)}
	c.findCases(p.a, p.b)
	if c.FindingsA, err = judge(a, p.a); err != nil {
		return nil, err
	}
	if c.FindingsB, err = judge(b, p.b); err != nil {
		return nil, err
	}
	return c, c.test(ctx, p, o)
}

// judge finds what makes the model useless whose predictions at path are rows: that it gives one label only or, where path
// is a run, that a method without a model scores as well.
func judge(path string, runs [][]relations.Prediction) ([]result.Finding, error) {
	r, err := relationResult(path)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return oneLabel(runs), nil
	}
	f1 := r.Micro.F1
	if r.Mean != nil {
		f1 = r.Mean.F1
	}
	return result.Judge(r.Report, f1, r.Baseline), nil
}

// oneLabel is the finding that all predictions are of one label.
func oneLabel(runs [][]relations.Prediction) []result.Finding {
	only, n := runs[0][0].Predicted, 0
	for _, rows := range runs {
		for _, r := range rows {
			if n++; r.Predicted != only {
				return nil
			}
		}
	}
	if n < 2 {
		return nil
	}
	return []result.Finding{{Kind: result.OneLabelPredicted, Text: fmt.Sprintf("the model gives all %d pairs the label %q", n, only)}}
}

// relationResult is the result of the run directory at path; nil if path is a file, or has no result of a relation task.
func relationResult(path string) (*result.Relation, error) {
	files, err := result.Predictions(path)
	if err != nil || files[0] == path {
		return nil, err
	}
	r, err := result.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.Relation, nil
}

// Gain is evaluate.GainOf the predictions at a over those at b: run directories of the same seeds.
func Gain(ctx context.Context, a, b string, o Options) (evaluate.Gain, error) {
	p, err := openPair(a, b, o.Negative)
	if err != nil {
		return evaluate.Gain{}, err
	}
	g, err := evaluate.GainOf(ctx, p.gold(), labels(p.a), labels(p.b), p.negative, o.Seed)
	if err != nil {
		err = fmt.Errorf("%s and %s: %w", a, b, err)
	}
	return g, err
}

// pair are the predictions of two models, a row of each run for each pair, in the same order.
type pair struct {
	a, b     [][]relations.Prediction
	negative string
}

// openPair reads the predictions at a and b; negative is the label asked for, or empty.
func openPair(a, b, asked string) (p pair, err error) {
	runsA, err := open(a)
	if err != nil {
		return p, err
	}
	runsB, err := open(b)
	if err != nil {
		return p, err
	}
	if asked == "" {
		asked = negativeOf(a, b)
	}
	if p.negative, err = fold(a, slices.Concat(runsA, runsB), asked); err != nil {
		return p, err
	}
	if p.a, err = aligned(runsA[0], runsA); err != nil {
		return p, fmt.Errorf("%s and %s: %w", a, b, err)
	}
	if p.b, err = aligned(runsA[0], runsB); err != nil {
		return p, fmt.Errorf("%s and %s: %w", a, b, err)
	}
	return p, nil
}

// gold are the gold labels.
func (p pair) gold() []string {
	gold := make([]string, len(p.a[0]))
	for i, row := range p.a[0] {
		gold[i] = row.Gold
	}
	return gold
}

// open reads the predictions at path: a file, a run directory, or one of several seeds.
func open(path string) ([]*relations.Predictions, error) {
	files, err := result.Predictions(path)
	if err != nil {
		return nil, err
	}
	var runs []*relations.Predictions
	for _, file := range files {
		p, err := relations.OpenPredictions(file)
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

// negativeOf is the negative label of the first of the runs whose result says it; empty if none does.
func negativeOf(paths ...string) string {
	for _, path := range paths {
		if r, err := relationResult(path); err == nil && r != nil && r.Negative != "" {
			return r.Negative
		}
	}
	return ""
}

// fold spells the labels of all runs alike, those that mean no relation as one, and returns that one. name stands for the
// predictions in errors.
func fold(name string, runs []*relations.Predictions, asked string) (string, error) {
	var labels []string
	for _, r := range runs {
		labels = append(labels, r.LabelSet()...)
		for _, row := range r.Rows {
			if row.Gold == "" {
				return "", fmt.Errorf("%s: gold labels are missing; a comparison needs them", name)
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

// test tests the models over instances and, where both have at least two, over seeds.
func (c *Comparison) test(ctx context.Context, p pair, o Options) error {
	gold := p.gold()
	boot, err := evaluate.Bootstrap(ctx, gold, labels(p.a), labels(p.b), c.Negative, o.Samples, o.Seed)
	if err != nil {
		return err
	}
	c.Tests = append(c.Tests, boot)
	if len(p.a) == len(p.b) {
		swap, err := evaluate.Randomise(ctx, gold, labels(p.a), labels(p.b), c.Negative, o.Samples, o.Seed)
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
	d, err := evaluate.RandomiseSeeds(ctx, scoresA, scoresB, o.Samples, o.Seed)
	c.Tests = append(c.Tests, d)
	return err
}

// labels are the predicted labels of each run.
func labels(runs [][]relations.Prediction) [][]string {
	out := make([][]string, len(runs))
	for i, rows := range runs {
		for _, r := range rows {
			out[i] = append(out[i], r.Predicted)
		}
	}
	return out
}

// seedScores are the micro F1 of the seeds of the run directory at path; none if it is a file, or of one run.
func seedScores(path string) ([]float64, error) {
	r, err := relationResult(path)
	if err != nil || r == nil {
		return nil, err
	}
	var out []float64
	for _, s := range r.Seeds {
		out = append(out, s.Micro.F1)
	}
	return out, nil
}

// findCases notes the pairs on which only one model is right.
func (c *Comparison) findCases(a, b [][]relations.Prediction) {
	for i, row := range a[0] {
		e := Case{Index: row.Index, Gold: row.Gold, A: vote(a, i), B: vote(b, i)}
		switch {
		case e.A.IsRight() && !e.B.IsRight():
			c.OnlyA++
		case e.B.IsRight() && !e.A.IsRight():
			c.OnlyB++
		default:
			continue
		}
		c.Cases = append(c.Cases, e)
	}
}

// vote is what the runs say of pair i.
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
