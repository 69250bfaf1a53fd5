package slurm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/sweep"
)

// live lists the states of jobs that have not ended.
var live = []string{
	"PENDING", "RUNNING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESIZING", "SUSPENDED", "CONFIGURING", "COMPLETING", "SIGNALING", "STAGE_OUT", "STOPPED",
	"SPECIAL_EXIT", "RESV_DEL_HOLD",
}

func isLive(state string) bool { return slices.Contains(live, state) }

// watch polls the jobs of tasks until each has ended, and reports their results.
func (q *Queue) watch(ctx context.Context, tasks []sweep.Task, jobs map[string]string, tell func(sweep.Change)) error {
	w := &watcher{queue: q, jobs: jobs, open: slices.Clone(tasks), state: make(map[string]sweep.State), gone: make(map[string]int), lost: make(map[string]bool)}
	for misses := 0; len(w.open) > 0; {
		states, err := jobStates(ctx, slices.Sorted(maps.Values(jobs)))
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			misses = 0
			if err := w.look(states, tell); err != nil {
				return err
			}
		} else if misses++; misses > 20 {
			return err
		} else {
			q.Log.Warn("SLURM failed; asking again", "error", err) // a busy slurmctld times out now and then
		}
		if len(w.open) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(q.Poll):
		}
	}
	return nil
}

// watcher is the known state of the tasks in the queue.
type watcher struct {
	queue *Queue
	jobs  map[string]string
	open  []sweep.Task
	state map[string]sweep.State // last reported state, by key
	gone  map[string]int         // consecutive polls at which the job of a run had ended without a result
	lost  map[string]bool        // keys of runs that failed, or need one that did
}

// patience is the number of consecutive polls at which a job must have ended for its run to count as failed: a marker
// written on another host may take a moment to become visible here.
const patience = 2

// look compares the store and the queue with the reported states. The tasks are in order.
func (w *watcher) look(states map[string]string, tell func(sweep.Change)) error {
	var open []sweep.Task
	for _, t := range w.open {
		change, over, err := w.judge(t, states[w.jobs[t.Key]])
		if err != nil {
			return err
		}
		if change.State != "" && change.State != w.state[t.Key] {
			w.state[t.Key] = change.State
			tell(change)
		}
		if !over {
			open = append(open, t)
		}
	}
	w.open = open
	return nil
}

// judge returns the change of t, whose job has the given state, and whether t has ended.
func (w *watcher) judge(t sweep.Task, state string) (c sweep.Change, over bool, err error) {
	c.Key = t.Key
	done, err := w.queue.Store.Done(t.Key)
	if err != nil {
		c.State, c.Why, w.lost[t.Key] = sweep.Failed, err.Error(), true
		return c, true, nil
	}
	if done != nil {
		c.State = sweep.Done
		return c, true, nil
	}
	if slices.ContainsFunc(t.Needs, func(n string) bool { return w.lost[n] }) {
		w.lost[t.Key] = true // SLURM removes its job from the queue
		return c, true, nil
	}
	if isLive(state) {
		w.gone[t.Key] = 0
		if c.State = sweep.Waiting; state == "RUNNING" {
			c.State = sweep.Running
		}
		return c, false, nil
	}
	if w.gone[t.Key]++; w.gone[t.Key] < patience {
		return c, false, nil
	}
	w.lost[t.Key] = true
	c.State, c.Why = sweep.Failed, w.why(t, state)
	return c, true, nil
}

// why describes the failure of a run whose job ended without a result.
func (w *watcher) why(t sweep.Task, state string) string {
	job := "job " + w.jobs[t.Key]
	if state == "" {
		state = "is not known to SLURM any more"
	}
	if f, err := w.queue.Store.Failed(t.Key); err == nil && f != nil {
		return fmt.Sprintf("%s (%s: %s)", f.Why, job, state)
	}
	return job + ": " + state
}

// reconcile removes runs that are not in the queue from the ledger, and finds the jobs of arrays whose
// submission is uncertain.
func (q *Queue) reconcile(ctx context.Context, l *ledger) error {
	if len(l.entries) == 0 {
		return nil
	}
	out, err := command(ctx, "squeue", "--me", "--array", "--noheader", "--format=%i|%F|%j")
	if err != nil {
		return err
	}
	queued, byName := make(map[string]bool), make(map[string]string)
	for _, row := range rows(out) {
		if len(row) == 3 {
			queued[row[0]], byName[row[2]] = true, row[1]
		}
	}
	for _, e := range slices.Clone(l.entries) {
		job := byName[e.Name]
		switch {
		case job == "":
			err = l.drop(e.Name)
		case e.Job == "":
			q.Log.Info("watching jobs of an earlier sweep", "job", job, "runs", len(e.Keys))
			err = l.submitted(e.Name, job)
		}
		if err != nil {
			return err
		}
	}
	return l.keep(func(job string) bool { return queued[job] })
}

// jobStates returns the states of jobs, "ID_INDEX": from the accounting, or from the queue and from SLURM's memory of a
// few minutes. An unknown job has none.
func jobStates(ctx context.Context, jobs []string) (map[string]string, error) {
	states := make(map[string]string)
	out, err := command(ctx, "squeue", "--me", "--array", "--noheader", "--format=%i|%T")
	if err != nil {
		return nil, err
	}
	for _, row := range rows(out) {
		if len(row) == 2 {
			states[row[0]] = row[1]
		}
	}
	var ended []string
	for _, j := range jobs {
		if states[j] == "" {
			ended = append(ended, j)
		}
	}
	if len(ended) == 0 {
		return states, nil
	}
	out, err = command(ctx, "sacct", "--allocations", "--noheader", "--parsable2", "--format=JobID,State", "--jobs="+strings.Join(ended, ","))
	if err == nil {
		for _, row := range rows(out) {
			if len(row) == 2 {
				states[row[0]], _, _ = strings.Cut(row[1], " ") // CANCELLED by 1000
			}
		}
		return states, nil
	}
	return states, remembered(ctx, ended, states)
}

// remembered queries the states of ended jobs without accounting.
func remembered(ctx context.Context, jobs []string, states map[string]string) error {
	for _, j := range jobs {
		out, err := command(ctx, "scontrol", "--oneliner", "show", "job", j)
		if err != nil && strings.Contains(err.Error(), "Invalid job id") {
			continue
		}
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		for _, field := range strings.Fields(out) {
			if s, ok := strings.CutPrefix(field, "JobState="); ok {
				states[j] = s
			}
		}
	}
	return nil
}

// rows splits a table with | between columns.
func rows(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		all = append(all, strings.Split(strings.TrimSpace(line), "|"))
	}
	return all
}
