package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

type compareCmd struct {
	A         string `arg:"" help:"predictions.tsv of one model, or its run directory."`
	B         string `arg:"" help:"The same of the other model, on the same pairs."`
	Negative  string `placeholder:"LABEL" help:"The label that means no relation; without it false, or 0, whichever the files have."`
	Errors    string `placeholder:"FILE.html" help:"List the pairs that one model gets right and the other wrong, with their sentences."`
	Sentences string `placeholder:"FILE.tsv" help:"The marked sentences, for --errors; without it those of run directory A's config." type:"existingfile"`
	Samples   int    `default:"10000" help:"How many times each test draws."`
	Seed      uint64 `default:"1" help:"What the draws follow from."`
	JSON      bool   `name:"json" help:"Print the comparison as JSON."`
}

func (v *compareCmd) Help() string {
	return `Says whether two models differ in micro F1 on the same pairs: by a paired bootstrap, which gives an interval of the difference, and by approximate randomisation. Of run directories with several seeds the predictions of all seeds are taken together, each pair drawn or exchanged with those of all seeds, and the scores over seeds are tested too.

--errors needs the sentences: those of run directory A's config, or a file given with --sentences.`
}

// comparison is what compare --json prints.
type comparison struct {
	A, B      string                `json:"-"`
	Negative  string                `json:"negative"`
	Instances int                   `json:"instances"`
	RunsA     int                   `json:"runs_a"`
	RunsB     int                   `json:"runs_b"`
	OnlyA     int                   `json:"only_a_right"` // pairs that A gets right in more than half of its runs and B does not
	OnlyB     int                   `json:"only_b_right"`
	Tests     []evaluate.Difference `json:"tests"`
	cases     []errorCase           // those of OnlyA and OnlyB
}

func (v *compareCmd) Run(c *console) error {
	if v.Samples < 1 {
		return misusef("--samples %d, want at least 1", v.Samples)
	}
	a, err := openRuns(v.A)
	if err != nil {
		return err
	}
	b, err := openRuns(v.B)
	if err != nil {
		return err
	}
	result := comparison{A: v.A, B: v.B, Instances: len(a[0].Rows), RunsA: len(a), RunsB: len(b)}
	alignedA, err := aligned(a[0], a)
	if err == nil {
		var alignedB [][]relations.Prediction
		if alignedB, err = aligned(a[0], b); err == nil {
			err = v.compare(&result, slices.Concat(a, b), alignedA, alignedB)
		}
	}
	if err != nil {
		return fmt.Errorf("%s and %s: %w", v.A, v.B, err)
	}
	if v.Errors != "" {
		if err := v.writeErrors(c, &result); err != nil {
			return err
		}
	}
	if v.JSON {
		return c.printJSON(result)
	}
	return result.print(c)
}

