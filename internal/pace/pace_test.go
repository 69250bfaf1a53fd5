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

// TestMean: work that is reported in bursts has the rate of all of it, where the median takes the slow reports for all.
func TestMean(t *testing.T) {
	var mean Mean
	var median Median
	now, done := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 7.0
	for i := range 61 {
		mean.Add(done, now)
		median.Add(done, now)
		if _, sure := mean.Rate(); sure != (i >= enough) {
			t.Errorf("after %d reports: sure %t", i+1, sure)
		}
		now, done = now.Add(time.Second), done+1
		if i%3 == 0 {
			done += 6
		}
	}
	if rate, _ := mean.Rate(); math.Abs(rate-3) > 0.1 {
		t.Errorf("%g a second, want 3", rate)
	}
	if rate, _ := median.Rate(); rate != 1 {
		t.Errorf("the median is %g, want 1 (otherwise this test shows nothing)", rate)
	}
	mean.Add(0, now) // another stage
	if rate, sure := mean.Rate(); rate != 0 || sure {
		t.Errorf("at the start of another stage: %g a second, sure %t", rate, sure)
	}
}

func repeated(x float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = x
	}
	return out
}
