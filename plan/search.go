package plan

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// OutOfMemoryError says that a program does not fit its device.
type OutOfMemoryError struct {
	Device, Graph string
	Text          string // of the compiler
}

var memoryUsed = regexp.MustCompile(`Used ([0-9.]+[KMGT]) of ([0-9.]+[KMGT])`)

func (e *OutOfMemoryError) Error() string {
	if m := memoryUsed.FindStringSubmatch(e.Text); m != nil {
		return fmt.Sprintf("%s: the step does not fit: it needs %siB of the %siB of memory of a device", e.Device, m[1], m[2])
	}
	first, _, _ := strings.Cut(e.Text, "\n")
	return fmt.Sprintf("%s: the step does not fit the device's memory: %s", e.Device, first)
}

// Hint names settings that make a step smaller.
func (e *OutOfMemoryError) Hint() string {
	return `reduce task.micro_batch, whose gradients are accumulated to the same batch (--search finds the largest that fits), or set device.precision = "bfloat16", which halves the activations`
}

// CompileError says that the device's compiler rejects a program.
type CompileError struct {
	Device, Graph string
	Text          string // of the compiler
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("compile %s for %s: %s", e.Graph, e.Device, e.Text)
}

// Search finds the largest microbatch that fits, by compiling several, and plans the run with it.
func (p *Planner) Search(ctx context.Context) (Plan, error) {
	unit := p.options.Device.Devices
	fits := func(n int) (plan Plan, ok bool, err error) {
		micro := n * unit
		batch := (max(p.batching.Batch, micro) + micro - 1) / micro * micro
		plan, err = p.plan(ctx, batch, micro)
		if _, full := errors.AsType[*OutOfMemoryError](err); full {
			p.tell("does not fit", micro)
			return plan, false, nil
		}
		ok = err == nil && (plan.Fits == nil || *plan.Fits)
		p.tell(map[bool]string{true: "fits", false: "does not fit"}[ok], micro)
		return plan, ok, err
	}
	return largest(fits, max(1, p.batching.Rows()/unit))
}

func (p *Planner) tell(what string, micro int) {
	if p.options.Log != nil {
		p.options.Log.Info(what, "micro_batch", micro)
	}
}

// largest doubles n from start until it does not fit, or halves it until it fits, and then bisects until the result is
// within an eighth.
func largest(fits func(n int) (Plan, bool, error), start int) (best Plan, err error) {
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
			return best, errors.New("no microbatch fits, not even one row on each device")
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

// maxRowsPerDevice ends the search on a device of unknown memory.
const maxRowsPerDevice = 1 << 14
