package evaluate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Resampled is a micro F1, in percent, with the 95 % interval that a bootstrap over instances gives it.
type Resampled struct {
	F1      float64 `json:"f1"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	N       int     `json:"n"`       // instances
	Samples int     `json:"samples"` // how many times they were drawn
}

// Resample draws as many instances as there are, with replacement, samples times (Efron & Tibshirani 1993, chapter 13).
// Low and High are the 2.5 and 97.5 percentiles of F1. The runs of a model, of other seeds, are taken together as in
// Bootstrap. It fails with the error of ctx when that ends.
func Resample(ctx context.Context, gold []string, runs [][]string, negative string, samples int, seed uint64) (Resampled, error) {
	o, err := newOutcomes(gold, runs, runs, negative)
	if err != nil {
		return Resampled{}, err
	}
	if samples < 1 {
		return Resampled{}, fmt.Errorf("%d samples, want at least 1", samples)
	}
	r := rand.New(rand.NewPCG(seed, 0x6f6e65)) // a stream of its own: "one"
	scores := make([]float64, samples)
	for s := range scores {
		if err := ctx.Err(); err != nil {
			return Resampled{}, err
		}
		var sum counts
		for range o.each {
			sum = sum.plus(o.each[r.IntN(len(o.each))].a)
		}
		scores[s] = sum.f1()
	}
	slices.Sort(scores)
	return Resampled{F1: o.sum.a.f1(), Low: quantile(scores, 0.025), High: quantile(scores, 0.975), N: len(gold), Samples: samples}, nil
}
