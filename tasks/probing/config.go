// Package probing trains edge probes on the layers of a frozen encoder, after Tenney et al. 2019 and section "Edge
// probing" of Su & Vijay-Shanker 2022.
//
// Axes: B examples of a batch, L layers, P positions that a probe reads, H hidden, C classes.
package probing

import (
	"errors"
	"fmt"
	"slices"

	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/tasks/activations"
	"github.com/subbert/subbert/tasks/relation"
)

// Data is the [data] table of a probing run.
type Data struct {
	relation.Data
	Activations string `toml:"activations,omitempty"` // directory for activations; empty: in run.dir
}

// Config is the [task] table of a probing run.
type Config struct {
	tasks.Batching
	relation.Examples
	Probe Settings `toml:"probe"`
}

// Default returns the paper's probe with both controls and five seeds.
func Default() Config {
	c := Config{Batching: tasks.Batching{Name: tasks.NameProbing, Batch: 32}, Examples: relation.DefaultExamples(), Probe: DefaultSettings()}
	c.Seeds = 5
	return c
}

// Validate returns every fault of c and d at once.
func (c Config) Validate(d Data) error {
	faults := append(c.Batching.Faults(tasks.NameProbing), c.Examples.Faults(d.Data)...)
	if c.Folds > 0 && c.Fold < 0 {
		faults = append(faults, fmt.Errorf("task.fold = %d with folds = %d: probes are scored on one fold; set task.fold", c.Fold, c.Folds))
	}
	if err := c.Probe.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("task.probe: %w", err))
	}
	return errors.Join(faults...)
}

// Controls to compare with the probes of the encoder.
const (
	ControlRandom   = "random"   // an untrained encoder of the same shape
	ControlShuffled = "shuffled" // shuffled training labels: the score of a probe that knows only label frequencies
)

// ActivationsNone is the value of Settings.Activations that stores nothing: the encoder runs for every batch.
const ActivationsNone = "none"

// Settings is the [task.probe] table of a run.
type Settings struct {
	heads.Probe
	Layers      []int    `toml:"layers"`      // depths l of the probes; empty: 0 to the encoder's last layer
	Controls    []string `toml:"controls"`    // some of "random", "shuffled"
	Activations string   `toml:"activations"` // stored as "float16" or "float32", or "none"
	Together    int      `toml:"together"`    // number of probes in one graph; 0: as many as fit into half a gigabyte
}

// DefaultSettings returns the paper's probe with both controls.
func DefaultSettings() Settings {
	return Settings{Probe: heads.DefaultProbe(), Controls: []string{ControlRandom, ControlShuffled}, Activations: activations.Float16}
}

// Validate returns every fault of c at once.
func (c Settings) Validate() error {
	probe := c.Probe
	probe.Classes = 2 // the real number is known with the labels
	faults := []error{probe.Validate()}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if twice(c.Layers) || twice(c.Controls) {
		fault("layers %v, controls %q: want each layer and control once", c.Layers, c.Controls)
	}
	for _, name := range c.Controls {
		if name != ControlRandom && name != ControlShuffled {
			fault("controls: unknown %q, want %s or %s", name, ControlRandom, ControlShuffled)
		}
	}
	if !slices.Contains([]string{activations.Float16, activations.Float32, ActivationsNone}, c.Activations) {
		fault("activations: unknown %q, want %s, %s or %s", c.Activations, activations.Float16, activations.Float32, ActivationsNone)
	}
	if c.Together < 0 {
		fault("together = %d: want no negative number", c.Together)
	}
	return errors.Join(faults...)
}

func twice[T comparable](values []T) bool {
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return true
		}
	}
	return false
}

// Depths returns the depths l of the probes for an encoder with the given number of layers, in ascending order.
func (c Settings) Depths(layers int) ([]int, error) {
	if len(c.Layers) == 0 {
		all := make([]int, layers+1)
		for l := range all {
			all[l] = l
		}
		return all, nil
	}
	for _, l := range c.Layers {
		if l < 0 || l > layers {
			return nil, fmt.Errorf("task.probe.layers: %d, but the encoder has layers 0 (embeddings) to %d", l, layers)
		}
	}
	return slices.Sorted(slices.Values(c.Layers)), nil
}

// stateBytes is the maximum size of the parameters and moments of one graph.
const stateBytes = 512 << 20

// Groups splits depths into groups of probes that are trained in one graph. Larger groups are faster, because the
// activations of a batch are read once for a group. A group has Together probes or, if Together is 0, as many as fit
// into stateBytes, at least one.
func (c Settings) Groups(depths []int, hidden, positions int) [][]int {
	if c.Together > 0 {
		return slices.Collect(slices.Chunk(depths, c.Together))
	}
	var groups [][]int
	room := 0
	for _, l := range depths {
		size := 0
		for _, p := range c.Probe.Parameters(l, hidden, positions) {
			size += 12 * p.Size() // a value and two moments of four bytes
		}
		if len(groups) == 0 || size > room {
			groups, room = append(groups, nil), stateBytes
		}
		last := len(groups) - 1
		groups[last], room = append(groups[last], l), room-size
	}
	return groups
}
