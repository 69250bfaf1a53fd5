package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/tpu"
	"github.com/subbert/subbert/tpu/launch"
)

// preflight is what can be said of a run before anything of it exists.
type preflight struct {
	Plan   *tpu.Plan `json:"plan"`   // null: there is none for such a run
	Hours  float64   `json:"hours"`  // of training; 0: not known
	Least  bool      `json:"least"`  // Hours is the least it can take: no compiler was at hand
	Cost   float64   `json:"cost"`   // of Hours; 0: not known
	Faults []string  `json:"faults"` // why it is better not started
	Notes  []string  `json:"notes"`

	steps int // of the run
}

// preflightError refuses a run.
type preflightError struct{ faults []string }

func (e *preflightError) Error() string { return "preflight: " + strings.Join(e.faults, "; ") }

// Hint says how to start it all the same.
func (e *preflightError) Hint() string { return "nothing was created; --force starts it all the same" }

// check is the refusal, unless there is no fault or the run is to be started all the same.
func (p *preflight) check(c *console, force bool) error {
	switch {
	case len(p.Faults) == 0:
		return nil
	case !force:
		return misused(&preflightError{p.Faults})
	}
	for _, fault := range p.Faults {
		c.log.Warn("preflight", "fault", fault, "why_started", "--force")
	}
	return nil
}

// preflight plans the run that r describes with the compiler of the machine's own libtpu, and compares the plan with
// r's bounds. An error is not about the run.
func (v *tpuRunCmd) preflight(c *console, r launch.Run) (*preflight, error) {
	p := &preflight{}
	plan, err := v.plan(c, r, p)
	if full, ok := errors.AsType[*outOfMemoryError](err); ok {
		p.Faults = append(p.Faults, full.Error())
		err = nil
	}
	if compiling, ok := errors.AsType[*compileError](err); ok {
		p.Faults = append(p.Faults, compiling.Error())
		err = nil
	}
	if err != nil || plan == nil {
		return p, err
	}
	p.Plan = plan
	p.judge(r)
	return p, nil
}

// plan is what the planner says; nil where it has nothing to say, and then a note says why.
func (v *tpuRunCmd) plan(c *console, r launch.Run, p *preflight) (*tpu.Plan, error) {
	note := func(format string, args ...any) (*tpu.Plan, error) {
		p.Notes = append(p.Notes, fmt.Sprintf(format, args...)+": whether it fits and how long it takes is not known beforehand")
		return nil, nil
	}
	if v.On != backend.TPU {
		return note("%s computes and not the TPU", v.On)
	}
	if v.Verb != "pretrain" {
		return note("plans are made for pre-training, not for %s", v.Verb)
	}
	device, err := tpu.FindDevice(strings.Replace(r.Accelerator, "v5litepod-", "v5e-", 1))
	if err != nil {
		return note("there is no plan for a %s", r.Accelerator)
	}
	config, err := v.read(taskOf(v.Verb))
	if err != nil {
		return nil, err
	}
	if config.Model.Init, err = modelPath(c, config.Model.Init); err != nil {
		return nil, err
	}
	plugin, err := v.compiler(c)
	if err != nil {
		return nil, err
	}
	planner, err := openPlanner(c, config, device, &planCmd{configFlags: v.configFlags, Plugin: plugin, Price: r.HourPrice, Limit: v.Limit})
	if err != nil {
		return nil, err
	}
	plan, err := planner.plan(config.Task.Batch, planner.rows())
	p.steps = config.Schedule.Steps
	return &plan, err
}

// compiler is the library in the wheel that goes to the machine, unpacked here; empty where it cannot be loaded.
func (v *tpuRunCmd) compiler(c *console) (string, error) {
	if !pjrt.Linked || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", nil
	}
	release, err := backend.FindRelease(backend.TPU, launch.WheelVersion(v.Libtpu))
	if err != nil {
		return "", misusef("--libtpu %s: %w", v.Libtpu, err)
	}
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	installed, err := backend.Install(c.ctx, filepath.Join(dir, "plugins"), release, backend.InstallOptions{Wheels: []string{v.Libtpu}, Log: c.log})
	if err != nil {
		return "", misusef("--libtpu: %w", err)
	}
	return installed.Path, nil
}

// judge compares the plan with the run's bounds. Without a compiler the hours are those at the
// device's peak, which no run undercuts.
func (p *preflight) judge(r launch.Run) {
	plan := p.Plan
	p.Notes = append(p.Notes, plan.Notes...)
	if plan.Fits != nil && !*plan.Fits {
		p.Faults = append(p.Faults, fmt.Sprintf("the step does not fit a %s: %s", r.Accelerator, memoryText(*plan)))
	}
	about := "about"
	switch {
	case plan.Hours != nil:
		p.Hours = *plan.Hours
	case plan.FloorMS != nil:
		p.Hours, p.Least, about = float64(p.steps)**plan.FloorMS/float64(time.Hour.Milliseconds()), true, "at least"
	}
	p.Cost = r.Cost(p.Hours)
	if r.MaxHours > 0 && p.Hours > r.MaxHours {
		p.Faults = append(p.Faults, fmt.Sprintf("it would take %s %.3g hours, and --max-hours allows %g", about, p.Hours, r.MaxHours))
	}
	if r.MaxCost > 0 && p.Cost > r.MaxCost {
		p.Faults = append(p.Faults, fmt.Sprintf("it would cost %s %.3g, and --max-cost allows %g", about, p.Cost, r.MaxCost))
	}
}

// rows are the lines of a preflight for people.
func (p *preflight) rows(row func(name, format string, args ...any), prices launch.PriceTable) {
	about := map[bool]string{false: "about", true: "at least"}[p.Least]
	if p.Plan != nil {
		row("memory", "%s (%s)", memoryText(*p.Plan), p.Plan.Source)
	}
	if p.Hours > 0 {
		row("training", "%s %.3g hours", about, p.Hours)
	}
	if p.Cost > 0 {
		row("cost", "%s %.4g%s", about, p.Cost, priceSource(prices))
	}
	for _, fault := range p.Faults {
		row("fault", "%s", fault)
	}
	for _, note := range p.Notes {
		row("note", "%s", note)
	}
}

// priceSource says what money the prices are in and how old they are, where they are the list's.
func priceSource(t launch.PriceTable) string {
	if t.AsOf == "" {
		return " by the price table given"
	}
	return " " + t.Currency + " by the list prices of " + t.AsOf
}
