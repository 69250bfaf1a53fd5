package trainer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/shapes"

	"github.com/subbert/subbert/trainer/optim"
	"github.com/subbert/subbert/trainer/schedule"
)

// Checkpointing is the [checkpoint] table of a run.
type Checkpointing struct {
	EverySteps int `toml:"every_steps"` // 0: only at the end
	Keep       int `toml:"keep"`        // newest checkpoints kept; 0 keeps all
	KeepEvery  int `toml:"keep_every"`  // steps; a checkpoint at a multiple is never removed; 0: all may be

	KeepHours float64 `toml:"keep_hours"` // one checkpoint per this number of hours is never removed; 0: all may be
	Best      bool    `toml:"best"`       // keep the model of the best evaluation in best/
	Discard   bool    `toml:"discard"`    // remove all checkpoints once the run has its result; the model stays
	OnError   string  `toml:"on_error"`   // policy for a checkpoint that cannot be written: stop or continue
}

// Policies for a checkpoint, or a report of metrics, that cannot be written.
const (
	OnErrorStop     = "stop"     // the run fails; it continues from the newest checkpoint that was written
	OnErrorContinue = "continue" // log it, continue, and try again at the next one
)

// Recording is the [record] table of a run.
type Recording struct {
	EverySteps    int `toml:"every_steps"`    // between lines of metrics.jsonl
	EvaluateEvery int `toml:"evaluate_every"` // steps between held-out evaluations; 0: only at the end

	TensorBoard bool `toml:"tensorboard"` // event files beside metrics.jsonl
}

// Policies for a loss or gradient that is not finite.
const (
	OnNonFiniteStop = "stop"     // fail before the update, and write nonfinite.json for debugging
	OnNonFiniteSkip = "skip"     // skip the update, report it, and continue
	OnNonFiniteBack = "rollback" // return to the newest checkpoint and leave the update out this time
)

// Run is the [run] table of a run.
type Run struct {
	Dir         string `toml:"dir"`
	Seed        uint32 `toml:"seed"`
	OnNonFinite string `toml:"on_non_finite"`

	Rollbacks   int     `toml:"max_rollbacks"` // under "rollback", this many; one more fails the run
	SpikeZScore float64 `toml:"spike_zscore"`  // a loss so many deviations above the recent mean is reported; 0: none is
	Patience    int     `toml:"patience"`      // stop after so many evaluations without a better one; 0: never
}

// DefaultCheckpointing saves every 1000 steps, keeps the two newest checkpoints, and stops if one cannot be
// written.
func DefaultCheckpointing() Checkpointing {
	return Checkpointing{EverySteps: 1000, Keep: 2, OnError: OnErrorStop}
}

// DefaultRecording records every 10 steps.
func DefaultRecording() Recording { return Recording{EverySteps: 10} }

// DefaultRun has seed 1, stops at the first value that is not finite, and reports losses six deviations above the
// mean.
func DefaultRun() Run {
	return Run{Seed: 1, OnNonFinite: OnNonFiniteStop, Rollbacks: 3, SpikeZScore: 6}
}

// Validate returns every fault of c at once.
func (c Checkpointing) Validate() error {
	var faults []error
	if policies := []string{OnErrorStop, OnErrorContinue}; !slices.Contains(policies, c.OnError) {
		faults = append(faults, fmt.Errorf("checkpoint.on_error: unknown %q, want one of %s", c.OnError, strings.Join(policies, ", ")))
	}
	if c.EverySteps < 0 || c.Keep < 0 || c.KeepEvery < 0 || !(c.KeepHours >= 0) {
		faults = append(faults, fmt.Errorf("checkpoint.every_steps = %d, keep = %d, keep_every = %d, keep_hours = %g: want no negative number", c.EverySteps, c.Keep, c.KeepEvery, c.KeepHours))
	}
	return errors.Join(faults...)
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
		faults = append(faults, errors.New("run.dir: missing; set it to the directory for the output of the run"))
	}
	if policies := []string{OnNonFiniteStop, OnNonFiniteSkip, OnNonFiniteBack}; !slices.Contains(policies, c.OnNonFinite) {
		faults = append(faults, fmt.Errorf("run.on_non_finite: unknown %q, want one of %s", c.OnNonFinite, strings.Join(policies, ", ")))
	}
	if c.Rollbacks < 0 || c.Patience < 0 || !(c.SpikeZScore >= 0) {
		faults = append(faults, fmt.Errorf("run.max_rollbacks = %d, patience = %d, spike_zscore = %g: want no negative number", c.Rollbacks, c.Patience, c.SpikeZScore))
	}
	return errors.Join(faults...)
}

