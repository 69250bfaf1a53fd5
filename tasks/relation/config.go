// Package relation trains and applies classifiers of sentences in which two mentions are marked, after Su &
// Vijay-Shanker 2022.
//
// Axes: B rows of a microbatch, S positions, H hidden, C classes.
package relation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/tasks"
)

// Data is the [data] table of a fine-tuning run: the examples for training and scoring.
type Data struct {
	Train  string `toml:"train,omitempty"` // file of marked sentences
	Dev    string `toml:"dev,omitempty"`
	Test   string `toml:"test,omitempty"`
	Corpus string `toml:"corpus,omitempty"` // replaces the three files: a corpus in the format task.corpus

	DevFraction float64 `toml:"dev_fraction,omitempty"` // fraction of the training examples to hold out as dev; 0.2 in the paper for DDI
	DevBy       string  `toml:"dev_by,omitempty"`       // unit to hold out: "pair" (the paper; also if empty) or "document"

	TrainExamples int `toml:"train_examples,omitempty"` // number of training examples to use, the same for all seeds; 0: all
	TestExamples  int `toml:"test_examples,omitempty"`
}

// Examples is the part of a [task] table that controls how examples are read, split and cut to rows. Fine-tuning and
// probing share it.
type Examples struct {
	Sequence int      `toml:"sequence"`         // S, including [CLS] and [SEP]
	Labels   []string `toml:"labels,omitempty"` // in the classifier's order; empty: those of the training examples, sorted
	Negative string   `toml:"negative"`         // the label that means no relation; empty: "false" or "0", whichever exists
	Truncate string   `toml:"truncate"`         // marked.TruncateTail or marked.TruncateAroundMentions
	Corpus   string   `toml:"corpus,omitempty"` // format of data.corpus, such as "ddi2013"; empty: data.train is marked already
	Marking  string   `toml:"marking"`          // marking of the two mentions of a pair of data.corpus
	Types    []string `toml:"types,omitempty"`  // mention types of a pair, for a data.corpus that does not define pairs; empty: every two mentions
	Folds    int      `toml:"folds"`            // number of folds of cross-validation; 0: none
	Fold     int      `toml:"fold"`             // the only fold to run, from 0; -1: all
	Seeds    int      `toml:"seeds"`            // number of runs, with run.seed and the seeds after it
}

// DefaultExamples returns the paper's setting: rows of 128 positions, cut at the end, mentions replaced by tags.
func DefaultExamples() Examples {
	return Examples{Sequence: 128, Truncate: marked.TruncateTail, Marking: string(relations.Tag), Fold: -1, Seeds: 1}
}

