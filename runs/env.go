// Package runs carries out runs from their configs to their results: pre-training, fine-tuning of one or several folds
// and seeds, probing, and the evaluation of a model on shards.
//
// A run works in its run directory, whose files package result names. It is resumed from its newest valid checkpoint;
// the result then equals that of a run that never stopped, bit for bit.
package runs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/internal/gapi"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/trainer/metrics"
)

// ErrInterrupted ends a run whose context was cancelled. Its state was saved.
var ErrInterrupted = errors.New("interrupted")

// Env is the world outside a run. The zero value computes on the pure-Go backend, takes the names of models for paths,
// and tells nobody anything.
type Env struct {
	// Backend opens the device that a run computes on; the run closes it. Nil opens the pure-Go backend.
	Backend func(ctx context.Context, d configs.Device) (*backend.Handle, error)

	// Model returns the path of the model called name, which it may have to fetch. Nil takes the name for the path.
	Model func(ctx context.Context, name string) (path string, err error)

	// Store opens the tree of shards at a gs:// address. Nil asks Google's storage with the machine's credentials.
	Store func(ctx context.Context, address string) (*gcs.Store, error)

	// Log hears what a person should know at once.
	Log *slog.Logger

	// Notes gets what a person may read before the first step: the load report, the plan, decoded examples.
	Notes io.Writer

	// Progress hears of every report of a run. Runs beside one another call it one at a time.
	Progress func(Progress)

	// Counting hears how many of the things that a stage of the work goes through are done, such as texts that are encoded.
	Counting func(stage string, done, total int)

	// Reading hears how many bytes of an input are read, of how many; a size of 0 is not known.
	Reading func(name string, done, size int64)

	// Cache is the directory for blocks of shards that lie in a store, unless device.cache names one.
	Cache string

	// Resume continues the newest valid checkpoint of a run, and starts where there is none. Without it a directory that
	// has checkpoints is refused.
	Resume bool

	// Extend accepts a longer schedule than the one a run was started with: it goes on from its newest checkpoint, which there
	// has to be, at the learning rates of the longer schedule. Only with Resume.
	Extend bool

	// Command is what the results say the run was started by.
	Command string
}

// Progress is a report of a run.
type Progress struct {
	Run         string // of several runs, the name of this one
	Number, Of  int    // of several runs, which one this is, from 1, and how many there are
	From        int    // the step that this process started or continued at
	Step, Steps int    // completed updates, and those in all
	HeldOut     bool   // the values are those of an evaluation
	Values      []metrics.Value
}

// complete returns e with something in the place of what is nil.
func (e Env) complete() Env {
	if e.Backend == nil {
		e.Backend = func(ctx context.Context, _ configs.Device) (*backend.Handle, error) {
			return backend.Open(ctx, backend.Choice{Spec: backend.Spec{Name: backend.Go}}, backend.Options{Log: e.Log})
		}
	}
	if e.Model == nil {
		e.Model = func(_ context.Context, name string) (string, error) { return name, nil }
	}
	if e.Store == nil {
		e.Store = func(ctx context.Context, address string) (*gcs.Store, error) {
			return gcs.Open(ctx, address, gapi.Options{})
		}
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Notes == nil {
		e.Notes = io.Discard
	}
	if e.Progress == nil {
		e.Progress = func(Progress) {}
	}
	if e.Counting == nil {
		e.Counting = func(string, int, int) {}
	}
	if e.Reading == nil {
		e.Reading = func(string, int64, int64) {}
	}
	return e
}

// openModel opens the model called name; the directory of a run stands for the model in it.
func (e Env) openModel(ctx context.Context, name string) (*checkpoints.Model, error) {
	path, err := e.Model(ctx, name)
	if err != nil {
		return nil, err
	}
	return checkpoints.OpenModel(ctx, result.ModelPath(path))
}

// reading counts the bytes of the file called name as they are read.
func (e Env) reading(name string) func(n int) {
	var done, size int64
	if info, err := os.Stat(name); err == nil {
		size = info.Size()
	}
	return func(n int) {
		done += int64(n)
		e.Reading(name, done, size)
	}
}

// note prints a line of the notes. The first error of the writer is not the run's.
func (e Env) note(format string, args ...any) { fmt.Fprintf(e.Notes, format+"\n", args...) }

// plural returns a count of a noun whose plural ends in ending.
func plural(n int, noun, ending string) string {
	if n != 1 {
		noun += ending
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// short shortens a number to three digits and a unit of thousands.
func short(n float64) string {
	for _, unit := range []string{"", " K", " M", " G"} {
		if n < 999.5 {
			return fmt.Sprintf("%.3g%s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g T", n)
}

// unchanged refuses to continue a run with a config that changes what is learned, but for the length of a run that is
// extended.
func (e Env) unchanged(c interface {
	Changes(path string) ([]string, error)
}, dir, file string) error {
	changed, err := c.Changes(file)
	if err != nil {
		return fmt.Errorf("the config the run was started with: %w", err)
	}
	if e.Extend {
		changed = slices.DeleteFunc(changed, func(line string) bool {
			return strings.HasPrefix(line, "schedule.steps = ") || strings.HasPrefix(line, "schedule.epochs = ")
		})
	}
	if len(changed) > 0 {
		return configs.Errorf("%s was started with %s; continue with the same, or start anew in another run.dir", dir, strings.Join(changed, ", "))
	}
	return nil
}
