package checkpoints

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/modeling"
)

// relation is an export of a relation model: the encoder of exported with a classifier, as the settings say.
func relation(t testing.TB, settings string, more ...string) Export {
	t.Helper()
	e, _ := exported(t)
	var config map[string]json.RawMessage
	if err := json.Unmarshal(e.Config, &config); err != nil {
		t.Fatal(err)
	}
	config["subbert"] = json.RawMessage(settings)
	config["auto_map"] = json.RawMessage(`{"AutoModel": "modeling_other.Other"}`)
	var err error
	if e.Config, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	weights := host.Memory{{Name: wordEmbeddings, DType: F32, Shape: []int{1}, Data: make([]byte, 4)}}
	for _, name := range more {
		weights = append(weights, host.Tensor{Name: name, DType: F32, Shape: []int{1}, Data: make([]byte, 4)})
	}
	e.Weights = weights
	return e
}

// TestRelationModels says what transformers is told of each kind of classifier. scripts/check_heads.py compares the numbers.
func TestRelationModels(t *testing.T) {
	classifier := "classifier.weight"
	for _, c := range []struct {
		name, settings string
		weights        []string
		architecture   string
		custom, kept   bool
	}{
		{"over the pooler", `{"pooling": "cls", "labels": ["a", "b"]}`, []string{classifier, "bert.pooler.dense.weight"}, "BertForSequenceClassification", false, true},
		{"over [CLS]", `{"pooling": "cls_raw", "sequence": 64}`, []string{classifier}, "BertModel", true, true},
		{"over a mean", `{"pooling": "mean", "with_cls": false}`, []string{classifier}, "BertModel", true, true},
		{"over mentions", `{"pooling": "mention"}`, []string{classifier}, "BertModel", true, true},
		{"over attention", `{"pooling": "attention"}`, []string{classifier, "sll.attention.weight"}, "BertModel", true, true},
		{"an encoder that was a relation model", `{"pooling": "mean"}`, []string{outputBias}, "BertForMaskedLM", false, false},
		{"another task's settings", `{"task": "x"}`, []string{outputBias}, "BertForMaskedLM", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "m")
			if err := WriteModel(dir, relation(t, c.settings, c.weights...)); err != nil {
				t.Fatal(err)
			}
			config := readJSON(t, filepath.Join(dir, "config.json"))
			if diff := cmp.Diff([]any{c.architecture}, config["architectures"]); diff != "" {
				t.Errorf("architectures (-want +got):\n%s", diff)
			}
			if _, kept := config["subbert"]; kept != c.kept {
				t.Errorf("settings kept: %t, want %t", kept, c.kept)
			}
			autoMap, _ := config["auto_map"].(map[string]any)
			wantMap := map[string]any{"AutoModelForSequenceClassification": "modeling_subbert.SubbertForSequenceClassification"}
			if !c.custom {
				wantMap = nil
			}
			if diff := cmp.Diff(wantMap, autoMap); diff != "" {
				t.Errorf("auto_map (-want +got):\n%s", diff)
			}
			if has := slices.Contains(names(t, dir), modeling.FileName); has != c.custom {
				t.Errorf("%s is there: %t, want %t", modeling.FileName, has, c.custom)
			}
			card, err := os.ReadFile(filepath.Join(dir, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			if says := strings.Contains(string(card), "transformers loads the encoder only"); says != c.custom || !strings.HasPrefix(string(card), "# A model\n") {
				t.Errorf("the card says how transformers loads it: %t, want %t:\n%s", says, c.custom, card)
			}
		})
	}
}

// TestConvertRelationModel: what a copy says of itself is what the original said.
func TestConvertRelationModel(t *testing.T) {
	e := relation(t, `{"pooling": "lstm", "sequence": 64}`, "classifier.weight", "sll.lstm.weight_ih_l0")
	m := &Model{Config: Config{Raw: e.Config}, Vocabulary: e.Vocabulary, Tokenizer: e.Tokenizer, weights: e.Weights, cleanup: func() error { return nil }}
	for _, kind := range []Kind{KindSafetensors, KindPyTorch} {
		dir := filepath.Join(t.TempDir(), "m")
		if err := Convert(m, dir, kind); err != nil {
			t.Fatal(err)
		}
		if files := names(t, dir); !slices.Contains(files, modeling.FileName) || !slices.Contains(files, "README.md") {
			t.Errorf("%s: files %v, want the Python file and a card among them", kind, files)
		}
	}
}
