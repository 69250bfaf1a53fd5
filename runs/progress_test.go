package runs

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/subbert/subbert/trainer"
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

func TestMeasuringCounts(t *testing.T) {
	var told []string
	env := Env{Log: slog.New(slog.DiscardHandler), Notes: io.Discard, Counting: func(stage string, done, total int) { told = append(told, fmt.Sprint(stage, " ", done, " of ", total)) }}
	failed := errors.New("no more")
	batches := func(fail bool) iter.Seq2[trainer.Batch, error] {
		return func(yield func(trainer.Batch, error) bool) {
			for i := range 3 {
				var err error
				if fail && i == 1 {
					err = failed
				}
				if !yield(trainer.Batch{}, err) {
					return
				}
			}
		}
	}
	for range env.measuring(4, 10, batches(false)) {
	}
	if want := []string{"measuring 4 of 10", "measuring 8 of 10", "measuring 10 of 10"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	told = nil
	var seen error
	for _, err := range env.named("seed-2", new(sync.Mutex)).measuring(4, 10, batches(true)) {
		seen = err
	}
	if want := []string{"seed-2: measuring 4 of 10"}; !slices.Equal(told, want) || seen != failed {
		t.Errorf("told %q and %v, want %q and the error", told, seen, want)
	}
}
