package reproduce

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/subbert/subbert/evaluate"
)

// welch is the difference of the means of a and b, a minus b, with its 95 % interval (Welch 1947). With a single value on a
// side, or no spread at all, the interval is the difference itself and known is false.
func welch(a, b []float64) (d evaluate.Interval, known bool) {
	x, y := evaluate.SpreadOf(a), evaluate.SpreadOf(b)
	d = evaluate.Interval{Mean: x.Mean - y.Mean, N: min(x.N, y.N)}
	d.Low, d.High = d.Mean, d.Mean
	if d.N < 2 {
		return d, false
	}
	u, v := x.SD*x.SD/float64(x.N), y.SD*y.SD/float64(y.N)
	if u+v == 0 {
		return d, false
	}
	df := (u + v) * (u + v) / (u*u/float64(x.N-1) + v*v/float64(y.N-1))
	half := student(df, 0.975) * math.Sqrt(u+v)
	d.Low, d.High = d.Mean-half, d.Mean+half
	return d, true
}

// student is a quantile of Student's t.
func student(df, p float64) float64 { return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p) }

// pooled is the standard deviation within a and b together.
func pooled(a, b []float64) float64 {
	x, y := evaluate.SpreadOf(a), evaluate.SpreadOf(b)
	df := float64(x.N + y.N - 2)
	if df < 1 {
		return 0
	}
	return math.Sqrt((x.SD*x.SD*float64(x.N-1) + y.SD*y.SD*float64(y.N-1)) / df)
}

// seedsNeeded is the smallest number of runs of each of two models for which a two-sided t-test at 5 % finds a
// difference of size gain with probability 0.8, by n >= 2 (t(0.975) + t(0.8))^2 sd^2 / gain^2 with t of 2n-2 degrees of freedom.
// It is 0 where no number follows: no spread is known, there is nothing to find, or it would be above mostSeeds.
func seedsNeeded(sd, gain float64) int {
	if sd <= 0 || gain == 0 {
		return 0
	}
	for n := 2; n <= mostSeeds; n++ {
		df := float64(2*n - 2)
		t := student(df, 0.975) + student(df, 0.8)
		if float64(n) >= 2*t*t*sd*sd/(gain*gain) {
			return n
		}
	}
	return 0
}

// mostSeeds is more runs than anyone makes.
const mostSeeds = 10000
