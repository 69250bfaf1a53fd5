package evaluate

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
)

// Difference is a paired test of the micro F1 of two models, A and B, on the same instances or seeds.
type Difference struct {
	Test    string  `json:"test"`    // name of the test
	Over    string  `json:"over"`    // instances or seeds
	N       int     `json:"n"`       // number of instances or seeds
	Samples int     `json:"samples"` // number of samples; all permutations if Exact
	Exact   bool    `json:"exact"`
	Seed    uint64  `json:"seed"`
	A       float64 `json:"a"` // micro F1 in percent
	B       float64 `json:"b"`
	Delta   float64 `json:"delta"` // A-B
	P       float64 `json:"p"`     // two-sided
	// Low and High bound the difference with 95 % confidence; only the bootstrap has them.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
}

// String describes the test and its outcome in a line.
func (d Difference) String() string {
	how := fmt.Sprintf("%d samples, seed %d", d.Samples, d.Seed)
	if d.Exact {
		how = fmt.Sprintf("all %d permutations", d.Samples)
	}
	line := fmt.Sprintf("%s over %d %s, %s: A-B %+.2f, p = %.4f", d.Test, d.N, d.Over, how, d.Delta, d.P)
	if d.Low != nil {
		line += fmt.Sprintf(", 95 %% interval %+.2f to %+.2f", *d.Low, *d.High)
	}
	return line
}

// Draws are the random draws of a test.
type Draws struct {
	Samples int    // how many
	Seed    uint64 // what they follow from

	Drawn func(done int) // hears of each; may be nil
}

// next counts a draw, of which so many are done. Its error is that of ctx, once that has ended.
func (d Draws) next(ctx context.Context, done int) error {
	if d.Drawn != nil {
		d.Drawn(done)
	}
	return ctx.Err()
}

// outcome is the contribution of one instance to the counts of both models.
type outcome struct{ a, b counts }

// outcomes are the instances of a paired test, and the sums of their counts.
type outcomes struct {
	each []outcome
	sum  outcome
}

// newOutcomes sums the contributions of each model's runs, which have one prediction for each instance.
func newOutcomes(gold []string, a, b [][]string, negative string) (*outcomes, error) {
	if len(gold) == 0 || len(a) == 0 || len(b) == 0 {
		return nil, fmt.Errorf("%d gold labels, %d and %d runs, want at least one of each", len(gold), len(a), len(b))
	}
	for _, run := range slices.Concat(a, b) {
		if len(run) != len(gold) {
			return nil, fmt.Errorf("%d gold labels, %d predicted, want equal numbers", len(gold), len(run))
		}
	}
	one := func(gold, pred string) counts {
		var k counts
		if gold != negative {
			k.gold = 1
		}
		if pred != negative {
			k.predicted = 1
		}
		if gold == pred && gold != negative {
			k.both = 1
		}
		return k
	}
	o := &outcomes{each: make([]outcome, len(gold))}
	for i := range gold {
		for _, run := range a {
			o.each[i].a = o.each[i].a.plus(one(gold[i], run[i]))
		}
		for _, run := range b {
			o.each[i].b = o.each[i].b.plus(one(gold[i], run[i]))
		}
		o.sum.a, o.sum.b = o.sum.a.plus(o.each[i].a), o.sum.b.plus(o.each[i].b)
	}
	return o, nil
}

func (o *outcomes) difference(test string, draws Draws) Difference {
	a, b := o.sum.a.f1(), o.sum.b.f1()
	return Difference{Test: test, Over: "instances", N: len(o.each), Samples: draws.Samples, Seed: draws.Seed, A: a, B: b, Delta: a - b}
}

// Bootstrap resamples the instances with replacement, draws.Samples times (Efron & Tibshirani 1993, chapter 13; Koehn
// 2004). Low and High are the 2.5 and 97.5 percentiles of the difference; P is twice the share of samples on the
// other side of 0, counting the data themselves as one more sample.
//
// A model may have several runs with different seeds: an instance is drawn with the predictions of all runs, and F1
// is computed over the predictions of all runs together. If ctx ends, Bootstrap and the tests below return its
// error.
func Bootstrap(ctx context.Context, gold []string, a, b [][]string, negative string, draws Draws) (Difference, error) {
	o, err := newOutcomes(gold, a, b, negative)
	if err != nil {
		return Difference{}, err
	}
	if draws.Samples < 1 {
		return Difference{}, fmt.Errorf("%d samples, want at least 1", draws.Samples)
	}
	r := rand.New(rand.NewPCG(draws.Seed, 0x626f6f74)) // its own stream: "boot"
	deltas := make([]float64, draws.Samples)
	below, above := 1, 1
	for s := range deltas {
		if err := draws.next(ctx, s); err != nil {
			return Difference{}, err
		}
		var sum outcome
		for range o.each {
			x := &o.each[r.IntN(len(o.each))]
			sum.a, sum.b = sum.a.plus(x.a), sum.b.plus(x.b)
		}
		d := sum.a.f1() - sum.b.f1()
		deltas[s] = d
		if d <= 0 {
			below++
		}
		if d >= 0 {
			above++
		}
	}
	slices.Sort(deltas)
	out := o.difference("paired bootstrap", draws)
	low, high := quantile(deltas, 0.025), quantile(deltas, 0.975)
	out.Low, out.High = &low, &high
	out.P = min(1, 2*float64(min(below, above))/float64(draws.Samples+1))
	return out, nil
}

