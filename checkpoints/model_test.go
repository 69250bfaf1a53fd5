package checkpoints

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/safetensors"
)

// directory copies fixtures into a new directory: names there to paths below testdata.
func directory(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range files {
		put(t, dir, name, fixture(t, from))
	}
	return dir
}

func put(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func fixture(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// settings are the files beside weights, and more.
func settings(more ...string) map[string]string {
	files := map[string]string{"config.json": "hf/config.json", "vocab.txt": "hf/vocab.txt"}
	for _, path := range more {
		files[filepath.Base(path)] = path
	}
	return files
}

func openModel(t testing.TB, path string) *Model {
	t.Helper()
	m, err := OpenModel(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// expected is what testdata/expected.json holds of each tensor's numbers as float32.
type expected map[string]struct {
	Shape  []int
	SHA256 string
}

func expectations(t testing.TB, dtype string) expected {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(fixture(t, "expected.json"), &all); err != nil {
		t.Fatal(err)
	}
	var e expected
	if err := json.Unmarshal(all[dtype], &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// wants lists the parameters of the fixtures' model, without those whose name begins with one of the prefixes.
func wants(t testing.TB, except ...string) []Parameter {
	t.Helper()
	var want []Parameter
	for name, e := range expectations(t, "f32") {
		if !slices.ContainsFunc(except, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			want = append(want, Parameter{Name: name, Shape: e.Shape})
		}
	}
	slices.SortFunc(want, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return want
}

// sums gives the hash of each parameter that Load puts.
func sums(t testing.TB, m *Model, want []Parameter, fresh Fresh) (map[string]string, *Report) {
	t.Helper()
	got := make(map[string]string)
	report, err := m.Load(want, fresh, func(p Parameter, values []float32) error {
		sum := sha256.Sum256(host.Float32Bytes(values))
		got[p.Name] = hex.EncodeToString(sum[:])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, report
}

// TestEveryContainer holds that the same weights, written by the real tools in every container and under every
// name, come out bit for bit the same.
func TestEveryContainer(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  map[string]string
		at     string // below the directory
		kind   Kind
		dtype  string
		except []string // prefixes of parameters that the file does not have
	}{
		{"safetensors", settings("hf/model.safetensors"), "", KindSafetensors, "f32", nil},
		{"the file itself", settings("hf/model.safetensors"), "model.safetensors", KindSafetensors, "f32", nil},
		{"safetensors in pieces", settings("hf-sharded/model.safetensors.index.json", "hf-sharded/model-00001-of-00002.safetensors",
			"hf-sharded/model-00002-of-00002.safetensors"), "", KindSafetensors, "f32", nil},
		{"without bert.", settings("base/model.safetensors"), "", KindSafetensors, "f32", []string{"cls."}},
		{"F16", settings("f16/model.safetensors"), "", KindSafetensors, "f16", nil},
		{"BF16", settings("bf16/model.safetensors"), "", KindSafetensors, "bf16", nil},
		{"bin", settings("bin/pytorch_model.bin"), "", KindPyTorch, "f32", nil},
		{"bin in pieces", settings("bin-sharded/pytorch_model.bin.index.json", "bin-sharded/pytorch_model-00001-of-00002.bin",
			"bin-sharded/pytorch_model-00002-of-00002.bin"), "", KindPyTorch, "f32", nil},
		{"bin of F16", settings("f16/weights.bin"), "weights.bin", KindPyTorch, "f16", nil},
		{"old bin, gamma and beta", settings("legacy/pytorch_model.bin"), "", KindPyTorch, "f32", nil},
		{"TensorFlow", tensorFlow(), "", KindTensorFlow, "f32", nil},
		{"TensorFlow, prefix", tensorFlow(), "model.ckpt-1000", KindTensorFlow, "f32", nil},
		{"TensorFlow, index", tensorFlow(), "model.ckpt-1000.index", KindTensorFlow, "f32", nil},
		{"TensorFlow in pieces", settings("tf-sharded/bert_model.ckpt.index", "tf-sharded/bert_model.ckpt.data-00000-of-00002",
			"tf-sharded/bert_model.ckpt.data-00001-of-00002"), "", KindTensorFlow, "f32", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := openModel(t, filepath.Join(directory(t, c.files), c.at))
			if m.Kind != c.kind {
				t.Errorf("kind %s, want %s", m.Kind, c.kind)
			}
			if m.Tokenizer.Lower || m.CasingFrom != "the vocabulary" {
				t.Errorf("lower %t by %s, want false by the vocabulary", m.Tokenizer.Lower, m.CasingFrom)
			}
			want := make(map[string]string)
			for name, e := range expectations(t, c.dtype) {
				want[name] = e.SHA256
			}
			for name := range want {
				if slices.ContainsFunc(c.except, func(p string) bool { return strings.HasPrefix(name, p) }) {
					delete(want, name)
				}
			}
			got, report := sums(t, m, wants(t, c.except...), nil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			for _, p := range report.Parts {
				if len(p.Unused)+len(p.Fresh)+len(p.Differs) > 0 {
					t.Errorf("%s: unused %v, fresh %v, differs %v", p.Part, p.Unused, p.Fresh, p.Differs)
				}
			}
		})
	}
}

// tensorFlow is a model directory as Google published them.
func tensorFlow() map[string]string {
	files := make(map[string]string)
	for _, name := range []string{"bert_config.json", "vocab.txt", "checkpoint", "model.ckpt-1000.index", "model.ckpt-1000.data-00000-of-00001"} {
		files[name] = "tf1/" + name
	}
	return files
}

func TestReport(t *testing.T) {
	m := openModel(t, directory(t, tensorFlow()))
	want := append(wants(t, "bert.pooler.", "cls.seq_relationship."),
		Parameter{"classifier.weight", []int{5, 8}}, Parameter{"classifier.bias", []int{5}},
		Parameter{"cls.predictions.decoder.weight", []int{34, 8}})
	_, report := sums(t, m, want, Fresh{Classifier})
	golden := strings.Join([]string{
		"weights from DIR (tensorflow)",
		"  encoder     37 loaded",
		"  pooler      2 in the file, unused (bert.pooler.dense.bias and 1 more)",
		"  mlm         5 loaded, 1 tied",
		"  nsp         2 in the file, unused (cls.seq_relationship.bias and 1 more)",
		"  classifier  2 FRESH, from random values (classifier.weight and 1 more)",
		"  ignored: 10 x optimizer state",
		"  ignored: 1 x step counter",
		"",
	}, "\n")
	if diff := cmp.Diff(golden, strings.ReplaceAll(report.String(), m.Path, "DIR")); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{`"part":"classifier","parameters":45,"missing":["classifier.weight","classifier.bias"]`, `"tied":["cls.predictions.decoder.weight"]`, `{"name":"global_step","why":"step counter"}`} {
		if !bytes.Contains(data, []byte(piece)) {
			t.Errorf("JSON lacks %s:\n%s", piece, data)
		}
	}
}

// TestTiedCopy has a file with the decoder's matrix spelled out, as old ones have.
func TestTiedCopy(t *testing.T) {
	m := openModel(t, directory(t, settings("legacy/pytorch_model.bin")))
	_, report := sums(t, m, wants(t), nil)
	if diff := cmp.Diff([]string{decoderWeight}, report.part(MLM).Tied); diff != "" {
		t.Errorf("tied (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Ignored{{Name: "bert.embeddings.position_ids", Why: "index buffer"}}, m.Ignored()); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
}

// weights reads all tensors of a fixture into memory.
func weights(t testing.TB, path string) host.Memory {
	t.Helper()
	f, err := safetensors.Open(filepath.Join("testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all host.Memory
	for _, info := range f.Tensors() {
		tensor, err := host.ReadTensor(f, info)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tensor)
	}
	return all
}

// modelOf writes weights beside the fixtures' settings.
func modelOf(t testing.TB, c Container) string {
	t.Helper()
	dir := directory(t, settings())
	var b bytes.Buffer
	if err := safetensors.Write(&b, c, nil); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "model.safetensors", b.Bytes())
	return dir
}

func dropped(m host.Memory, prefix string) host.Memory {
	return slices.DeleteFunc(m, func(t host.Tensor) bool { return strings.HasPrefix(t.Name, prefix) })
}

func TestMismatch(t *testing.T) {
	all := func() host.Memory { return weights(t, "hf/model.safetensors") }
	for _, c := range []struct {
		name    string
		weights host.Memory
		fresh   Fresh
		want    string // in the error
		hint    string
	}{
		{"no MLM head", dropped(all(), "cls.predictions."), nil, "no weights for the mlm part (cls.predictions.bias and 4 more)", `fresh = ["mlm"] under [model], or --fresh mlm`},
		{"another head may be fresh", dropped(all(), "cls.predictions."), Fresh{NSP}, "no weights for the mlm part", "--fresh mlm"},
		{"neither head", dropped(all(), "cls."), nil, "no weights for the nsp part", `fresh = ["mlm", "nsp"] under [model], or --fresh mlm,nsp`},
		{"half a head", dropped(all(), "cls.predictions.transform."), nil, "the mlm part lacks 4 of 5 weights", "--fresh mlm"},
		{"a layer missing", dropped(all(), "bert.encoder.layer.1."), nil, "the encoder part lacks 16 of 37 weights", "subbert model inspect"},
		{"head allowed", dropped(all(), "cls.predictions."), Fresh{MLM}, "", ""},
		{"all allowed", nil, Parts(), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := openModel(t, modelOf(t, c.weights))
			report, err := m.Load(wants(t), c.fresh, func(Parameter, []float32) error {
				if c.want != "" {
					t.Error("something was put in spite of a mismatch")
				}
				return nil
			})
			if report == nil {
				t.Error("no report")
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			mismatch, ok := errors.AsType[*MismatchError](err)
			if !ok || !strings.Contains(err.Error(), c.want) || !strings.Contains(mismatch.Hint(), c.hint) {
				t.Fatalf("error %v, want a mismatch with %q and the hint %q", err, c.want, c.hint)
			}
		})
	}
}

func TestShapeDiffers(t *testing.T) {
	m := openModel(t, directory(t, settings("hf/model.safetensors")))
	want := wants(t)
	for i := range want {
		if want[i].Name == "bert.pooler.dense.weight" {
			want[i].Shape = []int{8, 9}
		}
	}
	_, err := m.Load(want, Fresh{MLM}, func(Parameter, []float32) error { return nil })
	mismatch, ok := errors.AsType[*MismatchError](err)
	if !ok || !strings.Contains(err.Error(), "bert.pooler.dense.weight has shape [8 8], want [8 9]") || !strings.Contains(mismatch.Hint(), "another architecture") {
		t.Errorf("error %v, want a mismatch that names both shapes", err)
	}
}

func TestNoWeights(t *testing.T) {
	m := openModel(t, directory(t, settings()))
	if m.HasWeights() {
		t.Error("weights were found where there are none")
	}
	if _, err := m.Load(wants(t), nil, nil); err == nil || !strings.Contains(err.Error(), "no weights for the encoder part") {
		t.Errorf("error %v, want a mismatch", err)
	}
	if got, _ := sums(t, m, wants(t), Parts()); len(got) != 0 {
		t.Errorf("%d parameters were loaded from nothing", len(got))
	}
}

func TestOpenRefuses(t *testing.T) {
	weights := weights(t, "hf/model.safetensors")
	twins := append(slices.Clone(weights), host.Tensor{Name: "pooler.dense.bias", DType: F32, Shape: []int{8}, Data: make([]byte, 32)})
	for _, c := range []struct {
		name string
		make func(t *testing.T) string
		want string
	}{
		{"nothing there", func(t *testing.T) string { return filepath.Join(t.TempDir(), "none") }, "no such file"},
		{"empty directory", func(t *testing.T) string { return t.TempDir() }, "no config.json"},
		{"no vocabulary", func(t *testing.T) string {
			return directory(t, map[string]string{"config.json": "hf/config.json"})
		}, "no vocab.txt"},
		{"vocabulary of another size", func(t *testing.T) string {
			dir := modelOf(t, weights)
			put(t, dir, "vocab.txt", append(fixture(t, "hf/vocab.txt"), "more\n"...))
			return dir
		}, "vocab.txt has 35 entries, the word embedding in model.safetensors has 34 rows"},
		{"config of another size", func(t *testing.T) string {
			dir := directory(t, settings())
			put(t, dir, "config.json", bytes.Replace(fixture(t, "hf/config.json"), []byte(`"vocab_size": 34`), []byte(`"vocab_size": 30522`), 1))
			return dir
		}, "vocab.txt has 34 entries, but config.json has vocab_size 30522"},
		{"uncased setting, cased vocabulary", func(t *testing.T) string {
			dir := modelOf(t, weights)
			put(t, dir, "tokenizer_config.json", []byte(`{"do_lower_case": true}`))
			return dir
		}, "do_lower_case true, but vocab.txt is cased"},
		{"config that is no JSON", func(t *testing.T) string {
			dir := directory(t, settings())
			put(t, dir, "config.json", []byte("vocab_size = 34"))
			return dir
		}, "config.json: invalid character"},
		{"two tensors of one name", func(t *testing.T) string { return modelOf(t, twins) }, `both have the name bert.pooler.dense.bias`},
		{"unknown kind", func(t *testing.T) string {
			dir := directory(t, settings())
			put(t, dir, "tf_model.h5", nil)
			return filepath.Join(dir, "tf_model.h5")
		}, "unknown kind of weights"},
		{"several TensorFlow checkpoints", func(t *testing.T) string {
			dir := directory(t, settings())
			put(t, dir, "a.index", nil)
			put(t, dir, "b.index", nil)
			return dir
		}, "has 2 TensorFlow checkpoints"},
		{"truncated weights", func(t *testing.T) string {
			dir := modelOf(t, weights)
			if err := os.Truncate(filepath.Join(dir, "model.safetensors"), 9000); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := OpenModel(t.Context(), c.make(t))
			if m != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}

// TestCheckpointFile has TensorFlow's pointer to the latest checkpoint name a path of another machine, and one of
// several.
func TestCheckpointFile(t *testing.T) {
	files := tensorFlow()
	files["older.ckpt.index"] = "tf-odd/odd.ckpt.index"
	dir := directory(t, files)
	put(t, dir, "checkpoint", []byte("model_checkpoint_path: \"/somewhere/else/model.ckpt-1000\"\nall_model_checkpoint_paths: \"older.ckpt\"\n"))
	if m := openModel(t, dir); filepath.Base(m.Files.Weights) != "model.ckpt-1000" {
		t.Errorf("opened %s, want model.ckpt-1000", m.Files.Weights)
	}
}

func TestParseFresh(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  Fresh
	}{
		{[]string{"all"}, Parts()},
		{[]string{"mlm"}, Fresh{MLM}},
		{[]string{"mlm", "nsp", "mlm"}, Fresh{MLM, NSP}},
		{[]string{"classifier", "sll"}, Fresh{Classifier, SLL}},
		{nil, nil},
	} {
		t.Run(strings.Join(c.names, " "), func(t *testing.T) {
			f, err := ParseFresh(c.names...)
			if diff := cmp.Diff(c.want, f); err != nil || diff != "" {
				t.Errorf("error %v, -want +got:\n%s", err, diff)
			}
		})
	}
	for _, bad := range [][]string{{"head"}, {"all", "mlm"}, {"mlm,nsp"}} {
		if f, err := ParseFresh(bad...); err == nil {
			t.Errorf("%q was taken as %v", bad, f)
		}
	}
}

// TestGoogleNames holds that the two ways between the names are inverse, and that exactly the kernels are transposed.
func TestGoogleNames(t *testing.T) {
	for _, p := range append(wants(t), Parameter{Name: "classifier.weight"}, Parameter{Name: "classifier.bias"}) {
		google, transposed, ok := googleName(p.Name)
		if !ok {
			t.Errorf("%s has no name in Google's code", p.Name)
			continue
		}
		if diff := cmp.Diff(naming{name: p.Name, transposed: transposed}, nameGoogle(google), cmp.AllowUnexported(naming{})); diff != "" {
			t.Errorf("%s as %s (-want +got):\n%s", p.Name, google, diff)
		}
		if transposed != strings.HasSuffix(google, "kernel") {
			t.Errorf("%s: transposed is %t", google, transposed)
		}
	}
	if name, _, ok := googleName("sll.attention.weight"); ok {
		t.Errorf("sll.attention.weight is %s in Google's code", name)
	}
}

func TestHuggingFaceNames(t *testing.T) {
	for from, want := range map[string]naming{
		"encoder.layer.0.output.LayerNorm.gamma":        {name: "bert.encoder.layer.0.output.LayerNorm.weight"},
		"bert.embeddings.LayerNorm.beta":                {name: "bert.embeddings.LayerNorm.bias"},
		"module.bert.pooler.dense.weight":               {name: "bert.pooler.dense.weight"},
		"cls.predictions.transform.LayerNorm.gamma":     {name: "cls.predictions.transform.LayerNorm.weight"},
		"embeddings.position_ids":                       {ignored: "index buffer"},
		"classifier.weight":                             {name: "classifier.weight"},
		"bert.encoder.layer.11.attention.self.key.bias": {name: "bert.encoder.layer.11.attention.self.key.bias"},
	} {
		if diff := cmp.Diff(want, nameHuggingFace(from), cmp.AllowUnexported(naming{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", from, diff)
		}
	}
}

func TestTranspose(t *testing.T) {
	for _, size := range []int{1, 2, 4, 8} {
		checkTranspose(t, 37, 70, size) // neither fills a block
	}
}

func checkTranspose(t *testing.T, rows, columns, size int) {
	t.Helper()
	src := make([]byte, rows*columns*size)
	for i := range src {
		src[i] = byte(i % 251)
	}
	dst := make([]byte, len(src))
	transpose(dst, src, rows, columns, size)
	for r := range rows {
		for c := range columns {
			if want, got := src[(r*columns+c)*size:][:size], dst[(c*rows+r)*size:][:size]; !bytes.Equal(want, got) {
				t.Fatalf("[%d,%d] is %v, want %v", c, r, got, want)
			}
		}
	}
}
