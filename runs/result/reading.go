package result

import (
	"fmt"
	"maps"
	"slices"

	"github.com/subbert/subbert/evaluate"
)

// Finding is something that a reader of a result should know: it makes the run useless or its score misleading.
type Finding struct {
	Kind string `json:"kind"` // one of package survey's, or of those below; the same in every version
	Text string `json:"text"` // a sentence for a person
}

// Kinds of findings that runs and comparisons make, in addition to those of package survey.
const (
	OneLabelPredicted = "one_label_predicted" // the model gives every pair the same label
	NotAboveBaseline  = "not_above_baseline"  // a method without a model scores as well
	NotAboveUnigram   = "not_above_unigram"   // the model restores masked words no better than word piece frequencies do
	RandomNext        = "random_next"         // no next segment really follows
	OneHeldOut        = "one_held_out"        // one held-out document: next sentence prediction is not measured
	LabelsFolded      = "labels_folded"       // labels that differ only in spelling are read as one
	UnknownMarks      = "unknown_marks"       // the marks of mentions become [UNK]
)

// Interval is F1 with its 95 % confidence bounds.
type Interval struct {
	evaluate.Interval
	Over string `json:"over"` // what varies: OverPairs, OverSeeds or OverFolds
}

// String describes the interval in a line.
func (i Interval) String() string {
	method := "bootstrap"
	if i.Over != OverPairs {
		method = "Student's t"
	}
	return fmt.Sprintf("micro F1 %.1f, 95 %% interval %.1f to %.1f over %d %s (%s)", i.Mean, i.Low, i.High, i.N, i.Over, method)
}

// Values of Interval.Over.
const (
	OverPairs = "pairs" // bootstrap of the scored pairs
	OverSeeds = "seeds" // Student's t
	OverFolds = "folds" // Student's t
)

// Calibration says how far the probability of the predicted label is from the share of predicted labels that are
// correct.
type Calibration struct {
	Temperature float64              `json:"temperature"` // that logits are divided by; 1 if it was not fitted; of several runs the mean
	Fitted      int                  `json:"fitted"`      // dev examples that it was fitted on; 0: none
	Before      evaluate.Calibration `json:"before"`      // of the scored examples, at temperature 1
	After       evaluate.Calibration `json:"after"`       // of the scored examples, at Temperature
}

// String describes a fitted temperature and what it changed in a line.
func (c *Calibration) String() string {
	return fmt.Sprintf("probabilities scaled by temperature %.2f, fitted on %d dev examples: calibration error %.1f %% before, %.1f %% after",
		c.Temperature, c.Fitted, 100*c.Before.ECE, 100*c.After.ECE)
}

// Curve is precision and recall over the pairs of relations if a label is given only when its probability reaches a
// threshold, as with subbert predict --min-probability.
type Curve struct {
	Of               string             `json:"of"` // which examples: dev, test or all
	AveragePrecision float64            `json:"average_precision"`
	Points           []evaluate.PRPoint `json:"points"` // by rising threshold; at most 100 points of the curve
}

// Values of Relation.MicroOf.
const (
	MicroOfRun    = "run"    // of the predictions of a single run
	MicroOfPooled = "pooled" // of the predictions of several runs together
)

// Judge finds what is wrong with a model, given the report r on its predictions and its F1: that of r, or the mean of
// several runs. Baseline holds the scores of methods without a model.
func Judge(r evaluate.Report, f1 float64, baseline map[string]evaluate.PRF) []Finding {
	var out []Finding
	if label := OnlyPredicted(r.Labels, r.Confusion); label != "" {
		out = append(out, Finding{Kind: OneLabelPredicted, Text: fmt.Sprintf(
			"the model gives all %d pairs the label %q; more steps, a lower learning rate or optimizer.name = \"adamw\" may help", r.Instances, label)})
	}
	best, name := -1.0, ""
	for _, n := range slices.Sorted(maps.Keys(baseline)) {
		if b := baseline[n].F1; b > best {
			best, name = b, n
		}
	}
	if name != "" && f1 <= best {
		out = append(out, Finding{Kind: NotAboveBaseline, Text: fmt.Sprintf("F1 %.1f is not above the %.1f of the %s, which needs no model", f1, best, name)})
	}
	return out
}

// OnlyPredicted returns the label that all pairs of a confusion matrix get. It is empty if there are several labels, or a
// single pair, which shows nothing.
func OnlyPredicted(labels []string, confusion [][]int) string {
	only, pairs := "", 0
	for j, l := range labels {
		for _, row := range confusion {
			if row[j] == 0 {
				continue
			}
			if only != "" && only != l {
				return ""
			}
			only, pairs = l, pairs+row[j]
		}
	}
	if pairs < 2 {
		return ""
	}
	return only
}
