package checkpoints

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/tfckpt"
)

// Checkpoints as people publish them: under other names, with more in them than weights, in archives within archives, or not the
// file at all. Each is made here from the fixture hf, and has its weights.

// renamedFixture is the fixture's weights under other names.
func renamedFixture(t testing.TB, rename func(string) string) host.Memory {
	t.Helper()
	all := weights(t, "hf/model.safetensors")
	for i := range all {
		all[i].Name = rename(all[i].Name)
	}
	return all
}

func prefixed(prefix string) func(string) string {
	return func(name string) string { return prefix + name }
}

// sameAsFixture wants the weights of the fixture and nothing else, and a copy of them to be written.
func sameAsFixture(t *testing.T, m *Model) {
	t.Helper()
	c, err := Compare(m, openModel(t, filepath.Join("testdata", "hf")))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Equal {
		t.Errorf("not the fixture's weights: only here %v, only there %v, other shapes %v", c.OnlyInA, c.OnlyInB, c.Unshaped)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := Convert(m, dir, KindSafetensors); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, fixture(t, "hf/model.safetensors")) {
		t.Error("the copy's weights are not the fixture's file")
	}
}

func TestWrappedNames(t *testing.T) {
	for _, c := range []struct {
		name    string
		rename  func(string) string
		refused string
	}{
		{"compiled", prefixed("_orig_mod."), ""},
		{"data parallel", prefixed("module."), ""},
		{"an attribute model", prefixed("model."), ""},
		{"an attribute net", prefixed("net."), ""},
		{"an attribute bert", prefixed("bert."), ""},
		{"several around one another", prefixed("module._orig_mod.model.bert."), ""},
		{"compiled within", func(n string) string {
			if rest, ok := strings.CutPrefix(n, "bert."); ok {
				return "bert._orig_mod." + rest
			}
			return n
		}, ""},
		{"NVIDIA's dense_act", func(n string) string {
			for _, layer := range []string{"intermediate.dense.", "pooler.dense.", "transform.dense."} {
				n = strings.Replace(n, layer, strings.Replace(layer, "dense.", "dense_act.", 1), 1)
			}
			return n
		}, ""},
		{"RoBERTa's", func(n string) string { return strings.Replace(n, "bert.", "roberta.", 1) }, `tensor names begin with "roberta.", such as roberta.embeddings.`},
		{"an attribute that is not known", prefixed("lm.core."), `tensor names begin with "lm.core.bert.", such as lm.core.bert.`},
		{"an attribute encoder", func(n string) string { return "encoder." + strings.TrimPrefix(n, "bert.") }, `tensor names begin with "encoder."`},
		{"nothing of a BERT's", func(n string) string {
			return "h." + strings.ReplaceAll(strings.ReplaceAll(n, "encoder", "x"), "embeddings", "wte")
		}, "none of its 46 tensors belongs to a BERT model; one name is h."},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := OpenModel(t.Context(), modelOf(t, renamedFixture(t, c.rename)))
			if c.refused != "" {
				if m != nil || err == nil || !strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want one line with %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			sameAsFixture(t, m)
		})
	}
}

// TestTiedUnderItsOwnName: a file that has the embedding as the decoder's matrix alone, and its bias as the decoder's.
func TestTiedUnderItsOwnName(t *testing.T) {
	m := openModel(t, modelOf(t, renamedFixture(t, func(n string) string {
		return map[string]string{wordEmbeddings: decoderWeight, outputBias: decoderBias}[n] + map[bool]string{false: n}[n == wordEmbeddings || n == outputBias]
	})))
	sameAsFixture(t, m)
}

// slots are the variables that TensorFlow's, Google's and NVIDIA's optimizers and programs keep, one of each kind; X is a
// parameter's name.
var slots = []string{
	"X/adam_m", "X/adam_v", "X/lamb_m", "X/Adam", "X/Adam_1", "X/BERTAdam", "X/BERTAdam_1", "X/AdamWeightDecayOptimizer",
	"X/AdamWeightDecayOptimizer_1", "X/LAMB", "X/LAMBOptimizer_1", "X/Momentum", "X/RMSProp", "X/RMSProp_1", "X/Adagrad",
	"X/Adadelta_1", "X/Ftrl", "X/Adafactor_vr", "X/ExponentialMovingAverage", "training/Adam/X/m", "training/Adam/X/v",
	"X/SomethingNew", "X/SomethingNew/deeper", "group/Optimizer/X/slow",
	"beta1_power", "training/beta2_power", "global_step", "loss_scale", "learning_rate", "good_steps", "loss_scale/bad_steps",
}

