package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// Gain is the mean difference of the micro F1 of two models, A minus B, over runs that are paired by seed and tested on
// the same instances. Its interval accounts for the variance over seeds and over instances.
type Gain struct {
	Interval          // in points of F1; N is the number of seeds
	Instances int     `json:"instances"`
	Seeds     float64 `json:"sd_seeds"`     // standard deviation of the difference over seeds
	Test      float64 `json:"sd_instances"` // standard deviation of the mean difference over test sets
}

// gainSamples is the number of test sets that GainOf draws.
const gainSamples = 1000

// GainOf is the gain of a over b, where each run has a prediction for every instance, and a[i] and b[i] are runs of
// the same seed. F1 ignores the negative label. At least two runs of each model are required.
//
// The variance of the difference is estimated as a sum of two variances: that of its mean over seeds (the variance over
// seeds divided by their number), and that over instances, by a bootstrap (Efron & Tibshirani 1993). Low and High
// follow Student's t with the degrees of freedom of Welch and Satterthwaite: with few seeds they are far apart.
func GainOf(ctx context.Context, gold []string, a, b [][]string, negative string, seed uint64) (Gain, error) {
	if len(a) != len(b) || len(a) < 2 {
		return Gain{}, fmt.Errorf("%d runs of one model and %d of the other, want equal numbers, at least 2", len(a), len(b))
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

// overInstances is the bootstrap standard deviation of the mean difference of runs over instances.
func overInstances(ctx context.Context, runs []*outcomes, seed uint64) (float64, error) {
	r := rand.New(rand.NewPCG(seed, 0x6761696e)) // its own stream: "gain"
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

// half is half the width of the interval for n seeds: the quantile of Student's t times the standard
// deviation of the mean difference.
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

// ErrTestSet says that the test set is too small for any number of seeds.
var ErrTestSet = errors.New("no number of seeds suffices with so few instances")

// SeedsFor is the smallest number of seeds, with a run of both models for each, at which a two-sided test at 5 %
// detects a true gain of that size with a power of 80 %. The error is ErrTestSet if the variance over instances alone
// prevents it.
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
