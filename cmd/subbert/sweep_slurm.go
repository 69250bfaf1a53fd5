package main

import (
	"fmt"
	"os"

	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/sweep/slurm"
)

// slurmQueue returns the executor that submits the runs to SLURM, whose jobs run this program.
func (f sweepFlags) slurmQueue(c *console, s *sweep.Store, on sweep.OnPlaces) (*slurm.Queue, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &slurm.Queue{
		Store: s, Program: append([]string{self}, c.withFlags(nil)...), Options: on.Slurm.Of, Poll: f.Poll, Log: c.log,
	}, nil
}

// cancel cancels the jobs that a sweep with its results in the directory out has submitted.
func (f sweepFlags) cancel(c *console, on sweep.OnPlaces, out string) error {
	if f.On != "slurm" {
		return misusef("--cancel needs --on slurm; SIGINT ends local runs")
	}
	store, err := sweep.OpenStore(out)
	if err != nil {
		return err
	}
	q, err := f.slurmQueue(c, store, on)
	if err != nil {
		return err
	}
	n, err := q.Cancel(c.ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "cancelled %s; complete runs stay\n", readable.Plural(n, "array", "s"))
	return err
}
