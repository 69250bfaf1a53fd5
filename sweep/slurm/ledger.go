package slurm

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/sweep"
)

// ledger is slurm/jobs.json of a store: the arrays that are, or may be, in the queue. One process at a time has it
// open.
type ledger struct {
	dir     string
	lock    *flock.Flock
	entries []entry
}

// entry is an array: its task i executes the run Keys[i], which becomes empty when that is over. Without Job it is
// unknown whether the array was submitted.
type entry struct {
	Name string   `json:"name"`
	Job  string   `json:"job,omitempty"`
	Keys []string `json:"keys"`
}

// newName returns a unique name for an array's jobs, by which the array can be found.
func newName() string { return "subbert-" + strings.ToLower(rand.Text()[:12]) }

// openLedger waits until no other process has it open.
func openLedger(s *sweep.Store) (*ledger, error) {
	l := &ledger{dir: s.Path("slurm")}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return nil, err
	}
	l.lock = flock.New(filepath.Join(l.dir, ".lock"))
	if err := l.lock.Lock(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(l.path())
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l.entries)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", l.path(), err), l.close())
	}
	return l, nil
}

func (l *ledger) path() string { return filepath.Join(l.dir, "jobs.json") }

func (l *ledger) close() error { return l.lock.Unlock() }

func (l *ledger) save() error {
	text, err := json.MarshalIndent(l.entries, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(l.path(), append(text, '\n'))
}

func (l *ledger) add(e entry) error {
	l.entries = append(l.entries, e)
	return l.save()
}

// submitted records the job of the array with a name.
func (l *ledger) submitted(name, job string) error {
	for i := range l.entries {
		if l.entries[i].Name == name {
			l.entries[i].Job = job
		}
	}
	return l.save()
}

// drop removes the array with a name, and its script.
func (l *ledger) drop(name string) error {
	l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return e.Name == name })
	err := os.Remove(filepath.Join(l.dir, name+".sh"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.save())
}

func (l *ledger) clear() error {
	var errs []error
	for _, e := range slices.Clone(l.entries) {
		errs = append(errs, l.drop(e.Name))
	}
	return errors.Join(errs...)
}

// keep removes the tasks of arrays whose jobs, "ID_INDEX", are over.
func (l *ledger) keep(queued func(job string) bool) error {
	for _, e := range l.entries {
		for i := range e.Keys {
			if !queued(taskOf(e.Job, i)) {
				e.Keys[i] = ""
			}
		}
	}
	return l.save()
}

func taskOf(job string, i int) string { return fmt.Sprintf("%s_%d", job, i) }

// jobs are the jobs of runs, "ID_INDEX", by key.
func (l *ledger) jobs() map[string]string {
	jobs := make(map[string]string)
	for _, e := range l.entries {
		for i, key := range e.Keys {
			if key != "" {
				jobs[key] = taskOf(e.Job, i)
			}
		}
	}
	return jobs
}
