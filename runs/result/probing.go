package result

import (
	"fmt"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/evaluate"
)

// Probing is the result of a probing run.
type Probing struct {
	Task      string       `json:"task"`
	Corpus    string       `json:"corpus,omitempty"`
	Labels    []string     `json:"labels"`
	Negative  string       `json:"negative"`
	Scored    string       `json:"scored"` // test or dev
	Seed      uint32       `json:"seed"`   // the first
	Instances int          `json:"instances"`
	Cut       marked.Cut   `json:"cut"`
	Majority  evaluate.PRF `json:"majority"` // micro, of always giving the most frequent positive label
	Probe     *Probes      `json:"probe"`
	Seconds   float64      `json:"seconds"`
	Spent     Spent        `json:"spent"`
	Findings  []Finding    `json:"findings,omitempty"`
	Backend   string       `json:"backend"`
	Provenance
}

// Spent says how much time and disk a probing run took.
type Spent struct {
	Encoding float64 `json:"encoding"`    // seconds
	Training float64 `json:"training"`    // seconds
	Bytes    int64   `json:"activations"` // on disk
}

// Probes holds what edge probes found. Layers count from 0, the embeddings.
type Probes struct {
	Input   string   `json:"input"`   // what the probes saw: spans, all or cls
	Layers  []int    `json:"layers"`  // the last layer of each probe
	Seeds   []uint32 `json:"seeds"`   // in the order of the values
	Encoder string   `json:"encoder"` // hash of its parameters, the same before and after

	Series      []ProbeSeries       `json:"series"`                // the encoder's first
	Selectivity []evaluate.Interval `json:"selectivity,omitempty"` // of each probe: the encoder's score minus that with shuffled labels

	Alpha  [][]float64         `json:"alpha"`  // of each probe: softmax(alpha) of layers 0 to l, mean over the seeds
	Centre []evaluate.Interval `json:"centre"` // of each probe: its centre of gravity, sum of k·softmax(alpha)_k
	Gamma  []evaluate.Interval `json:"gamma"`  // of each probe
}

// ProbeEncoder is the series of the encoder itself, as opposed to the controls.
const ProbeEncoder = "encoder"

// ProbeSeries holds the scores of the probes of one encoder or control.
type ProbeSeries struct {
	Of       string      `json:"of"`       // ProbeEncoder, "random" or "shuffled"
	F1       [][]float64 `json:"f1"`       // micro, of each seed and probe
	Accuracy [][]float64 `json:"accuracy"` // micro, of each seed and probe
	evaluate.LayerSeries
}

// check checks that the parts of p fit each other.
func (p *Probes) check() error {
	if p == nil {
		return nil
	}
	n := len(p.Layers)
	if n == 0 || len(p.Series) == 0 {
		return fmt.Errorf("probe: %d layers, %d series: want at least one of each", n, len(p.Series))
	}
	for _, s := range p.Series {
		if len(s.Scores) != n || len(s.Delta) != n-1 || len(s.Cumulative) != n-1 {
			return fmt.Errorf("probe: %s has %d scores, %d deltas for %d layers", s.Of, len(s.Scores), len(s.Delta), n)
		}
	}
	if len(p.Alpha) != n || len(p.Centre) != n || len(p.Gamma) != n || p.Selectivity != nil && len(p.Selectivity) != n {
		return fmt.Errorf("probe: %d rows of alpha, %d of gamma for %d layers", len(p.Alpha), len(p.Gamma), n)
	}
	return nil
}

// Attention is the result of subbert attention.
type Attention struct {
	Task      string   `json:"task"`
	Model     string   `json:"model"`
	Labels    []string `json:"labels,omitempty"`
	Attention *Weights `json:"attention"`
	Seconds   float64  `json:"seconds"`
	Provenance
}

// Weights says where a model looks: sentences with the weights of their words, and the mean weight of stems.
type Weights struct {
	Of        string                `json:"of"` // the kind of attention, in words
	Data      string                `json:"data"`
	Baseline  string                `json:"baseline,omitempty"` // the predictions that the sentences were compared with to choose them
	Sentences []Sentence            `json:"sentences"`
	Stems     []evaluate.StemWeight `json:"stems"`
	Examples  int                   `json:"examples"`                // on which the stems were counted
	Near      int                   `json:"near"`                    // words on either side of a mention that count; 0: the whole sentence
	Least     int                   `json:"least"`                   // occurrences that a stem needs
	NoStops   bool                  `json:"no_stop_words,omitempty"` // stop words are not among the stems
}

// Sentence is a marked sentence with weights. Predicted and Baseline may be empty.
type Sentence struct {
	Index       string  `json:"index"`
	Gold        string  `json:"gold,omitempty"`
	Predicted   string  `json:"predicted,omitempty"`
	Probability float64 `json:"probability,omitempty"` // of Predicted
	Baseline    string  `json:"baseline,omitempty"`
	Positions   int     `json:"positions,omitempty"` // n, the number of positions that share the weight; with equal shares each has 1/n
	Words       []Word  `json:"words"`
}

// Word is a word or a mark of punctuation.
type Word struct {
	Text     string  `json:"text"`
	Weight   float64 `json:"weight"`             // sum over its word pieces
	Pieces   int     `json:"pieces,omitempty"`   // how many word pieces it has
	Mention  bool    `json:"mention,omitempty"`  // it is one of the two mentions
	Name     string  `json:"name,omitempty"`     // of a mention: the name that the mark in Text stands for, if it is known
	Glued    bool    `json:"glued,omitempty"`    // no space separates it from the word before
	Cut      bool    `json:"cut,omitempty"`      // text before it was cut off
	Sentence int     `json:"sentence,omitempty"` // in a text of several sentences: the number of its sentence, from 0
}

// Times returns the weight as a multiple of the weight that the word's pieces would have if all n positions had equal
// shares.
func (w Word) Times(n int) float64 { return w.Weight * float64(n) / float64(max(1, w.Pieces)) }
