package main

import (
	"math"
	"testing"
	"time"

	"github.com/subbert/subbert/runs"
)

// TestPace: an interval that contains a compilation does not lower the rate.
func TestPace(t *testing.T) {
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
			var p pace
			now, done := start, 50.0
			p.add(done, now)
			for _, s := range test.seconds {
				now, done = now.Add(time.Duration(s*float64(time.Second))), done+10
				p.add(done, now)
			}
			got, sure := p.rate()
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

func TestTogether(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type report struct {
		after        time.Duration
		number, step int
	}
	for _, test := range []struct {
		name    string
		reports []report // of ten runs of 100 steps
		left    time.Duration
	}{
		{"nothing known at the first report", []report{{0, 1, 10}}, 0},
		{"one after another", []report{{0, 1, 0}, {time.Minute, 1, 100}, {2 * time.Minute, 2, 100}}, 8 * time.Minute},
		{"two at once", []report{{0, 1, 0}, {0, 2, 0}, {time.Minute, 1, 50}, {time.Minute, 2, 50}}, 9 * time.Minute},
		{"four complete from before", []report{{0, 5, 0}, {time.Minute, 5, 100}}, 5 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			var w together
			var left time.Duration
			for _, r := range test.reports {
				left, _ = w.left(runs.Progress{Number: r.number, Of: 10, Step: r.step, Steps: 100}, start.Add(r.after))
			}
			if left.Round(time.Second) != test.left {
				t.Errorf("%s left, want %s", left, test.left)
			}
		})
	}
}
