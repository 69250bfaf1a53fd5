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
	"io/fs"
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
)

// ErrInterrupted ends a run whose context was cancelled. Its state was saved.
var ErrInterrupted = errors.New("interrupted")

// Env holds what a run needs from outside. The zero value computes on the pure-Go backend, takes the names of models as
// paths, and reports nothing.
type Env struct {
	// Backend opens the device that a run computes on; the run closes it. Nil opens the pure-Go backend.
	Backend func(ctx context.Context, d configs.Device) (*backend.Handle, error)

	// Model returns the path of the model called name, fetching it if necessary. If Model is nil, the name is the path.
	Model func(ctx context.Context, name string) (path string, err error)

	// Store opens the store of the shards at a gs:// address. Nil opens Google's storage with the machine's
	// credentials.
	Store func(ctx context.Context, address string) (*gcs.Store, error)

	// Log receives what a person should know at once.
	Log *slog.Logger

	// Notes receives what a person may read before the first step: the load report, the plan, decoded examples.
	Notes io.Writer

	// Progress receives every report of a run. Runs in parallel call it one at a time.
	Progress func(Progress)

	// Counting receives how many items a stage of the work has done, such as texts encoded, and the total.
	Counting func(stage string, done, total int)

	// Reading receives how many bytes of an input have been read, and its size; 0 if the size is not known.
	Reading func(name string, done, size int64)

	// Cache is the directory for blocks of shards that are read from a store, unless device.cache names one.
	Cache string

	// Resume continues the newest valid checkpoint of a run, or starts the run if there is none. Without Resume a
	// directory that has checkpoints is refused.
	Resume bool

	// Extend accepts a longer schedule than the one a run was started with: the run continues from its newest
	// checkpoint, which must exist, at the learning rates of the longer schedule. It requires Resume.
	Extend bool

	// Command is the command that the results name as the one that started the run.
	Command string
}

// complete returns e with its nil fields replaced by defaults.
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

// openModel opens the model called name. The directory of a run means the model in it.
func (e Env) openModel(ctx context.Context, name string) (*checkpoints.Model, error) {
	path, err := e.Model(ctx, name)
	if err != nil {
		return nil, err
	}
	return checkpoints.OpenModel(ctx, result.ModelPath(path))
}

// reading returns a function that counts the bytes read from the file called name.
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

// note prints a line to Notes. An error of the writer does not fail the run.
func (e Env) note(format string, args ...any) { fmt.Fprintf(e.Notes, format+"\n", args...) }

// unchanged refuses to continue a run with a config that changes what is learned, except for a longer schedule if the
// run is extended.
func (e Env) unchanged(c interface {
	Changes(path string) ([]string, error)
}, dir, file string) error {
	changed, err := c.Changes(file)
	if err != nil {
		return fmt.Errorf("the config that the run was started with: %w", err)
	}
	if e.Extend {
		changed = slices.DeleteFunc(changed, func(line string) bool {
			return strings.HasPrefix(line, "schedule.steps = ") || strings.HasPrefix(line, "schedule.epochs = ")
		})
	}
	if len(changed) > 0 {
		return configs.Errorf("%s was started with %s; continue with the same settings, or set another run.dir to start a new run", dir, strings.Join(changed, ", "))
	}
	return nil
}

// Longer returns the line of a config that adds steps to the schedule of the finished run in dir.
func Longer(dir string, steps int) (string, error) {
	if steps < 1 {
		return "", configs.Errorf("--extend %d, want at least 1 step", steps)
	}
	r, err := result.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", configs.Errorf("--extend: %s has no %s, so the run is not finished; --resume continues it", dir, result.File)
	}
	if err != nil {
		return "", err
	}
	if r.Relation != nil && r.Relation.Several() {
		return "", configs.Errorf("--extend: %s contains several runs; only a single run can be extended", dir)
	}
	return fmt.Sprintf("schedule.steps=%d", r.Steps+steps), nil
}
