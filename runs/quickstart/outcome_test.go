package quickstart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

func TestOutcomeText(t *testing.T) {
	low, high := -1.0, 4.0
	relation := &result.Relation{}
	relation.Micro.F1, relation.Instances = 61.25, 300
	o := &Outcome{
		Report: "quickstart/report.html", Seconds: 80.6, Parts: []Part{{"sample", 0.1}, {"pre-training", 80.5}},
		Gains:       map[string]evaluate.Difference{"the attention head": {Delta: 1.5, Low: &low, High: &high}, "pre-training": {Delta: -0.25}},
		comparisons: []Comparison{{Name: "the attention head"}, {Name: "pre-training", Note: "A note."}},
		scores:      []Score{{"cls-random", relation}},
	}
	var b strings.Builder
	if err := o.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `
                        P    R    F1
cls-random              0.0  0.0  61.2
bag of words                      0.0
most frequent relation            0.0
Gain of the attention head: +1.5 points of F1, 95 % interval -1.0 to +4.0.
Gain of pre-training: -0.2 points of F1
A note.
The intervals are over the 300 test sentences, with one seed. Other seeds differ by several points more, in either direction.

pre-training  1m21s

Took 1m21s. Open quickstart/report.html
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("want then got:\n%s", diff)
	}
}
