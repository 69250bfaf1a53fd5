package result

import "github.com/subbert/subbert/evaluate"

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
	Over string `json:"over"` // what differs: pairs (bootstrap of those that were scored), seeds or folds (Student's t)
}

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
