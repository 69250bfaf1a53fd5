package trainer

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/trainer/metrics"
)

// rewound is a memory that notes where a run went back to.
type rewound struct {
	memory
	to []int
}

func (r *rewound) Rewind(step int) error {
	r.to = append(r.to, step)
	return nil
}

// keepNewest makes tr save every few steps and return to what it saved last.
func keepNewest(tr *Trainer, every int) {
	var newest *State
	tr.plan.Checkpointing.EverySteps = every
	tr.Save = func(int) (err error) { newest, err = tr.State(); return err }
	tr.Newest = func() (*State, error) { return newest, nil }
}

// TestRollback: a batch with a NaN is left out after going back, and the result is that of never having made its
// update.
func TestRollback(t *testing.T) {
	for _, micro := range []int{8, 4} {
		p := plan(t, 20, 8, micro)
		p.Run.OnNonFinite = OnNonFiniteSkip
		skipping, _ := newTrainer(t, p)
		want := train(t, skipping, points{p, features, 7})

		p.Run.OnNonFinite = OnNonFiniteBack
		p.Recording.EverySteps = 10 // noticed after a checkpoint that must not be made
		tr, _ := newTrainer(t, p)
		seen := &rewound{}
		tr.Recorder = seen
		keepNewest(tr, 5)
		got := train(t, tr, points{p, features, 7})
		if diff := cmp.Diff(want.Parameters, got.Parameters); diff != "" {
			t.Errorf("micro %d: -skipped +rolled back\n%s", micro, diff)
		}
		if diff := cmp.Diff([]int{7}, got.Skipped); diff != "" {
			t.Errorf("micro %d: skipped: -want +got\n%s", micro, diff)
		}
		if diff := cmp.Diff([]int{5}, seen.to); diff != "" {
			t.Errorf("micro %d: went back to: -want +got\n%s", micro, diff)
		}
	}
}

func TestRollbackIsBounded(t *testing.T) {
	p := plan(t, 20, 8, 8)
	p.Run.OnNonFinite, p.Run.Rollbacks = OnNonFiniteBack, 0
	tr, _ := newTrainer(t, p)
	keepNewest(tr, 5)
	err := tr.Train(t.Context(), points{p, features, 7})
	var bad *NonFiniteError
	if !errors.As(err, &bad) || bad.Step != 7 {
		t.Errorf("got %v, want the NonFiniteError of step 7", err)
	}
	p.Run.Rollbacks = 1
	tr, _ = newTrainer(t, p)
	if err := tr.Train(t.Context(), points{p, features, 7}); !errors.As(err, &bad) || !strings.Contains(err.Error(), "no checkpoint") {
		t.Errorf("without checkpoints: %v, want it to say so", err)
	}
}

// stagedPoints are points whose batches have the size that the plan says at their step.
type stagedPoints struct{ plan Plan }

func (p stagedPoints) From(_ context.Context, step int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for ; ; step++ {
			stage := p.plan
			s := p.plan.At(step)
			stage.Batch, stage.MicroBatch = s.Batch, s.MicroBatch
			if !yield((points{stage, features, -1}).batch(step), nil) {
				return
			}
		}
	}
}

// TestStages: a run whose batches change their size and their accumulation on the way equals itself, interrupted in
// either stage, and counts its tokens.
func TestStages(t *testing.T) {
	p := plan(t, 20, 8, 8)
	p.Later = []Stage{{From: 12, Batch: 12, MicroBatch: 4, Sequence: 3}}
	straight, seen := newTrainer(t, p)
	want := train(t, straight, stagedPoints{p})
	if got, want := (*seen)[19]["tokens"], 12.0*8+8*12*3; got != want {
		t.Errorf("%v tokens recorded, want %v", got, want)
	}
	for _, at := range []int{7, 15} {
		first, _ := newTrainer(t, p)
		ctx, stop := context.WithCancel(t.Context())
		first.Recorder = stopAt{at, stop}
		if err := first.Train(ctx, stagedPoints{p}); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("got %v, want ErrInterrupted", err)
		}
		saved, err := first.State()
		if err != nil {
			t.Fatal(err)
		}
		second, _ := newTrainer(t, p)
		if err := second.Restore(saved); err != nil {
			t.Fatal(err)
		}
		got := train(t, second, stagedPoints{p})
		if diff := cmp.Diff(want.Parameters, got.Parameters); diff != "" {
			t.Errorf("stopped at %d: -straight +continued\n%s", at, diff)
		}
		if got.Tokens != want.Tokens {
			t.Errorf("stopped at %d: %d tokens, want %d", at, got.Tokens, want.Tokens)
		}
	}
}

