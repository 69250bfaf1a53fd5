package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/tfckpt"
)

// smallModel writes a model of the fixtures to m.
func smallModel(t *testing.T, dir string) {
	if err := os.CopyFS(filepath.Join(dir, "m"), os.DirFS("../../checkpoints/testdata/hf")); err != nil {
		t.Fatal(err)
	}
}

// model writes the settings and the vocabulary of a model to m, and what more writes there.
func model(more func(t *testing.T, dir string)) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		for _, name := range []string{"config.json", "vocab.txt"} {
			content, err := os.ReadFile(filepath.Join("../../checkpoints/testdata/hf", name))
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, "m", name), content)
		}
		more(t, filepath.Join(dir, "m"))
	}
}

// write returns a function that writes a file.
func write(name string, content func() []byte) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) { put(t, filepath.Join(dir, name), content()) }
}

// short returns a function that writes a short file.
func short(name, content string) func(t *testing.T, dir string) {
	return write(name, func() []byte { return []byte(content) })
}

// alone is write, with no vocab.txt beside it.
func alone(name string, content func() []byte) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		put(t, filepath.Join(dir, name), content())
		if err := os.Remove(filepath.Join(dir, "vocab.txt")); err != nil {
			t.Fatal(err)
		}
	}
}

// link returns a function that makes a name stand for a device, or for a pipe if to is empty.
func link(name, to string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		var err error
		if to == "" {
			err = syscall.Mkfifo(path, 0o600)
		} else {
			err = os.Symlink(to, path)
		}
		if err != nil {
			t.Skip(err)
		}
	}
}

// hostileModels returns the inputs of model inspect.
func hostileModels() []hostile {
	inspect := []string{"model", "inspect", "m"}
	all := []hostile{
		{name: "a dictionary of a list recalled 50,000 times", make: model(write("pytorch_model.bin", memoBomb)), args: inspect, header: true, code: exitFailed, says: "more than 524288 operations"},
		{name: "a pickle that remembers half a million values", make: model(write("pytorch_model.bin", memoFlood)), args: inspect, header: true, code: exitFailed, says: "operations"},
		{name: "20,000 views of one storage", make: model(write("pytorch_model.bin", manyViews)), args: inspect, tensors: 4 << 20, code: exitFailed, says: "views of the same elements"},
		{name: "a zip archive of two million files", make: model(write("pytorch_model.bin", manyFiles)), args: inspect, header: true, code: exitFailed, says: "more than 65536 files"},
		{name: "a million tensors in safetensors", make: model(write("model.safetensors", manyTensors)), args: inspect, header: true, code: exitFailed, says: "more than 100000 tensors"},
		{name: "a header of one long text", make: model(write("model.safetensors", longText)), args: inspect, header: true, code: exitFailed, says: "a name of"},
		{name: "metadata of one long text", make: model(write("model.safetensors", longMetadata)), args: inspect, header: true, code: exitFailed, says: ""},
		{name: "a header of white space", make: model(write("model.safetensors", func() []byte { return safetensorsFile("{" + strings.Repeat(" ", 90<<20)) })), args: inspect, header: true, code: exitFailed, says: "EOF"},
		{name: "a header of brackets", make: model(write("model.safetensors", func() []byte { return safetensorsFile(`{"a":` + strings.Repeat("[", 90<<20)) })), args: inspect, header: true, code: exitFailed, says: "is a list, want an object"},
		{name: "a TensorFlow index of 200,000 variables", make: model(manyVariables), args: inspect, header: true, code: exitFailed, says: "more than 100000 tensors"},
		{name: "a TensorFlow index of 60 MB", make: model(write("model.ckpt.index", func() []byte { return make([]byte, 60<<20) })), args: inspect, header: true, code: exitFailed, says: "more than 16777216 bytes"},
		{name: "an index over shards of 60 MB", make: model(write("model.safetensors.index.json", func() []byte { return bytes.Repeat([]byte(" "), 60<<20) })), args: inspect, header: true, code: exitFailed, says: "more than 16777216 bytes"},
		{name: "an index that names a million tensors", make: model(write("model.safetensors.index.json", millionNames)), args: inspect, header: true, code: exitFailed, says: "no such file"},
		{name: "a vocabulary of 250,000 like tokens", make: model(write("vocab.txt", func() []byte { return likeTokens(250_000) })), args: inspect, header: true, code: exitFailed, says: "vocab.txt has 250005 entries, but config.json has vocab_size 34"},
		{name: "a vocabulary of a million tokens of three letters", make: model(write("vocab.txt", func() []byte { return shortTokens(1 << 20) })), args: inspect, header: true, code: exitFailed, says: "more than 1048576 tokens"},
		{name: "a vocabulary of long tokens", make: model(write("vocab.txt", func() []byte { return longTokens(8_000) })), args: inspect, header: true, code: exitFailed, says: "vocab.txt has 8005 entries"},
		{name: "a tokenizer.json of 250,000 like tokens", make: model(alone("tokenizer.json", likePipeline)), args: inspect, header: true, code: exitFailed, says: "tokenizer.json has 250005 entries, but config.json has vocab_size 34"},
		{name: "a tokenizer.json of long tokens", make: model(alone("tokenizer.json", longPipeline)), args: inspect, header: true, code: exitFailed, says: "30000026 bytes of tokens, want at most 8388608"},
		{name: "99,000 tensors of 900 bytes' names", make: model(write("model.safetensors", longNames)), args: inspect, header: true, code: exitFailed, says: "none of its 99000 tensors belongs to a BERT model"},
		{name: "99,000 TensorFlow variables in 400 scopes", make: model(deepVariables), args: inspect, header: true, code: exitFailed, says: "none of its 99000 tensors belongs to a BERT model"},
		{name: "a tokenizer.json of brackets", make: model(write("tokenizer.json", func() []byte { return bytes.Repeat([]byte("["), 30<<20) })), args: inspect, header: true, code: exitFailed, says: "exceeded max depth"},
		{name: "a tokenizer_config.json of 200 MB", make: model(write("tokenizer_config.json", func() []byte { return make([]byte, 200<<20) })), args: inspect, header: true, code: exitFailed, says: "more than 16777216 bytes"},
		{name: "a config.json of brackets", make: model(write("config.json", func() []byte { return bytes.Repeat([]byte(`{"a":`), 3<<20) })), args: inspect, header: true, code: exitFailed, says: "exceeded max depth"},
	}
	for _, name := range []string{"config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "model.safetensors", "model.safetensors.index.json",
		"pytorch_model.bin", "model.ckpt.index", "checkpoint"} {
		all = append(all, hostile{name: name + " is a pipe", cheap: true, make: model(link(name, "")), args: inspect, code: exitFailed, says: name + ": is a named pipe, want a regular file"},
			hostile{name: name + " never ends", cheap: true, make: model(link(name, "/dev/zero")), args: inspect, code: exitFailed, says: name + ": is a device, want a regular file"})
	}
	return append(all, hostile{name: "an archive that is a pipe", cheap: true, make: link("m.tar", ""), args: []string{"model", "inspect", "m.tar"}, code: exitFailed, says: "m.tar: is a named pipe"})
}

