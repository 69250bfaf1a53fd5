// Package preflight checks a run on a Cloud TPU before any resource is created: whether it fits, its duration, its
// cost, and whether these are within the run's bounds.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/subbert/subbert/plan"
	"github.com/subbert/subbert/tpu/launch"
)

// Report is the result of a preflight check.
type Report struct {
	Plan   *plan.Plan `json:"plan"`   // nil if such a run cannot be planned
	Hours  float64    `json:"hours"`  // hours of training; 0: unknown
	Least  bool       `json:"least"`  // Hours is a lower bound: no compiler was available
	Cost   float64    `json:"cost"`   // cost of Hours; 0: unknown
	Faults []string   `json:"faults"` // reasons not to start the run
	Notes  []string   `json:"notes"`

	steps int // steps of the run
}

// Error reports the faults of a run that must not start.
type Error struct{ Faults []string }

func (e *Error) Error() string { return "preflight: " + strings.Join(e.Faults, "; ") }

// Hint returns how to start the run anyway.
func (e *Error) Hint() string { return "nothing was created; --force starts it anyway" }

// Err returns an *Error with the faults, or nil if there are none.
func (r *Report) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	return &Error{r.Faults}
}

// Unplanned returns the report of a run that cannot be planned; why is the reason.
func Unplanned(why string) *Report {
	return &Report{Notes: []string{why + ": its memory and duration cannot be predicted"}}
}

// Device returns the device to plan r for, or the report of a run that cannot be planned.
func Device(r launch.Run) (plan.Device, *Report) {
	device, err := plan.FindDevice(r.Accelerator)
	switch {
	case r.Backend != "tpu":
		return device, Unplanned("the backend is " + r.Backend + ", not the TPU")
	case r.Verb != "pretrain":
		return device, Unplanned("only pre-training can be planned, not " + r.Verb)
	case err != nil:
		return device, Unplanned("there is no plan for a " + r.Accelerator)
	}
	return device, nil
}

// Of plans a run and compares the plan with its bounds. A run that does not compile or does not fit is a fault in the
// report, not an error.
func Of(ctx context.Context, p *plan.Planner, r launch.Run) (*Report, error) {
	report := &Report{steps: p.Steps()}
	planned, err := p.Plan(ctx)
	if full, ok := errors.AsType[*plan.OutOfMemoryError](err); ok {
		report.Faults = append(report.Faults, full.Error())
		return report, nil
	}
	if refused, ok := errors.AsType[*plan.CompileError](err); ok {
		report.Faults = append(report.Faults, refused.Error())
		return report, nil
	}
	if err != nil {
		return nil, err
	}
	report.Plan = &planned
	report.judge(r)
	return report, nil
}

// judge compares the plan with the run's bounds. Without a compiler, Hours is the duration at the device's peak, a lower
// bound.
func (r *Report) judge(run launch.Run) {
	r.Notes = append(r.Notes, r.Plan.Notes...)
	if r.Plan.Fits != nil && !*r.Plan.Fits {
		r.Faults = append(r.Faults, fmt.Sprintf("the step does not fit a %s: %s", run.Accelerator, r.Plan.MemoryText()))
	}
	switch {
	case r.Plan.Hours != nil:
		r.Hours = *r.Plan.Hours
	case r.Plan.FloorMS != nil:
		r.Hours, r.Least = float64(r.steps)**r.Plan.FloorMS/float64(time.Hour.Milliseconds()), true
	}
	r.Cost = run.Cost(r.Hours)
	if run.MaxHours > 0 && r.Hours > run.MaxHours {
		r.Faults = append(r.Faults, fmt.Sprintf("the run takes %s %.3g hours, but --max-hours is %g", r.about(), r.Hours, run.MaxHours))
	}
	if run.MaxCost > 0 && r.Cost > run.MaxCost {
		r.Faults = append(r.Faults, fmt.Sprintf("the run costs %s %.3g, but --max-cost is %g", r.about(), r.Cost, run.MaxCost))
	}
}

func (r *Report) about() string {
	if r.Least {
		return "at least"
	}
	return "about"
}

// Rows returns the lines of r for people, each with a name and a text.
func (r *Report) Rows(prices launch.PriceTable) [][2]string {
	var rows [][2]string
	row := func(name, format string, args ...any) {
		rows = append(rows, [2]string{name, fmt.Sprintf(format, args...)})
	}
	if r.Plan != nil {
		row("memory", "%s (%s)", r.Plan.MemoryText(), r.Plan.Source)
	}
	if r.Hours > 0 {
		row("training", "%s %.3g hours", r.about(), r.Hours)
	}
	if r.Cost > 0 {
		row("cost", "%s %.4g%s", r.about(), r.Cost, priceSource(prices))
	}
	for _, fault := range r.Faults {
		row("fault", "%s", fault)
	}
	for _, note := range r.Notes {
		row("note", "%s", note)
	}
	return rows
}

// priceSource returns the source of the prices, with currency and date for list prices.
func priceSource(t launch.PriceTable) string {
	if t.AsOf == "" {
		return " by the price table of --prices"
	}
	return " " + t.Currency + " by the list prices of " + t.AsOf
}
