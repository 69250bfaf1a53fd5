package encoding_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks/encoding"
)

const nano = "../../checkpoints/testdata/hf"

// open opens the nano model with its tokenizer.
func open(t *testing.T, dir string) (*checkpoints.Model, bert.Config, *wordpiece.Tokenizer) {
	t.Helper()
	m, err := checkpoints.OpenModel(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	config, err := bert.ReadConfig(m.Files.Config)
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(m.Vocabulary, wordpiece.Default())
	if err != nil {
		t.Fatal(err)
	}
	return m, config, tokenizer
}

// read reads records for the nano model.
func read(t *testing.T, text string, positions int) (*encoding.Records, error) {
	t.Helper()
	_, config, tokenizer := open(t, nano)
	limits, err := encoding.LimitsOf(config, positions)
	if err != nil {
		t.Fatal(err)
	}
	return encoding.Read(strings.NewReader(text), "in.jsonl", tokenizer, limits)
}

// encode writes the outputs of the nano model in dir for testdata/in.jsonl, in batches of rows, and reads them back.
func encode(t *testing.T, dir string, o encoding.Options, rows, length int) *golden.File {
	t.Helper()
	m, config, _ := open(t, dir)
	text, err := os.ReadFile("testdata/in.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	records, err := read(t, string(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	if length == 0 {
		length = records.Longest
	}
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := encoding.New(backend, m, config, o.Has(m), rows, length)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Output(t.Context(), records.All, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := errors.Join(safetensors.Write(&b, out, out.Pieces(m.Vocabulary)), out.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "out.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := golden.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func everything() encoding.Options {
	return encoding.Options{Layers: []int{0, 1, 2}, Attentions: true, Pooled: true, MaskedLM: true, Next: true}
}

// tolerance: a few float32 roundings in each of two layers. Their weights have standard deviation 1, fifty times BERT's.
var tolerance = golden.Tolerance{Relative: 1e-5, Absolute: 1e-5}

// TestParity compares with transformers, for several batch sizes.
func TestParity(t *testing.T) {
	want, err := golden.Open("testdata/expected.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{1, 2, 5, 8} {
		got := encode(t, nano, everything(), rows, 0)
		for _, line := range golden.Diff(want.Tensors, got.Tensors, tolerance) {
			t.Errorf("%d rows: %s", rows, line)
		}
		pieces := map[string]string{"pair/tokens": "[CLS] gene of Ras [SEP] in vitro . [SEP]", "7/tokens": "[CLS] A B kinase [SEP]"}
		for name, want := range pieces {
			if got := got.Metadata[name]; got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
}

// TestLength checks that padding to more positions does not change the values at a record's own positions.
func TestLength(t *testing.T) {
	short, long := encode(t, nano, everything(), 2, 0), encode(t, nano, everything(), 2, 12)
	if got := long.Tensors["one/hidden"].Shape; !slices.Equal(got, []int{3, 12, 8}) {
		t.Errorf("one/hidden is %v", got)
	}
	for _, name := range []string{"one/pooled", "pair/pooled", "7/nsp_logits"} {
		a, b := golden.Tensors{name: short.Tensors[name]}, golden.Tensors{name: long.Tensors[name]}
		for _, line := range golden.Diff(a, b, tolerance) {
			t.Error(line)
		}
	}
	ids := long.Tensors["7/input_ids"].Ints
	if diff := cmp.Diff([]int32{2, 10, 11, 12, 3, 0, 0, 0, 0, 0, 0, 0}, ids); diff != "" {
		t.Errorf("7/input_ids (-want +got):\n%s", diff)
	}
}

// TestChosenLayers checks that the output has only the requested layers, in the requested order.
func TestChosenLayers(t *testing.T) {
	all, some := encode(t, nano, everything(), 5, 0), encode(t, nano, encoding.Options{Layers: []int{2, 0}}, 5, 0)
	if len(some.Tensors) != 5*3 {
		t.Errorf("%d tensors, want hidden, input_ids and token_type_ids of 5 records", len(some.Tensors))
	}
	a, b := all.Tensors["one/hidden"], some.Tensors["one/hidden"]
	layer := len(a.Floats) / 3
	if !slices.Equal(b.Floats[:layer], a.Floats[2*layer:]) || !slices.Equal(b.Floats[layer:], a.Floats[:layer]) {
		t.Error("hidden is not layer 2, then the embeddings")
	}
}

// TestWithoutHeads checks that a model with only an encoder has only hidden states.
func TestWithoutHeads(t *testing.T) {
	m, _, _ := open(t, "../../checkpoints/testdata/base")
	has := everything().Has(m)
	if has.MaskedLM || has.Next {
		t.Errorf("heads in a bare encoder: %+v", has)
	}
	bare := everything()
	bare.Pooled, bare.Next = false, true
	if bare.Has(m).Next {
		t.Error("next sentence logits without a pooler")
	}
}

func TestParseLayers(t *testing.T) {
	for _, c := range []struct {
		text string
		want []int
	}{
		{"all", []int{0, 1, 2, 3}}, {"-1", []int{3}}, {"-1,-2, 0", []int{3, 2, 0}}, {"-4", []int{0}}, {"3", []int{3}},
		{"4", nil}, {"-5", nil}, {"", nil}, {"1,", nil}, {"last", nil},
	} {
		got, err := encoding.ParseLayers(c.text, 3)
		if (err == nil) != (c.want != nil) || err == nil && !slices.Equal(got, c.want) {
			t.Errorf("ParseLayers(%q) = %v, error %v, want %v", c.text, got, err, c.want)
		}
	}
}

func TestReadCuts(t *testing.T) {
	records, err := read(t, `{"id":"x","text":"A B A B A B A","text_b":"1 2 3","label":1}`+"\n\n", 8)
	if err != nil {
		t.Fatal(err)
	}
	r := records.All[0]
	// The longer text is cut until both have the same length, then both in turn, the second first.
	if diff := cmp.Diff([]int32{2, 10, 11, 10, 3, 27, 28, 3}, r.InputIDs); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int32{0, 0, 0, 0, 0, 1, 1, 1}, r.TokenTypeIDs); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	if !slices.Equal(records.Cut, []encoding.Cut{{ID: "x", Pieces: 10, Kept: 5}}) || records.Longest != 8 || !slices.Equal(records.Unknown, []string{"label"}) {
		t.Errorf("%+v", records)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "\n", "in.jsonl: no records"},
		{"no JSON", "\n{", "in.jsonl:2: unexpected end"},
		{"no id", `{"text":"A"}`, `in.jsonl:1: no "id"`},
		{"null id", `{"id":null,"text":"A"}`, `no "id"`},
		{"empty id", `{"id":"","text":"A"}`, `no "id"`},
		{"id twice", `{"id":"1","text":"A"}` + "\n" + `{"id":1,"text":"A"}`, `in.jsonl:2: id "1" already appears in line 1`},
		{"neither", `{"id":"x"}`, `id "x": no "text" and no "input_ids"`},
		{"both", `{"id":"x","text":"A","input_ids":[2]}`, `both "text" and "input_ids"`},
		{"types of a text", `{"id":"x","text":"A","token_type_ids":[0]}`, `want "text" and optionally`},
		{"second text of ids", `{"id":"x","input_ids":[2],"text_b":"A"}`, `want "text" and optionally`},
		{"no ids", `{"id":"x","input_ids":[]}`, "0 input_ids, want 1 to 12"},
		{"too many ids", `{"id":"x","input_ids":[2,2,2,2,2,2,2,2,2,2,2,2,2]}`, "13 input_ids, want 1 to 12"},
		{"id beyond the vocabulary", `{"id":"x","input_ids":[2,34]}`, "input_ids[1] is 34, want 0 to 33"},
		{"negative", `{"id":"x","input_ids":[-1]}`, "input_ids[0] is -1"},
		{"fewer types", `{"id":"x","input_ids":[2,3],"token_type_ids":[0]}`, "1 token_type_ids for 2 input_ids"},
		{"third type", `{"id":"x","input_ids":[2],"token_type_ids":[2]}`, "token_type_ids[0] is 2, want 0 to 1"},
		{"mask of 2", `{"id":"x","input_ids":[2],"attention_mask":[2]}`, "attention_mask[0] is 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := read(t, c.text, 0); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := encoding.LimitsOf(bert.Default(), 513); err == nil {
		t.Error("513 positions are taken")
	}
}

func TestInterrupted(t *testing.T) {
	m, config, _ := open(t, nano)
	records, err := read(t, `{"id":"x","text":"A"}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := encoding.New(backend, m, config, encoding.Options{Layers: []int{0}}, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out, err := e.Output(ctx, records.All, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := safetensors.Write(&bytes.Buffer{}, out, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
