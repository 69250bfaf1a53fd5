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

// parameters are wanted ones of one row each.
func parameters(names ...string) []Parameter {
	var all []Parameter
	for _, name := range names {
		all = append(all, Parameter{Name: name, Shape: []int{3, 8}})
	}
	return all
}

// TestFreshParts: what is named starts from random values whatever the file has, and the report says both.
func TestFreshParts(t *testing.T) {
	tensor := func(name string, rows int) host.Tensor {
		return host.Tensor{Name: name, DType: F32, Shape: []int{rows, 8}, Data: make([]byte, 32*rows)}
	}
	encoder := tensor("bert.pooler.dense.weight", 8)
	for _, c := range []struct {
		name    string
		weights host.Memory
		want    []Parameter
		fresh   Fresh
		report  string // its line of the classifier or the mlm head, empty if loading is refused
		refused string
	}{
		{"of another shape", host.Memory{encoder, tensor("classifier.weight", 2)}, parameters("classifier.weight"), Fresh{Classifier},
			"classifier  1 FRESH, from random values (classifier.weight), 1 in the file, unused (classifier.weight)", ""},
		{"of the same shape", host.Memory{encoder, tensor("classifier.weight", 3)}, parameters("classifier.weight"), Fresh{Classifier},
			"classifier  1 FRESH, from random values (classifier.weight), 1 in the file, unused (classifier.weight)", ""},
		{"not named, the same shape", host.Memory{encoder, tensor("classifier.weight", 3)}, parameters("classifier.weight"), nil, "classifier  1 loaded", ""},
		{"not named, another shape", host.Memory{encoder, tensor("classifier.weight", 2)}, parameters("classifier.weight"), nil,
			"", "classifier.weight has shape [2 8], want [3 8]"},
		{"not named, not there", host.Memory{encoder}, parameters("classifier.weight"), nil, "", "no weights for the classifier part"},
		{"another part named", host.Memory{encoder, tensor("classifier.weight", 2)}, parameters("classifier.weight"), Fresh{SLL, MLM}, "", "has shape"},
		{"a decoder tied to the embedding", host.Memory{tensor(wordEmbeddings, 3)}, parameters(wordEmbeddings, decoderWeight), Fresh{MLM}, "mlm      1 tied", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Model{Path: "DIR", Kind: KindSafetensors, weights: c.weights}
			var put []string
			report, err := m.Load(c.want, c.fresh, func(p Parameter, _ []float32) error {
				put = append(put, p.Name)
				return nil
			})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || put != nil {
					t.Fatalf("error %v after putting %v, want one that says %q", err, put, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.String(), c.report) {
				t.Errorf("report lacks %q:\n%s", c.report, report)
			}
			if len(c.fresh) > 0 && slices.Contains(c.fresh, Classifier) && put != nil {
				t.Errorf("put %v, want nothing", put)
			}
		})
	}
}

// TestNewHead: a classifier need not be named where the file cannot have one.
func TestNewHead(t *testing.T) {
	classify := parameters("bert.pooler.dense.weight", "classifier.weight", "sll.attention.weight")
	for _, c := range []struct {
		name    string
		weights []string
		want    []Parameter
		fresh   Fresh
	}{
		{"an encoder with a pooler", []string{wordEmbeddings, "bert.pooler.dense.weight"}, classify, Fresh{Classifier, SLL}},
		{"as pre-training leaves it", []string{wordEmbeddings, "bert.pooler.dense.weight", outputBias, "cls.seq_relationship.bias"}, classify, Fresh{Classifier, SLL}},
		{"without a pooler", []string{wordEmbeddings, outputBias}, classify, Fresh{Pooler, Classifier, SLL}},
		{"a relation model", []string{wordEmbeddings, "classifier.weight"}, classify, nil},
		{"a summary alone", []string{wordEmbeddings, "sll.attention.weight"}, classify, nil},
		{"a head under another name", []string{wordEmbeddings, "qa_outputs.weight"}, classify, nil},
		{"pre-training lacks its heads", []string{wordEmbeddings}, parameters("bert.pooler.dense.weight", outputBias), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var weights host.Memory
			for _, name := range c.weights {
				weights = append(weights, host.Tensor{Name: name, DType: F32, Shape: []int{1}, Data: make([]byte, 4)})
			}
			m := &Model{weights: weights}
			if diff := cmp.Diff(c.fresh, m.NewHead(c.want)); diff != "" {
				t.Errorf("new head (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		name, config, tensor string
		want                 []string
	}{
		{"ours", `{"subbert": {"labels": ["no", "yes"]}, "id2label": {"0": "x", "1": "y"}}`, "classifier.weight", []string{"no", "yes"}},
		{"transformers'", `{"id2label": {"1": "yes", "0": "no", "2": "third"}}`, "classifier.weight", []string{"no", "yes", "third"}},
		{"names that say nothing", `{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}`, "classifier.weight", nil},
		{"none", `{}`, "classifier.weight", nil},
		{"no classifier", `{"subbert": {"labels": ["no", "yes"]}}`, outputBias, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Model{Config: Config{Raw: []byte(c.config)}, weights: host.Memory{{Name: c.tensor, DType: F32, Shape: []int{0}}}}
			got, err := m.Labels()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
}
