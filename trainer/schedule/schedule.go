// Package schedule gives the learning rate as a function of the step.
//
// A rate here is a factor of the peak learning rate, in [0, 1]. Steps count from 0: the first update happens at step 0,
// with the rate of step 0, which is 0 wherever there is a warm-up (Google's optimization.py, which reads global_step
// before it is advanced). The functions are pure, so resuming needs nothing but the step.
package schedule

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Kinds of decay.
const (
	Linear   = "linear"   // from 1 to 0 over all steps; the warm-up replaces its beginning and does not shift it (Google)
	Sawtooth = "sawtooth" // the released code of the paper: Runs consecutive runs, run i falls linearly from 1/i to 0
	Constant = "constant" // 1
	Cosine   = "cosine"   // half a cosine from 1 to 0 over all steps
	WSD      = "wsd"      // warm-up, stable, decay: 1, then linearly to 0 over the last DecayFraction of the steps
)

// Kinds lists every kind of decay.
func Kinds() []string { return []string{Linear, Sawtooth, Constant, Cosine, WSD} }

// Config is the [schedule] table of a run.
type Config struct {
	Kind           string  `toml:"kind"`
	Steps          int     `toml:"steps"`           // updates in all; 0 when Epochs says it
	Epochs         float64 `toml:"epochs"`          // passes over the examples; 0 when Steps says it
	WarmupSteps    int     `toml:"warmup_steps"`    // updates with a rising rate
	WarmupFraction float64 `toml:"warmup_fraction"` // the same as a fraction of all updates; one of the two
	Runs           int     `toml:"runs"`            // sawtooth: number of consecutive runs
	DecayFraction  float64 `toml:"decay_fraction"`  // wsd: fraction of the steps that decays
}

// Default is the paper's schedule without its length: a single linear decay.
func Default() Config { return Config{Kind: Linear, Runs: 10, DecayFraction: 0.1} }

// Validate returns every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("schedule."+format, args...)) }
	if !slices.Contains(Kinds(), c.Kind) {
		fault("kind: unknown %q, want one of %s", c.Kind, strings.Join(Kinds(), ", "))
	}
	if c.Steps < 0 || c.Epochs < 0 {
		fault("steps = %d and epochs = %g: want no negative number", c.Steps, c.Epochs)
	}
	switch {
	case c.Steps > 0 && c.Epochs > 0:
		fault("steps = %d contradicts epochs = %g; set one of them", c.Steps, c.Epochs)
	case c.Steps == 0 && c.Epochs == 0:
		fault("steps: missing; set steps or epochs")
	}
	if c.WarmupSteps < 0 || c.WarmupFraction < 0 || c.WarmupFraction > 1 {
		fault("warmup_steps = %d, warmup_fraction = %g: want a count >= 0 and a fraction in [0, 1]", c.WarmupSteps, c.WarmupFraction)
	}
	if c.WarmupSteps > 0 && c.WarmupFraction > 0 {
		fault("warmup_steps = %d contradicts warmup_fraction = %g; set one of them", c.WarmupSteps, c.WarmupFraction)
	}
	if c.Steps > 0 && c.WarmupSteps > c.Steps {
		fault("warmup_steps = %d is more than steps = %d", c.WarmupSteps, c.Steps)
	}
	if c.Kind == Sawtooth && c.Runs < 1 {
		fault("runs = %d: want at least 1", c.Runs)
	}
	if c.Kind == WSD && (c.DecayFraction <= 0 || c.DecayFraction > 1) {
		fault("decay_fraction = %g: want a fraction in (0, 1]", c.DecayFraction)
	}
	return errors.Join(faults...)
}

// Schedule is a Config whose length is known. It is immutable.
type Schedule struct {
	kind          string
	steps, warmup int
	runs          int
	decay         int
}

// New resolves c for a run in which an epoch has stepsPerEpoch updates (0 where epochs mean nothing).
func New(c Config, stepsPerEpoch int) (Schedule, error) {
	if err := c.Validate(); err != nil {
		return Schedule{}, err
	}
	steps := c.Steps
	if steps == 0 {
		if stepsPerEpoch <= 0 {
			return Schedule{}, fmt.Errorf("schedule.epochs = %g: this task has no epochs; set schedule.steps", c.Epochs)
		}
		steps = max(1, int(math.Round(c.Epochs*float64(stepsPerEpoch))))
	}
	warmup := c.WarmupSteps
	if c.WarmupFraction > 0 {
		warmup = int(float64(steps) * c.WarmupFraction)
	}
	if warmup > steps {
		return Schedule{}, fmt.Errorf("schedule.warmup_steps = %d is more than the %d steps of the run", warmup, steps)
	}
	return Schedule{
		kind: c.Kind, steps: steps, warmup: warmup,
		runs:  max(1, min(c.Runs, steps)),
		decay: max(1, int(math.Round(c.DecayFraction*float64(steps)))),
	}, nil
}

// Steps is the number of updates of the run.
func (s Schedule) Steps() int { return s.steps }

// WarmupSteps is the number of updates with a rising rate.
func (s Schedule) WarmupSteps() int { return s.warmup }

// Rate is the factor of the peak learning rate for the update at step; 0 from the last step on.
func (s Schedule) Rate(step int) float64 {
	if step < s.warmup {
		return float64(step) / float64(s.warmup)
	}
	if step >= s.steps {
		return 0
	}
	done := float64(step) / float64(s.steps)
	switch s.kind {
	case Linear:
		return 1 - done
	case Sawtooth:
		// Run i continues at step (i-1)/runs of the way with a decay that ends at i/runs of it.
		run := step * s.runs / s.steps
		end := float64(s.steps) * float64(run+1) / float64(s.runs)
		return 1 - float64(step)/end
	case Cosine:
		return (1 + math.Cos(math.Pi*done)) / 2
	case WSD:
		return min(1, float64(s.steps-step)/float64(s.decay))
	}
	return 1
}
