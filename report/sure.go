package report

import (
	"fmt"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// probabilitySection shows how well the probabilities of the models are calibrated, and the precision at each
// threshold. It has no blocks if the results have neither.
func probabilitySection(runs []named) Section {
	s := Section{Title: "Probabilities", Folded: true}
	reliability := Chart{Title: "Reliability of the probabilities", XLabel: "probability of the predicted label, mean of each bin", YLabel: "share that is right", FromZero: true}
	curve := Chart{Title: "Precision and recall by threshold", XLabel: "recall, percent", YLabel: "precision, percent", FromZero: true}
	t := Table{
		Caption: "Calibration: probability of a label against the share that is right", File: "calibration", Cards: true,
		Columns: append([]Column{{Name: "run"}}, numeric("temperature", "fitted on", "ECE before", "ECE after", "Brier score after")...),
	}
	for _, n := range runs {
		res := n.run.relation()
		if res == nil {
			continue
		}
		if c := res.Calibration; c != nil && len(c.After.Bins) > 0 {
			reliability.Curves = append(reliability.Curves, reliabilityCurve(n, c.After))
			t.Rows = append(t.Rows, Row{Cells: []string{n.name, fixed(c.Temperature, 2), count(c.Fitted), fixed(c.Before.ECE, 3), fixed(c.After.ECE, 3), fixed(c.After.Brier, 3)}})
		}
		if c := res.Curve; c != nil && len(c.Points) > 0 {
			curve.Curves = append(curve.Curves, recallCurve(n, c))
		}
	}
	if len(reliability.Curves) > 0 {
		reliability.Curves = append(reliability.Curves, Curve{Name: "perfect calibration", X: []float64{0, 1}, Y: []float64{0, 1}, Color: numSeries - 1})
		s.Blocks = append(s.Blocks, Figure{
			Title: reliability.Title, Views: []View{{Picture: reliability}},
			Note: "Above the diagonal a model is right more often than its probabilities say, below it less often. Bins with few pairs can be far off by chance.",
		}, t, Remarks{"ECE, the expected calibration error, is the distance from the diagonal, each bin weighted by its pairs (Guo et al. 2017). The temperature divides the logits; it is fitted on dev examples, and is 1 if there are too few of them."})
	}
	if len(curve.Curves) > 0 {
		s.Blocks = append(s.Blocks, Figure{
			Title: curve.Title, Views: []View{{Picture: curve}},
			Note: "Each point is a threshold: a pair gets its most probable relation if the probability is at least the threshold, as with subbert predict --min-probability. " + precisionNote(runs),
		})
	}
	return s
}

// reliabilityCurve returns the bins of a reliability diagram.
func reliabilityCurve(n named, c evaluate.Calibration) Curve {
	out := Curve{Name: n.name, Color: n.color, Marked: true}
	for _, b := range c.Bins {
		out.X, out.Y = append(out.X, b.Predicted), append(out.Y, b.Observed)
	}
	return out
}

// recallCurve returns c sorted by recall.
func recallCurve(n named, c *result.Curve) Curve {
	out := Curve{Name: fmt.Sprintf("%s, average precision %s", n.name, fixed(c.AveragePrecision, 3)), Color: n.color}
	for i := len(c.Points) - 1; i >= 0; i-- {
		out.X, out.Y = append(out.X, 100*c.Points[i].R), append(out.Y, 100*c.Points[i].P)
	}
	return out
}

// precisionNote says which pairs the curves are on.
func precisionNote(runs []named) string {
	text := sameOrEach(runs, func(r *Run) string {
		if res := r.relation(); res != nil && res.Curve != nil {
			switch res.Curve.Of {
			case "all":
				return "all scored pairs"
			default:
				return "the pairs of " + res.Curve.Of
			}
		}
		return ""
	})
	if text == "" {
		return ""
	}
	return "The curves are for " + text + "."
}

// findingsOf returns the findings of the runs that a reader should know, except those in the verdict.
func findingsOf(runs []named) Notes {
	var out Notes
	for _, n := range runs {
		for _, f := range n.run.findings() {
			text := f.Text + "."
			if len(runs) > 1 {
				text = n.name + ": " + text
			}
			out = append(out, text)
		}
	}
	return out
}

// findings returns the findings in the run's result that the verdict does not have.
func (r *Run) findings() []result.Finding {
	switch {
	case r.Result == nil:
		return nil
	case r.Result.Pretraining != nil:
		return r.Result.Pretraining.Findings
	case r.Result.Probing != nil:
		return r.Result.Probing.Findings
	case r.Result.Relation == nil:
		return nil
	}
	res := r.Result.Relation
	collapsed := result.OnlyPredicted(res.Labels, res.Confusion) != ""
	_, words := res.Baseline[result.BaselineWords]
	var out []result.Finding
	for _, f := range res.Findings {
		if f.Kind == result.OneLabelPredicted && collapsed || f.Kind == result.NotAboveBaseline && words {
			continue
		}
		out = append(out, f)
	}
	return out
}