// Faults returns every fault of e, by itself and in combination with d.
func (e Examples) Faults(d Data) []error {
	faults := []error{tasks.SequenceFault(e.Sequence)}
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(d.Train == "" && d.Corpus == "", "data.train: missing; set it to a file made by subbert data relations, or set data.corpus and task.corpus")
	fault(d.Corpus != "" && d.Train+d.Dev+d.Test != "", "data.corpus = %q with data.train, data.dev or data.test: want one or the other", d.Corpus)
	fault((d.Corpus == "") != (e.Corpus == ""), "data.corpus = %q, task.corpus = %q: want a path and its format, or neither", d.Corpus, e.Corpus)
	fault(e.Folds > 0 && d.Test != "", "data.test = %q with task.folds = %d: want one of them, because each fold is the test set once", d.Test, e.Folds)
	fault(!(d.DevFraction >= 0 && d.DevFraction < 1), "data.dev_fraction = %g: want 0 or more and less than 1", d.DevFraction)
	fault(d.DevFraction > 0 && d.Dev != "", "data.dev = %q and data.dev_fraction = %g: want one of them", d.Dev, d.DevFraction)
	fault(!slices.Contains([]string{"", string(relations.ByPair), string(relations.ByDocument)}, d.DevBy), "data.dev_by: unknown %q, want pair or document", d.DevBy)
	fault(d.TrainExamples < 0 || d.TestExamples < 0, "data.train_examples = %d, data.test_examples = %d: want no negative number", d.TrainExamples, d.TestExamples)
	fault(!slices.Contains([]string{marked.TruncateTail, marked.TruncateAroundMentions}, e.Truncate), "task.truncate: unknown %q, want %s or %s", e.Truncate, marked.TruncateTail, marked.TruncateAroundMentions)
	fault(!slices.Contains(relations.Markings(), relations.Marking(e.Marking)), "task.marking: unknown %q, want one of %q", e.Marking, relations.Markings())
	fault(e.Corpus != "" && !slices.Contains(relations.Formats(), e.Corpus), "task.corpus: unknown %q, want one of %q", e.Corpus, relations.Formats())
	open := []string{"pubtator", "bioc", "jsonl"}
	fault(len(e.Types) > 0 && (len(e.Types) != 2 || !slices.Contains(open, e.Corpus)), "task.types = %q with task.corpus = %q: want two types, such as Chemical and Disease, with one of %q", e.Types, e.Corpus, open)
	fault(e.Negative != "" && len(e.Labels) > 0 && !slices.Contains(e.Labels, e.Negative), "task.negative = %q is not one of task.labels = %q", e.Negative, e.Labels)
	fault(e.Folds < 0 || e.Folds == 1, "task.folds = %d: want at least 2, or 0 for no folds", e.Folds)
	fault(e.Fold < -1 || e.Fold >= max(0, e.Folds), "task.fold = %d: there are %d folds, counted from 0 (-1 means all)", e.Fold, e.Folds)
	fault(e.Seeds < 1, "task.seeds = %d: want at least 1", e.Seeds)
	return faults
}

// Config is the [task] table of a fine-tuning run.
type Config struct {
	tasks.Batching
	Examples
	heads.Relation

	Padding        string       `toml:"padding"`           // PaddingGrouped or PaddingFull
	Lengths        []int        `toml:"lengths,omitempty"` // lengths that rows are padded to if grouped; empty: see Fit
	ClassWeights   ClassWeights `toml:"class_weights,omitempty"`
	LabelSmoothing float64      `toml:"label_smoothing"`
	Tuning
	Keep string `toml:"keep"` // KeepLast or KeepBestDev
}

// Epochs that a fine-tuning run can keep the weights of.
const (
	KeepLast    = "last"     // the last epoch: the paper
	KeepBestDev = "best_dev" // the epoch with the best micro F1 on the dev examples
)

// Default returns the paper's setting.
func Default() Config {
	return Config{
		Batching: tasks.Batching{Name: tasks.NameRelation, Batch: 32}, Examples: DefaultExamples(), Relation: heads.DefaultRelation(),
		Padding: PaddingGrouped, Tuning: Tuning{LayerDecay: 1}, Keep: KeepLast,
	}
}

// Several reports whether c describes several runs: all folds, or more than one seed.
func (c Config) Several() bool { return c.Seeds > 1 || c.Folds > 0 && c.Fold < 0 }

// Validate returns every fault of c and d at once.
func (c Config) Validate(d Data) error {
	faults := append(c.Batching.Faults(tasks.NameRelation), c.Examples.Faults(d)...)
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
	oneOf("padding", c.Padding, PaddingGrouped, PaddingFull)
	oneOf("keep", c.Keep, KeepLast, KeepBestDev)
	for l, w := range c.ClassWeights.Of {
		fault(len(c.Labels) > 0 && !slices.Contains(c.Labels, l), "class_weights: %q is not one of task.labels = %q", l, c.Labels)
		fault(!(w > 0), "class_weights: %s = %g: want more than 0", l, w)
	}
	fault(!(c.LabelSmoothing >= 0 && c.LabelSmoothing < 1), "label_smoothing = %g: want 0 or more and less than 1", c.LabelSmoothing)
	fault(len(c.Lengths) > 0 && slices.Min(c.Lengths) < 4, "lengths = %d: want at least 4 positions", c.Lengths)
	return errors.Join(append(faults, c.Tuning.faults()...)...)
}