// Stage is a part of a run with one shape of batches.
type Stage struct {
	From       int     // its first update
	Batch      int     // rows of one update
	MicroBatch int     // rows of one forward pass, over all devices
	Sequence   int     // positions of a row
	FLOPs      float64 // cost of the model in an update; 0: unknown
}

// Micros is the number of microbatches of an update.
func (s Stage) Micros() int { return s.Batch / s.MicroBatch }

// TokensPerStep counts the positions of an update, padding included, as the paper's 170.7 K tokens/s does.
func (s Stage) TokensPerStep() int { return s.Batch * s.Sequence }

// Plan is every number of a run that follows from its config. It is immutable.
type Plan struct {
	Schedule  schedule.Schedule
	Optimizer optim.Config

	Batch      int     // rows of one update
	MicroBatch int     // rows of one forward pass, over all devices
	Sequence   int     // positions of a row
	Devices    int     // number of devices that share the microbatch; 1: not distributed
	FLOPs      float64 // cost of the model in an update; 0: unknown
	PeakFLOPs  float64 // peak of all devices together, per second; 0: unknown

	// Shapes are the shapes of the inputs of microbatches, if there are several, in the order in which they are
	// compiled. A graph for each of them computes gradients, and a separate one applies the update, which would make up
	// most of a third of each graph.
	Shapes [][]shapes.Shape

	// Later are the stages after the first, which the numbers above describe.
	Later []Stage

	Checkpointing Checkpointing
	Recording     Recording
	Run           Run
}

// Validate returns every contradiction between the numbers of p at once.
func (p Plan) Validate() error {
	var faults []error
	for _, s := range p.stages() {
		if s.Batch < 1 || s.MicroBatch < 1 || s.Batch%s.MicroBatch != 0 {
			faults = append(faults, fmt.Errorf("task.batch = %d is not a multiple of task.micro_batch = %d", s.Batch, s.MicroBatch))
		}
		if p.Devices < 1 || s.MicroBatch%max(1, p.Devices) != 0 {
			faults = append(faults, fmt.Errorf("task.micro_batch = %d is not a multiple of the %d devices", s.MicroBatch, p.Devices))
		}
	}
	return errors.Join(faults...)
}

// stages are all stages of p, the first included.
func (p Plan) stages() []Stage {
	first := Stage{Batch: p.Batch, MicroBatch: p.MicroBatch, Sequence: p.Sequence, FLOPs: p.FLOPs}
	return append([]Stage{first}, p.Later...)
}

// At is the stage that the update at step belongs to.
func (p Plan) At(step int) Stage {
	stages := p.stages()
	for _, s := range slices.Backward(stages) {
		if s.From <= step {
			return s
		}
	}
	return stages[0]
}

// Micros is the number of microbatches of an update of the first stage.
func (p Plan) Micros() int { return p.Batch / p.MicroBatch }

// TokensPerStep counts the positions of an update of the first stage, padding included.
func (p Plan) TokensPerStep() int { return p.Batch * p.Sequence }

// apart reports whether separate graphs compute and apply gradients.
func (p Plan) apart() bool { return p.accumulates() || len(p.Shapes) > 1 }

// accumulates reports whether any update has several microbatches.
func (p Plan) accumulates() bool {
	return slices.ContainsFunc(p.stages(), func(s Stage) bool { return s.Micros() > 1 })
}
