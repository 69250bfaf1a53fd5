package shards

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/data/wordpiece"
)

// makeDocuments makes documents of random ids below size.
func makeDocuments(n, size int) [][][]int32 {
	r := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	documents := make([][][]int32, n)
	for i := range documents {
		documents[i] = make([][]int32, 1+r.IntN(5))
		for j := range documents[i] {
			for range 1 + r.IntN(12)*r.IntN(40) {
				documents[i][j] = append(documents[i][j], int32(r.IntN(size)))
			}
		}
	}
	return documents
}

func flat(sentences [][]int32) *Document {
	d := &Document{IDs: slices.Concat(sentences...), Words: 7, TextBytes: 40}
	for _, s := range sentences {
		d.Lengths = append(d.Lengths, int32(len(s)))
	}
	return d
}

// write makes shards of documents in files of limit bytes of ids. It holds out the last tenth of the documents.
func write(t testing.TB, documents [][][]int32, size int, limit int64) (dir string, h Header) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "shards")
	w, err := Create(dir, Header{Vocabulary: Vocabulary{Hash: "abc", Size: size}, Splitter: "test-1", HeldOut: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	w.limit = limit
	for i, d := range documents {
		split := Train
		if i >= len(documents)*9/10 {
			split = HeldOut
		}
		if err := w.Add(split, flat(d)); err != nil {
			t.Fatal(err)
		}
	}
	h, err = w.Commit([]Input{{Name: "x.txt"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	return dir, h
}

func open(t testing.TB, dir string) *Set {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func split(t testing.TB, s *Set, name string) *Documents {
	t.Helper()
	d, err := s.Split(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, c := range []struct {
		name    string
		n, size int
		limit   int64
		files   int
	}{
		{"one document", 1, 100, 1 << 20, 0},
		{"15 bits", 300, 28996, 1 << 30, 1},
		{"16 bits", 300, 65536, 1 << 30, 1},
		{"17 bits", 300, 65537, 1 << 30, 1},
		{"31 bits", 40, 1 << 31, 1 << 30, 1},
		{"1 bit", 300, 2, 1 << 30, 1},
		{"many files", 300, 30522, 2000, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			documents := makeDocuments(c.n, c.size)
			dir, header := write(t, documents, c.size, c.limit)
			s := open(t, dir)
			if diff := cmp.Diff(header, s.Header()); diff != "" {
				t.Errorf("header (-written +read):\n%s", diff)
			}
			if n := len(header.Splits[Train].Shards); c.files > 0 && n != c.files || c.name == "many files" && n < 5 {
				t.Errorf("%d files", n)
			}
			train, heldOut := split(t, s, Train), split(t, s, HeldOut)
			if got := train.NumDocuments() + heldOut.NumDocuments(); got != c.n || int64(got) != header.Total().Documents {
				t.Fatalf("%d documents, want %d", got, c.n)
			}
			for _, i := range rand.Perm(c.n) {
				from, k := train, i
				if i >= train.NumDocuments() {
					from, k = heldOut, i-train.NumDocuments()
				}
				got, err := from.Sentences(k)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(documents[i], got); diff != "" {
					t.Fatalf("document %d (-want +got):\n%s", i, diff)
				}
			}
			if err := s.Verify(t.Context(), func(int64) {}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRangesEqualMemory compares reads across the boundaries of groups and files with the plain implementation.
func TestRangesEqualMemory(t *testing.T) {
	documents := makeDocuments(200, 1000)
	dir, _ := write(t, append(slices.Clone(documents), documents[:23]...), 1000, 2000)
	train := split(t, open(t, dir), Train)
	if train.NumDocuments() != 200 {
		t.Fatalf("%d documents, want 200", train.NumDocuments())
	}
	memory, err := instances.NewMemory(documents)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		first := r.IntN(200)
		last := first + 1 + r.IntN(200-first)
		want, wantAt, _ := memory.Lengths(nil, first, last)
		got, at, err := train.Lengths(nil, first, last)
		if err != nil || at != wantAt || !slices.Equal(want, got) {
			t.Fatalf("documents %d-%d: at %d, want %d (%v)\n%s", first, last, at, wantAt, err, cmp.Diff(want, got))
		}
		wantIDs := make([]int32, 1+r.IntN(300))
		position := r.Int64N(train.NumTokens() - int64(len(wantIDs)))
		gotIDs := slices.Clone(wantIDs)
		memory.Tokens(wantIDs, position)
		if err := train.Tokens(gotIDs, position); err != nil || !slices.Equal(wantIDs, gotIDs) {
			t.Fatalf("%d tokens at %d differ (%v)", len(gotIDs), position, err)
		}
	}
	for _, bad := range [][2]int{{-1, 3}, {5, 5}, {100, 201}} {
		if _, _, err := train.Lengths(nil, bad[0], bad[1]); err == nil {
			t.Errorf("documents %v: no error", bad)
		}
	}
	if err := train.Tokens(make([]int32, 2), train.NumTokens()-1); err == nil {
		t.Error("tokens behind the last: no error")
	}
}

func TestInstancesEqualThoseFromMemory(t *testing.T) {
	documents := makeDocuments(230, 1000)
	dir, _ := write(t, documents, 1000, 3000)
	train := split(t, open(t, dir), Train)
	memory, err := instances.NewMemory(documents[:train.NumDocuments()])
	if err != nil {
		t.Fatal(err)
	}
	var drawn [2][]instances.Instance
	for k, source := range []instances.Source{train, memory} {
		d, err := instances.New(source, vocab{}, instances.Default())
		if err != nil {
			t.Fatal(err)
		}
		epoch, err := d.Epoch(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		drawn[k] = make([]instances.Instance, epoch.Len())
		var wg sync.WaitGroup
		for worker := range 2 {
			wg.Go(func() {
				for i := worker; i < epoch.Len(); i += 2 {
					if err := epoch.Draw(i, &drawn[k][i]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	if diff := cmp.Diff(drawn[1], drawn[0]); diff != "" {
		t.Errorf("(-memory +shards):\n%s", diff)
	}
}

type vocab struct{}

func (vocab) Size() int { return 1000 }
func (vocab) Special() wordpiece.Special {
	return wordpiece.Special{Pad: 0, Unk: 1, CLS: 2, SEP: 3, Mask: 4}
}
func (vocab) Continues(int32) bool { return false }

func TestVocabularyIsCompared(t *testing.T) {
	dir, h := write(t, makeDocuments(20, 100), 100, 1<<20)
	if err := h.CheckVocabulary("abc", 100); err != nil {
		t.Error(err)
	}
	given := open(t, dir).Header()
	var wrong *VocabularyError
	for _, v := range []Vocabulary{{"abd", 100}, {"abc", 101}} {
		if err := given.CheckVocabulary(v.Hash, v.Size); !errors.As(err, &wrong) || wrong.Given != v {
			t.Errorf("%v: %v, want a *VocabularyError", v, err)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shards")
	w, err := Create(dir, Header{Vocabulary: Vocabulary{Hash: "abc", Size: 100}})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*Document{
		"no sentences":       {},
		"an empty sentence":  {Lengths: []int32{1, 0}, IDs: []int32{5}},
		"too few ids":        {Lengths: []int32{2}, IDs: []int32{5}},
		"an id out of range": {Lengths: []int32{1}, IDs: []int32{100}},
		"a negative id":      {Lengths: []int32{1}, IDs: []int32{-1}},
	} {
		if err := w.Add(Train, d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := w.Add("test", flat([][]int32{{1}})); err == nil {
		t.Error("an unknown split: no error")
	}
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 0 {
		t.Errorf("left after Discard: %v, %v", left, err)
	}
	full, _ := write(t, makeDocuments(5, 100), 100, 1<<20)
	if _, err := Create(full, Header{Vocabulary: Vocabulary{Hash: "abc", Size: 100}}); !errors.Is(err, staging.ErrExists) {
		t.Errorf("Create over shards: %v, want ErrExists", err)
	}
}

// TestEveryDamageIsSeen flips a bit of each byte in turn, and truncates the file to each length.
func TestEveryDamageIsSeen(t *testing.T) {
	dir, _ := write(t, makeDocuments(5, 1000), 1000, 1<<20)
	path := filepath.Join(dir, "train-00000.shard")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(content []byte) error {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Verify(t.Context(), func(int64) {})
	}
	if err := check(whole); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i++ {
		if i%11 != 0 && len(whole)-i > 200 {
			continue // every byte of the trailer and the checksums, a sample of the data
		}
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1 << (i % 8)
		for what, content := range map[string][]byte{"damaged": damaged, "truncated": whole[:i]} {
			if err := check(content); err == nil {
				t.Fatalf("%s at byte %d: no error", what, i)
			} else if !strings.Contains(err.Error(), "train-00000.shard") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%s at byte %d: %v, want one line that names the file", what, i, err)
			}
		}
	}
}

// TestDamageIsSeenWhenRead checks that reading checks only the block that it reads from.
func TestDamageIsSeenWhenRead(t *testing.T) {
	dir, _ := write(t, makeDocuments(2000, 30000), 30000, 1<<30)
	path := filepath.Join(dir, "train-00000.shard")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[3*blockSize+77] ^= 4
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	train := split(t, open(t, dir), Train)
	ids := make([]int32, 10)
	if err := train.Tokens(ids, 0); err != nil {
		t.Errorf("reading from a block that is whole: %v", err)
	}
	if err := train.Tokens(ids, (3*blockSize+1000)*8/15); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("reading from a damaged block: %v", err)
	}
}

func TestManifestFaults(t *testing.T) {
	dir, _ := write(t, makeDocuments(20, 100), 100, 1<<20)
	path := filepath.Join(dir, manifestName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var h Header
	if err := json.Unmarshal(whole, &h); err != nil {
		t.Fatal(err)
	}
	train := h.Splits[Train]
	number := func(name string, n int64) string { return fmt.Sprintf(`"%s": %d`, name, n) }
	for _, c := range []struct {
		name, old, new, want string
		times                int // number of replacements of old; -1: all
	}{
		{"not JSON", "{", "", "damaged", 1},
		{"another format", formatName, "other shards", "format", 1},
		{"a later version", `"version": 1`, `"version": 2`, "version 2", 1},
		{"bits", `"id_bits": 7`, `"id_bits": 8`, "bits", 1},
		{"counts", `"documents": 18`, `"documents": 17`, "17", 1},
		{"a file elsewhere", `"train-00000.shard"`, `"../train-00000.shard"`, "shard", 1},
		{"a file missing", `"train-00000.shard"`, `"train-00001.shard"`, "train-00001.shard", 1},
		{"more documents than the files hold", number("documents", 18), number("documents", 1_000_000_000), "18 documents and " + fmt.Sprint(train.Tokens), -1},
		{"more tokens than the files hold", number("tokens", train.Tokens), number("tokens", 1e15), "manifest.json has 18 and 1000000000000000", -1},
		{"more sentences than the files hold", number("sentences", train.Sentences), number("sentences", 1e9), "1000000000 sentences, but the files have " + fmt.Sprint(train.Sentences), -1},
		{"more unknown tokens than tokens", number("unknown", train.Unknown), number("unknown", 1e9), "1000000000 [UNK]", -1},
		{"less than no word", number("words", train.Words), number("words", -1), "-1 words", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !bytes.Contains(whole, []byte(c.old)) {
				t.Fatalf("the manifest has no %s", c.old)
			}
			changed := bytes.Replace(whole, []byte(c.old), []byte(c.new), c.times)
			if err := os.WriteFile(path, changed, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), manifestName) {
		t.Errorf("an empty directory: %v", err)
	}
}

// FuzzFile reads arbitrary bytes as a shard. It corrects the checksums first; otherwise almost every input would fail
// there.
func FuzzFile(f *testing.F) {
	dir, _ := write(f, makeDocuments(40, 1000), 1000, 1<<20)
	content, err := os.ReadFile(filepath.Join(dir, "train-00000.shard"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content, true)
	f.Add(content[:len(content)-1], false)
	f.Fuzz(func(t *testing.T, content []byte, mend bool) {
		if mend {
			content = mended(bytes.Clone(content))
		}
		opened, err := openFile(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		var d Documents
		if err := d.add("fuzzed", opened); err != nil {
			t.Fatal(err)
		}
		for i := range min(d.NumDocuments(), 100) {
			d.Sentences(i) // may fail, must not panic
		}
		d.Tokens(make([]int32, min(100, d.NumTokens())), 0)
	})
}

// mended returns content with correct checksums, if its sizes allow.
func mended(content []byte) []byte {
	if len(content) < trailerSize {
		return content
	}
	end := content[len(content)-trailerSize:]
	copy(end[40:48], magic)
	var t trailer
	fields := []*int64{&t.documents, &t.sentences, &t.tokens, &t.lengthBytes}
	for i, p := range fields {
		*p = int64(binary.LittleEndian.Uint64(end[8*i:]) % uint64(8*len(content)))
	}
	t.idBits = uint32(end[32])%maxIDBits + 1
	if t.size() != int64(len(content)) {
		return content
	}
	s := summer{w: &bytes.Buffer{}}
	s.Write(content[:t.sumsAt()])
	content = content[:t.sumsAt()]
	for _, sum := range s.all() {
		content = append(content, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
	}
	t.sumOfSums = crc32.Checksum(content[t.sumsAt():], castagnoli)
	return t.append(content)
}

func BenchmarkTokens(b *testing.B) {
	dir, _ := write(b, makeDocuments(5000, 30000), 30000, 1<<30)
	train := split(b, open(b, dir), Train)
	ids := make([]int32, 125)
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if err := train.Tokens(ids, r.Int64N(train.NumTokens()-125)); err != nil {
			b.Fatal(err)
		}
	}
}
