// Package tasks joins model, data and scoring into something the trainer can train.
//
// Pretraining is masked language modelling with or without next sentence prediction over shards; Relation is the
// classification of sentences with two marked mentions. Each gives the trainer a Task and Batches. Load fills the
// parameters a task wants from a published model.
package tasks

import (
	"errors"
	"fmt"
	"slices"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/models/heads"
)

// Names of the tasks.
const (
	NamePretraining = "pretraining"
	NameRelation    = "relation"
)

// Config is the [task] table of a run. What matters to one task alone is in the tables of the packages it comes from.
type Config struct {
	Name       string `toml:"name"`
	Batch      int    `toml:"batch"`       // rows of one update
	MicroBatch int    `toml:"micro_batch"` // rows of one forward pass; 0: the batch

	instances.Config // of pretraining; sequence, the positions of a row, is every task's

	heads.Relation          // of relation
	Labels         []string `toml:"labels,omitempty"` // in the classifier's order; empty: those of the training file, sorted
	Negative       string   `toml:"negative"`         // the label that counts as no relation; empty: "false" or "0", whichever there is
	Truncate       string   `toml:"truncate"`
}

// Default is the paper's setting of the named task.
func Default(task string) Config {
	c := Config{Name: task, Batch: 192, Config: instances.Default(), Relation: heads.DefaultRelation(), Truncate: TruncateTail}
	if task == NameRelation {
		c.Batch = 32
	}
	return c
}

// Instances is how c draws instances with seed.
func (c Config) Instances(seed uint64) instances.Config {
	i := c.Config
	i.Seed = seed
	return i
}

// Validate returns every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("task."+format, args...))
	}
	if c.Batch < 1 || c.MicroBatch < 0 {
		fault("batch = %d, micro_batch = %d: want at least 1 and at least 0", c.Batch, c.MicroBatch)
	}
	if c.MicroBatch > 0 && c.Batch%c.MicroBatch != 0 {
		fault("batch = %d is not a multiple of micro_batch = %d", c.Batch, c.MicroBatch)
	}
	if c.Sequence < 8 {
		fault("sequence = %d: want at least 8", c.Sequence)
	}
	switch c.Name {
	case NamePretraining:
		if err := c.Instances(0).Validate(); err != nil {
			faults = append(faults, fmt.Errorf("task: %w", err))
		}
	case NameRelation:
		head := c.Relation
		head.Classes = max(2, len(c.Labels))
		if err := head.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("task: %w", err))
		}
		if c.Truncate != TruncateTail && c.Truncate != TruncateAroundMentions {
			fault("truncate: unknown %q, want %s or %s", c.Truncate, TruncateTail, TruncateAroundMentions)
		}
		if c.Negative != "" && len(c.Labels) > 0 && !slices.Contains(c.Labels, c.Negative) {
			fault("negative = %q is none of labels = %q", c.Negative, c.Labels)
		}
	default:
		fault("name: unknown %q, want %s or %s", c.Name, NamePretraining, NameRelation)
	}
	return errors.Join(faults...)
}
