package pretraining

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/subbert/subbert/trainer"
)

// Phase is an entry of [[task.phases]]: settings that change during a pre-training run, and the time of the change. A
// setting that is 0 does not change.
type Phase struct {
	FromStep       int     `toml:"from_step"`     // the first update of the phase
	FromFraction   float64 `toml:"from_fraction"` // the same as a fraction of all updates; exactly one of the two is set
	Sequence       int     `toml:"sequence"`
	MaxPredictions int     `toml:"max_predictions"`
	Batch          int     `toml:"batch"`
	MicroBatch     int     `toml:"micro_batch"` // 0: the batch, if Batch is set
}

// Stretch is a part of a run with constant shapes of batches.
type Stretch struct {
	From int    // its first update
	Task Config // the config of this part, without phases
}

// Stretches resolves the phases of c for a run of the given number of steps: the first stretch has the config c, then
// each phase has one. It returns all faults at once.
func (c Config) Stretches(steps int) ([]Stretch, error) {
	now := c
	now.Phases = nil
	all := []Stretch{{Task: now}}
	var faults []error
	for i, p := range c.Phases {
		from := p.from(steps)
		if last := all[len(all)-1].From; from <= last || from >= steps {
			faults = append(faults, fmt.Errorf("task.phases: phase %d begins at step %d, want a step after %d and before the last step, %d", i+1, from, last, steps))
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

// over returns c with the changes of p.
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

// validate returns the first fault of p that does not depend on other phases.
func (p Phase) validate() error {
	if p.FromStep < 0 || p.FromFraction < 0 || p.FromFraction >= 1 || (p.FromStep > 0) == (p.FromFraction > 0) {
		return fmt.Errorf("from_step = %d, from_fraction = %g: want one of them, a step of at least 1 or a fraction in (0, 1)", p.FromStep, p.FromFraction)
	}
	if p.Sequence < 0 || p.MaxPredictions < 0 || p.Batch < 0 || p.MicroBatch < 0 {
		return fmt.Errorf("sequence = %d, max_predictions = %d, batch = %d, micro_batch = %d: want no negative number", p.Sequence, p.MaxPredictions, p.Batch, p.MicroBatch)
	}
	return nil
}

// PhaseBatches holds the batches of a stretch. Batches counts its steps from 0.
type PhaseBatches struct {
	From    int // the step of the run that is step 0 of Batches
	Batches trainer.Batches
}

// Phased holds the batches of consecutive stretches of a run. From ascends and starts at 0.
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
