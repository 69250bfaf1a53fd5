package trainer

import (
	"errors"
	"fmt"

	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// Checkpointing is the [checkpoint] table of a run.
type Checkpointing struct {
	EverySteps int `toml:"every_steps"` // 0: only at the end
	Keep       int `toml:"keep"`        // newest checkpoints kept; 0 keeps all
	KeepEvery  int `toml:"keep_every"`  // steps; a checkpoint at a multiple is kept for good; 0: none is
}

// Recording is the [record] table of a run.
type Recording struct {
	EverySteps    int `toml:"every_steps"`    // between lines of metrics.jsonl
	EvaluateEvery int `toml:"evaluate_every"` // steps between held-out evaluations; 0: only at the end
}

// Policies for a loss or gradient that is not finite.
const (
	OnNonFiniteStop = "stop" // before the update; the run fails with what is needed to look at it
	OnNonFiniteSkip = "skip" // leave the update out, report, go on
)

// Run is the [run] table of a run.
type Run struct {
	Dir         string `toml:"dir"`
	Seed        uint32 `toml:"seed"`
	OnNonFinite string `toml:"on_non_finite"`
}

// DefaultCheckpointing saves every 1000 steps and keeps the two newest.
func DefaultCheckpointing() Checkpointing { return Checkpointing{EverySteps: 1000, Keep: 2} }

// DefaultRecording records every 10 steps.
func DefaultRecording() Recording { return Recording{EverySteps: 10} }

// DefaultRun has seed 1 and stops at the first value that is not finite.
func DefaultRun() Run { return Run{Seed: 1, OnNonFinite: OnNonFiniteStop} }

// Validate returns every fault of c at once.
func (c Checkpointing) Validate() error {
	if c.EverySteps < 0 || c.Keep < 0 || c.KeepEvery < 0 {
		return fmt.Errorf("checkpoint.every_steps = %d, keep = %d, keep_every = %d: want no negative number", c.EverySteps, c.Keep, c.KeepEvery)
	}
	return nil
}

// Validate returns every fault of c at once.
func (c Recording) Validate() error {
	if c.EverySteps < 1 || c.EvaluateEvery < 0 {
		return fmt.Errorf("record.every_steps = %d, evaluate_every = %d: want at least 1 and at least 0", c.EverySteps, c.EvaluateEvery)
	}
	return nil
}

// Validate returns every fault of c at once.
func (c Run) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("run.dir: missing; name the directory the run writes to"))
	}
	if c.OnNonFinite != OnNonFiniteStop && c.OnNonFinite != OnNonFiniteSkip {
		faults = append(faults, fmt.Errorf("run.on_non_finite: unknown %q, want %s or %s", c.OnNonFinite, OnNonFiniteStop, OnNonFiniteSkip))
	}
	return errors.Join(faults...)
}

// Plan is every number of a run that follows from its config. It is immutable.
type Plan struct {
	Schedule  schedule.Schedule
	Optimizer optim.Config

	Batch      int // rows of one update
	MicroBatch int // rows of one forward pass, over all devices
	Sequence   int // positions of a row
	Devices    int // the microbatch is split over them; 1 is no distribution

	Checkpointing Checkpointing
	Recording     Recording
	Run           Run
}

// Validate says whether the numbers of p go together; all faults at once.
func (p Plan) Validate() error {
	var faults []error
	if p.Batch < 1 || p.MicroBatch < 1 || p.Batch%p.MicroBatch != 0 {
		faults = append(faults, fmt.Errorf("task.batch = %d is not a multiple of task.micro_batch = %d", p.Batch, p.MicroBatch))
	}
	if p.Devices < 1 || p.MicroBatch%max(1, p.Devices) != 0 {
		faults = append(faults, fmt.Errorf("task.micro_batch = %d does not divide over %d devices", p.MicroBatch, p.Devices))
	}
	return errors.Join(faults...)
}

// Micros is the number of microbatches of an update.
func (p Plan) Micros() int { return p.Batch / p.MicroBatch }

// TokensPerStep counts the positions of an update, padding included, as the paper's 170.7 K tokens/s does.
func (p Plan) TokensPerStep() int { return p.Batch * p.Sequence }