func TestPatienceAndBest(t *testing.T) {
	p := plan(t, 20, 8, 8)
	p.Recording.EvaluateEvery, p.Run.Patience = 2, 3
	for _, up := range []bool{false, true} {
		tr, _ := newTrainer(t, p)
		values := map[int]float64{2: 5, 4: 3, 6: 4, 8: 3, 10: 3.5, 12: 1}
		tr.Goal = Goal{Name: "heldout_x", Up: up}
		tr.Evaluate = func(_ context.Context, step int) ([]metrics.Value, error) {
			v := values[step]
			if up {
				v = -v
			}
			return []metrics.Value{{Name: "heldout_x", Value: v}}, nil
		}
		var improved []int
		tr.Improved = func(step int, _ float64) error { improved = append(improved, step); return nil }
		saved := 0
		tr.Save = func(step int) error { saved = step; return nil }
		state := train(t, tr, points{p, features, -1})
		if diff := cmp.Diff([]int{2, 4}, improved); diff != "" {
			t.Errorf("improved: -want +got\n%s", diff)
		}
		if state.Step != 10 || saved != 10 || state.Best.Step != 4 || state.Best.Since != 3 {
			t.Errorf("stopped at %d, saved %d, best %+v; want 10, 10, and step 4 with 3 since", state.Step, saved, state.Best)
		}
		again, _ := newTrainer(t, p)
		if err := again.Restore(state); err != nil {
			t.Fatal(err)
		}
		if train(t, again, points{p, features, -1}).Step != 10 {
			t.Error("a run out of patience went on when it was continued")
		}
	}
}

func TestWatches(t *testing.T) {
	p := plan(t, 10, 8, 8)
	tr, seen := newTrainer(t, p)
	tr.Watches = []Watch{{Every: 4, Measure: func(_ context.Context, step int) ([]metrics.Value, error) {
		return []metrics.Value{{Name: "watched", Value: float64(step)}}, nil
	}}}
	train(t, tr, points{p, features, -1})
	var steps []float64
	for _, r := range *seen {
		if v, ok := r["watched"]; ok {
			steps = append(steps, v)
		}
	}
	if diff := cmp.Diff([]float64{4, 8, 10}, steps); diff != "" {
		t.Errorf("watched at: -want +got\n%s", diff)
	}
}

func TestSpikes(t *testing.T) {
	var s Losses
	rng := rand.New(rand.NewPCG(1, 0))
	for i := range 2000 {
		z := s.observe(5 + 0.1*rng.NormFloat64())
		if i < spikeWarmUp && z != 0 || math.Abs(z) > 6 {
			t.Fatalf("loss %d of a steady run has a z-score of %v", i, z)
		}
	}
	if z := s.observe(6); z < 7 || z > 13 { // ten deviations, as far as fifty losses tell
		t.Errorf("ten deviations have a z-score of %v", z)
	}
	if z := (&Losses{}).observe(math.Inf(1)); z != 0 {
		t.Errorf("the first loss has a z-score of %v", z)
	}
}

func TestSpikeIsReported(t *testing.T) {
	tr := &Trainer{plan: plan(t, 10, 8, 8)}
	var log strings.Builder
	tr.Log = slog.New(slog.NewTextHandler(&log, nil))
	for i := range 100 {
		tr.spike(i, 5+0.1*math.Sin(float64(i)), nil)
	}
	tr.spike(100, 9, []string{"epoch 0, instance 17"})
	if !strings.Contains(log.String(), "step=100") || !strings.Contains(log.String(), "instance 17") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log %q, want one line with the step and the record", log.String())
	}
}
