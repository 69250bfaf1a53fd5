package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Interrupted is the exit code of a run that was interrupted and has saved its state.
const Interrupted = 130

// ErrBusy says that another process works on a run.
var ErrBusy = errors.New("another process is working on this run")

// Step executes one task, in the calling process.
type Step struct {
	Do      func(ctx context.Context, args []string) error // executes a command of the program
	Resumes func(args []string) bool                       // reports whether a command can continue from a checkpoint, with --resume
	Code    func(error) int                                // the exit code that an error stands for
	Host    string
}

// Run executes the task in a run's directory, unless it is done: it locks the directory, does the work, and marks the
// run as complete. The error is that of the work, and a Failure is written to the directory; it is ErrBusy if another
// process works on the run. The files of a killed process never count as a result.
func (s Step) Run(ctx context.Context, dir string) (err error) {
	t, err := ReadTask(dir)
	if err != nil {
		return err
	}
	release, err := s.claim(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if done, err := readDone(dir); done != nil || err != nil {
		return err
	}
	if err := needsDone(t); err != nil {
		return err
	}
	args := t.Args
	if s.Resumes(args) {
		args = append(slices.Clone(args), "--resume")
	} else if err := clear(dir); err != nil {
		return err
	}
	var before Failure
	if _, err := readJSON(filepath.Join(dir, FailedFile), &before); err != nil {
		return err
	}
	started := time.Now()
	err = s.Do(ctx, args)
	seconds := before.Seconds + time.Since(started).Seconds()
	if err != nil {
		return errors.Join(err, s.fail(dir, seconds, err))
	}
	return s.finish(t, args, seconds)
}

// patience is the time that a step waits for an earlier process, which may be saving before it ends.
const patience = time.Minute

// claim takes the lock of a run's directory and records its holder.
func (s Step) claim(ctx context.Context, dir string) (release func() error, err error) {
	l := flock.New(filepath.Join(dir, lockFile))
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ok, err := l.TryLockContext(waiting, 50*time.Millisecond)
	if !ok && (err == nil || errors.Is(err, context.DeadlineExceeded)) {
		err = fmt.Errorf("%s: %w", dir, ErrBusy)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(holder{s.Host, os.Getpid()})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, lockFile), text, 0o644) // the same file: it stays locked
	}
	if err != nil {
		return nil, errors.Join(err, l.Unlock())
	}
	return l.Unlock, nil
}

// holder is the content of a run's lock file: the process that holds it.
type holder struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
}

// needsDone returns an error if a run that t needs is not complete.
func needsDone(t Task) error {
	var errs []error
	for _, key := range t.Needs {
		needed := filepath.Join(filepath.Dir(t.Dir), key)
		done, err := readDone(needed)
		if err == nil && done == nil {
			err = fmt.Errorf("%s needs %s, which is not complete", t.Name, needed)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// clear removes the files of an unfinished attempt of a command that does not resume. It keeps the files of this
// package, and directories of finished pieces, NAME.work, from which data preparation continues.
func clear(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	ours := []string{TaskFile, ConfigFile, LogFile, FailedFile, lockFile}
	var errs []error
	for _, e := range entries {
		if !slices.Contains(ours, e.Name()) && filepath.Ext(e.Name()) != ".work" {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// fail records a failed attempt.
func (s Step) fail(dir string, seconds float64, err error) error {
	code := s.Code(err)
	why, _, _ := strings.Cut(err.Error(), "\n")
	return writeJSON(filepath.Join(dir, FailedFile), Failure{
		Code: code, Why: why, Interrupted: code == Interrupted, Seconds: seconds, Ended: time.Now().UTC(), Host: s.Host,
	})
}

// finish marks a run as complete.
func (s Step) finish(t Task, args []string, seconds float64) error {
	sum, err := resultSum(t.Dir)
	if err != nil {
		return err
	}
	m := Marker{Key: t.Key, Name: t.Name, Command: args, Seconds: seconds, Ended: time.Now().UTC(), Host: s.Host, Result: sum}
	if err := writeJSON(filepath.Join(t.Dir, DoneFile), m); err != nil {
		return err
	}
	err = os.Remove(filepath.Join(t.Dir, FailedFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
