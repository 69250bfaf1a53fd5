package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/subbert/subbert/internal/process"
)

// Pool is the Executor that starts a process for every run, a number of them at once. On Linux concurrent
// processes use different processors; a process that is started alone, with no other to start beside it, uses all
// of them.
//
// The processes execute Step, each in its own process group: if the sweeping process is killed they go on, and the next
// sweep waits for them instead of repeating their work.
type Pool struct {
	Store   *Store
	Jobs    int                                // at once
	Command func(t Task, slot int) *exec.Cmd   // executes t; slot is 0 to Jobs-1, different for concurrent tasks
	Refuse  func(t Task, running []Task) error // returns why a task cannot be started now or later; may be nil
	Host    string
}

// look is the interval of checks on a run that another process works on.
const look = 200 * time.Millisecond

// ended is the end of a task of the pool.
type ended struct {
	task   Task
	slot   int
	change Change
}

// Execute implements Executor. When ctx ends it asks the processes to stop and waits for them.
func (p *Pool) Execute(ctx context.Context, tasks []Task, tell func(Change)) error {
	q := &queue{waiting: slices.Clone(tasks), open: make(map[string]bool)}
	for _, t := range tasks {
		q.open[t.Key] = true
	}
	for slot := range max(1, p.Jobs) {
		q.slots = append(q.slots, slot)
	}
	ends := make(chan ended)
	for {
		for t, ok := q.next(); ok && ctx.Err() == nil; t, ok = q.next() {
			if err := p.refused(t, q.running); err != nil {
				q.drop(t)
				tell(Change{t.Key, Failed, err.Error()})
				continue
			}
			slot := q.begin(t)
			tell(Change{Key: t.Key, State: Running})
			jobs := p.Jobs // number of jobs that share the processors
			if _, more := q.next(); !more && len(q.running) == 1 {
				jobs = 1
			}
			go func() { ends <- ended{t, slot, p.carry(ctx, t, slot, jobs)} }()
		}
		if len(q.running) == 0 {
			return nil
		}
		e := <-ends
		q.end(e)
		tell(e.change)
	}
}

func (p *Pool) refused(t Task, running []Task) error {
	if p.Refuse == nil {
		return nil
	}
	return p.Refuse(t, running)
}

// queue holds the waiting and the running tasks of a pool.
type queue struct {
	waiting, running []Task
	open             map[string]bool // keys of tasks that are not done
	slots            []int           // that are free
}

// next is the first task that can be started now.
func (q *queue) next() (t Task, ok bool) {
	if len(q.slots) == 0 {
		return t, false
	}
	for _, t := range q.waiting {
		if !slices.ContainsFunc(t.Needs, func(key string) bool { return q.open[key] }) {
			return t, true
		}
	}
	return t, false
}

// drop removes t from the waiting tasks.
func (q *queue) drop(t Task) {
	q.waiting = slices.DeleteFunc(q.waiting, func(w Task) bool { return w.Key == t.Key })
}

// begin moves t to the running tasks and assigns it a slot.
func (q *queue) begin(t Task) (slot int) {
	q.drop(t)
	q.running = append(q.running, t)
	slot, q.slots = q.slots[0], q.slots[1:]
	return slot
}

func (q *queue) end(e ended) {
	q.slots = append(q.slots, e.slot)
	q.running = slices.DeleteFunc(q.running, func(t Task) bool { return t.Key == e.task.Key })
	q.open[e.task.Key] = e.change.State != Done
}

// carry executes one task, or waits for another process that does. jobs is the number of concurrent tasks.
func (p *Pool) carry(ctx context.Context, t Task, slot, jobs int) Change {
	for {
		if err := p.awaitOthers(ctx, t); err != nil {
			return Change{t.Key, Failed, err.Error()}
		}
		started := time.Now().UTC()
		var err error
		if done, _ := p.Store.Done(t.Key); done == nil && ctx.Err() == nil {
			err = p.process(ctx, t, slot, jobs)
		}
		if busy, busyErr := p.Store.Busy(t.Key); busyErr == nil && busy && ctx.Err() == nil {
			continue // another process was faster
		}
		return p.verdict(ctx, t, started, err)
	}
}

// awaitOthers returns once no other process works on t. When ctx ends it asks that process to stop, if it is on this host.
func (p *Pool) awaitOthers(ctx context.Context, t Task) error {
	asked := false
	for {
		busy, err := p.Store.Busy(t.Key)
		if !busy || err != nil {
			return err
		}
		if ctx.Err() != nil && !asked {
			if asked, err = p.askToStop(t); !asked {
				return err
			}
		}
		time.Sleep(look)
	}
}

// askToStop sends SIGTERM to the process that holds the lock of t; asked is false if that is not possible.
func (p *Pool) askToStop(t Task) (asked bool, err error) {
	text, err := os.ReadFile(filepath.Join(t.Dir, lockFile))
	if err != nil {
		return false, err
	}
	var h holder
	if err := json.Unmarshal(text, &h); err != nil || h.Host != p.Host || h.PID <= 1 {
		return false, nil
	}
	return true, process.Terminate(h.PID)
}

// process runs the process of a task; its output goes to the run's log.
func (p *Pool) process(ctx context.Context, t Task, slot, jobs int) (err error) {
	log, err := os.OpenFile(filepath.Join(t.Dir, LogFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	cmd := p.Command(t, slot)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.Work, log, log
	process.Lead(cmd)
	if err := startOn(cmd, slot, jobs); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGTERM) }) // fails only if it has ended
	defer stop()
	return cmd.Wait()
}

// verdict determines the result of a task from its directory; err is the error of its process. It records a failure
// for a process that died without leaving one.
func (p *Pool) verdict(ctx context.Context, t Task, started time.Time, err error) Change {
	done, damaged := p.Store.Done(t.Key)
	if damaged != nil {
		return Change{t.Key, Failed, damaged.Error()}
	}
	if done != nil {
		return Change{Key: t.Key, State: Done}
	}
	failure, _ := p.Store.Failed(t.Key)
	if failure != nil && failure.Ended.After(started) {
		if failure.Interrupted && ctx.Err() != nil {
			return Change{Key: t.Key, State: Waiting}
		}
		return Change{t.Key, Failed, failure.Why}
	}
	if ctx.Err() != nil {
		return Change{Key: t.Key, State: Waiting}
	}
	why := "the process ended without a result"
	if err != nil {
		why = err.Error()
	}
	return Change{t.Key, Failed, why}
}
