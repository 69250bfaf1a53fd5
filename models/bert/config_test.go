package bert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConfigRoundTrip: known keys are read, defaults fill what is missing, unknown keys come back as they were.
func TestConfigRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	const text = `{"hidden_size": 24, "num_attention_heads": 3, "architectures": ["BertForMaskedLM"], "model_type": "bert"}`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.HiddenSize, want.NumAttentionHeads = 24, 3
	want.Extra = map[string]json.RawMessage{"architectures": json.RawMessage(`["BertForMaskedLM"]`), "model_type": json.RawMessage(`"bert"`)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var again Config
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Error("written and read again (-want +got)\n" + diff)
	}
	if !strings.Contains(string(data), `"layer_norm_eps":1e-12`) {
		t.Errorf("no layer_norm_eps in %s", data)
	}
}

// TestValidate expects each fault in its words, and all of them at once.
func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *Config)
		says   []string
	}{
		{"default", func(*Config) {}, nil},
		{"sizes", func(c *Config) { c.VocabSize, c.TypeVocabSize = 0, -1 },
			[]string{"vocab_size 0, want at least 1", "type_vocab_size -1, want at least 1"}},
		{"sizes beyond all bounds", func(c *Config) { c.HiddenSize, c.IntermediateSize, c.NumHiddenLayers = 1<<40, 1<<41, 1e9 },
			[]string{"hidden_size 1099511627776, want at most 65536", "intermediate_size 2199023255552, want at most 262144", "num_hidden_layers 1000000000, want at most 1024"}},
		{"tables beyond all bounds", func(c *Config) {
			c.VocabSize, c.MaxPositionEmbeddings, c.TypeVocabSize, c.NumAttentionHeads = 1<<40, 1<<40, 1<<40, 1<<40
		},
			[]string{"vocab_size 1099511627776, want", "max_position_embeddings 1099511627776, want", "type_vocab_size 1099511627776, want", "num_attention_heads 1099511627776, want"}},
		{"too large together", func(c *Config) {
			c.HiddenSize, c.IntermediateSize, c.NumHiddenLayers, c.NumAttentionHeads = 1<<16, 1<<18, 1<<10, 1<<9
		},
			[]string{"the encoder has 52", "want at most 8589934592"}},
		{"heads", func(c *Config) { c.NumAttentionHeads = 7 }, []string{"hidden_size 768 is not a multiple of num_attention_heads 7"}},
		{"rates", func(c *Config) {
			c.HiddenDropout, c.AttentionDropout, c.LayerNormEps, c.InitializerRange = 1, -0.5, 0, 0
		},
			[]string{"attention_probs_dropout_prob -0.5", "hidden_dropout_prob 1,", "initializer_range 0", "layer_norm_eps 0"}},
		{"activation", func(c *Config) { c.HiddenAct = "swish" },
			[]string{`hidden_act "swish", want one of gelu, gelu_new, gelu_pytorch_tanh, relu`}},
		{"another model", func(c *Config) {
			c.Extra = map[string]json.RawMessage{"model_type": json.RawMessage(`"roberta"`), "is_decoder": json.RawMessage("true")}
		}, []string{`model_type "roberta", want "bert"`, "is_decoder true, want false"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Default()
			test.change(&c)
			err := c.Validate()
			if len(test.says) == 0 && err != nil {
				t.Fatal(err)
			}
			for _, says := range test.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("got %v, want %q", err, says)
				}
			}
		})
	}
}

func TestReadConfigFaults(t *testing.T) {
	for name, text := range map[string]string{"no json": "{", "a string for a number": `{"hidden_size":"big"}`, "fault": `{"hidden_size":0}`,
		"several faults": `{"hidden_size":0,"num_hidden_layers":0,"hidden_act":"x"}`, "beyond 64 bits": `{"hidden_size":1180591620717411303424}`, "a page": "<!DOCTYPE html>"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.json")
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadConfig(path); err == nil || !strings.HasPrefix(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that starts with the path", err)
			}
		})
	}
}

// TestRealConfigs reads the configs of published models and finds their known number of parameters.
func TestRealConfigs(t *testing.T) {
	data := os.Getenv("SUBBERT_DATA")
	if data == "" {
		t.Skip("SUBBERT_DATA is not set")
	}
	for name, want := range map[string]int{ // encoder and pooler, as published
		"biobert-v1.1": 108_310_272, "bert-base-uncased": 109_482_240, "scibert-scivocab-uncased": 109_918_464,
	} {
		c, err := ReadConfig(filepath.Join(data, "configs", name+".config.json"))
		if err != nil {
			t.Error(err)
			continue
		}
		got := 0
		for _, p := range append(Parameters(c), PoolerParameters(c)...) {
			got += p.Size()
		}
		if got != want {
			t.Errorf("%s: %d parameters, want %d", name, got, want)
		}
	}
}
