// Package tasks joins model, data and scoring into something the trainer can train.
//
// Pretraining is masked language modelling with or without next sentence prediction over shards; Relation is the
// classification of sentences with two marked mentions. Each gives the trainer a Task and Batches, and knows how its
// results are measured.
package tasks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/models/heads"
)

// Names of the tasks.
const (
	NamePretraining = "pretraining"
	NameRelation    = "relation"
)

// Config is the [task] table of a run. The last two groups matter to their task alone.
type Config struct {
	Name       string `toml:"name"`
	Batch      int    `toml:"batch"`       // rows of one update
	MicroBatch int    `toml:"micro_batch"` // rows of one forward pass; 0: the batch
	Sequence   int    `toml:"sequence"`    // positions of a row, special tokens included

	// Pretraining. Sequence and seed are the run's.
	MaxPredictions  int     `toml:"max_predictions"`
	MaskRate        float64 `toml:"mask_rate"`
	ShortRate       float64 `toml:"short_rate"`
	Masking         string  `toml:"masking"`
	NSP             bool    `toml:"nsp"`
	Static          bool    `toml:"static"`
	DuplicateFactor int     `toml:"duplicate_factor"`

	// Relation.
	Pooling  string   `toml:"pooling"`
	WithCLS  bool     `toml:"with_cls"`
	SLLMask  string   `toml:"sll_mask"`
	Labels   []string `toml:"labels"`   // in the classifier's order; empty: those of the training file, sorted
	Negative string   `toml:"negative"` // the label that counts as no relation
	Truncate string   `toml:"truncate"`
}
