package checkpoints

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/subbert/subbert/checkpoints/tfckpt"
	"github.com/subbert/subbert/data/wordpiece"
)

// Models come from anyone's download. Whatever a file says of itself, looking at it takes so much memory at most beyond what looking at a
// small model takes, and no longer than this on the slowest machine that tests run on.
const (
	hostileMemory = 64 << 20  // bytes, and three times the tensors that are really there
	headerMemory  = 512 << 20 // bytes, for what describes tensors, words or settings
	hostileTime   = 20 * time.Second
)

// hostile is an input that was made to cost its reader dearly.
type hostile struct {
	name    string
	make    func(t *testing.T, dir string) // writes it beside the fixture's settings
	path    string                         // below dir; empty for dir itself
	tensors int64                          // bytes of tensors that are really there
	header  bool                           // it is a header that is large
	says    string                         // in the error; empty if the model is sound
}

func write(name string, content func() []byte) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) { put(t, dir, name, content()) }
}

// alone is write, with no vocab.txt beside it.
func alone(name string, content func() []byte) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		put(t, dir, name, content())
		if err := os.Remove(filepath.Join(dir, "vocab.txt")); err != nil {
			t.Fatal(err)
		}
	}
}

// link has a name stand for a device or a pipe.
func link(name, to string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
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

func hostiles() []hostile {
	all := []hostile{
		{"a dictionary of a list recalled 50,000 times", write("pytorch_model.bin", memoBomb), "", 0, true, "more than 524288 operations"},
		{"a pickle that remembers half a million values", write("pytorch_model.bin", memoFlood), "", 0, true, "operations"},
		{"20,000 views of one storage", write("pytorch_model.bin", manyViews), "", 4 << 20, false, "views of the same elements"},
		{"a zip archive of two million files", write("pytorch_model.bin", manyFiles), "", 0, true, "more than 65536 files"},
		{"a million tensors in safetensors", write("model.safetensors", manyTensors), "", 0, true, "more than 100000 tensors"},
		{"a header of one long text", write("model.safetensors", longText), "", 0, true, "a name of"},
		{"metadata of one long text", write("model.safetensors", longMetadata), "", 0, true, ""},
		{"a header of white space", write("model.safetensors", func() []byte { return safetensorsFile("{" + strings.Repeat(" ", 90<<20)) }), "", 0, true, "EOF"},
		{"a header of brackets", write("model.safetensors", func() []byte { return safetensorsFile(`{"a":` + strings.Repeat("[", 90<<20)) }), "", 0, true, "is a list, want an object"},
		{"a TensorFlow index of 200,000 variables", manyVariables, "", 0, true, "more than 100000 tensors"},
		{"a TensorFlow index of 60 MB", write("model.ckpt.index", func() []byte { return make([]byte, 60<<20) }), "", 0, true, "more than 16777216 bytes"},
		{"an index over shards of 60 MB", write("model.safetensors.index.json", func() []byte { return bytes.Repeat([]byte(" "), 60<<20) }), "", 0, true, "more than 16777216 bytes"},
		{"an index that names a million tensors", write("model.safetensors.index.json", millionNames), "", 0, true, "no such file"},
		{"a vocabulary of 250,000 like tokens", write("vocab.txt", func() []byte { return likeTokens(250_000) }), "", 0, true, "vocab.txt has 250005 entries, but config.json has vocab_size 34"},
		{"a vocabulary of a million tokens of three letters", write("vocab.txt", func() []byte { return shortTokens(1 << 20) }), "", 0, true, "more than 1048576 tokens"},
		{"a vocabulary of long tokens", write("vocab.txt", func() []byte { return longTokens(8_000) }), "", 0, true, "vocab.txt has 8005 entries"},
		{"a tokenizer.json of 250,000 like tokens", alone("tokenizer.json", likePipeline), "", 0, true, "tokenizer.json has 250005 entries, but config.json has vocab_size 34"},
		{"a tokenizer.json of long tokens", alone("tokenizer.json", longPipeline), "", 0, true, "tokens of 30000026 bytes together, want at most 8388608"},
		{"99,000 tensors of 900 bytes' names", write("model.safetensors", longNames), "", 0, true, "none of its 99000 tensors belongs to a BERT model"},
		{"99,000 TensorFlow variables in 400 scopes", deepVariables, "", 0, true, "none of its 99000 tensors belongs to a BERT model"},
		{"a tokenizer.json of brackets", write("tokenizer.json", func() []byte { return bytes.Repeat([]byte("["), 30<<20) }), "", 0, true, "exceeded max depth"},
		{"a tokenizer_config.json of 200 MB", write("tokenizer_config.json", func() []byte { return make([]byte, 200<<20) }), "", 0, true, "more than 16777216 bytes"},
		{"a config.json of brackets", write("config.json", func() []byte { return bytes.Repeat([]byte(`{"a":`), 3<<20) }), "", 0, true, "exceeded max depth"},
	}
	for _, name := range []string{"config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "model.safetensors", "model.safetensors.index.json",
		"pytorch_model.bin", "model.ckpt.index", "checkpoint"} {
		all = append(all, hostile{name + " is a pipe", link(name, ""), "", 0, false, name + ": is a named pipe, want a regular file"},
			hostile{name + " never ends", link(name, "/dev/zero"), "", 0, false, name + ": is a device, want a regular file"})
	}
	return append(all, hostile{"an archive that is a pipe", link("m.tar", ""), "m.tar", 0, false, "m.tar: is a named pipe"})
}

// TestHostile looks at each input in a process of its own, which has a limit of time, and compares the most memory it took.
func TestHostile(t *testing.T) {
	if path := os.Getenv("SUBBERT_TEST_LOOK_AT"); path != "" {
		lookAt(path)
	}
	if testing.Short() {
		t.Skip("large inputs are made for it")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no figures of a process's memory here")
	}
	least, _, _ := look(t, filepath.Join("testdata", "hf"))
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			dir := directory(t, settings())
			h.make(t, dir)
			memory, took, said := look(t, filepath.Join(dir, h.path))
			limit := hostileMemory + 3*h.tensors
			if h.header {
				limit = headerMemory
			}
			if memory-least > limit {
				t.Errorf("took %d MB more than a small model, want at most %d", (memory-least)>>20, limit>>20)
			}
			if took > hostileTime {
				t.Errorf("took %v, want at most %v", took, hostileTime)
			}
			if !strings.Contains(said, h.says) || strings.Count(strings.TrimSpace(said), "\n") > 0 {
				t.Errorf("said %q, want one line with %q", said, h.says)
			}
			t.Logf("%d MB, %v: %s", (memory-least)>>20, took.Round(time.Millisecond), strings.TrimSpace(said))
		})
	}
}

