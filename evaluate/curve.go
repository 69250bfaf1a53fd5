package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// PRPoint is the precision and recall, from 0 to 1, of predicting positive for scores of at least
// Threshold.
type PRPoint struct {
	Threshold float64 `json:"threshold"`
	P         float64 `json:"p"`
	R         float64 `json:"r"`
}

// PRCurve has a point for each distinct score, in ascending order of thresholds, so that recall decreases. Recall is
// 1 throughout if no instance is positive, as in scikit-learn.
func PRCurve(positive []bool, score []float64) ([]PRPoint, error) {
	order, positives, err := byScore(positive, score)
	if err != nil {
		return nil, err
	}
	var out []PRPoint
	hits := 0
	for n, i := range order {
		if positive[i] {
			hits++
		}
		if n+1 < len(order) && score[order[n+1]] == score[i] {
			continue
		}
		p := PRPoint{score[i], float64(hits) / float64(n+1), 1}
		if positives > 0 {
			p.R = float64(hits) / float64(positives)
		}
		out = append(out, p)
	}
	slices.Reverse(out)
	return out, nil
}

// byScore returns the instances in descending order of score, and the number of positive ones.
func byScore(positive []bool, score []float64) (order []int, positives int, err error) {
	if len(positive) != len(score) || len(score) == 0 {
		return nil, 0, fmt.Errorf("%d labels and %d scores, want as many of each and at least one", len(positive), len(score))
	}
	for i, s := range score {
		if math.IsNaN(s) {
			return nil, 0, fmt.Errorf("score %d is not a number", i)
		}
		order = append(order, i)
		if positive[i] {
			positives++
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(score[j], score[i]) })
	return order, positives, nil
}

// AveragePrecision is the sum over the curve of precision times the gain in recall, from 0 to 1. If no
// instance is positive, precision is 0 throughout, and so is the sum.
func AveragePrecision(curve []PRPoint) float64 {
	sum, recall := 0.0, 0.0
	for i := len(curve) - 1; i >= 0; i-- {
		sum += curve[i].P * (curve[i].R - recall)
		recall = curve[i].R
	}
	return sum
}

// Bin is one bin of a reliability diagram.
type Bin struct {
	Low       float64 `json:"low"`  // exclusive, except that the first bin includes 0
	High      float64 `json:"high"` // inclusive
	Count     int     `json:"count"`
	Predicted float64 `json:"predicted"` // mean probability
	Observed  float64 `json:"observed"`  // share of positive instances
}

// Calibration compares predicted probabilities with observed shares.
type Calibration struct {
	Bins  []Bin   `json:"bins"` // of equal width, empty ones left out
	ECE   float64 `json:"ece"`  // expected calibration error: mean |predicted-observed| weighted by count
	Brier float64 `json:"brier"`
}

// Calibrate puts instances into bins of equal width by their probability of being positive.
func Calibrate(positive []bool, probability []float64, bins int) (Calibration, error) {
	if len(positive) != len(probability) || len(positive) == 0 || bins < 1 {
		return Calibration{}, fmt.Errorf("%d labels, %d probabilities and %d bins, want as many of each and at least one bin", len(positive), len(probability), bins)
	}
	all := make([]Bin, bins)
	var c Calibration
	for i, p := range probability {
		if !(p >= 0 && p <= 1) {
			return Calibration{}, fmt.Errorf("probability %d is %v, want 0 to 1", i, p)
		}
		b := &all[binOf(p, bins)]
		b.Count++
		b.Predicted += p
		truth := 0.0
		if positive[i] {
			truth = 1
		}
		b.Observed += truth
		c.Brier += (p - truth) * (p - truth) / float64(len(positive))
	}
	for i, b := range all {
		if b.Count == 0 {
			continue
		}
		n := float64(b.Count)
		b.Low, b.High = float64(i)/float64(bins), float64(i+1)/float64(bins)
		b.Predicted, b.Observed = b.Predicted/n, b.Observed/n
		c.ECE += n / float64(len(positive)) * math.Abs(b.Predicted-b.Observed)
		c.Bins = append(c.Bins, b)
	}
	return c, nil
}

// binOf is the bin of probability p: bins are open below and closed above, except for the first.
func binOf(p float64, bins int) int {
	i := int(math.Ceil(p*float64(bins))) - 1
	return max(i, 0)
}
