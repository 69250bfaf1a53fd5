package checkpoints

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
)

// readJSON decodes a file as any.
func readJSON(t testing.TB, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func exported(t testing.TB) (Export, *Model) {
	m := openModel(t, filepath.Join("testdata", "hf"))
	return Export{Config: m.Config.Raw, Vocabulary: m.Vocabulary, Tokenizer: m.Tokenizer, Weights: m.Weights(), Card: "# A model\n"}, m
}

// TestWriteModel compares what is written with what transformers wrote for the same model.
func TestWriteModel(t *testing.T) {
	e, _ := exported(t)
	dir := filepath.Join(t.TempDir(), "models", "mine")
	if err := WriteModel(dir, e); err != nil {
		t.Fatal(err)
	}
	want := []string{"README.md", "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, name := range []string{"config.json", "special_tokens_map.json", "tokenizer.json"} {
		if diff := cmp.Diff(readJSON(t, "testdata/hf/"+name), readJSON(t, filepath.Join(dir, name))); diff != "" {
			t.Errorf("%s (-transformers +ours):\n%s", name, diff)
		}
	}
	theirs, ours := readJSON(t, "testdata/hf/tokenizer_config.json"), readJSON(t, filepath.Join(dir, "tokenizer_config.json"))
	for key, value := range ours {
		if key == "model_max_length" { // theirs is that of no model at all
			continue
		}
		if diff := cmp.Diff(theirs[key], value); diff != "" {
			t.Errorf("tokenizer_config.json: %s (-transformers +ours):\n%s", key, diff)
		}
	}
	for _, name := range []string{"vocab.txt", "model.safetensors"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(fixture(t, "hf/"+name)) {
			t.Errorf("%s differs from what transformers wrote", name)
		}
	}
	if err := WriteModel(dir, e); !errors.Is(err, fs.ErrExist) {
		t.Errorf("writing over a model: error %v, want one that it exists", err)
	}
}

// TestWriteModelFails fails each operation in turn: nothing is left.
func TestWriteModelFails(t *testing.T) {
	e, _ := exported(t)
	for n := 1; ; n += stride() {
		parent := t.TempDir()
		fsys := &failing{n: n}
		err := writeDirectory(fsys, filepath.Join(parent, "m"), e.Write)
		if fsys.n > 0 {
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("operation %d failed, error %v", n, err)
		}
		left := names(t, parent)
		if len(left) == 1 && left[0] == "m" { // only making the name durable failed
			continue
		}
		if len(left) > 0 {
			t.Errorf("operation %d failed, left %v", n, left)
		}
	}
}

func TestConvert(t *testing.T) {
	_, m := exported(t)
	chain := m
	for _, to := range []Kind{KindTensorFlow, KindPyTorch, KindSafetensors, KindPyTorch, KindTensorFlow, KindSafetensors} {
		dir := filepath.Join(t.TempDir(), "m")
		if err := Convert(chain, dir, to); err != nil {
			t.Fatal(err)
		}
		chain = openModel(t, dir)
		if chain.Kind != to {
			t.Errorf("kind %s, want %s", chain.Kind, to)
		}
		c, err := Compare(m, chain)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Equal {
			t.Errorf("%s changes weights: %+v", to, c)
		}
	}
	got, err := os.ReadFile(chain.Files.Weights)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(fixture(t, "hf/model.safetensors")) {
		t.Error("there and back gives another file")
	}
	sll := append(weights(t, "hf/model.safetensors"), host.Tensor{Name: "sll.attention.weight", DType: F32, Shape: []int{8, 1}, Data: make([]byte, 32)})
	with := openModel(t, modelOf(t, sll))
	if err := Convert(with, filepath.Join(t.TempDir(), "m"), KindTensorFlow); err == nil || !strings.Contains(err.Error(), "sll.attention.weight") {
		t.Errorf("a parameter that Google's code lacks: error %v", err)
	}
	if err := Convert(with, filepath.Join(t.TempDir(), "m"), KindNone); err == nil {
		t.Error("weights were written in no container")
	}
}

// TestUntied has a decoder that is no copy of the embedding.
func TestUntied(t *testing.T) {
	untied := append(weights(t, "hf/model.safetensors"), host.Tensor{Name: decoderWeight, DType: F32, Shape: []int{34, 8}, Data: make([]byte, 34*8*4)})
	dir := modelOf(t, untied)
	m := openModel(t, dir)
	_, report := sums(t, m, wants(t), nil)
	if diff := cmp.Diff([]string{decoderWeight}, report.part(MLM).Unused); diff != "" {
		t.Errorf("unused (-want +got):\n%s", diff)
	}
	if err := Convert(m, filepath.Join(t.TempDir(), "m"), KindSafetensors); err == nil || !strings.Contains(err.Error(), "differs from") {
		t.Errorf("convert: error %v, want one about the difference", err)
	}
	put(t, dir, "config.json", []byte(strings.Replace(string(fixture(t, "hf/config.json")), "{", `{"tie_word_embeddings": false,`, 1)))
	m = openModel(t, dir)
	if _, err := m.Load(wants(t), nil, nil); err == nil || !strings.Contains(err.Error(), "tie_word_embeddings is false") {
		t.Errorf("load: error %v, want one about tie_word_embeddings", err)
	}
}

func TestArchitecture(t *testing.T) {
	for _, c := range []struct {
		want  string
		names []string
	}{
		{"BertForPreTraining", []string{wordEmbeddings, outputBias, "cls.seq_relationship.bias"}},
		{"BertForMaskedLM", []string{wordEmbeddings, outputBias}},
		{"BertForNextSentencePrediction", []string{"cls.seq_relationship.bias"}},
		{"BertForSequenceClassification", []string{wordEmbeddings, "classifier.bias"}},
		{"BertModel", []string{wordEmbeddings, "classifier.bias", "sll.attention.weight"}},
		{"BertModel", []string{wordEmbeddings}},
	} {
		var m host.Memory
		for _, name := range c.names {
			m = append(m, host.Tensor{Name: name, DType: F32, Shape: []int{0}})
		}
		if got := architecture(m); got != c.want {
			t.Errorf("%v: %s, want %s", c.names, got, c.want)
		}
	}
}

func TestInspect(t *testing.T) {
	values := []float32{1, -1, 0, 3}
	odd := host.Memory{
		{Name: wordEmbeddings, DType: F32, Shape: []int{2, 2}, Data: host.Float32Bytes(values)},
		{Name: "bert.pooler.dense.bias", DType: BF16, Shape: []int{3}, Data: []byte{0x80, 0x3f, 0xc0, 0x7f, 0x80, 0xff}}, // 1, NaN, -Inf
		{Name: "steps", DType: I64, Shape: []int{}, Data: make([]byte, 8)},
	}
	m, faults, err := Peek(t.Context(), modelOf(t, odd))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	in, err := Inspect(m, faults)
	if err != nil {
		t.Fatal(err)
	}
	want := []TensorStats{
		{Name: "steps", Part: Other, DType: "I64", Shape: []int{}},
		{Name: wordEmbeddings, Part: Encoder, DType: "F32", Shape: []int{2, 2}, Mean: 0.75, SD: 1.479019945774904, Zeros: 1},
		{Name: "bert.pooler.dense.bias", Part: Pooler, DType: "BF16", Shape: []int{3}, Mean: 1, NonFinite: 2},
	}
	if diff := cmp.Diff(want, in.Tensors); diff != "" {
		t.Errorf("tensors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]PartSize{{Encoder, 1, 4}, {Pooler, 1, 3}, {Other, 1, 1}}, in.Parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if len(in.Faults) != 1 || !strings.Contains(in.Faults[0], "has 2 rows") {
		t.Errorf("faults %v, want one about the vocabulary's size", in.Faults)
	}
	if _, err := json.Marshal(in); err != nil {
		t.Error(err)
	}
}

// TestCompareCopies has one model spell out its decoder.
func TestCompareCopies(t *testing.T) {
	legacy, hf := openModel(t, directory(t, settings("legacy/pytorch_model.bin"))), openModel(t, directory(t, settings("hf/model.safetensors")))
	for _, pair := range [][2]*Model{{legacy, hf}, {hf, legacy}} {
		c, err := Compare(pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if !c.Equal {
			t.Errorf("%s and %s differ: %+v", c.A, c.B, c)
		}
	}
}

func TestCompare(t *testing.T) {
	a := weights(t, "hf/model.safetensors")
	b := weights(t, "hf/model.safetensors")
	for i := range b {
		switch b[i].Name {
		case "bert.encoder.layer.1.output.dense.bias":
			values := b[i].Float32s()
			values[3] += 0.5
			b[i].Data = host.Float32Bytes(values)
		case "bert.pooler.dense.bias":
			b[i].Name = "classifier.bias"
		case "cls.seq_relationship.bias":
			b[i].Shape = []int{2, 1}
		}
	}
	c, err := Compare(openModel(t, modelOf(t, a)), openModel(t, modelOf(t, b)))
	if err != nil {
		t.Fatal(err)
	}
	var layers []string
	for _, l := range c.Layers {
		layers = append(layers, l.Layer)
		if changed := l.Layer == "layer 1"; changed != (l.Changed == 1) || changed && (l.Largest != 0.5 || l.Relative <= 0 || l.Relative > 0.1) {
			t.Errorf("%+v", l)
		}
	}
	if diff := cmp.Diff([]string{"embeddings", "layer 0", "layer 1", "pooler", "mlm", "nsp"}, layers); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	if c.Equal || len(c.OnlyInA) != 1 || c.OnlyInA[0] != "bert.pooler.dense.bias" || len(c.OnlyInB) != 1 || len(c.Unshaped) != 1 {
		t.Errorf("%+v", c)
	}
}
