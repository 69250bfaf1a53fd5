package evaluate

import (
	"cmp"
	"slices"
)

// Holm adjusts the p values of several tests so that the chance of calling any true null hypothesis false stays at the
// level that each is compared with (Holm 1979): the smallest is multiplied by their number, the next by one less, and so
// on; none falls below the one before, nor rises above 1. The order is that of p.
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