// pickled puts a pickle and storages into a zip as torch does.
func pickled(pickle []byte, storages ...[]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, content []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	add("archive/data.pkl", pickle)
	for i, s := range storages {
		add(fmt.Sprintf("archive/data/%d", i), s)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func memoBomb() []byte {
	const pairs, calls = 100_000, 50_000
	p := []byte("\x80\x02ccollections\nOrderedDict\nq\x01](" + strings.Repeat("K\x00K\x00\x86", pairs) + "eq\x02")
	p = append(p, bytes.Repeat([]byte("h\x01h\x02\x85R"), calls)...)
	return pickled(append(p, '.'))
}

func memoFlood() []byte {
	p := []byte("\x80\x02]")
	for i := range uint32(1 << 20) {
		p = binary.LittleEndian.AppendUint32(append(p, 'r'), i)
	}
	return pickled(append(p, '.'))
}

func manyViews() []byte {
	const elements = 1 << 20
	view := "ctorch._utils\n_rebuild_tensor_v2\nq\x01((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ\x00\x00\x10\x00tQ" +
		"K\x00J\x00\x00\x10\x00\x85K\x01\x85\x89}tq\x02R"
	p := []byte("\x80\x02}(X\x06\x00\x00\x00first " + view)
	for i := range 20_000 {
		p = append(p, fmt.Sprintf("X\x06\x00\x00\x00v%05dh\x01h\x02R", i)...)
	}
	return pickled(append(p, "u."...), make([]byte, 4*elements))
}

func manyFiles() []byte {
	var b bytes.Buffer
	b.WriteString("PK\x03\x04")
	start := b.Len()
	entry := make([]byte, 47)
	copy(entry, "PK\x01\x02")
	entry[28] = 1 // bytes of the name
	entry[46] = 'n'
	b.Write(bytes.Repeat(entry, 2_000_000))
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], 2_000_000&0xffff)
	binary.LittleEndian.PutUint16(end[10:], 2_000_000&0xffff)
	binary.LittleEndian.PutUint32(end[12:], uint32(b.Len()-start))
	binary.LittleEndian.PutUint32(end[16:], uint32(start))
	return append(b.Bytes(), end...)
}

