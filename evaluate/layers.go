package evaluate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a mean over seeds with its 95 % confidence interval by Student's t. With a single value, whose spread is
// unknown, Low and High are the mean. BootstrapF1 makes one of the score of instances.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	N    int     `json:"n"`
}

// IntervalOf is the interval of values; the zero Interval if there are none.
func IntervalOf(values []float64) Interval {
	s := SpreadOf(values)
	out := Interval{Mean: s.Mean, Low: s.Mean, High: s.Mean, N: s.N}
	if s.N > 1 {
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(s.N - 1)}.Quantile(0.975)
		half := t * s.SD / math.Sqrt(float64(s.N))
		out.Low, out.High = s.Mean-half, s.Mean+half
	}
	return out
}

// LayerSeries is the contribution of each layer to the scores P_0..P_L of probes of increasing depth, as intervals
// over seeds.
type LayerSeries struct {
	Scores     []Interval `json:"scores"`     // P_l
	Delta      []Interval `json:"delta"`      // of l from 1: P_l - P_(l-1), at index l-1
	Cumulative []Interval `json:"cumulative"` // likewise: P_l - P_0
	// Expected is the expected layer of Tenney et al. 2019, sum of l·Delta_l over sum of Delta_l. It is computed from
	// the N seeds whose last score is above their first.
	Expected Interval `json:"expected_layer"`
}

// LayersOf makes the series of scores[seed][l]. Depths are the l of the columns; they need not be consecutive.
func LayersOf(scores [][]float64, depths []int) (LayerSeries, error) {
	var out LayerSeries
	columns := make([][]float64, len(depths))
	delta, cumulative := make([][]float64, len(depths)), make([][]float64, len(depths))
	var expected []float64
	for seed, p := range scores {
		if len(p) != len(depths) {
			return out, fmt.Errorf("layers: seed %d has %d scores, want %d", seed, len(p), len(depths))
		}
		weighted := 0.0
		for i := range p {
			columns[i] = append(columns[i], p[i])
			if i == 0 {
				continue
			}
			delta[i], cumulative[i] = append(delta[i], p[i]-p[i-1]), append(cumulative[i], p[i]-p[0])
			weighted += float64(depths[i]) * (p[i] - p[i-1])
		}
		if gain := p[len(p)-1] - p[0]; gain > 0 {
			expected = append(expected, weighted/gain)
		}
	}
	for i := range depths {
		out.Scores = append(out.Scores, IntervalOf(columns[i]))
		if i > 0 {
			out.Delta = append(out.Delta, IntervalOf(delta[i]))
			out.Cumulative = append(out.Cumulative, IntervalOf(cumulative[i]))
		}
	}
	out.Expected = IntervalOf(expected)
	return out, nil
}

// CentreOfGravity is the sum of k·share_k: the mean layer of a mix.
func CentreOfGravity(share []float64) float64 {
	sum := 0.0
	for k, s := range share {
		sum += float64(k) * s
	}
	return sum
}
