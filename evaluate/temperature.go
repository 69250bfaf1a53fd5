package evaluate

import (
	"fmt"
	"math"
)

// Bounds of a temperature. If all instances are correct the optimum is 0, for random ones it is infinity.
const (
	coldest = 0.1
	hottest = 10
)

// leastProbability replaces probabilities that underflow in float32.
const leastProbability = 1e-38

// Temperature is the divisor T of the logits that minimizes the cross entropy of the gold classes (Guo et al. 2017).
// probabilities are the class probabilities at T = 1, a row for each instance, and gold is the correct class of each.
func Temperature(probabilities [][]float64, gold []int) (float64, error) {
	if len(probabilities) != len(gold) || len(gold) == 0 {
		return 0, fmt.Errorf("%d rows of probabilities and %d gold classes, want equal numbers, at least one", len(probabilities), len(gold))
	}
	logs := make([][]float64, len(probabilities))
	for i, row := range probabilities {
		if gold[i] < 0 || gold[i] >= len(row) {
			return 0, fmt.Errorf("gold class %d of instance %d, want 0 to %d", gold[i], i, len(row)-1)
		}
		for _, p := range row {
			logs[i] = append(logs[i], math.Log(max(p, leastProbability)))
		}
	}
	// The cross entropy is convex in 1/T, and slope its derivative: its sign says on which side of the minimum b lies.
	slope := func(b float64) float64 {
		sum := 0.0
		for i, row := range logs {
			scaled := scale(row, b)
			for c, l := range row {
				sum += scaled[c] * l
			}
			sum -= row[gold[i]]
		}
		return sum
	}
	low, high := 1.0/hottest, 1.0/coldest
	for range 60 {
		if b := (low + high) / 2; slope(b) < 0 {
			low = b
		} else {
			high = b
		}
	}
	return 2 / (low + high), nil
}

// AtTemperature converts class probabilities at temperature 1 to temperature t.
func AtTemperature(probabilities []float64, t float64) []float64 {
	logs := make([]float64, len(probabilities))
	for i, p := range probabilities {
		logs[i] = math.Log(max(p, leastProbability))
	}
	return scale(logs, 1/t)
}

// scale is the softmax of b times logs.
func scale(logs []float64, b float64) []float64 {
	most := math.Inf(-1)
	for _, l := range logs {
		most = max(most, l)
	}
	out := make([]float64, len(logs))
	sum := 0.0
	for i, l := range logs {
		out[i] = math.Exp(b * (l - most))
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
