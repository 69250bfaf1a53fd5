package bert

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/regularfile"
)

// Config is the architecture, in the keys of Hugging Face's config.json.
type Config struct {
	VocabSize             int     `json:"vocab_size"`
	HiddenSize            int     `json:"hidden_size"`
	NumHiddenLayers       int     `json:"num_hidden_layers"`
	NumAttentionHeads     int     `json:"num_attention_heads"`
	IntermediateSize      int     `json:"intermediate_size"`
	HiddenAct             string  `json:"hidden_act"`
	HiddenDropout         float64 `json:"hidden_dropout_prob"`
	AttentionDropout      float64 `json:"attention_probs_dropout_prob"`
	MaxPositionEmbeddings int     `json:"max_position_embeddings"`
	TypeVocabSize         int     `json:"type_vocab_size"`
	InitializerRange      float64 `json:"initializer_range"`
	LayerNormEps          float64 `json:"layer_norm_eps"`
	PadTokenID            int     `json:"pad_token_id"`

	// Extra holds the keys not listed above, as they were read; they are written back.
	Extra map[string]json.RawMessage `json:"-"`
}

// Default is BERT-base with the English uncased vocabulary. A key that config.json lacks has the value in Default.
func Default() Config {
	return Config{
		VocabSize: 30522, HiddenSize: 768, NumHiddenLayers: 12, NumAttentionHeads: 12, IntermediateSize: 3072,
		HiddenAct: "gelu", HiddenDropout: 0.1, AttentionDropout: 0.1, MaxPositionEmbeddings: 512, TypeVocabSize: 2,
		InitializerRange: 0.02, LayerNormEps: 1e-12,
	}
}

// HeadSize is D, the width of one attention head.
func (c Config) HeadSize() int { return c.HiddenSize / c.NumAttentionHeads }

// maxConfig bounds a config.json in bytes, and maxParameters the encoder it describes; the largest published BERT has 3.9 billion.
const (
	maxConfig     = 16 << 20
	maxParameters = 1 << 33
)

// ReadConfig reads and validates a config.json. Its error is one line.
func ReadConfig(path string) (Config, error) {
	data, err := regularfile.Read(path, maxConfig)
	if err != nil {
		return Config{}, err
	}
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %s", path, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return c, nil
}

// plainConfig is Config without its methods.
type plainConfig Config

// UnmarshalJSON starts from Default and keeps unknown keys in Extra.
func (c *Config) UnmarshalJSON(data []byte) error {
	plain := plainConfig(Default())
	if err := json.Unmarshal(data, &plain); err != nil {
		return err
	}
	extra := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &extra); err != nil {
		return err
	}
	known, err := plain.fields()
	if err != nil {
		return err
	}
	maps.DeleteFunc(extra, func(key string, _ json.RawMessage) bool { return known[key] != nil })
	if len(extra) > 0 {
		plain.Extra = extra
	}
	*c = Config(plain)
	return nil
}

// MarshalJSON writes all keys in alphabetical order, Extra's among them.
func (c Config) MarshalJSON() ([]byte, error) {
	all, err := plainConfig(c).fields()
	if err != nil {
		return nil, err
	}
	for key, value := range c.Extra {
		if all[key] == nil {
			all[key] = value
		}
	}
	return json.Marshal(all)
}

// fields is c by key, without Extra.
func (c plainConfig) fields() (map[string]json.RawMessage, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	return fields, json.Unmarshal(data, &fields)
}

// Validate lists every fault of the config at once, each with the values at odds; nil if there is none.
func (c Config) Validate() error {
	return errors.Join(c.sizeFaults(), c.rateFaults(), c.kindFaults())
}

func (c Config) sizeFaults() error {
	var faults []error
	for _, size := range []struct {
		key        string
		value, max int // no published BERT comes near the maximum
	}{
		{"vocab_size", c.VocabSize, 1 << 22}, {"hidden_size", c.HiddenSize, 1 << 16}, {"num_hidden_layers", c.NumHiddenLayers, 1 << 10},
		{"num_attention_heads", c.NumAttentionHeads, 1 << 12}, {"intermediate_size", c.IntermediateSize, 1 << 18},
		{"max_position_embeddings", c.MaxPositionEmbeddings, 1 << 20}, {"type_vocab_size", c.TypeVocabSize, 1 << 16},
	} {
		switch {
		case size.value < 1:
			faults = append(faults, fmt.Errorf("%s %d, want at least 1", size.key, size.value))
		case size.value > size.max:
			faults = append(faults, fmt.Errorf("%s %d, want at most %d", size.key, size.value, size.max))
		}
	}
	if n := c.parameters(); len(faults) == 0 && n > maxParameters {
		faults = append(faults, fmt.Errorf("the encoder has %d parameters, want at most %d", n, maxParameters))
	}
	if c.NumAttentionHeads > 0 && c.HiddenSize%c.NumAttentionHeads != 0 {
		faults = append(faults, fmt.Errorf("hidden_size %d is not a multiple of num_attention_heads %d",
			c.HiddenSize, c.NumAttentionHeads))
	}
	return errors.Join(faults...)
}

// parameters estimates the number of parameters of the encoder. The sizes must be in range.
func (c Config) parameters() int {
	h := c.HiddenSize
	return (c.VocabSize+c.MaxPositionEmbeddings+c.TypeVocabSize)*h + c.NumHiddenLayers*(4*h*h+2*h*c.IntermediateSize)
}

func (c Config) rateFaults() error {
	var faults []error
	for key, rate := range map[string]float64{
		"hidden_dropout_prob": c.HiddenDropout, "attention_probs_dropout_prob": c.AttentionDropout,
	} {
		if !(rate >= 0 && rate < 1) {
			faults = append(faults, fmt.Errorf("%s %g, want 0 or more and below 1", key, rate))
		}
	}
	if !(c.InitializerRange > 0) {
		faults = append(faults, fmt.Errorf("initializer_range %g, want above 0", c.InitializerRange))
	}
	if !(c.LayerNormEps > 0) {
		faults = append(faults, fmt.Errorf("layer_norm_eps %g, want above 0", c.LayerNormEps))
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(faults...)
}

// kindFaults rejects settings of config.json that this encoder does not implement.
func (c Config) kindFaults() error {
	var faults []error
	if _, known := activations[c.HiddenAct]; !known {
		faults = append(faults, fmt.Errorf("hidden_act %q, want one of %s",
			c.HiddenAct, strings.Join(slices.Sorted(maps.Keys(activations)), ", ")))
	}
	for _, fixed := range []struct{ key, want string }{
		{"model_type", `"bert"`}, {"position_embedding_type", `"absolute"`},
		{"is_decoder", "false"}, {"add_cross_attention", "false"},
	} {
		if got, found := c.Extra[fixed.key]; found && string(got) != fixed.want {
			faults = append(faults, fmt.Errorf("%s %s, want %s", fixed.key, got, fixed.want))
		}
	}
	return errors.Join(faults...)
}
