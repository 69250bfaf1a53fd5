package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/subbert/subbert/evaluate"
)

// Result is what result.json says. Every key may be missing.
type Result struct {
	Task     string   `json:"task"` // "pretraining", "relation", "probe" or "attention"
	Seed     int      `json:"seed"`
	Steps    int      `json:"steps"`
	Seconds  float64  `json:"seconds"`
	Backend  string   `json:"backend"`
	Machine  string   `json:"machine"`  // in words: processor or accelerator, memory
	Command  string   `json:"command"`  // as it would be typed again
	Revision string   `json:"revision"` // of the program
	Versions Versions `json:"versions"` // of the libraries beneath
	Model    string   `json:"model"`    // the directory of the trained model

	// Pretraining.
	Final          map[string]float64 `json:"final"`
	HeldOut        map[string]float64 `json:"heldout"`
	UnigramEntropy float64            `json:"unigram_entropy"` // of the held-out text, in nats; 0 if not measured

	// Relation extraction; scores in percent.
	Corpus    string                  `json:"corpus"`
	Scored    string                  `json:"scored"` // the file
	Labels    []string                `json:"labels"`
	Negative  string                  `json:"negative"`
	Pooling   string                  `json:"pooling"`
	Micro     *evaluate.PRF           `json:"micro"` // over the labels that are not negative
	Macro     *evaluate.PRF           `json:"macro"`
	Binary    *evaluate.PRF           `json:"binary"` // any relation against none
	Accuracy  float64                 `json:"accuracy"`
	Instances int                     `json:"instances"` // scored
	PerClass  map[string]evaluate.PRF `json:"per_class"`
	Confusion [][]int                 `json:"confusion"` // a row for each gold label, a column for each predicted one
	Seeds     []SeedScore             `json:"seeds"`
	Baselines Baselines               `json:"baseline"`
	Majority  *evaluate.PRF           `json:"majority"` // of always giving one label
	Cut       *Cut                    `json:"cut"`

	// What the page leaves to the file: read so that it is no surprise.
	Tokens   int64           `json:"tokens"`
	Best     json.RawMessage `json:"best"`
	Padding  string          `json:"padding"`
	Spread   json.RawMessage `json:"spread"`
	Folds    json.RawMessage `json:"folds"`
	Fold     int             `json:"fold"`
	KeptStep int             `json:"kept_step"`

	Probe     *Probing           `json:"probe"`
	Attention *Attention         `json:"attention"`
	Spent     map[string]float64 `json:"spent"` // probing: seconds of encoding and training, bytes of activations

	confusions []string // the labels of Confusion
}

// Versions maps a component to its version.
type Versions map[string]string

// SeedScore is the score of one of several runs that differ in their seed, or in their fold.
type SeedScore struct {
	Seed  int          `json:"seed"`
	Micro evaluate.PRF `json:"micro"`
}

// Cut says how many training sentences were longer than the model reads, and what that cost.
type Cut struct {
	Sentences int `json:"sentences"`
	Shortened int `json:"shortened"`
	LostOne   int `json:"lost_one"` // mentions
	LostBoth  int `json:"lost_both"`
}

// Baseline is the score of a method without a model.
type Baseline struct {
	Name  string
	Micro evaluate.PRF
}

// Baselines reads {"majority": {"p":..,"r":..,"f1":..}, ...}, the same with the numbers under "micro", or a
// single one of these with its "name".
type Baselines []Baseline

// UnmarshalJSON implements json.Unmarshaler.
func (b *Baselines) UnmarshalJSON(text []byte) error {
	*b = nil
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	if raw["f1"] != nil || raw["micro"] != nil {
		one, err := parseBaseline("baseline", text)
		*b = Baselines{one}
		return err
	}
	for _, name := range sortedKeys(raw) {
		one, err := parseBaseline(name, raw[name])
		if err != nil {
			return err
		}
		*b = append(*b, one)
	}
	return nil
}

func parseBaseline(name string, text []byte) (Baseline, error) {
	var raw struct {
		Name  string        `json:"name"`
		Micro *evaluate.PRF `json:"micro"`
		evaluate.PRF
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return Baseline{}, fmt.Errorf("baseline %s: %w", name, plainJSON(err))
	}
	out := Baseline{Name: name, Micro: raw.PRF}
	if raw.Name != "" {
		out.Name = raw.Name
	}
	if raw.Micro != nil {
		out.Micro = *raw.Micro
	}
	return out, nil
}

// parseResult reads result.json and lists the keys it does not know. Errors name the line.
func parseResult(b []byte) (*Result, []string, error) {
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, nil, fmt.Errorf("line %d: %w", errorLine(b, err), plainJSON(err))
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, nil, plainJSON(err) // "null"
	}
	var unknown []string
	known := resultKeys()
	for _, key := range sortedKeys(raw) {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	if err := errors.Join(r.checkConfusion(), r.Probe.check()); err != nil {
		return nil, nil, err
	}
	return &r, unknown, nil
}

// scored reports whether there are scores: a run without test data writes zeros.
func (r *Result) scored() bool {
	return len(r.Seeds) > 0 || r.Micro != nil && (*r.Micro != evaluate.PRF{} || len(r.Confusion) > 0)
}

// checkConfusion sees that the matrix fits the labels, which may or may not include the negative one.
func (r *Result) checkConfusion() error {
	if len(r.Confusion) == 0 {
		return nil
	}
	r.confusions = slices.Clone(r.Labels)
	if len(r.Confusion) == len(r.Labels)+1 && r.Negative != "" && !slices.Contains(r.Labels, r.Negative) {
		r.confusions = append(r.confusions, r.Negative)
	}
	if len(r.Confusion) != len(r.confusions) {
		return fmt.Errorf("confusion has %d rows for %d labels", len(r.Confusion), len(r.confusions))
	}
	for i, row := range r.Confusion {
		if len(row) != len(r.confusions) {
			return fmt.Errorf("confusion: row %d has %d columns, want %d", i+1, len(row), len(r.confusions))
		}
	}
	return nil
}

// resultKeys lists the JSON keys of Result.
func resultKeys() []string {
	var out []string
	for f := range reflect.TypeFor[Result]().Fields() {
		if tag := f.Tag.Get("json"); tag != "" {
			out = append(out, strings.Split(tag, ",")[0])
		}
	}
	return out
}

// errorLine is the line of b that err speaks of.
func errorLine(b []byte, err error) int {
	offset := int64(len(b))
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	} else if errors.As(err, &kind) {
		offset = kind.Offset
	}
	return 1 + bytes.Count(b[:min(offset, int64(len(b)))], []byte("\n"))
}