func TestTensorFlowSlots(t *testing.T) {
	google := func(t *testing.T) Container {
		c, err := asGoogle(weights(t, "hf/model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, name := range slots {
		t.Run(strings.ReplaceAll(name, "/", " "), func(t *testing.T) {
			slot := host.Tensor{Name: name, DType: F32, Shape: []int{}, Data: make([]byte, 4)}
			if strings.Contains(name, "X") {
				slot = host.Tensor{Name: strings.Replace(name, "X", "bert/pooler/dense/bias", 1), DType: F32, Shape: []int{8}, Data: make([]byte, 32)}
			}
			all := host.Memory{slot}
			c := google(t)
			for _, info := range c.Tensors() {
				tensor, err := host.ReadTensor(c, info)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, tensor)
			}
			dir := directory(t, settings())
			w := &stepFiles{fsys: disk{}, dir: dir, seals: make(map[string]fileSeal)}
			if err := tfckpt.Write(w, "model.ckpt", all); err != nil {
				t.Fatal(err)
			}
			m := openModel(t, dir)
			sameAsFixture(t, m)
			if ignored := m.Ignored(); len(ignored) != 1 || ignored[0].Name != slot.Name || !slices.Contains([]string{optimizerState, trainingState, "step counter"}, ignored[0].Why) {
				t.Errorf("ignored %v, want %s alone", ignored, slot.Name)
			}
		})
	}
}

// TestExtra: what is not part of BERT is kept in copies and named.
func TestExtra(t *testing.T) {
	all := append(weights(t, "hf/model.safetensors"), host.Tensor{Name: "bert.embeddings.relation_embedding", DType: F32, Shape: []int{3, 8}, Data: make([]byte, 96)},
		host.Tensor{Name: "cls.extra", DType: F32, Shape: []int{1}, Data: make([]byte, 4)})
	m := openModel(t, modelOf(t, all))
	if diff := cmp.Diff([]string{"bert.embeddings.relation_embedding", "cls.extra"}, sorted(m.Extra())); diff != "" {
		t.Errorf("extra (-want +got):\n%s", diff)
	}
	if notes := strings.Join(m.Notes(), "\n"); !strings.Contains(notes, "not part of BERT: ") || !strings.Contains(notes, "bert.embeddings.relation_embedding") {
		t.Errorf("notes %q, want one that names it", notes)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := Convert(m, dir, KindSafetensors); err != nil {
		t.Fatal(err)
	}
	if again := openModel(t, dir); len(again.Extra()) != 2 {
		t.Errorf("the copy has %v beyond a BERT's, want both", again.Extra())
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// TestPaddedVocabulary: rows beyond the vocabulary are kept, whether config.json counts them or not.
func TestPaddedVocabulary(t *testing.T) {
	pad := func(rows int) host.Memory {
		all := weights(t, "hf/model.safetensors")
		for i, tensor := range all {
			if tensor.Name == wordEmbeddings || tensor.Name == outputBias {
				all[i].Shape = append([]int{rows}, tensor.Shape[1:]...)
				all[i].Data = append(tensor.Data, make([]byte, all[i].Info().Bytes()-len(tensor.Data))...)
			}
		}
		return all
	}
	vocabSize := func(t *testing.T, dir string, size string) {
		put(t, dir, "config.json", bytes.Replace(fixture(t, "hf/config.json"), []byte(`"vocab_size": 34`), []byte(`"vocab_size": `+size), 1))
	}
	for _, c := range []struct {
		name    string
		rows    int
		config  string
		padding int
		refused string
	}{
		{"to a multiple of 8", 40, "40", 6, ""},
		{"that config.json does not count", 40, "34", 6, ""},
		{"to a multiple of 128", 128, "128", 94, ""},
		{"to no multiple", 41, "41", 0, "vocab.txt has 34 entries, the word embedding in model.safetensors has 41 rows"},
		{"too many rows", 256, "256", 0, "has 256 rows"},
		{"a third size in config.json", 40, "36", 0, "but config.json has vocab_size 36"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := modelOf(t, pad(c.rows))
			vocabSize(t, dir, c.config)
			m, err := OpenModel(t.Context(), dir)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("error %v, want one about %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Padding != c.padding || !strings.Contains(strings.Join(m.Notes(), " "), "rows more than the vocabulary: padding, kept") {
				t.Errorf("padding %d, notes %q; want %d", m.Padding, m.Notes(), c.padding)
			}
			size, _ := json.Number(c.config).Int64()
			want := wants(t)
			for i, p := range want {
				if p.Name == wordEmbeddings || p.Name == outputBias {
					want[i].Shape = append([]int{int(size)}, p.Shape[1:]...)
				}
			}
			report, err := m.Load(want, nil, func(p Parameter, values []float32) error {
				if len(values) != (Info{Shape: p.Shape}).Elements() {
					t.Errorf("%s: %d values for shape %v", p.Name, len(values), p.Shape)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.String(), "more than the vocabulary: padding") {
				t.Errorf("the report does not tell of padding:\n%s", report)
			}
			copied := filepath.Join(t.TempDir(), "copy")
			if err := Convert(m, copied, KindSafetensors); err != nil {
				t.Fatal(err)
			}
			if rows := readJSON(t, filepath.Join(copied, "config.json"))["vocab_size"]; rows != float64(c.rows) {
				t.Errorf("the copy has vocab_size %v, want the embedding's %d rows", rows, c.rows)
			}
		})
	}
}

// TestArchivesWithin unpacks what SciBERT is published as, and deeper.
func TestArchivesWithin(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	content := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	model := [2]string{"model.safetensors", string(fixture(t, "hf/model.safetensors"))}
	config := [2]string{"config.json", string(fixture(t, "hf/config.json"))}
	vocabulary := func(dir string) [2]string { return [2]string{dir + "vocab.txt", string(fixture(t, "hf/vocab.txt"))} }
	inner := content(packed(t, "weights.tar.gz", config, model))
	for _, c := range []struct {
		name    string
		archive string
		refused string
	}{
		{"a tar.gz in a tar", packed(t, "m.tar", vocabulary("scibert/"), [2]string{"scibert/weights.tar.gz", inner}), ""},
		{"a zip in a tar.gz", packed(t, "m.tar.gz", vocabulary(""), [2]string{"weights.zip", content(packed(t, "w.zip", config, model))}), ""},
		{"a tar in a zip, in a directory of its own", packed(t, "m.zip", vocabulary("a/"), [2]string{"a/w.tar", content(packed(t, "w.tar", [2]string{"in/config.json", config[1]}, [2]string{"in/" + model[0], model[1]}))}), ""},
		{"two deep", packed(t, "m.tar", vocabulary(""), [2]string{"w.tar", content(packed(t, "w.tar", [2]string{"x.tar.gz", inner}))}), ""},
		{"a tar under the name of a tar.gz", packed(t, "m.tar", vocabulary(""), [2]string{"w.tar.gz", content(packed(t, "w.tar", config, model))}), ""},
		{"three deep", packed(t, "m.tar", vocabulary(""), [2]string{"w.tar", content(packed(t, "w.tar", [2]string{"x.tar", content(packed(t, "x.tar", [2]string{"y.tar.gz", inner}))}))}), "y.tar.gz: archives nested more than 3 deep: refused"},
		{"a pointer within", packed(t, "m.tar", vocabulary(""), [2]string{"w.tar.gz", "version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 77\n"}), "w.tar.gz: is a Git LFS pointer to 77 bytes: git lfs pull"},
		{"a page within", packed(t, "m.zip", vocabulary(""), [2]string{"w.zip", "<html><body>Sign in</body></html>"}), "w.zip: is a web page (HTML)"},
		{"cut off within", packed(t, "m.tar", vocabulary(""), [2]string{"w.tar.gz", inner[:len(inner)/2]}), "w.tar.gz: the archive is truncated"},
		{"leaving the archive from within", packed(t, "m.tar", vocabulary(""), [2]string{"w.tar", content(packed(t, "w.tar", [2]string{"../config.json", "{}"}))}), "leaves the archive"},
		{"over a file outside", packed(t, "m.tar", vocabulary(""), config, [2]string{"w.tar.gz", inner}), `"config.json" appears twice`},
		{"a bomb within", packed(t, "m.tar", vocabulary(""), [2]string{"w.tar.gz", content(packed(t, "w.tar.gz", [2]string{"model.safetensors", strings.Repeat("\x00", 8<<20)}))}), "unpacks to more than 30 times"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := OpenModel(t.Context(), c.archive)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want one line with %q", err, c.refused)
				}
				checkScratch(t, scratch)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sameAsFixture(t, m)
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			checkScratch(t, scratch)
		})
	}
}

// TestMistakenFiles puts a Git LFS pointer and a web page in the place of every file that a model may have.
func TestMistakenFiles(t *testing.T) {
	safe := settings("hf/model.safetensors", "hf/tokenizer.json", "hf/tokenizer_config.json", "hf/special_tokens_map.json")
	for _, c := range []struct {
		files map[string]string
		names []string
	}{
		{safe, []string{"config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "model.safetensors"}},
		{settings("bin/pytorch_model.bin"), []string{"pytorch_model.bin"}},
		{settings("hf-sharded/model.safetensors.index.json", "hf-sharded/model-00001-of-00002.safetensors", "hf-sharded/model-00002-of-00002.safetensors"),
			[]string{"model.safetensors.index.json", "model-00002-of-00002.safetensors"}},
		{settings("bin-sharded/pytorch_model.bin.index.json", "bin-sharded/pytorch_model-00001-of-00002.bin", "bin-sharded/pytorch_model-00002-of-00002.bin"),
			[]string{"pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"}},
		{tensorFlow(), []string{"bert_config.json", "checkpoint", "model.ckpt-1000.index", "model.ckpt-1000.data-00000-of-00001"}},
	} {
		for _, name := range c.names {
			for content, want := range map[string]string{
				"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 433286112\n": "is a Git LFS pointer to 433286112 bytes: git lfs pull",
				"\n<!DOCTYPE HTML PUBLIC>\n<html>\n<head>\n":                                    "is a web page (HTML)",
			} {
				t.Run(name+" "+want[5:10], func(t *testing.T) {
					dir := directory(t, c.files)
					put(t, dir, name, []byte(content))
					m, err := OpenModel(t.Context(), dir)
					if m != nil || err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)+": "+want) || strings.Contains(err.Error(), "\n") {
						t.Errorf("error %v, want one line that says %s %s", err, name, want)
					}
				})
			}
		}
	}
}

// TestSharedCases opens the small inputs that went wrong, where they are.
func TestSharedCases(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "cases")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no ../shared/cases beside the repository")
	}
	plain := openModel(t, filepath.Join(root, "common", "model-cased"))
	for _, c := range []struct {
		pattern string
		opens   bool   // with the weights of plain
		says    string // the error, or a note
	}{
		{"24/[0-9]*", true, ""},
		{"26/one-more", false, "the word embedding has 1 row more than the vocabulary: padding, kept"},
		{"27/bert-bert", true, ""}, {"27/model", true, ""}, {"27/module-module", true, ""}, {"27/net", true, ""}, {"27/orig-mod", true, ""},
		{"27/encoder-model", false, `tensor names begin with "roberta."`},
		{"28/*.tar", true, ""},
		{"29/model.safetensors", false, "is a Git LFS pointer to 433286112 bytes: git lfs pull"},
		{"29/tf", false, "biobert_model.ckpt.index: is a Git LFS pointer to 433286112 bytes: git lfs pull"},
		{"29/x.zip", false, "is a Git LFS pointer to 433286112 bytes: git lfs pull"},
		{"30/a.*", false, "is a web page (HTML)"},
		{"30/model.safetensors", false, "is a web page (HTML)"},
		{"30/pytorch_model.bin", false, "is a web page (HTML)"},
		{"30/tok", false, "vocab.txt: is a web page (HTML)"},
		{"30/cut.tar", false, "truncated"},
		{"31/number", false, "__metadata__: step is 1, want a string"},
		{"31/list", false, "__metadata__: is a list, want an object"},
		{"31/string", false, `__metadata__: is "pt", want an object`},
		{"32/decoder-only", true, ""},
		{"33/json-only", true, ""},
		{"35/model", false, "not part of BERT: bert.embeddings.relation_embedding"},
	} {
		paths, err := filepath.Glob(filepath.Join(root, c.pattern))
		if err != nil || len(paths) == 0 {
			t.Errorf("%s: no such case (error %v)", c.pattern, err)
		}
		for _, path := range paths {
			t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
				m, err := OpenModel(t.Context(), path)
				if err != nil {
					if c.opens || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
						t.Errorf("error %v, want one line with %q", err, c.says)
					}
					return
				}
				defer m.Close()
				compared, err := Compare(m, plain)
				if err != nil {
					t.Fatal(err)
				}
				if c.opens != compared.Equal || !strings.Contains(strings.Join(m.Notes(), "\n"), c.says) {
					t.Errorf("the same weights: %t, notes %q; want %t and %q", compared.Equal, m.Notes(), c.opens, c.says)
				}
			})
		}
	}
}

// TestSharedNested reads the state dictionaries within others of case 25, where they are.
func TestSharedNested(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "shared", "cases", "25", "*.pt"))
	if err != nil || len(paths) == 0 {
		t.Skip("no ../shared/cases beside the repository")
	}
	for _, path := range paths {
		c, err := KindPyTorch.open(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := c.Tensors(); len(got) != 1 || got[0].Name != "bert.pooler.dense.bias" {
			t.Errorf("%s: %v, want bert.pooler.dense.bias", path, got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
