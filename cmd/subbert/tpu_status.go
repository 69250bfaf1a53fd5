package main

import (
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuStatusCmd struct {
	storeFlag
	JSON bool `name:"json" help:"Print everything as JSON."`
}

// tpuStatus is the status of a run.
type tpuStatus struct {
	Run        launch.Run        `json:"run"`
	Controller launch.Status     `json:"controller"`
	Heartbeat  *launch.Heartbeat `json:"heartbeat"`
	Outcome    *launch.Outcome   `json:"outcome"`
	Cost       float64           `json:"cost,omitempty"`
}

func (v *tpuStatusCmd) Run(c *console) error {
	return v.with(c, func(s *gcs.Store) error {
		status, err := readTPUStatus(c, s)
		if err != nil {
			return err
		}
		if v.JSON {
			return c.printJSON(status)
		}
		return status.print(c)
	})
}

func readTPUStatus(c *console, s *gcs.Store) (t tpuStatus, err error) {
	if t.Run, err = launch.ReadRun(c.ctx, s); err != nil {
		return t, err
	}
	if t.Controller, err = launch.ReadStatus(c.ctx, s); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	if t.Heartbeat, err = launch.ReadHeartbeat(c.ctx, s); err != nil {
		return t, err
	}
	t.Outcome, err = launch.ReadOutcome(c.ctx, s)
	t.Cost = t.Run.Cost(t.Controller.Hours)
	return t, err
}

func (t tpuStatus) print(c *console) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("run", "%s: %s in %s of %s, %s", t.Run.ID, t.Run.Accelerator, t.Run.Zone, t.Run.Project, t.Run.Desired)
	row("controller", "%s", t.Controller.Doing)
	row("machines", "%d asked for, %d taken away, %.2f hours", t.Controller.Attempts, t.Controller.Preemptions, t.Controller.Hours)
	if t.Cost > 0 {
		row("cost", "%.2f", t.Cost)
	}
	if h := t.Heartbeat; h != nil {
		row("heartbeat", "%s, step %d, %s ago by %s", h.Doing, h.Step, readable.Duration(time.Since(h.Time)), h.Host)
	}
	if o := t.Outcome; o != nil {
		row("outcome", "%s at step %d %s", o.State, o.Step, o.Why)
	}
	return w.Flush()
}
