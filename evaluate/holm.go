package evaluate

import (
	"cmp"
	"slices"
)

// Holm adjusts the p values of several tests to control the family-wise error rate (Holm 1979): it multiplies the
// smallest p value by their number, the next by one less, and so on; adjusted values are monotone and at most 1. The
// result is in the order of p.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	out := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		out[i] = least
	}
	return out
}