// BootstrapF1 is the micro F1 with the 95 % interval of a bootstrap over instances. With several runs, an instance is
// drawn with the predictions of all runs, and F1 is computed over the predictions of all runs together. N is the number
// of instances.
func BootstrapF1(ctx context.Context, gold []string, runs [][]string, negative string, samples int, seed uint64) (Interval, error) {
	o, err := newOutcomes(gold, runs, runs[:min(1, len(runs))], negative)
	if err != nil {
		return Interval{}, err
	}
	if samples < 1 {
		return Interval{}, fmt.Errorf("%d samples, want at least 1", samples)
	}
	r := rand.New(rand.NewPCG(seed, 0x66313a3a)) // its own stream: "f1::"
	scores := make([]float64, samples)
	for s := range scores {
		if err := ctx.Err(); err != nil {
			return Interval{}, err
		}
		var sum counts
		for range o.each {
			sum = sum.plus(o.each[r.IntN(len(o.each))].a)
		}
		scores[s] = sum.f1()
	}
	slices.Sort(scores)
	return Interval{Mean: o.sum.a.f1(), Low: quantile(scores, 0.025), High: quantile(scores, 0.975), N: len(o.each)}, nil
}

// quantile is a quantile of sorted values, interpolated linearly.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Randomise swaps the two models' predictions of each instance with probability one half, draws.Samples times (Noreen 1989;
// Yeh 2000). P is the share of samples whose difference is at least as large as the observed one in either direction,
// counting the data themselves as one more sample. With several runs, the same number for both models, the predictions
// of all pairs of runs are swapped together.
func Randomise(ctx context.Context, gold []string, a, b [][]string, negative string, draws Draws) (Difference, error) {
	if len(a) != len(b) {
		return Difference{}, fmt.Errorf("%d runs of one model and %d of the other, want equal numbers", len(a), len(b))
	}
	o, err := newOutcomes(gold, a, b, negative)
	if err != nil {
		return Difference{}, err
	}
	if draws.Samples < 1 {
		return Difference{}, fmt.Errorf("%d samples, want at least 1", draws.Samples)
	}
	out := o.difference("approximate randomisation", draws)
	differ := slices.DeleteFunc(slices.Clone(o.each), func(x outcome) bool { return x.a == x.b })
	r := rand.New(rand.NewPCG(draws.Seed, 0x73776170)) // a stream of its own: "swap"
	extreme := 1
	for s := range draws.Samples {
		if err := draws.next(ctx, s); err != nil {
			return Difference{}, err
		}
		sum := o.sum
		var bits uint64
		for i, x := range differ {
			if i%64 == 0 {
				bits = r.Uint64()
			}
			if bits>>(i%64)&1 == 1 {
				sum.a, sum.b = sum.a.plus(x.b).minus(x.a), sum.b.plus(x.a).minus(x.b)
			}
		}
		if atLeast(sum.a.f1()-sum.b.f1(), out.Delta) {
			extreme++
		}
	}
	out.P = float64(extreme) / float64(draws.Samples+1)
	return out, nil
}

// atLeast compares the absolute values of two differences; it tolerates the rounding errors of another order of
// summation.
func atLeast(d, observed float64) bool { return math.Abs(d) >= math.Abs(observed)-1e-9 }

// RandomiseSeeds tests whether the mean scores of two models over seeds differ, by a permutation test: it permutes
// the assignment of scores to models in all ways if there are at most draws.Samples, otherwise in as many random ways. The
// two models may have different seeds, and different numbers of seeds.
func RandomiseSeeds(ctx context.Context, a, b []float64, draws Draws) (Difference, error) {
	if len(a) < 2 || len(b) < 2 || draws.Samples < 1 {
		return Difference{}, fmt.Errorf("%d and %d seeds and %d samples, want at least 2 seeds of each and a sample", len(a), len(b), draws.Samples)
	}
	out := Difference{Test: "permutation of means", Over: "seeds", N: len(a) + len(b), Seed: draws.Seed, A: mean(a), B: mean(b)}
	out.Delta = out.A - out.B
	all := slices.Concat(a, b)
	extreme := 0
	visit := func(chosen []float64, total float64) {
		in := 0.0
		for _, v := range chosen {
			in += v
		}
		d := in/float64(len(a)) - (total-in)/float64(len(b))
		out.Samples++
		if atLeast(d, out.Delta) {
			extreme++
		}
	}
	total := mean(all) * float64(len(all))
	if choose(len(all), len(a)) <= float64(draws.Samples) {
		out.Exact = true
		for c := range combinations(all, len(a)) {
			if err := draws.next(ctx, out.Samples); err != nil {
				return Difference{}, err
			}
			visit(c, total)
		}
		out.P = float64(extreme) / float64(out.Samples)
		return out, nil
	}
	r := rand.New(rand.NewPCG(draws.Seed, 0x7365656473)) // a stream of its own: "seeds"
	for s := range draws.Samples {
		if err := draws.next(ctx, s); err != nil {
			return Difference{}, err
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		visit(all[:len(a)], total)
	}
	out.P = float64(extreme+1) / float64(out.Samples+1)
	return out, nil
}

// choose is n over k.
func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return math.Round(c)
}

// combinations yields every choice of k of values, each valid until the next.
func combinations(values []float64, k int) iter.Seq[[]float64] {
	return func(yield func([]float64) bool) {
		chosen := make([]float64, 0, k)
		var from func(i int) bool
		from = func(i int) bool {
			if len(chosen) == k {
				return yield(chosen)
			}
			for ; i <= len(values)-(k-len(chosen)); i++ {
				chosen = append(chosen, values[i])
				if !from(i + 1) {
					return false
				}
				chosen = chosen[:len(chosen)-1]
			}
			return true
		}
		from(0)
	}
}
