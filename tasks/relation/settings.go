package relation

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
)

// Settings is the value of the key "subbert" in a relation model's config.json: the settings for encoding sentences as
// rows and those of the classifier.
type Settings struct {
	Pooling     string   `json:"pooling"`
	WithCLS     bool     `json:"with_cls"`
	Mask        string   `json:"sll_mask"`
	Layers      []int    `json:"layers,omitempty"`
	HardSigmoid bool     `json:"hard_sigmoid,omitempty"`
	Sequence    int      `json:"sequence"`
	Padding     string   `json:"padding"`
	Lengths     []int    `json:"lengths,omitempty"`
	Truncate    string   `json:"truncate"`
	Marking     string   `json:"marking"`
	Marks       []string `json:"marks"`  // marks in the training sentences
	Labels      []string `json:"labels"` // in the classifier's order
	Negative    string   `json:"negative"`

	Types       [][2]string `json:"types,omitempty"`       // mention types of the training pairs; nil if unknown
	Temperature float64     `json:"temperature,omitempty"` // divisor of the logits; 0 means 1
}

// SettingsOf returns the settings of a model that c trains on sentences marked by marking. The other arguments are
// those of the training sentences.
func SettingsOf(c Config, marking relations.Marking, marks, labels []string, negative string, types [][2]string) Settings {
	return Settings{
		Pooling: c.Pooling, WithCLS: c.WithCLS, Mask: c.Mask, Layers: c.Relation.Layers, HardSigmoid: c.HardSigmoid,
		Sequence: c.Sequence, Padding: c.Padding, Lengths: c.Lengths, Truncate: c.Truncate,
		Marking: string(marking), Marks: marks, Labels: labels, Negative: negative, Types: types,
	}
}

// ReadSettings reads the settings in the text of a config.json. It returns nil if the model is not a relation model.
func ReadSettings(config []byte) (*Settings, error) {
	var fields struct {
		Settings  *Settings `json:"subbert"`
		Positions int       `json:"max_position_embeddings"`
	}
	if err := json.Unmarshal(config, &fields); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	if fields.Settings != nil && len(fields.Settings.Labels) == 0 {
		return nil, nil
	}
	most := cmp.Or(fields.Positions, bert.Default().MaxPositionEmbeddings)
	if s := fields.Settings; s != nil && (s.Sequence < 3 || s.Sequence > most) {
		return nil, fmt.Errorf("config.json: subbert: sequence %d, want 3 to max_position_embeddings, %d", s.Sequence, most)
	}
	if s := fields.Settings; s != nil && !(s.Temperature >= 0) {
		return nil, fmt.Errorf("config.json: subbert: temperature %g, want more than 0", s.Temperature)
	}
	return fields.Settings, nil
}

// Calibrated returns the probabilities of a prediction at the temperature of s.
func (s Settings) Calibrated(probabilities []float32) []float32 {
	if s.Temperature == 0 || s.Temperature == 1 {
		return probabilities
	}
	wide := make([]float64, len(probabilities))
	for i, p := range probabilities {
		wide[i] = float64(p)
	}
	out := make([]float32, len(wide))
	for i, p := range evaluate.AtTemperature(wide, s.Temperature) {
		out[i] = float32(p)
	}
	return out
}

// AddTo returns the text of a config.json with s added, and with the labels under the keys of transformers.
func (s Settings) AddTo(config []byte) ([]byte, error) {
	var fields map[string]any
	if err := json.Unmarshal(config, &fields); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	names, ids := map[string]string{}, map[string]int{}
	for i, l := range s.Labels {
		names[fmt.Sprint(i)], ids[l] = l, i
	}
	fields["id2label"], fields["label2id"], fields["subbert"] = names, ids, s
	return json.Marshal(fields)
}

// Config returns the config of a task with the settings of s, but for the lengths: those of training are for its rows and for the
// device that it ran on.
func (s Settings) Config() Config {
	c := Default()
	c.Relation = heads.Relation{Pooling: s.Pooling, WithCLS: s.WithCLS, Mask: s.Mask, Layers: s.Layers, HardSigmoid: s.HardSigmoid}
	c.Sequence, c.Truncate, c.Labels, c.Negative = s.Sequence, s.Truncate, s.Labels, s.Negative
	c.Padding = cmp.Or(s.Padding, PaddingGrouped)
	return c
}
