package result

import (
	"fmt"
	"maps"
	"slices"

	"github.com/subbert/subbert/evaluate"
)

// Finding is something that a reader of a result should know: what made the run useless or its score misleading.
type Finding struct {
	Kind string `json:"kind"` // one of survey's, or of those below: the same in every version
	Text string `json:"text"` // a sentence for a person
}

// Kinds of findings that runs and comparisons make, beside those of package survey.
const (
	OneLabelPredicted = "one_label_predicted" // the model gives every pair the same label
	NotAboveBaseline  = "not_above_baseline"  // a method without a model scores as well
	NotAboveUnigram   = "not_above_unigram"   // masked words are restored no better than by the frequency of pieces
	RandomNext        = "random_next"         // no next segment follows
	OneHeldOut        = "one_held_out"        // one held-out document: next sentences are not measured
	LabelsFolded      = "labels_folded"       // labels that differ in spelling alone are read as one
	UnknownMarks      = "unknown_marks"       // marks of mentions become [UNK]
)

// Interval is F1 with the bounds that hold it with 95 % confidence.
type Interval struct {
	evaluate.Interval
	Over string `json:"over"` // what differs: OverPairs, OverSeeds or OverFolds
}

// What an interval is over.
const (
	OverPairs = "pairs" // bootstrap of the pairs that were scored
	OverSeeds = "seeds" // Student's t
	OverFolds = "folds" // likewise
)

// Calibration says how far the probability of the label that a model gives is from the share of such labels that are right.
type Calibration struct {
	Temperature float64              `json:"temperature"` // that logits are divided by; 1 where it was not fitted. Of several runs the mean
	Fitted      int                  `json:"fitted"`      // dev examples that it was fitted on; 0: none
	Before      evaluate.Calibration `json:"before"`      // of the scored examples, at temperature 1
	After       evaluate.Calibration `json:"after"`       // likewise, at Temperature
}

// Curve is precision and recall over the pairs of relations when a label is given only where its probability is at least a
// threshold, which is subbert predict --min-probability.
type Curve struct {
	Of               string             `json:"of"` // dev, test or all: the examples
	AveragePrecision float64            `json:"average_precision"`
	Points           []evaluate.PRPoint `json:"points"` // thresholds rise; at most 100 of the curve
}

// What the micro score of a report is.
const (
	MicroOfRun    = "run"    // of the predictions of a single run
	MicroOfPooled = "pooled" // of the predictions of several runs together
)

// Judge finds what is wrong with a model by its predictions r and its F1: that of r, or of several runs their mean. Baseline
// are the scores of methods without a model.
func Judge(r evaluate.Report, f1 float64, baseline map[string]evaluate.PRF) []Finding {
	var out []Finding
	if label := onlyPredicted(r); label != "" {
		out = append(out, Finding{Kind: OneLabelPredicted, Text: fmt.Sprintf("the model gives all %d pairs the label %q", r.Instances, label)})
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

// onlyPredicted returns the label that all instances get; empty if there are several. A single instance says nothing.
func onlyPredicted(r evaluate.Report) string {
	only := ""
	for j, l := range r.Labels {
		for _, row := range r.Confusion {
			if row[j] == 0 {
				continue
			}
			if only != "" && only != l {
				return ""
			}
			only = l
		}
	}
	if r.Instances < 2 {
		return ""
	}
	return only
}
