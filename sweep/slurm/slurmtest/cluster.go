// Package slurmtest simulates a SLURM cluster of one machine: sbatch, squeue, sacct, scontrol and scancel, as far as
// package slurm uses them. Jobs really run, with arrays, dependencies, time limits with a signal before, and
// requeueing.
//
// The commands are one shell script under five names, which writes a request to a directory and waits for the answer.
package slurmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/subbert/subbert/internal/process"
)

// Cluster is a simulated cluster. Its fields must be set before Start.
type Cluster struct {
	Slots      int           // jobs at once; 0: two
	Minute     time.Duration // of time limits; 0: a real one
	Accounting bool          // sacct works, and scontrol forgets ended jobs at once

	dir    string
	mu     sync.Mutex
	last   int
	jobs   []*job
	calls  map[string][][]string
	faults map[string][]string
	wait   sync.WaitGroup
}

// job is one task of an array.
type job struct {
	array, index int
	name, script string
	work         string
	minutes      int // time limit; 0: none
	early        int // seconds before it at which TERM is sent
	needs        []string
	state        string
	restarts     int
	requeue      bool
	cancelled    bool
	last         bool
	process      *os.Process
}

func (j *job) id() string { return fmt.Sprintf("%d_%d", j.array, j.index) }

// own is the job's own number. The last job of an array has the number of the array.
func (j *job) own() int {
	if j.last {
		return j.array
	}
	return 100*j.array + j.index
}

const client = `#!/bin/bash
request=$(mktemp -u '@DIR@/XXXXXXXXXXXX')
printf '%s\0' "${0##*/}" "$@" >"$request.new"
mv "$request.new" "$request.request"
until [ -e "$request.answer" ]; do sleep 0.01; done
cat "$request.out"
cat "$request.err" >&2
exit "$(cat "$request.answer")"
`