func safetensorsFile(header string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
}

func manyTensors() []byte {
	var b strings.Builder
	b.WriteByte('{')
	for i := range 1_000_000 {
		fmt.Fprintf(&b, `"t%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]},`, i, i, i+1)
	}
	return append(safetensorsFile(strings.TrimSuffix(b.String(), ",")+"}"), make([]byte, 1_000_000)...)
}

func longText() []byte {
	return safetensorsFile(`{"` + strings.Repeat("n", 90<<20) + `":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`)
}

func longMetadata() []byte {
	return safetensorsFile(`{"__metadata__":{"a":"` + strings.Repeat("n", 90<<20) + `"}}`)
}

// folder is a directory that tfckpt.Write writes to.
type folder string

func (f folder) Create(name string) (io.WriteCloser, error) {
	return os.Create(filepath.Join(string(f), name))
}

// many is n empty tensors whose names end with a number.
type many struct {
	n    int
	name string
}

func (m many) Tensors() []host.Info {
	infos := make([]host.Info, m.n)
	for i := range infos {
		infos[i] = host.Info{Name: fmt.Sprintf("%s/%05d", m.name, i), DType: host.F32, Shape: []int{0}}
	}
	return infos
}
func (many) Read(string, []byte) error { return nil }
func (many) Close() error              { return nil }

// deepVariables has a parameter of BERT's below which nothing lies, and many names that may.
func deepVariables(t *testing.T, dir string) {
	if err := tfckpt.Write(folder(dir), "model.ckpt", many{99_000, "b" + strings.Repeat("/b", 400)}); err != nil {
		t.Fatal(err)
	}
}

func longNames() []byte {
	var b strings.Builder
	b.WriteByte('{')
	name := strings.Repeat("bert.", 180)
	for i := range 99_000 {
		fmt.Fprintf(&b, `"%s%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`, name, i)
	}
	return safetensorsFile(strings.TrimSuffix(b.String(), ",") + "}")
}

func manyVariables(t *testing.T, dir string) {
	if err := tfckpt.Write(folder(dir), "model.ckpt", many{200_000, "variable"}); err != nil {
		t.Fatal(err)
	}
}

func millionNames() []byte {
	var b strings.Builder
	b.WriteString(`{"weight_map":{`)
	for i := range 1_000_000 {
		fmt.Fprintf(&b, `"%d":"a",`, i)
	}
	return []byte(strings.TrimSuffix(b.String(), ",") + "}}")
}

// vocabularyOf is a vocab.txt of the special tokens and others.
func vocabularyOf(tokens []string) []byte {
	return []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + strings.Join(tokens, "\n") + "\n")
}

// alike are tokens that a trie's double array has no room for among the nodes that they leave vacant.
func alike(n int) []string {
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("tok%06d", i)
	}
	return tokens
}

func likeTokens(n int) []byte { return vocabularyOf(alike(n)) }

func shortTokens(n int) []byte {
	var tokens []string
	for i := range n {
		tokens = append(tokens, string([]byte{byte('!' + i%90), byte('!' + i/90%90), byte('!' + i/8100%90), byte('!' + i/729000)}))
	}
	return vocabularyOf(tokens)
}

func longTokens(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var tokens []string
	for range n {
		b := make([]byte, 1000)
		for i := range b {
			b[i] = byte('a' + random.IntN(26))
		}
		tokens = append(tokens, string(b))
	}
	return vocabularyOf(tokens)
}

func likePipeline() []byte { return pipelineOf(alike(250_000)) }

func longPipeline() []byte {
	tokens := strings.Split(strings.TrimSpace(string(longTokens(30_000))), "\n")
	return pipelineOf(tokens[5:])
}

// pipelineOf is a tokenizer.json of the special tokens and others.
func pipelineOf(tokens []string) []byte {
	ids := map[string]int{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
	for i, token := range tokens {
		ids[token] = 5 + i
	}
	content, err := json.Marshal(map[string]any{
		"normalizer": map[string]any{"type": "BertNormalizer"}, "pre_tokenizer": map[string]any{"type": "BertPreTokenizer"},
		"model": map[string]any{"type": "WordPiece", "vocab": ids},
	})
	if err != nil {
		panic(err)
	}
	return content
}
