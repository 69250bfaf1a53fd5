package runs

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/relation"
)

// bootstrapSamples and bootstrapSeed are those of the F1 intervals in the results of runs.
const (
	bootstrapSamples = 2000
	bootstrapSeed    = 1
)

// scoreResult predicts and scores the examples that the result is on, and scores the baselines on the same examples.
// scaled has the predictions of the dev examples.
func (r *relationRun) scoreResult(ctx context.Context, out *result.Relation, scaled *scaledDev) error {
	examples, split := r.rows.Scored()
	out.Scored = cmp.Or(r.config.Data.Test, r.config.Data.Corpus+" "+split)
	if split == "dev" {
		out.Scored = cmp.Or(r.config.Data.Dev, split)
	}
	if len(examples) == 0 {
		out.Scored = ""
		return nil
	}
	rows := r.rows.scored()
	predictions, report, err := r.score(ctx, rows)
	if err != nil {
		return err
	}
	out.Report, out.MicroOf = report, result.MicroOfRun
	if err := addBaselines(ctx, out, r.rows.Sets, examples); err != nil {
		return err
	}
	scored := r.predicted(rows, predictions)
	if out.Calibration, err = scored.calibration(r.settings, scaled.examples()); err != nil {
		return err
	}
	curve, of := scored, split
	if len(r.rows.dev) > 0 && scaled != nil {
		curve, of = scaled.predicted, "dev" // a threshold is chosen on dev
	}
	if out.Curve, err = curve.curve(of, r.settings); err != nil {
		return err
	}
	file := scored.file(r.settings)
	interval, err := pairInterval(ctx, file, r.rows.Negative)
	if err != nil {
		return err
	}
	out.Intervals = []result.Interval{interval}
	for _, f := range result.Judge(report, report.Micro.F1, out.Baseline) {
		r.find(f.Kind, f.Text)
	}
	return atomicfile.Write(r.dir.File(result.PredictionsFile), file.Write)
}

// score predicts rows and compares the predictions with their labels.
func (r *relationRun) score(ctx context.Context, rows []marked.Row) ([]relation.Prediction, evaluate.Report, error) {
	labels := r.rows.Labels
	predictions := make([]relation.Prediction, 0, len(rows))
	r.predictor.Done = func(n int) { r.env.Counting("predicting", n, len(rows)) }
	for p, err := range r.predictor.Predict(ctx, rows) {
		if err != nil {
			return nil, evaluate.Report{}, err
		}
		predictions = append(predictions, p)
	}
	gold, predicted := make([]string, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		if row.Label < 0 {
			return nil, evaluate.Report{}, fmt.Errorf("pair %s has no label to score against", row.ID)
		}
		gold[i], predicted[i] = labels[row.Label], labels[predictions[i].Label()]
	}
	report, err := evaluate.Score(gold, predicted, labels, r.rows.Negative)
	return predictions, report, err
}

// addBaselines scores methods that need no model on the examples that the result is on.
func addBaselines(ctx context.Context, out *result.Relation, s *Sets, examples []relations.Example) error {
	gold := make([]string, len(examples))
	for i, e := range examples {
		gold[i] = e.Label
	}
	micro := func(predicted []string) (evaluate.PRF, error) {
		report, err := evaluate.Score(gold, predicted, s.Labels, s.Negative)
		return report.Micro, err
	}
	var err error
	if out.Majority, err = micro(slices.Repeat([]string{mostFrequent(s)}, len(gold))); err != nil {
		return err
	}
	out.Baseline = map[string]evaluate.PRF{}
	for name, predict := range map[string]func(ctx context.Context, train, test []relations.Example) ([]string, error){
		result.BaselineOverlap: relations.WordOverlap, result.BaselineWords: relations.BagOfWords,
	} {
		predicted, err := predict(ctx, s.Train, examples)
		if err != nil {
			return err
		}
		if out.Baseline[name], err = micro(predicted); err != nil {
			return err
		}
	}
	return nil
}

// mostFrequent returns the most frequent positive label of the training examples.
func mostFrequent(s *Sets) string {
	counts := map[string]int{}
	for _, e := range s.Train {
		counts[e.Label]++
	}
	best := ""
	for _, l := range s.Labels {
		if l != s.Negative && (best == "" || counts[l] > counts[best]) {
			best = l
		}
	}
	return best
}
