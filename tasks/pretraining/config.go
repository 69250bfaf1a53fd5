// Package pretraining trains an encoder on masked words and, unless switched off, on next sentences, over shards, as in
// Devlin et al. 2019.
//
// Axes: B rows of a microbatch, S positions, P masked positions, H hidden, V vocabulary. Losses are in nats.
package pretraining

import (
	"errors"
	"fmt"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/tasks"
)

// Data is the [data] table of a pre-training run.
type Data struct {
	Shards string `toml:"shards"` // directory made by subbert data shard, or the gs:// address of one
}

// Validate returns every fault of d at once.
func (d Data) Validate() error {
	if d.Shards == "" {
		return errors.New("data.shards: missing; set it to a directory made by subbert data shard")
	}
	return nil
}

// Config is the [task] table of a pre-training run.
type Config struct {
	tasks.Batching
	Phases []Phase `toml:"phases,omitempty"` // changes during the run

	instances.Config
}

// Default returns the paper's setting.
func Default() Config {
	return Config{Batching: tasks.Batching{Name: tasks.NamePretraining, Batch: 192}, Config: instances.Default()}
}

// Instances returns the config for drawing instances with seed.
func (c Config) Instances(seed uint64) instances.Config {
	i := c.Config
	i.Seed = seed
	return i
}

// Validate returns every fault of c at once.
func (c Config) Validate() error {
	faults := append(c.Batching.Faults(tasks.NamePretraining), tasks.SequenceFault(c.Sequence))
	if err := c.Instances(0).Validate(); err != nil {
		faults = append(faults, fmt.Errorf("task: %w", err))
	}
	for i, p := range c.Phases {
		if err := p.validate(); err != nil {
			faults = append(faults, fmt.Errorf("task.phases: phase %d: %w", i+1, err))
		}
	}
	return errors.Join(faults...)
}