// openRuns reads the predictions at name: a file, a run directory, or one of several seeds.
func openRuns(name string) ([]*relations.Predictions, error) {
	files := []string{predictionsFile(name)}
	if files[0] != name {
		seeds, err := filepath.Glob(filepath.Join(name, "predictions-seed-*.tsv"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(seeds) > 0 {
			files = seeds
		}
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

// predictionsFile is name, or predictions.tsv in it if it is a directory.
func predictionsFile(name string) string {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return filepath.Join(name, predictionsName)
	}
	return name
}

// negative is the label asked for, or the one of the paper's tasks that the files have.
func (v *compareCmd) negative(runs []*relations.Predictions) (string, error) {
	var labels []string
	for _, r := range runs {
		labels = append(labels, r.LabelSet()...)
	}
	slices.Sort(labels)
	labels = slices.Compact(labels)
	if slices.Contains(labels, "") {
		return "", fmt.Errorf("%s: gold labels are missing; a comparison needs them", v.A)
	}
	for _, l := range []string{v.Negative, relations.DDI.Negative, relations.PPI.Negative} {
		if l != "" && slices.Contains(labels, l) {
			return l, nil
		}
		if l != "" && l == v.Negative {
			break
		}
	}
	return "", misusef("negative label %q is not among the labels %s; name it with --negative", cmp.Or(v.Negative, "false"), strings.Join(labels, ", "))
}

// compare tests the models over instances and over seeds, and finds the pairs that only one gets right.
func (v *compareCmd) compare(result *comparison, runs []*relations.Predictions, a, b [][]relations.Prediction) error {
	var err error
	if result.Negative, err = v.negative(runs); err != nil {
		return err
	}
	gold := make([]string, result.Instances)
	for i, row := range a[0] {
		gold[i] = row.Gold
	}
	result.findCases(a, b)
	boot, err := evaluate.Bootstrap(gold, labelsByRun(a), labelsByRun(b), result.Negative, v.Samples, v.Seed)
	if err != nil {
		return err
	}
	result.Tests = append(result.Tests, boot)
	if len(a) == len(b) {
		swap, err := evaluate.Randomise(gold, labelsByRun(a), labelsByRun(b), result.Negative, v.Samples, v.Seed)
		if err != nil {
			return err
		}
		result.Tests = append(result.Tests, swap)
	}
	return result.overSeeds(v.Samples, v.Seed)
}

// labelsByRun are the predicted labels of each run.
func labelsByRun(runs [][]relations.Prediction) [][]string {
	out := make([][]string, len(runs))
	for i, rows := range runs {
		for _, r := range rows {
			out[i] = append(out[i], r.Predicted)
		}
	}
	return out
}

// overSeeds tests the scores of the seeds, where both runs have at least two.
func (r *comparison) overSeeds(samples int, seed uint64) error {
	a, err := seedScores(r.A)
	if err != nil {
		return err
	}
	b, err := seedScores(r.B)
	if err != nil || len(a) < 2 || len(b) < 2 {
		return err
	}
	d, err := evaluate.RandomiseSeeds(a, b, samples, seed)
	r.Tests = append(r.Tests, d)
	return err
}

// seedScores are the micro F1 of the seeds in the result.json of run directory dir; none if dir is a file.
func seedScores(dir string) ([]float64, error) {
	file := filepath.Join(dir, "result.json")
	if predictionsFile(dir) == dir {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var result struct {
		Seeds []struct {
			Micro struct {
				F1 *float64 `json:"f1"`
			} `json:"micro"`
		} `json:"seeds"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var out []float64
	for i, s := range result.Seeds {
		if s.Micro.F1 == nil {
			return nil, fmt.Errorf("%s: seed %d has no micro f1", file, i+1)
		}
		out = append(out, *s.Micro.F1)
	}
	return out, nil
}

func (r *comparison) print(c *console) error {
	first := r.Tests[0]
	fmt.Fprintf(c.out, "A %s: micro F1 %.2f\nB %s: micro F1 %.2f\n", r.A, first.A, r.B, first.B)
	if r.RunsA > 1 || r.RunsB > 1 {
		fmt.Fprintf(c.out, "predictions of %d runs of A and %d of B taken together\n", r.RunsA, r.RunsB)
	}
	fmt.Fprintf(c.out, "A-B %+.2f over %d pairs (negative %q); only A right on %d, only B on %d\n\n", first.Delta, r.Instances, r.Negative, r.OnlyA, r.OnlyB)
	for _, t := range r.Tests {
		how := fmt.Sprintf("%d samples, seed %d", t.Samples, t.Seed)
		if t.Exact {
			how = fmt.Sprintf("all %d choices", t.Samples)
		}
		line := fmt.Sprintf("%s over %d %s, %s: A-B %+.2f, p = %.4f", t.Test, t.N, t.Over, how, t.Delta, t.P)
		if t.Low != nil {
			line += fmt.Sprintf(", 95 %% interval %+.2f to %+.2f", *t.Low, *t.High)
		}
		if _, err := fmt.Fprintln(c.out, line); err != nil {
			return err
		}
	}
	return nil
}
