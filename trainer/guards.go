package trainer

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/subbert/subbert/trainer/metrics"
)

// Losses keeps exponentially decaying averages of the loss, so that spikes are seen: its mean and variance.
type Losses struct {
	Mean     float64 `json:"mean"`
	Variance float64 `json:"variance"`
	Seen     int     `json:"seen"` // steps
}

const (
	spikeMemory = 50 // steps, after which a loss counts a third of what it did
	spikeWarmUp = 20 // steps before anything is called a spike
)

// observe adds a loss and returns how many standard deviations it is above the mean of the earlier ones; 0 during the
// warm-up.
func (s *Losses) observe(loss float64) (zscore float64) {
	if s.Seen >= spikeWarmUp && s.Variance > 0 {
		zscore = (loss - s.Mean) / math.Sqrt(s.Variance)
	}
	s.Seen++
	share := max(1/float64(spikeMemory), 1/float64(s.Seen))
	off := loss - s.Mean
	s.Mean += share * off
	s.Variance = (1 - share) * (s.Variance + share*off*off)
	return zscore
}

// spike observes the loss of a step and reports it if it is far too high.
func (t *Trainer) spike(step int, loss float64, records []string) (zscore float64) {
	zscore = t.losses.observe(loss)
	if limit := t.plan.Run.SpikeZScore; limit > 0 && zscore > limit && t.Log != nil {
		first := ""
		if len(records) > 0 {
			first = records[0]
		}
		t.Log.Warn("loss spike", "step", step, "loss", loss, "zscore", zscore, "first_record", first)
	}
	return zscore
}

// rollBack returns to the newest checkpoint. The update at bad's step is left out from now on.
func (t *Trainer) rollBack(bad *NonFiniteError) error {
	if t.Newest == nil {
		return fmt.Errorf("%w; there is no checkpoint to return to", bad)
	}
	if len(t.skipped) >= t.plan.Run.Rollbacks {
		return fmt.Errorf("after %d rollbacks: %w", len(t.skipped), bad)
	}
	skipped := append(t.skipped, bad.Step)
	state, err := t.Newest()
	if err != nil {
		return errors.Join(bad, err)
	}
	spent := t.Seconds()
	if err := t.Restore(state); err != nil {
		return errors.Join(bad, err)
	}
	t.before = spent
	t.skipped = append(t.skipped, skipped...)
	slices.Sort(t.skipped)
	t.skipped = slices.Compact(t.skipped)
	if t.Log != nil {
		t.Log.Warn("loss or gradient not finite: returning to the newest checkpoint", "step", bad.Step, "loss", bad.Loss, "grad_norm", bad.Norm, "back_to", state.Step)
	}
	if r, ok := t.Recorder.(metrics.Rewinder); ok {
		return r.Rewind(state.Step)
	}
	return nil
}
