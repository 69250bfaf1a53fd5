package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// Gain is the mean difference of the micro F1 of two models, A less B, over runs that are paired by seed and tested on the
// same instances. Its interval covers both that another seed and that other instances might have been drawn.
type Gain struct {
	Interval          // in points of F1; N is the number of seeds
	Instances int     `json:"instances"`
	Seeds     float64 `json:"sd_seeds"`     // standard deviation of the difference from seed to seed
	Test      float64 `json:"sd_instances"` // standard deviation of the mean difference from test set to test set
}

// gainSamples is how many test sets GainOf draws.
const gainSamples = 1000

// GainOf is the gain of a over b, each with a prediction of every instance in every run: a[i] and b[i] are runs of one
// seed. The negative label counts for nothing in F1. It needs two runs of each.
//
// The variance of the difference is taken for the sum of two: that of its mean over seeds (the variance from seed to seed
// by their number) and that over instances, found by drawing them with replacement (Efron & Tibshirani 1993). Low and High
// are Student's, with the degrees of freedom of Welch and Satterthwaite: with few seeds they lie far apart.
func GainOf(ctx context.Context, gold []string, a, b [][]string, negative string, seed uint64) (Gain, error) {
	if len(a) != len(b) || len(a) < 2 {
		return Gain{}, fmt.Errorf("%d runs of one model and %d of the other, want as many, and at least 2", len(a), len(b))
	}
	runs := make([]*outcomes, len(a))
	each := make([]float64, len(a))
	for i := range a {
		o, err := newOutcomes(gold, a[i:i+1], b[i:i+1], negative)
		if err != nil {
			return Gain{}, err
		}
		runs[i], each[i] = o, o.sum.a.f1()-o.sum.b.f1()
	}
	over := SpreadOf(each)
	g := Gain{Interval: Interval{Mean: over.Mean, N: over.N}, Instances: len(gold), Seeds: over.SD}
	var err error
	if g.Test, err = overInstances(ctx, runs, seed); err != nil {
		return Gain{}, err
	}
	half := g.half(g.N, 0.975)
	g.Low, g.High = g.Mean-half, g.Mean+half
	return g, nil
}

// overInstances is the standard deviation of the mean difference of runs when instances are drawn with replacement.
func overInstances(ctx context.Context, runs []*outcomes, seed uint64) (float64, error) {
	r := rand.New(rand.NewPCG(seed, 0x6761696e)) // a stream of its own: "gain"
	n := len(runs[0].each)
	drawn := make([]float64, gainSamples)
	sums := make([]outcome, len(runs))
	for s := range drawn {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		clear(sums)
		for range n {
			i := r.IntN(n)
			for k, o := range runs {
				sums[k].a, sums[k].b = sums[k].a.plus(o.each[i].a), sums[k].b.plus(o.each[i].b)
			}
		}
		for _, sum := range sums {
			drawn[s] += (sum.a.f1() - sum.b.f1()) / float64(len(runs))
		}
	}
	return SpreadOf(drawn).SD, nil
}

// half is the quantile of Student's t times the standard deviation of the mean difference over n seeds.
func (g Gain) half(n int, quantile float64) float64 {
	seeds, test := g.Seeds*g.Seeds/float64(n), g.Test*g.Test
	if seeds+test == 0 {
		return 0
	}
	sd := math.Sqrt(seeds + test)
	if seeds == 0 {
		return sd * distuv.UnitNormal.Quantile(quantile)
	}
	df := (seeds + test) * (seeds + test) / (seeds * seeds / float64(n-1))
	return sd * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(quantile)
}

// ErrTestSet says that no number of seeds would do: the test set is too small.
var ErrTestSet = errors.New("no number of seeds would do on so few instances")

// SeedsFor is the smallest number of seeds, of runs of both models, with which a true gain of that size would be told from
// none at 5 %, two-sided, four times in five. The error is ErrTestSet where the instances alone do not allow it.
func (g Gain) SeedsFor(size float64) (int, error) {
	const most = 10_000
	size = math.Abs(size)
	enough := func(n int) bool { return g.half(n, 0.975)+g.half(n, 0.8) <= size }
	if size == 0 || !enough(most) {
		return 0, ErrTestSet
	}
	for n := 2; ; n++ {
		if enough(n) {
			return n, nil
		}
	}
}