// look has a child look at path, and tells what it took: bytes at its largest, and time.
func look(t *testing.T, path string) (memory int64, took time.Duration, said string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostile$")
	child.Env = append(os.Environ(), "SUBBERT_TEST_LOOK_AT="+path)
	child.WaitDelay = time.Second
	started := time.Now()
	timer := time.AfterFunc(3*hostileTime, func() { _ = child.Process.Kill() }) // it may have ended
	defer timer.Stop()
	out, err := child.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	kilobytes, ok := strings.CutPrefix(lines[len(lines)-1], "VmHWM: ")
	if !ok {
		t.Fatalf("the child ended after %v without a figure of its memory: %v: %.300s", time.Since(started), err, out)
	}
	memory, err = strconv.ParseInt(kilobytes, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return memory << 10, time.Since(started), strings.Join(lines[:len(lines)-1], "\n")
}

// lookAt does what model inspect does, prints the first fault or error and the memory that it took, and ends the process.
func lookAt(path string) {
	m, faults, err := Peek(context.Background(), path)
	if err == nil {
		_, err = Inspect(m, faults)
	}
	if err == nil && len(faults) > 0 {
		err = faults[0]
	}
	if err != nil {
		fmt.Println(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" { // the most memory that was resident, in kB
			fmt.Println("VmHWM:", fields[1])
		}
	}
	os.Exit(0)
}

// The inputs.

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

// many is n empty tensors whose names end with a number.
type many struct {
	n    int
	name string
}

func (m many) Tensors() []Info {
	infos := make([]Info, m.n)
	for i := range infos {
		infos[i] = Info{Name: fmt.Sprintf("%s/%05d", m.name, i), DType: F32, Shape: []int{0}}
	}
	return infos
}
func (many) Read(string, []byte) error { return nil }
func (many) Close() error              { return nil }

// deepVariables has a parameter of BERT's below which nothing lies, and many names that may.
func deepVariables(t *testing.T, dir string) {
	w := &stepFiles{fsys: disk{}, dir: dir, seals: make(map[string]fileSeal)}
	if err := tfckpt.Write(w, "model.ckpt", many{99_000, "b" + strings.Repeat("/b", 400)}); err != nil {
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
	w := &stepFiles{fsys: disk{}, dir: dir, seals: make(map[string]fileSeal)}
	if err := tfckpt.Write(w, "model.ckpt", many{200_000, "variable"}); err != nil {
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

// TestLikeTokens holds the time to build a vocabulary's trie to a small multiple of its size.
func TestLikeTokens(t *testing.T) {
	build := func(n int) time.Duration {
		started := time.Now()
		if _, err := wordpiece.ReadVocabulary(bytes.NewReader(likeTokens(n)), "v"); err != nil {
			t.Fatal(err)
		}
		return time.Since(started)
	}
	small, large := build(25_000), build(250_000)
	if large > 30*small+time.Second {
		t.Errorf("250,000 tokens took %v, 25,000 took %v: more than in proportion", large, small)
	}
}
