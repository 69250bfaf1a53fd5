package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
)

// Config is the config of a run, of either verb.
type Config interface {
	Paths() map[string]*string // of the inputs, by name; an empty path: no such input
	Text() ([]byte, error)
}

// AddressError says that an input of a config has a malformed gs:// address.
type AddressError struct {
	Input string
	Err   error
}

func (e *AddressError) Error() string { return e.Input + ": " + e.Err.Error() }

func (e *AddressError) Unwrap() error { return e.Err }

// streamed is the input that the trainer reads from the store, because it may be larger than the machine's disk.
const streamed = "shards"

// SetConfig puts c and its inputs into b, and replaces the paths in c by those on the machine. Inputs at gs:// addresses
// stay where they are; a malformed one is an *AddressError.
func (b *Bundle) SetConfig(c Config, r Run) error {
	b.Inputs, b.Streams = make(map[string]string), make(map[string]string)
	paths := c.Paths()
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		at := paths[name]
		if *at == "" {
			continue
		}
		if strings.HasPrefix(*at, "gs://") {
			if _, _, err := gcs.Split(*at); err != nil {
				return &AddressError{name, err}
			}
			continue
		}
		local, err := filepath.Abs(*at)
		if err != nil {
			return err
		}
		if *at, err = inputPath(name, local); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if name == streamed {
			b.Streams[name], *at = local, streamPath(r, name)
			continue
		}
		b.Inputs[name] = local
	}
	var err error
	b.Config, err = c.Text()
	return err
}

// Rows describes r and its bundle for people, each row with a name and a text.
func (b *Bundle) Rows(r Run) [][2]string {
	rows := [][2]string{
		{"run", r.ID},
		{"machine", fmt.Sprintf("%s: %s, %s, in %s of %s, spot %t", r.Name(), r.Accelerator, r.Runtime, r.Zone, r.Project, r.Spot)},
		{"store", r.Store},
		{"program", fmt.Sprintf("%s, sha256 %s", b.Binary, r.Binary.SHA256)},
	}
	for _, name := range r.Inputs {
		rows = append(rows, [2]string{"input", name + ": " + b.Inputs[name]})
	}
	for _, name := range r.Streams {
		rows = append(rows, [2]string{"input", name + ": " + b.Streams[name] + ", read from the store"})
	}
	return append(rows, [2]string{"bounds", r.bounds()})
}

// bounds describes the bounds of r.
func (r Run) bounds() string {
	var parts []string
	if r.MaxHours > 0 {
		parts = append(parts, fmt.Sprintf("%g machine-hours", r.MaxHours))
	}
	if r.MaxCost > 0 {
		parts = append(parts, fmt.Sprintf("a cost of %g at %g an hour", r.MaxCost, r.HourPrice))
	}
	if parts == nil {
		return "none: it runs until it is done"
	}
	return "at most " + strings.Join(parts, " and ")
}

// CheckDetached returns an error if nothing would end the machine of r without a controller.
func (r Run) CheckDetached() error {
	switch {
	case !r.SelfDelete:
		return errors.New("--detach with --no-self-delete: nothing would delete the machine")
	case r.hours() == 0:
		return errors.New("--detach without --max-hours or --max-cost: nothing would limit the cost of the machine")
	}
	return nil
}

// OtherConfigError says that a store holds a run with another config.
type OtherConfigError struct{ Store string }

func (e *OtherConfigError) Error() string {
	return e.Store + " holds a run with another config; use that config, or another --store"
}

// Start writes the bundle and the record of r to its store s. If the store has a run already, Start joins it: it changes
// the run as Make does and keeps its bundle. The config must be the same; another one is an *OtherConfigError. before is
// called before anything is written for a new run; its error ends Start.
func (b *Bundle) Start(ctx context.Context, s bucket.Store, r Run, before func() error) (joined bool, err error) {
	there, err := ReadRun(ctx, s)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := before(); err != nil {
			return false, err
		}
		if err := b.Pack(ctx, s, r); err != nil {
			return false, err
		}
	case err != nil:
		return false, err
	case there.Config.SHA256 != r.Config.SHA256:
		return true, &OtherConfigError{r.Store}
	}
	_, joined, err = Make(ctx, s, r)
	return joined, err
}
