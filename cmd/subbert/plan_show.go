package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/tpu"
)

// outOfMemoryError says that a program does not fit its device.
type outOfMemoryError struct{ device, graph, text string }

var memoryUsed = regexp.MustCompile(`Used ([0-9.]+[KMGT]) of ([0-9.]+[KMGT])`)

func (e *outOfMemoryError) Error() string {
	if m := memoryUsed.FindStringSubmatch(e.text); m != nil {
		return fmt.Sprintf("%s: the step does not fit: each device would need %siB of %siB of memory", e.device, m[1], m[2])
	}
	first, _, _ := strings.Cut(e.text, "\n")
	return fmt.Sprintf("%s: the step does not fit the device's memory: %s", e.device, first)
}

// Hint names what makes a step smaller.
func (e *outOfMemoryError) Hint() string {
	return `a smaller task.micro_batch is accumulated to the same batch (--search finds the largest that fits); device.precision = "bfloat16" halves the activations`
}

// compileError says that the device's compiler refuses a program.
type compileError struct{ device, graph, text string }

func (e *compileError) Error() string {
	return fmt.Sprintf("compile %s for %s: %s", e.graph, e.device, e.text)
}

// search finds the largest microbatch that fits, and its plan.
func (p *planner) search() (tpu.Plan, error) {
	unit := p.device.Devices
	fits := func(n int) (plan tpu.Plan, ok bool, err error) {
		micro := n * unit
		batch := (max(p.config.Task.Batch, micro) + micro - 1) / micro * micro
		plan, err = p.plan(batch, micro)
		if _, full := errors.AsType[*outOfMemoryError](err); full {
			p.c.log.Info("does not fit", "micro_batch", micro)
			return plan, false, nil
		}
		ok = err == nil && (plan.Fits == nil || *plan.Fits)
		p.c.log.Info("tried", "micro_batch", micro, "fits", ok)
		return plan, ok, err
	}
	return largest(fits, max(1, p.rows()/unit))
}

// largest doubles n from start until it fits no more, or halves it until it does, and then closes in until the answer is
// within an eighth.
func largest(fits func(n int) (tpu.Plan, bool, error), start int) (best tpu.Plan, err error) {
	low, high := 0, 0 // the largest that fits, the smallest that does not; 0: none yet
	for n := start; high == 0 || high-low > max(1, low/8); {
		plan, ok, err := fits(n)
		if err != nil {
			return best, err
		}
		if ok {
			low, best = n, plan
		} else {
			high = n
		}
		switch {
		case high == 1:
			return best, errors.New("plan: not even one row a device fits")
		case high == 0 && low >= maxRowsPerDevice:
			return best, nil
		case high == 0:
			n = 2 * low
		default:
			n = (low + high) / 2
		}
	}
	return best, nil
}

// maxRowsPerDevice ends the search on a device whose memory is not known.
const maxRowsPerDevice = 1 << 14

// show prints the plan.
func (v *planCmd) show(c *console, plan tpu.Plan) error {
	if v.JSON {
		return c.printJSON(plan)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name, unit string, x *float64, scale float64) { // what is not known is in the notes
		if x != nil {
			fmt.Fprintf(w, "%s\t%.4g %s\n", name, *x*scale, unit)
		}
	}
	fmt.Fprintf(w, "device\t%s, %s (%s)\n", plan.Device, plural(plan.Devices, "device", "s"), plan.Source)
	fmt.Fprintf(w, "batch\t%d in microbatches of %d\n", plan.Batch, plan.MicroBatch)
	row("operations of a step", "TFLOP", plan.FLOPs, 1e-12)
	row("memory traffic of a step", "GB a device", plan.Bytes, 1e-9)
	fmt.Fprintf(w, "memory, peak\t%s\n", memoryText(plan))
	if plan.Collectives != nil {
		fmt.Fprintf(w, "exchanges\t%d of %.4g MB together\n", plan.Collectives.Count, float64(plan.Collectives.Bytes)/1e6)
	}
	e := plan.EstimatedMS
	for _, part := range []struct {
		name string
		x    *float64
	}{{"estimated operations", e.Total}, {"  products", e.Matmul}, {"  optimizer", e.Optimizer}, {"  reductions", e.Reductions},
		{"  copies", e.Copies}, {"  random numbers", e.RNG}, {"  other", e.Other}, {"exchanges, by the links' speed", plan.CollectivesMS},
		{"step, estimated", plan.StepMS}, {"step at the device's peak", plan.FloorMS}} {
		row(part.name, "ms", part.x, 1)
	}
	row("tokens", "a second", plan.TokensPerSec, 1)
	row("share of the peak (MFU)", "%", plan.MFU, 100)
	row("run", "hours", plan.Hours, 1)
	row("cost", "", plan.Cost, 1)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range plan.Notes {
		fmt.Fprintf(c.out, "note: %s\n", n)
	}
	return nil
}

// memoryText is what a device needs of what it has.
func memoryText(p tpu.Plan) string {
	if p.PeakBytes == nil {
		return "not known"
	}
	text := fmt.Sprintf("%.4g GB a device", float64(*p.PeakBytes)/1e9)
	if p.MemoryBytes != nil {
		text += fmt.Sprintf(" of %.4g GB", float64(*p.MemoryBytes)/1e9)
	}
	if p.Fits != nil && !*p.Fits {
		text += ": does not fit"
	}
	return text
}
