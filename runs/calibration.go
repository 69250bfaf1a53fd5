package runs

import (
	"context"
	"fmt"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/relation"
)

// fewestToFit is the least number of dev examples that a temperature is fitted on. With fewer the fit would follow
// chance.
const fewestToFit = 50

// reliabilityBins is the number of bins in which probabilities are compared with the share of correct labels (Guo et
// al. 2017).
const reliabilityBins = 15

// mostPoints is the number of points of a precision/recall curve that a result keeps.
const mostPoints = 100

// predicted holds predictions of examples whose labels are known, with their probabilities at temperature 1.
type predicted struct {
	ids           []string
	gold          []int
	probabilities [][]float64
}

// predicted collects the model's predictions of rows.
func (r *relationRun) predicted(rows []marked.Row, predictions []relation.Prediction) predicted {
	var out predicted
	for i, p := range predictions {
		wide := make([]float64, len(p.Probabilities))
		for c, x := range p.Probabilities {
			wide[c] = float64(x)
		}
		out.ids, out.gold, out.probabilities = append(out.ids, rows[i].ID), append(out.gold, int(rows[i].Label)), append(out.probabilities, wide)
	}
	return out
}

// scaledDev holds the predictions of the dev examples that the temperature was fitted on.
type scaledDev struct{ predicted }

// examples returns the number of dev examples; 0 if there are none.
func (s *scaledDev) examples() int {
	if s == nil {
		return 0
	}
	return len(s.gold)
}

// calibrate fits the temperature of the model on the dev examples and stores it with the model. It does nothing if
// there are fewer than fewestToFit.
func (r *relationRun) calibrate(ctx context.Context) (*scaledDev, error) {
	if len(r.rows.dev) < fewestToFit {
		return nil, nil
	}
	predictions, _, err := r.score(ctx, r.rows.dev)
	if err != nil {
		return nil, err
	}
	dev := &scaledDev{r.predicted(r.rows.dev, predictions)}
	if r.settings.Temperature, err = evaluate.Temperature(dev.probabilities, dev.gold); err != nil {
		return nil, fmt.Errorf("temperature: %w", err)
	}
	r.as.Config, err = r.settings.AddTo(r.init.Config.Raw)
	r.env.Log.Info("probabilities are scaled", "temperature", r.settings.Temperature, "fitted_on_dev_examples", dev.examples())
	return dev, err
}

// at returns the probabilities at a temperature.
func (p predicted) at(temperature float64) [][]float64 {
	if temperature == 0 || temperature == 1 {
		return p.probabilities
	}
	out := make([][]float64, len(p.probabilities))
	for i, row := range p.probabilities {
		out[i] = evaluate.AtTemperature(row, temperature)
	}
	return out
}

// calibration compares the probability of the most probable label with the share of those labels that are correct,
// before and after scaling. fitted is the number of examples that the temperature was fitted on.
func (p predicted) calibration(s relation.Settings, fitted int) (*result.Calibration, error) {
	out := &result.Calibration{Temperature: 1, Fitted: fitted}
	if s.Temperature != 0 {
		out.Temperature = s.Temperature
	}
	for _, at := range []struct {
		temperature float64
		to          *evaluate.Calibration
	}{{1, &out.Before}, {out.Temperature, &out.After}} {
		var right []bool
		var sure []float64
		for i, row := range p.at(at.temperature) {
			best := most(row, -1)
			right, sure = append(right, best == p.gold[i]), append(sure, min(1, row[best]))
		}
		var err error
		if *at.to, err = evaluate.Calibrate(right, sure, reliabilityBins); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// curve returns precision and recall when the most probable relation is given only if its probability reaches a
// threshold.
func (p predicted) curve(of string, s relation.Settings) (*result.Curve, error) {
	negative := -1
	for i, l := range s.Labels {
		if l == s.Negative {
			negative = i
		}
	}
	var right []bool
	var score []float64
	positives := 0
	for i, row := range p.at(s.Temperature) {
		best := most(row, negative)
		right, score = append(right, best == p.gold[i]), append(score, row[best])
		if p.gold[i] != negative {
			positives++
		}
	}
	points, err := evaluate.PRCurve(right, score, positives)
	return &result.Curve{Of: of, AveragePrecision: evaluate.AveragePrecision(points), Points: evaluate.Thin(points, mostPoints)}, err
}

// most returns the index of the greatest value of row, the first if several are equal, and ignores the index without;
// -1 ignores none.
func most(row []float64, without int) int {
	best := -1
	for i, x := range row {
		if i != without && (best < 0 || x > row[best]) {
			best = i
		}
	}
	return best
}

// file returns p in the form of predictions.tsv, at the temperature of s.
func (p predicted) file(s relation.Settings) *relations.Predictions {
	out := &relations.Predictions{Labels: s.Labels}
	for i, row := range p.at(s.Temperature) {
		narrow := make([]float64, len(row)) // with the precision that subbert predict writes
		for c, x := range row {
			narrow[c] = float64(float32(x))
		}
		out.Rows = append(out.Rows, relations.Prediction{Index: p.ids[i], Gold: s.Labels[p.gold[i]], Predicted: s.Labels[most(p.probabilities[i], -1)], Probabilities: narrow})
	}
	return out
}

// pairInterval returns the interval of F1 over the predicted pairs of one run.
func pairInterval(ctx context.Context, p *relations.Predictions, negative string) (result.Interval, error) {
	return pairsInterval(ctx, []*relations.Predictions{p}, negative)
}

// pairsInterval is pairInterval for several runs, whose predictions are in the same order.
func pairsInterval(ctx context.Context, runs []*relations.Predictions, negative string) (result.Interval, error) {
	var gold []string
	labels := make([][]string, len(runs))
	for i, p := range runs {
		for _, row := range p.Rows {
			if i == 0 {
				gold = append(gold, row.Gold)
			}
			labels[i] = append(labels[i], row.Predicted)
		}
	}
	interval, err := evaluate.BootstrapF1(ctx, gold, labels, negative, bootstrapSamples, bootstrapSeed)
	return result.Interval{Interval: interval, Over: result.OverPairs}, err
}
