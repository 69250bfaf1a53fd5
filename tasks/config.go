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
	"strings"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/models/heads"
)

// Names of the tasks.
const (
	NamePretraining = "pretraining"
	NameRelation    = "relation"
	NameProbe       = "probe"
)

// Config is the [task] table of a run. What matters to one task alone is in the tables of the packages it comes from.
type Config struct {
	Name       string `toml:"name"`
	Batch      int    `toml:"batch"`       // rows of one update
	MicroBatch int    `toml:"micro_batch"` // rows of one forward pass; 0: the batch

	Phases []Phase `toml:"phases,omitempty"` // of pretraining: what changes on the way

	instances.Config // of pretraining; sequence, the positions of a row, is every task's

	heads.Relation          // of relation
	Labels         []string `toml:"labels,omitempty"` // in the classifier's order; empty: those of the training file, sorted
	Negative       string   `toml:"negative"`         // the label that counts as no relation; empty: "false" or "0", whichever there is
	Truncate       string   `toml:"truncate"`

	Corpus  string `toml:"corpus,omitempty"` // the format that data.corpus is in, such as "ddi2013"; empty: data.train is marked already
	Marking string `toml:"marking"`          // how the two mentions of a pair of data.corpus are shown
	Folds   int    `toml:"folds"`            // of cross-validation; 0: none
	Fold    int    `toml:"fold"`             // run this fold alone, from 0; -1: all of them
	Seeds   int    `toml:"seeds"`            // so many runs, of run.seed and the seeds that follow it

	Padding        string             `toml:"padding"`           // PaddingGrouped or PaddingFull
	Lengths        []int              `toml:"lengths,omitempty"` // that rows are padded to when grouped; empty: a set that suits most
	ClassWeights   map[string]float64 `toml:"class_weights,omitempty"`
	LabelSmoothing float64            `toml:"label_smoothing"`
	Tuning
	Keep string `toml:"keep"` // KeepLast or KeepBestDev

	Probe *ProbeConfig `toml:"probe,omitempty"` // of probe alone
}

// Which weights a fine-tuning run ends with.
const (
	KeepLast    = "last"     // those of the last epoch: the paper
	KeepBestDev = "best_dev" // those of the epoch with the best micro F1 on the dev examples
)

// Default is the paper's setting of the named task.
func Default(task string) Config {
	c := Config{Name: task, Batch: 192, Config: instances.Default(), Relation: heads.DefaultRelation(), Truncate: TruncateTail,
		Marking: string(relations.Tag), Fold: -1, Seeds: 1, Padding: PaddingGrouped, Tuning: Tuning{LayerDecay: 1}, Keep: KeepLast}
	switch task {
	case NameRelation:
		c.Batch = 32
	case NameProbe:
		c.Batch, c.Seeds, c.Probe = 32, 5, DefaultProbe()
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
		for i, p := range c.Phases {
			if err := p.validate(); err != nil {
				fault("phases: phase %d: %w", i+1, err)
			}
		}
	case NameRelation:
		if len(c.Phases) > 0 {
			fault("phases: for pretraining alone")
		}
		faults = append(faults, c.relationFaults()...)
	case NameProbe:
		faults = append(faults, c.relationFaults()...)
		if c.Folds > 0 && c.Fold < 0 {
			fault("fold = %d with folds = %d: probes are tried on one fold; name it", c.Fold, c.Folds)
		}
		if err := c.Probe.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("task.probe: %w", err))
		}
	default:
		fault("name: unknown %q, want %s, %s or %s", c.Name, NamePretraining, NameRelation, NameProbe)
	}
	if c.Name != NameProbe && c.Probe != nil {
		fault("probe: for the task %q alone", NameProbe)
	}
	return errors.Join(faults...)
}

// relationFaults are those of the keys that only fine-tuning has.
func (c Config) relationFaults() []error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("task."+format, args...))
		}
	}
	head := c.Relation
	head.Classes = max(2, len(c.Labels))
	if err := head.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("task: %w", err))
	}
	oneOf := func(key, value string, known ...string) {
		fault(!slices.Contains(known, value), "%s: unknown %q, want %s", key, value, strings.Join(known, " or "))
	}
	oneOf("truncate", c.Truncate, TruncateTail, TruncateAroundMentions)
	oneOf("padding", c.Padding, PaddingGrouped, PaddingFull)
	oneOf("keep", c.Keep, KeepLast, KeepBestDev)
	fault(!slices.Contains(relations.Markings(), relations.Marking(c.Marking)), "marking: unknown %q, want one of %q", c.Marking, relations.Markings())
	if c.Corpus != "" {
		fault(!slices.Contains(relations.Formats(), c.Corpus), "corpus: unknown %q, want one of %q", c.Corpus, relations.Formats())
	}
	fault(c.Negative != "" && len(c.Labels) > 0 && !slices.Contains(c.Labels, c.Negative), "negative = %q is none of labels = %q", c.Negative, c.Labels)
	for l, w := range c.ClassWeights {
		fault(len(c.Labels) > 0 && !slices.Contains(c.Labels, l), "class_weights: %q is none of labels = %q", l, c.Labels)
		fault(!(w > 0), "class_weights: %s = %g: want more than 0", l, w)
	}
	fault(!(c.LabelSmoothing >= 0 && c.LabelSmoothing < 1), "label_smoothing = %g: want 0 or more and less than 1", c.LabelSmoothing)
	fault(len(c.Lengths) > 0 && slices.Min(c.Lengths) < 4, "lengths = %d: want at least 4 positions", c.Lengths)
	fault(c.Folds < 0 || c.Folds == 1, "folds = %d: want at least 2, or 0 for none", c.Folds)
	fault(c.Fold < -1 || c.Fold >= max(0, c.Folds), "fold = %d: there are %d folds, counted from 0 (-1 is all)", c.Fold, c.Folds)
	fault(c.Seeds < 1, "seeds = %d: want at least 1", c.Seeds)
	return append(faults, c.Tuning.faults()...)
}
