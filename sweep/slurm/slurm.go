// Package slurm executes the runs of a sweep with SLURM.
//
// Runs with the same needs and the same resources become one job array. Each depends, by afterok, only on the array
// tasks it needs, so that a failure does not affect other runs. A job executes sweep.Step, which leaves the result in
// the store: the store, not the state of the job, determines whether a run is done. Before its time limit, and at
// preemption, a run gets SIGTERM, saves, and is requeued; it resumes from its newest checkpoint.
//
// The store records the job of each run (slurm/jobs.json), before and after its submission: a sweep that is stopped, or
// killed between the two, finds its jobs again, from any shell.
//
// The states come from sacct, or without accounting from squeue and scontrol. User input is passed to sbatch as
// arguments and to the script as quoted words.
package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/sweep"
)

// Queue is the sweep.Executor that submits runs to SLURM.
type Queue struct {
	Store   *sweep.Store
	Program []string                                                  // subbert and flags for every verb; an absolute path first
	Options func(group string) (options map[string]string, err error) // of sbatch, by name, for the runs of a group
	Poll    time.Duration                                             // between polls
	Log     *slog.Logger
}

// mostTasks is the maximum number of tasks of an array; SLURM's own default is 1001.
const mostTasks = 1000

// Execute implements sweep.Executor. It waits for jobs that were submitted before instead of submitting them
// again. When ctx ends the jobs go on.
func (q *Queue) Execute(ctx context.Context, tasks []sweep.Task, tell func(sweep.Change)) error {
	jobs, err := q.submit(ctx, tasks)
	if err != nil {
		return err
	}
	return q.watch(ctx, tasks, jobs, tell)
}

// batch is the runs of one array.
type batch struct {
	tasks   []sweep.Task
	options []string // of sbatch
	needs   []string // keys of runs that are not complete
	level   int      // length of the longest chain of needs
}

// submit submits every task that is not in the queue, and returns the job of each task, "ID_INDEX", by key.
func (q *Queue) submit(ctx context.Context, tasks []sweep.Task) (jobs map[string]string, err error) {
	l, err := openLedger(q.Store)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := q.reconcile(ctx, l); err != nil {
		return nil, err
	}
	jobs = l.jobs()
	var fresh []sweep.Task
	for _, t := range tasks {
		if jobs[t.Key] == "" {
			fresh = append(fresh, t)
		}
	}
	batches, err := q.batches(fresh)
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		if err := q.submitBatch(ctx, l, b, jobs); err != nil {
			return nil, err
		}
		jobs = l.jobs()
	}
	return jobs, nil
}

// batches groups tasks into arrays, those that others need first.
func (q *Queue) batches(tasks []sweep.Task) ([]batch, error) {
	levels := make(map[string]int)
	var all []batch
	index := make(map[string]int)
	for _, t := range tasks {
		b := batch{tasks: []sweep.Task{t}}
		for _, n := range t.Needs {
			done, err := q.Store.Done(n)
			if err != nil {
				return nil, err
			}
			if done == nil {
				b.needs = append(b.needs, n)
				b.level = max(b.level, levels[n]+1)
			}
		}
		slices.Sort(b.needs)
		levels[t.Key] = b.level
		var err error
		if b.options, err = q.options(t); err != nil {
			return nil, err
		}
		like := strings.Join(slices.Concat(b.needs, b.options, []string{t.Work}), "\x00")
		if i, ok := index[like]; ok && len(all[i].tasks) < mostTasks {
			all[i].tasks = append(all[i].tasks, t)
			continue
		}
		index[like] = len(all)
		all = append(all, b)
	}
	slices.SortStableFunc(all, func(a, b batch) int { return a.level - b.level })
	return all, nil
}

// submitBatch writes the script of a batch and submits it.
func (q *Queue) submitBatch(ctx context.Context, l *ledger, b batch, jobs map[string]string) error {
	var dirs, keys []string
	for _, t := range b.tasks {
		dirs, keys = append(dirs, t.Dir), append(keys, t.Key)
	}
	name := newName()
	script := filepath.Join(l.dir, name+".sh")
	if err := atomicfile.WriteProgram(script, []byte(Script(q.Program, dirs))); err != nil {
		return err
	}
	if err := l.add(entry{Name: name, Keys: keys}); err != nil {
		return err
	}
	var needed []string
	for _, n := range b.needs {
		if jobs[n] == "" {
			return fmt.Errorf("%s needs a run that is neither complete nor in the queue", b.tasks[0].Name)
		}
		needed = append(needed, jobs[n])
	}
	slices.Sort(needed)
	out, err := command(ctx, "sbatch", Arguments(name, len(dirs), b.tasks[0].Work, needed, b.options, script)...)
	if err != nil {
		return errors.Join(err, l.drop(name))
	}
	id, _, _ := strings.Cut(strings.TrimSpace(out), ";") // ID;CLUSTER
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return fmt.Errorf("sbatch printed %q, want the number of a job", out)
	}
	q.Log.Info("submitted", "job", id, "runs", len(dirs), "first", b.tasks[0].Name)
	return l.submitted(name, id)
}

// Cancel cancels all jobs of the store that are in the queue, running or not, and returns the number of their arrays.
func (q *Queue) Cancel(ctx context.Context) (n int, err error) {
	l, err := openLedger(q.Store)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := q.reconcile(ctx, l); err != nil {
		return 0, err
	}
	var ids []string
	for _, e := range l.entries {
		ids = append(ids, e.Job)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	if _, err := command(ctx, "scancel", ids...); err != nil {
		return 0, err
	}
	return len(ids), l.clear()
}

// command runs a command of SLURM and returns its output. Its error output becomes the error.
func command(ctx context.Context, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	c.Env = append(c.Environ(), "LC_ALL=C", "SLURM_TIME_FORMAT=standard")
	err := c.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s not found: is this a machine of a SLURM cluster?", name)
	}
	if err != nil {
		lines := strings.Fields(strings.ReplaceAll(complaint.String(), name+": ", ""))
		return "", fmt.Errorf("%s: %s: %w", name, strings.Join(lines, " "), err)
	}
	return out.String(), nil
}
