package rundir

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/internal/freespace"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/trainer"
)

// SaveError says that a checkpoint could not be written. The earlier checkpoints are unchanged.
type SaveError struct {
	Step   int
	Newest int    // step of the newest checkpoint that exists; -1 if there is none
	Dir    string // of the checkpoints
	Err    error
}

func (e *SaveError) Error() string {
	return fmt.Sprintf("cannot write the checkpoint of step %d: %s", e.Step, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}

func (e *SaveError) Unwrap() error { return e.Err }

// Hint returns what the user can do.
func (e *SaveError) Hint() string {
	first := "check that " + e.Dir + " is writable"
	if errors.Is(e.Err, syscall.ENOSPC) || errors.Is(e.Err, syscall.EDQUOT) {
		first = "make room in " + e.Dir
	}
	if e.Newest < 0 {
		return first + ", and start the run again; there is no earlier checkpoint"
	}
	return fmt.Sprintf("%s; --resume then continues from step %d", first, e.Newest)
}

// failure returns a SaveError for the checkpoint of a step, with the newest checkpoint to continue from.
func (d *Dir) failure(step int, err error) error {
	e := &SaveError{Step: step, Newest: -1, Dir: d.File(result.CheckpointsDir), Err: err}
	if newest, _, err := checkpoints.Latest(e.Dir); err == nil {
		e.Newest = newest.Step
	}
	return e
}

// room returns an error if a checkpoint of state does not fit on the disk, before it uses up space that others need. It
// counts the arrays; the rest is small.
func (d *Dir) room(state *trainer.State) error {
	var needed int64 // bytes
	for _, arrays := range [][]trainer.Array{state.Parameters, state.M, state.V} {
		for _, a := range arrays {
			needed += 4 * int64(len(a.Data))
		}
	}
	free, err := freespace.Of(d.path)
	if err != nil || needed <= free { // if the file system does not report free space, there may be room
		return nil
	}
	return fmt.Errorf("%s: needs %d MB, %d MB free: %w", filepath.Clean(d.path), (needed+1e6-1)/1e6, free/1e6, syscall.ENOSPC)
}

// Flush waits for the save in progress and returns its error.
func (d *Dir) Flush() error {
	if d.writing == nil {
		return nil
	}
	err := <-d.writing
	d.writing = nil
	return err
}

// Wait waits for the save in progress and returns its error. If the run continues after failed saves, Wait passes the
// error to Failed and returns nil.
func (d *Dir) Wait() error { return d.unlessTolerated(d.Flush()) }

// Saved is Wait for a save that has ended, and returns nil while the save continues.
func (d *Dir) Saved() error {
	select {
	case err := <-d.writing: // never ready if there is no save
		d.writing = nil
		return d.unlessTolerated(err)
	default:
		return nil
	}
}

// unlessTolerated returns err, or nil if the run continues after failed saves.
func (d *Dir) unlessTolerated(err error) error {
	if err == nil || !d.goOn {
		return err
	}
	d.tell(err)
	return nil
}

func (d *Dir) tell(err error) {
	if d.Failed != nil {
		d.Failed(err)
	}
}
