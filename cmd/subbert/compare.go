package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

type compareCmd struct {
	A        string `arg:"" help:"predictions.tsv of one model, or its run directory."`
	B        string `arg:"" help:"The same of the other model, on the same pairs."`
	Negative string `placeholder:"LABEL" help:"The label that means no relation; without it false, or 0, whichever the files have."`
	Samples  int    `default:"10000" help:"How many times each test draws."`
	Seed     uint64 `default:"1" help:"What the draws follow from."`
	JSON     bool   `name:"json" help:"Print the comparison as JSON."`
}

func (v *compareCmd) Help() string {
	return `Says whether two models differ in micro F1 on the same pairs: by a paired bootstrap, which gives an interval of the difference, and by approximate randomisation. If both are run directories whose result.json has several seeds, their scores over seeds are tested too.`
}

// comparison is what compare --json prints.
type comparison struct {
	A, B      string                `json:"-"`
	Negative  string                `json:"negative"`
	Instances int                   `json:"instances"`
	OnlyA     int                   `json:"only_a_right"`
	OnlyB     int                   `json:"only_b_right"`
	Tests     []evaluate.Difference `json:"tests"`
}

func (v *compareCmd) Run(c *console) error {
	if v.Samples < 1 {
		return misusef("--samples %d, want at least 1", v.Samples)
	}
	a, err := relations.OpenPredictions(predictionsFile(v.A))
	if err != nil {
		return err
	}
	b, err := relations.OpenPredictions(predictionsFile(v.B))
	if err != nil {
		return err
	}
	aligned, err := a.Align(b)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", v.A, v.B, err)
	}
	result := comparison{A: v.A, B: v.B, Instances: len(aligned)}
	if result.Negative, err = v.negative(a, b); err != nil {
		return err
	}
	if err := result.overInstances(a.Rows, aligned, v.Samples, v.Seed); err != nil {
		return err
	}
	if err := result.overSeeds(v.Samples, v.Seed); err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(result)
	}
	return result.print(c)
}

// predictionsFile is name, or predictions.tsv in it if it is a directory.
func predictionsFile(name string) string {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return filepath.Join(name, "predictions.tsv")
	}
	return name
}

// negative is the label asked for, or the one of the paper's tasks that the files have.
func (v *compareCmd) negative(a, b *relations.Predictions) (string, error) {
	labels := slices.Concat(a.LabelSet(), b.LabelSet())
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

func (r *comparison) overInstances(a, b []relations.Prediction, samples int, seed uint64) error {
	var gold, predA, predB []string
	for i := range a {
		gold, predA, predB = append(gold, a[i].Gold), append(predA, a[i].Predicted), append(predB, b[i].Predicted)
		switch rightA, rightB := a[i].Predicted == a[i].Gold, b[i].Predicted == a[i].Gold; {
		case rightA && !rightB:
			r.OnlyA++
		case rightB && !rightA:
			r.OnlyB++
		}
	}
	boot, err := evaluate.Bootstrap(gold, predA, predB, r.Negative, samples, seed)
	if err != nil {
		return err
	}
	swap, err := evaluate.Randomise(gold, predA, predB, r.Negative, samples, seed)
	r.Tests = append(r.Tests, boot, swap)
	return err
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
