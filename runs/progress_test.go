package runs

import (
	"testing"
	"time"

	"github.com/subbert/subbert/trainer/metrics"
)

func TestRemaining(t *testing.T) {
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
			var w Remaining
			var left time.Duration
			for _, r := range test.reports {
				left, _ = w.After(Progress{Number: r.number, Of: 10, Step: r.step, Steps: 100}, start.Add(r.after))
			}
			if left.Round(time.Second) != test.left {
				t.Errorf("%s left, want %s", left, test.left)
			}
		})
	}
}

func TestProgressString(t *testing.T) {
	for _, test := range []struct {
		name string
		p    Progress
		want string
	}{
		{"alone", Progress{Step: 3, Steps: 9}, "step 3/9"},
		{"one of several", Progress{Run: "seed-1", Step: 3, Steps: 9, Values: []metrics.Value{
			{Name: "loss", Value: 0.12345}, {Name: "mlm_mask_accuracy", Value: 1}, {Name: "mlm_accuracy", Value: 0.5}, {Name: "test_micro_f1", Value: 71.26},
			{Name: "tokens_per_sec", Value: 45_678}, {Name: "grad_norm", Value: 2}, {Name: "skipped_updates", Value: 1}}},
			"seed-1: step 3/9  loss 0.123  mlm_accuracy 50.0%  test_micro_f1 71.3  45.7 K tokens/s  1 updates skipped"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.p.String(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
