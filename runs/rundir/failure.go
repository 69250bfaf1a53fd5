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

// SaveError says that a checkpoint could not be written. The earlier ones are as they were.
type SaveError struct {
	Step   int
	Newest int    // step of the newest checkpoint that is there; -1 if there is none
	Dir    string // of the checkpoints
	Err    error
}

func (e *SaveError) Error() string {
	return fmt.Sprintf("the checkpoint of step %d is not written: %s", e.Step, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}

func (e *SaveError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *SaveError) Hint() string {
	first := "see that " + e.Dir + " can be written"
	if errors.Is(e.Err, syscall.ENOSPC) || errors.Is(e.Err, syscall.EDQUOT) {
		first = "make room in " + e.Dir
	}
	if e.Newest < 0 {
		return first + ", and start again; there is no earlier checkpoint"
	}
	return fmt.Sprintf("%s; --resume then continues from step %d", first, e.Newest)
}

// failure is err of the checkpoint of a step, with what is left to continue from.
func (d *Dir) failure(step int, err error) error {
	e := &SaveError{Step: step, Newest: -1, Dir: d.File(result.CheckpointsDir), Err: err}
	if newest, _, err := checkpoints.Latest(e.Dir); err == nil {
		e.Newest = newest.Step
	}
	return e
}

// room says whether a checkpoint of state fits on the disk, before it fills what others need. What is no array is small.
func (d *Dir) room(state *trainer.State) error {
	var needed int64 // bytes
	for _, arrays := range [][]trainer.Array{state.Parameters, state.M, state.V} {
		for _, a := range arrays {
			needed += 4 * int64(len(a.Data))
		}
	}
	free, err := freespace.Of(d.path)
	if err != nil || needed <= free { // a file system that does not tell may have room
		return nil
	}
	return fmt.Errorf("%s: %d MB are to be written, %d MB are free: %w", filepath.Clean(d.path), (needed+1e6-1)/1e6, free/1e6, syscall.ENOSPC)
}

// Flush waits for the save in flight and returns its error.
func (d *Dir) Flush() error {
	if d.writing == nil {
		return nil
	}
	err := <-d.writing
	d.writing = nil
	return err
}

// Wait waits for the save in flight and returns its error; where the run is to go on, Failed hears of the error instead.
func (d *Dir) Wait() error { return d.unlessTolerated(d.Flush()) }

// Saved is Wait for a save that is over already, and nil for one that is not.
func (d *Dir) Saved() error {
	select {
	case err := <-d.writing: // never, if there is none
		d.writing = nil
		return d.unlessTolerated(err)
	default:
		return nil
	}
}

// unlessTolerated is err, or nil if the run is to go on all the same.
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
