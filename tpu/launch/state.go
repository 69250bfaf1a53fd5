package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/internal/readable"
)

// State is everything that the store of a run says about it.
type State struct {
	Run        Run        `json:"run"`
	Controller Status     `json:"controller"`
	Heartbeat  *Heartbeat `json:"heartbeat"`      // the last one; nil if there was none
	Outcome    *Outcome   `json:"outcome"`        // nil if the run has not ended
	Cost       float64    `json:"cost,omitempty"` // so far; 0 if the price is unknown
}

// ReadState reads the state of the run in a store.
func ReadState(ctx context.Context, s bucket.Store) (t State, err error) {
	if t.Run, err = ReadRun(ctx, s); err != nil {
		return t, err
	}
	if t.Controller, err = ReadStatus(ctx, s); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if t.Heartbeat, err = ReadHeartbeat(ctx, s); err != nil {
		return t, err
	}
	t.Outcome, err = ReadOutcome(ctx, s)
	t.Cost = t.Run.Cost(t.Controller.Hours)
	return t, err
}

// Rows describes the state at a time for people, each row with a name and a text.
func (t State) Rows(now time.Time) [][2]string {
	var rows [][2]string
	row := func(name, format string, args ...any) {
		rows = append(rows, [2]string{name, fmt.Sprintf(format, args...)})
	}
	row("run", "%s: %s in %s of %s, %s", t.Run.ID, t.Run.Accelerator, t.Run.Zone, t.Run.Project, t.Run.Desired)
	row("controller", "%s", t.Controller.Doing)
	row("machines", "%d requested, %d taken away, %.2f hours", t.Controller.Attempts, t.Controller.Preemptions, t.Controller.Hours)
	if t.Cost > 0 {
		row("cost", "%.2f", t.Cost)
	}
	if h := t.Heartbeat; h != nil {
		row("heartbeat", "%s, step %d, %s ago by %s", h.Doing, h.Step, readable.Duration(now.Sub(h.Time)), h.Host)
	}
	if o := t.Outcome; o != nil {
		row("outcome", "%s at step %d %s", o.State, o.Step, o.Why)
	}
	return rows
}
