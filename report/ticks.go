package report

import (
	"math"

	"gonum.org/v1/plot"
)

// ticks places about n marks at round values (1, 2 or 5 times a power of ten) and labels them for people.
type ticks struct{ n int }

// Ticks implements plot.Ticker.
func (t ticks) Ticks(lo, hi float64) []plot.Tick {
	step := roundStep((hi - lo) / float64(t.n))
	if step <= 0 || math.IsNaN(step) || math.IsInf(step, 0) {
		return []plot.Tick{{Value: lo, Label: tickLabel(lo, 1)}}
	}
	var out []plot.Tick
	const slack = 1e-9 // of a step, for rounding
	first := math.Ceil(lo/step - slack)
	for i := range t.n + 2 { // bounded: far from zero, adding one to first may change nothing
		at := (first + float64(i)) * step
		if at > hi+slack*step {
			break
		}
		out = append(out, plot.Tick{Value: at, Label: tickLabel(at, step)})
	}
	return out
}

// roundStep returns the next round value above x.
func roundStep(x float64) float64 {
	if x <= 0 {
		return 0
	}
	base := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if x <= m*base*(1+1e-9) {
			return m * base
		}
	}
	return 10 * base
}

// tickLabel writes x with as many decimals as distinguish it from its neighbours at a distance of step.
func tickLabel(x, step float64) string {
	switch {
	case math.Abs(x) < step/2:
		return "0"
	case math.Abs(x) >= 1000:
		return scaled(x)
	case step < 1e-3:
		return scientific(x)
	}
	return fixed(x, max(0, int(math.Ceil(-math.Log10(step)-1e-9))))
}
