package pace

import (
	"math"
	"testing"
	"time"
)

// TestMedian: an interval that contains a compilation does not lower the rate.
func TestMedian(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name    string
		seconds []float64 // between reports of ten steps each
		rate    float64   // steps a second
	}{
		{"no stretch", nil, 0},
		{"too few to be sure", []float64{1, 1}, 10},
		{"steady", []float64{1, 1, 1, 1}, 10},
		{"a compilation on the way", []float64{1, 1, 300, 1, 1}, 10},
		{"compilations at the start", []float64{60, 60, 1, 1, 1, 1, 1}, 10},
		{"it became slower", append(repeated(1, 5), repeated(2, latest)...), 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p Median
			now, done := start, 50.0
			p.Add(done, now)
			for _, s := range test.seconds {
				now, done = now.Add(time.Duration(s*float64(time.Second))), done+10
				p.Add(done, now)
			}
			got, sure := p.Rate()
			if want := len(test.seconds) >= enough; math.Abs(got-test.rate) > 1e-9 || sure != want {
				t.Errorf("%g a second, sure %t, want %g, %t", got, sure, test.rate, want)
			}
		})
	}
}

func repeated(x float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = x
	}
	return out
}
