package compare

import (
	"fmt"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/runs/result"
)

// find adds findings that make the comparison uninformative: a model gives every pair the same label, or scores no more
// than the bag of words, if its run directory has that score.
func (c *Comparison) find(p pair) {
	for _, m := range []struct {
		name, path string
		rows       [][]relations.Prediction
		f1         float64
	}{{"A", c.A, p.a, c.Tests[0].A}, {"B", c.B, p.b, c.Tests[0].B}} {
		if label, ok := onlyLabel(m.rows); ok {
			c.Findings = append(c.Findings, result.Finding{Kind: result.OneLabelPredicted, Text: fmt.Sprintf("%s gives all %d pairs the label %q: it has not learned the other labels", m.name, c.Instances, label)})
		}
		r, err := result.Read(m.path) // fails if the path is a file of predictions
		if err != nil || r.Relation == nil {
			continue
		}
		if words, ok := r.Relation.Baseline[result.BaselineWords]; ok && m.f1 <= words.F1 {
			c.Findings = append(c.Findings, result.Finding{Kind: result.NotAboveBaseline, Text: fmt.Sprintf("the F1 of %s, %.1f, is not above the %.1f of the bag-of-words baseline", m.name, m.f1, words.F1)})
		}
	}
}

// onlyLabel returns the label that all runs give every pair, if there is one. A single pair shows nothing.
func onlyLabel(runs [][]relations.Prediction) (string, bool) {
	only := runs[0][0].Predicted
	for _, rows := range runs {
		for _, r := range rows {
			if r.Predicted != only {
				return "", false
			}
		}
	}
	return only, len(runs[0]) > 1
}
