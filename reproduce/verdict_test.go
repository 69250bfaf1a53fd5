package reproduce

import (
	"testing"

	"github.com/subbert/subbert/evaluate"
)

func TestJudge(t *testing.T) {
	published := func(x float64) *float64 { return &x }
	gain := func(low, mean, high, seeds, test float64) evaluate.Gain {
		return evaluate.Gain{Interval: evaluate.Interval{Low: low, Mean: mean, High: high, N: 3}, Instances: 500, Seeds: seeds, Test: test}
	}
	for _, c := range []struct {
		name string
		v    Verdict
		want string
	}{
		{"as published", Verdict{Published: published(2), Gain: gain(0.3, 1.4, 2.6, 1, 0.1)}, "holds here: +1.4 [+0.3, +2.6]"},
		{"a loss, as published", Verdict{Published: published(-2.1), Gain: gain(-2.8, -1.5, -0.3, 1, 0.1)}, "holds here: -1.5 [-2.8, -0.3]"},
		{"the other way", Verdict{Published: published(2), Gain: gain(-2.8, -1.5, -0.3, 1, 0.1)}, "does not hold here: -1.5 [-2.8, -0.3]"},
		{"claimed without a number", Verdict{Claimed: Better, Gain: gain(0.3, 1.4, 2.6, 1, 0.1)}, "holds here: +1.4 [+0.3, +2.6]"},
		{"claimed to be worse", Verdict{Claimed: Worse, Gain: gain(0.3, 1.4, 2.6, 1, 0.1)}, "worse is claimed, which does not hold here: +1.4 [+0.3, +2.6]"},
		{"worse, as claimed", Verdict{Claimed: Worse, Gain: gain(-2.8, -1.5, -0.3, 1, 0.1)}, "worse is claimed, which holds here: -1.5 [-2.8, -0.3]"},
		{"claimed to be worse, noise of seeds", Verdict{Claimed: Worse, Gain: gain(-0.9, 0.4, 1.8, 1, 0)},
			"worse is claimed, which cannot be told with 3 seeds: +0.4 [-0.9, +1.8]; finding a gain of 1.0 would take 10 seeds"},
		{"nothing is claimed", Verdict{Gain: gain(0.3, 1.4, 2.6, 1, 0.1)}, "better here: +1.4 [+0.3, +2.6]"},
		{"worse, and nothing is claimed", Verdict{Gain: gain(-2.8, -1.5, -0.3, 1, 0.1)}, "worse here: -1.5 [-2.8, -0.3]"},
		{"no difference is published", Verdict{Published: published(0), Gain: gain(0.3, 1.4, 2.6, 1, 0.1)}, "does not hold here: +1.4 [+0.3, +2.6]"},
		{"noise of seeds", Verdict{Published: published(2), Gain: gain(-0.9, 0.4, 1.8, 1.5, 0.1)},
			"cannot be told with 3 seeds: +0.4 [-0.9, +1.8]; finding the published +2.0 would take 7 seeds"},
		{"noise of seeds, none published", Verdict{Gain: gain(-0.9, 0.4, 1.8, 1, 0)}, "cannot be told with 3 seeds: +0.4 [-0.9, +1.8]; finding a gain of 1.0 would take 10 seeds"},
		{"a small test set", Verdict{Published: published(2), Gain: gain(-3, 0.4, 3.8, 1, 1.5)},
			"cannot be told with 3 seeds: +0.4 [-3.0, +3.8]; no number of seeds finds the published +2.0 on 500 test pairs"},
		{"enough seeds, and nothing seen", Verdict{Published: published(5), Gain: gain(-0.9, 0.4, 1.8, 0.5, 0.1)},
			"cannot be told with 3 seeds: +0.4 [-0.9, +1.8]; 2 seeds find the published +5.0 with probability 0.8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := judge(c.v).Text(1); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
