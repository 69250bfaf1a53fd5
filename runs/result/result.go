package result

import (
	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/evaluate"
)

// Tasks of a result.
const (
	TaskPretraining = "pretraining"
	TaskRelation    = "relation"
	TaskProbing     = "probe"
	TaskAttention   = "attention"
)

// Provenance says how a result was made.
type Provenance struct {
	Command  string            `json:"command,omitempty"`  // as it was typed
	Machine  string            `json:"machine,omitempty"`  // in words: cores, processor, system
	Revision string            `json:"revision,omitempty"` // of the program; empty if it was built outside a repository
	Versions map[string]string `json:"versions,omitempty"` // of the libraries that can change a result
}

// Best is the best evaluation of a run.
type Best struct {
	Step  int     `json:"step"`
	Value float64 `json:"value"`
	Since int     `json:"since"` // evaluations since the best one
}

// Pretraining is the result of a pre-training run.
type Pretraining struct {
	Task    string             `json:"task"`
	Seed    uint32             `json:"seed"`
	Steps   int                `json:"steps"`
	Final   map[string]float64 `json:"final"`          // the last training report
	HeldOut map[string]float64 `json:"heldout"`        // on the held-out documents; null if there are none
	Best    *Best              `json:"best,omitempty"` // evaluation
	Tokens  int64              `json:"tokens"`         // positions trained on, padding included
	Seconds float64            `json:"seconds"`        // over all processes that worked on the run
	// CompileSeconds is the sum of the seconds that the last process spent on compiling each program or on reading it
	// back, before the steps and beside them.
	CompileSeconds float64 `json:"compile_seconds,omitempty"`
	Backend        string  `json:"backend"`
	Model          string  `json:"model"` // directory

	UnigramEntropy float64   `json:"unigram_entropy,omitempty"` // in nats, of the held-out documents or, if there are none, of training text; 0: not measured
	Findings       []Finding `json:"findings,omitempty"`
	Provenance
}

// Relation is the result of a fine-tuning run, or of the runs of several folds and seeds together. In the latter case
// the report covers all predictions together.
type Relation struct {
	Task     string `json:"task"`
	Corpus   string `json:"corpus,omitempty"` // the format of data.corpus
	Scored   string `json:"scored"`           // the file that was scored, or the split of the corpus; empty: nothing was scored
	Pooling  string `json:"pooling"`
	Padding  string `json:"padding,omitempty"`
	Seed     uint32 `json:"seed"` // of several runs the first seed
	Fold     *int   `json:"fold,omitempty"`
	Steps    int    `json:"steps"`               // of all runs together
	KeptStep int    `json:"kept_step,omitempty"` // the step whose weights were kept, if it is not the last
	MicroOf  string `json:"micro_of,omitempty"`  // what Micro is: MicroOfRun or MicroOfPooled
	evaluate.Report

	Mean   *evaluate.PRF  `json:"mean,omitempty"`   // of several runs: the mean of the micro scores of the seeds; with folds, of all folds
	Seeds  []Seed         `json:"seeds,omitempty"`  // of several runs
	Folds  []evaluate.PRF `json:"folds,omitempty"`  // of several runs: micro scores of each fold, mean over the seeds
	Spread *Spread        `json:"spread,omitempty"` // of several runs: of the micro scores over the seeds or, with one seed, over the folds

	Intervals   []Interval   `json:"intervals,omitempty"`   // of F1: over the scored pairs, and of several runs over seeds or folds
	Calibration *Calibration `json:"calibration,omitempty"` // nil if nothing was scored
	Curve       *Curve       `json:"curve,omitempty"`       // nil if nothing was scored
	Findings    []Finding    `json:"findings,omitempty"`

	ClassWeights map[string]float64 `json:"class_weights,omitempty"` // weight of an example by its label; none: all weights are equal

	Majority evaluate.PRF            `json:"majority"` // micro, of always giving the most frequent positive label
	Baseline map[string]evaluate.PRF `json:"baseline"` // micro, of methods without a model
	Cut      marked.Cut              `json:"cut"`      // of the training sentences; of several runs, those of the first
	Seconds  float64                 `json:"seconds"`
	// CompileSeconds is as in Pretraining; 0 for several runs.
	CompileSeconds float64 `json:"compile_seconds,omitempty"`
	Backend        string  `json:"backend"`
	Model          string  `json:"model,omitempty"` // directory; empty for several runs
	Provenance
}

// Baselines of a fine-tuning run: methods without a model.
const (
	BaselineOverlap = "word overlap"
	BaselineWords   = "bag of words"
)

// Several reports whether r sums up several runs.
func (r *Relation) Several() bool { return len(r.Seeds) > 0 }

// WasScored reports whether there were examples to score.
func (r *Relation) WasScored() bool { return len(r.Seeds) > 0 || len(r.Confusion) > 0 }

// Scores returns the micro score of each seed, or that of the run if it is a single one.
func (r *Relation) Scores() []evaluate.PRF {
	if len(r.Seeds) == 0 {
		return []evaluate.PRF{r.Micro}
	}
	scores := make([]evaluate.PRF, len(r.Seeds))
	for i, s := range r.Seeds {
		scores[i] = s.Micro
	}
	return scores
}

// Seed is the score of the runs of one seed.
type Seed struct {
	Seed   uint32        `json:"seed"`
	Micro  evaluate.PRF  `json:"micro"` // with folds the mean over the folds, as in the paper
	Macro  evaluate.PRF  `json:"macro"`
	Pooled *evaluate.PRF `json:"pooled,omitempty"` // with folds: micro of all predictions together
}

// Spread is how much micro scores differ between runs.
type Spread struct {
	P  evaluate.Spread `json:"p"`
	R  evaluate.Spread `json:"r"`
	F1 evaluate.Spread `json:"f1"`
}

// SpreadOf returns the spread of scores.
func SpreadOf(scores []evaluate.PRF) Spread {
	var p, r, f []float64
	for _, s := range scores {
		p, r, f = append(p, s.P), append(r, s.R), append(f, s.F1)
	}
	return Spread{evaluate.SpreadOf(p), evaluate.SpreadOf(r), evaluate.SpreadOf(f)}
}

// Evaluation is the result of subbert eval: instances, split, seed, masking, sequence, model, shards, sometimes step,
// and a value for each name.
type Evaluation map[string]any
