package evaluate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// PRPoint is the precision and recall, from 0 to 1, of predicting a label for scores of at least Threshold only.
type PRPoint struct {
	Threshold float64 `json:"threshold"`
	P         float64 `json:"p"`
	R         float64 `json:"r"`
}

// PRCurve has a point for each distinct score, thresholds ascending, so that recall falls. right says whether the label
// of an instance is correct, score is the probability of the label, and positives the number of instances with a label
// to find. Recall is 1 throughout if there are none, as in scikit-learn.
func PRCurve(right []bool, score []float64, positives int) ([]PRPoint, error) {
	order, err := byScore(right, score)
	if err != nil {
		return nil, err
	}
	var out []PRPoint
	hits := 0
	for n, i := range order {
		if right[i] {
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

// byScore returns the instances in descending order of score.
func byScore(right []bool, score []float64) (order []int, err error) {
	if len(right) != len(score) || len(score) == 0 {
		return nil, fmt.Errorf("%d labels and %d scores, want equal numbers, at least one", len(right), len(score))
	}
	for i, s := range score {
		if math.IsNaN(s) {
			return nil, fmt.Errorf("score %d is not a number", i)
		}
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(score[j], score[i]) })
	return order, nil
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

// Thin returns at most n points of a curve, evenly spaced over its recall, including the first and the last.
func Thin(curve []PRPoint, n int) []PRPoint {
	if len(curve) <= n || n < 2 {
		return curve
	}
	out := curve[:1:1]
	step := (curve[0].R - curve[len(curve)-1].R) / float64(n-1)
	for _, p := range curve[1 : len(curve)-1] {
		if p.R <= curve[0].R-step*float64(len(out)) && len(out) < n-1 {
			out = append(out, p)
		}
	}
	return append(out, curve[len(curve)-1])
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
	Bins  []Bin   `json:"bins"` // of equal width, those without an instance left out
	ECE   float64 `json:"ece"`  // expected calibration error: mean |predicted-observed| weighted by count
	Brier float64 `json:"brier"`
}

// Calibrate puts instances into bins of equal width by their probability of being positive.
func Calibrate(positive []bool, probability []float64, bins int) (Calibration, error) {
	if len(positive) != len(probability) || len(positive) == 0 || bins < 1 {
		return Calibration{}, fmt.Errorf("%d labels, %d probabilities and %d bins, want equal numbers and at least one bin", len(positive), len(probability), bins)
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
		c.Bins = append(c.Bins, b)
	}
	c.ECE = c.error()
	return c, nil
}

// count is the number of instances.
func (c Calibration) count() int {
	n := 0
	for _, b := range c.Bins {
		n += b.Count
	}
	return n
}

// error is the expected calibration error.
func (c Calibration) error() float64 {
	sum := 0.0
	for _, b := range c.Bins {
		sum += float64(b.Count) * math.Abs(b.Predicted-b.Observed)
	}
	return sum / float64(max(1, c.count()))
}

// PoolCalibrations is the calibration of the instances of all cs together; their bins must have the same width.
func PoolCalibrations(cs ...Calibration) Calibration {
	bins := map[float64]Bin{}
	var out Calibration
	total := 0.0
	for _, c := range cs {
		for _, b := range c.Bins {
			n, m := float64(bins[b.Low].Count), float64(b.Count)
			sum := bins[b.Low]
			sum.Low, sum.High, sum.Count = b.Low, b.High, sum.Count+b.Count
			sum.Predicted, sum.Observed = (n*sum.Predicted+m*b.Predicted)/(n+m), (n*sum.Observed+m*b.Observed)/(n+m)
			bins[b.Low] = sum
		}
		out.Brier += c.Brier * float64(c.count())
		total += float64(c.count())
	}
	for _, low := range slices.Sorted(maps.Keys(bins)) {
		out.Bins = append(out.Bins, bins[low])
	}
	out.Brier /= max(1, total)
	out.ECE = out.error()
	return out
}

// binOf is the bin of probability p: bins are open below and closed above, except for the first.
func binOf(p float64, bins int) int {
	i := int(math.Ceil(p*float64(bins))) - 1
	return max(i, 0)
}
