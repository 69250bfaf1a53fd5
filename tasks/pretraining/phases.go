package pretraining

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/subbert/subbert/trainer"
)

// Phase is an entry of [[task.phases]]: what changes in the course of a pre-training run, and when. What is 0 stays as
// it was before.
type Phase struct {
	FromStep       int     `toml:"from_step"`     // the first update of the phase
	FromFraction   float64 `toml:"from_fraction"` // the same as a fraction of all updates; one of the two
	Sequence       int     `toml:"sequence"`
	MaxPredictions int     `toml:"max_predictions"`
	Batch          int     `toml:"batch"`
	MicroBatch     int     `toml:"micro_batch"` // 0: the batch, where batch is given
}

// Stretch is a part of a run with one shape of batches.
type Stretch struct {
	From int    // its first update
	Task Config // as it holds here, without phases
}

// Stretches resolves the phases of c for a run of so many steps: first what c itself says, then each phase. All faults
// are returned at once.
func (c Config) Stretches(steps int) ([]Stretch, error) {
	now := c
	now.Phases = nil
	all := []Stretch{{Task: now}}
	var faults []error
	for i, p := range c.Phases {
		from := p.from(steps)
		if last := all[len(all)-1].From; from <= last || from >= steps {
			faults = append(faults, fmt.Errorf("task.phases: phase %d begins at step %d, want one after step %d and before the last, %d", i+1, from, last, steps))
		}
		now = p.over(now)
		if err := now.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("task.phases: phase %d: %w", i+1, err))
		}
		all = append(all, Stretch{From: from, Task: now})
	}
	return all, errors.Join(faults...)
}

func (p Phase) from(steps int) int {
	if p.FromFraction > 0 {
		return int(math.Round(p.FromFraction * float64(steps)))
	}
	return p.FromStep
}

// over is c with what p changes.
func (p Phase) over(c Config) Config {
	if p.Sequence > 0 {
		c.Sequence = p.Sequence
	}
	if p.MaxPredictions > 0 {
		c.MaxPredictions = p.MaxPredictions
	}
	if p.Batch > 0 {
		c.Batch, c.MicroBatch = p.Batch, 0
	}
	if p.MicroBatch > 0 {
		c.MicroBatch = p.MicroBatch
	}
	return c
}

// validate returns every fault of p that needs no other phase to see.
func (p Phase) validate() error {
	if p.FromStep < 0 || p.FromFraction < 0 || p.FromFraction >= 1 || (p.FromStep > 0) == (p.FromFraction > 0) {
		return fmt.Errorf("from_step = %d, from_fraction = %g: want one of them, a step of at least 1 or a fraction in (0, 1)", p.FromStep, p.FromFraction)
	}
	if p.Sequence < 0 || p.MaxPredictions < 0 || p.Batch < 0 || p.MicroBatch < 0 {
		return fmt.Errorf("sequence = %d, max_predictions = %d, batch = %d, micro_batch = %d: want no negative number", p.Sequence, p.MaxPredictions, p.Batch, p.MicroBatch)
	}
	return nil
}

// PhaseBatches are the batches of a stretch, which count their steps from 0.
type PhaseBatches struct {
	From    int // the run's step that is their step 0
	Batches trainer.Batches
}

// Phased are the batches of consecutive stretches of a run. From rises; the first is 0.
type Phased []PhaseBatches

// From yields the batches of step, step+1, ...
func (p Phased) From(ctx context.Context, step int) iter.Seq2[trainer.Batch, error] {
	return func(yield func(trainer.Batch, error) bool) {
		for i, part := range p {
			end := math.MaxInt
			if i+1 < len(p) {
				end = p[i+1].From
			}
			if step >= end {
				continue
			}
			for batch, err := range part.Batches.From(ctx, step-part.From) {
				if !yield(batch, err) || err != nil {
					return
				}
				if step++; step == end {
					break
				}
			}
		}
	}
}