// Start puts the commands at the front of PATH and runs the cluster until the test ends.
func (c *Cluster) Start(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	if c.Slots == 0 {
		c.Slots = 2
	}
	if c.Minute == 0 {
		c.Minute = time.Minute
	}
	c.dir, c.calls, c.faults = t.TempDir(), make(map[string][][]string), make(map[string][]string)
	bin := t.TempDir()
	for _, name := range []string{"sbatch", "squeue", "sacct", "scontrol", "scancel"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(strings.ReplaceAll(client, "@DIR@", c.dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range new(exec.Cmd).Environ() {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			t.Setenv("PATH", bin+":"+path)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	c.wait.Go(func() {
		for ctx.Err() == nil {
			c.serve(t)
			c.schedule()
			time.Sleep(5 * time.Millisecond)
		}
	})
	t.Cleanup(func() {
		c.cancel("")
		stop()
		c.wait.Wait()
	})
}

// Fail makes the next calls of a command fail with these messages.
func (c *Cluster) Fail(command string, messages ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[command] = append(c.faults[command], messages...)
}

// Calls are the arguments of the calls of a command.
func (c *Cluster) Calls(command string) [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls[command])
}

// Left names the jobs that are in the queue.
func (c *Cluster) Left() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs {
		if !j.ended() {
			ids = append(ids, j.id()+" "+j.state)
		}
	}
	return ids
}

// Restarts is the number of times that jobs were requeued.
func (c *Cluster) Restarts() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs {
		n += j.restarts
	}
	return n
}

// Preempt preempts running jobs, with TERM and, if abrupt, with KILL, and requeues them. It returns their number.
func (c *Cluster) Preempt(abrupt bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.jobs {
		if j.state == "RUNNING" && j.process != nil {
			n++
			j.requeue = true
			j.signal(abrupt)
		}
	}
	return n
}

// signal sends TERM to the batch shell, or KILL to the whole job.
func (j *job) signal(abrupt bool) {
	if abrupt {
		process.KillGroup(j.process)
	} else {
		process.Terminate(j.process.Pid)
	}
}

// serve answers the pending requests.
func (c *Cluster) serve(t *testing.T) {
	requests, err := filepath.Glob(filepath.Join(c.dir, "*.request"))
	if err != nil {
		t.Error(err)
	}
	for _, r := range requests {
		text, err := os.ReadFile(r)
		if err != nil {
			t.Error(err)
			continue
		}
		args := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
		out, complaint := c.answer(args[0], args[1:])
		base, code := strings.TrimSuffix(r, ".request"), "0"
		if complaint != "" {
			code, complaint = "1", args[0]+": error: "+complaint+"\n"
		}
		err = errors.Join(os.Remove(r), os.WriteFile(base+".out", []byte(out), 0o644), os.WriteFile(base+".err", []byte(complaint), 0o644),
			os.WriteFile(base+".part", []byte(code), 0o644), os.Rename(base+".part", base+".answer"))
		if err != nil {
			t.Error(err)
		}
	}
}

func (c *Cluster) answer(command string, args []string) (out, complaint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[command] = append(c.calls[command], args)
	if f := c.faults[command]; len(f) > 0 {
		c.faults[command] = f[1:]
		return "", f[0]
	}
	switch command {
	case "sbatch":
		return c.sbatch(args)
	case "squeue":
		return c.squeue(args), ""
	case "sacct":
		return c.sacct(strings.TrimPrefix(args[len(args)-1], "--jobs="))
	case "scancel":
		for _, id := range args {
			c.cancelLocked(id)
		}
	case "scontrol":
		return c.scontrol(args)
	}
	return "", ""
}

// sbatch takes the arguments that slurm.Arguments makes.
func (c *Cluster) sbatch(args []string) (out, complaint string) {
	like := job{script: args[len(args)-1], state: "PENDING"}
	most := 0
	for _, a := range args[:len(args)-1] {
		option, value, _ := strings.Cut(a, "=")
		var err error
		switch option {
		case "--job-name":
			like.name = value
		case "--array":
			most, err = strconv.Atoi(strings.TrimPrefix(value, "0-"))
		case "--time":
			like.minutes, err = strconv.Atoi(value)
		case "--signal":
			like.early, err = strconv.Atoi(strings.TrimPrefix(value, "B:TERM@"))
		case "--chdir":
			like.work = value
		case "--dependency":
			like.needs = strings.Split(strings.TrimPrefix(value, "afterok:"), ":")
		case "--partition":
			return "", "invalid partition specified: " + value
		}
		if err != nil {
			return "", err.Error()
		}
	}
	c.last++
	for i := range most + 1 {
		one := like
		one.array, one.index, one.last = c.last, i, i == most
		c.jobs = append(c.jobs, &one)
	}
	return fmt.Sprintln(c.last), ""
}

func (j *job) ended() bool {
	return !slices.Contains([]string{"PENDING", "RUNNING", "COMPLETING"}, j.state)
}

// squeue prints what is in the queue: %i is ID_INDEX, %F the array, %T the state, %j the name.
func (c *Cluster) squeue(args []string) string {
	var format, only string
	for _, a := range args {
		if f, ok := strings.CutPrefix(a, "--format="); ok {
			format = f
		}
		if o, ok := strings.CutPrefix(a, "--jobs="); ok {
			only = o
		}
	}
	var b strings.Builder
	for _, j := range c.jobs {
		if !j.ended() && (only == "" || only == j.id()) {
			b.WriteString(strings.NewReplacer("%i", j.id(), "%F", fmt.Sprint(j.array), "%T", j.state, "%j", j.name).Replace(format) + "\n")
		}
	}
	return b.String()
}

func (c *Cluster) sacct(ids string) (out, complaint string) {
	if !c.Accounting {
		return "", "Slurm accounting storage is disabled"
	}
	for _, j := range c.jobs {
		if slices.Contains(strings.Split(ids, ","), j.id()) {
			out += j.id() + "|" + j.state + "\n"
		}
	}
	return out, ""
}

// scontrol implements `--oneliner show job ID` and `requeue ID`. Like the real one, requeue takes the number of an
// array for all of its tasks, and accepts cancelled jobs too.
func (c *Cluster) scontrol(args []string) (out, complaint string) {
	last, complaint := args[len(args)-1], "Invalid job id specified"
	for _, j := range c.jobs {
		named := j.id() == last || fmt.Sprint(j.own()) == last || fmt.Sprint(j.array) == last
		switch {
		case args[0] == "requeue" && named && (j.state == "RUNNING" || j.state == "COMPLETING"):
			j.requeue, complaint = true, ""
			j.signal(true)
		case args[0] != "requeue" && j.id() == last && !c.Accounting:
			return "JobId=" + fmt.Sprint(j.own()) + " JobName=" + j.name + " JobState=" + j.state + " Reason=None\n", ""
		}
	}
	return "", complaint
}

// killWait is the time that a cancelled job gets to end by itself.
const killWait = 500 * time.Millisecond

// cancel cancels an array, or all jobs.
func (c *Cluster) cancel(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelLocked(id)
}

func (c *Cluster) cancelLocked(id string) {
	for _, j := range c.jobs {
		if j.ended() || id != "" && fmt.Sprint(j.array) != id {
			continue
		}
		if j.process == nil {
			j.state = "CANCELLED by 1000"
			continue
		}
		j.cancelled, j.state = true, "COMPLETING"
		process := j.process
		j.signal(false)
		c.wait.Go(func() {
			time.Sleep(killWait)
			c.mu.Lock()
			defer c.mu.Unlock()
			if j.process == process {
				j.signal(true)
			}
		})
	}
}

// schedule starts jobs that can run and removes jobs that never will.
func (c *Cluster) schedule() {
	c.mu.Lock()
	defer c.mu.Unlock()
	running := 0
	states := make(map[string]string)
	for _, j := range c.jobs {
		states[j.id()] = j.state
		if j.process != nil {
			running++
		}
	}
	for _, j := range c.jobs {
		ready := j.state == "PENDING" && j.process == nil
		for _, n := range j.needs {
			s := states[n]
			if s == "PENDING" || s == "RUNNING" || s == "COMPLETING" {
				ready = false
			} else if s != "COMPLETED" && j.state == "PENDING" {
				ready, j.state = false, "CANCELLED"
			}
		}
		if ready && running < c.Slots {
			running++
			c.begin(j)
		}
	}
}

// begin starts a turn of a job.
func (c *Cluster) begin(j *job) {
	cmd := exec.Command("bash", j.script)
	cmd.Dir = j.work
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("SLURM_ARRAY_JOB_ID=%d", j.array), fmt.Sprintf("SLURM_ARRAY_TASK_ID=%d", j.index),
		fmt.Sprintf("SLURM_JOB_ID=%d", j.own()), fmt.Sprintf("SLURM_RESTART_COUNT=%d", j.restarts))
	process.Lead(cmd)
	cmd.Stdout, cmd.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		j.state = "NODE_FAIL"
		return
	}
	j.state, j.process = "RUNNING", cmd.Process
	limit := time.Duration(j.minutes) * c.Minute
	c.wait.Go(func() {
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		timedOut := false
		if limit > 0 {
			timedOut = c.bound(j, ended, limit)
		} else {
			ended <- <-ended
		}
		err := <-ended
		c.over(j, err, timedOut)
	})
}

// bound lets a job run up to its limit, with a signal before.
func (c *Cluster) bound(j *job, ended chan error, limit time.Duration) (timedOut bool) {
	for _, stage := range []struct {
		after  time.Duration
		abrupt bool
	}{{limit - c.Minute*time.Duration(j.early)/60, false}, {c.Minute * time.Duration(j.early) / 60, true}} {
		select {
		case err := <-ended:
			ended <- err
			return false
		case <-time.After(stage.after):
			c.mu.Lock()
			j.signal(stage.abrupt)
			c.mu.Unlock()
		}
	}
	return true
}

// over records the end of a turn of a job.
func (c *Cluster) over(j *job, err error, timedOut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j.process = nil
	switch {
	case j.requeue:
		j.requeue, j.cancelled, j.state = false, false, "PENDING"
		j.restarts++
	case j.cancelled:
		j.state = "CANCELLED by 1000"
	case timedOut:
		j.state = "TIMEOUT"
	case err != nil:
		j.state = "FAILED"
	default:
		j.state = "COMPLETED"
	}
}
