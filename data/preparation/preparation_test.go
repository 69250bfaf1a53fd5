package preparation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/data/wordpiece"
)

// byLength gives each word its length as its id, and [UNK], 1, to words of nine letters and more.
type byLength struct{}

func (byLength) Append(dst []int32, text string) []int32 {
	for word := range strings.FieldsSeq(text) {
		if len(word) >= 9 {
			dst = append(dst, 1)
		} else {
			dst = append(dst, int32(10+len(word)))
		}
	}
	return dst
}

func newSplitter(t testing.TB) *corpus.Splitter {
	t.Helper()
	s, err := corpus.NewSplitter()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func plan(t testing.TB, files ...string) Plan {
	return Plan{Files: files, Out: filepath.Join(t.TempDir(), "out"), HeldOut: 0.2, Workers: 2,
		Vocabulary: shards.Vocabulary{Hash: "abc", Size: 100}, Unknown: 1, Splitter: newSplitter(t),
		NewTokenizer: func() Tokenizer { return byLength{} }, Broken: func(error) {}, Progress: func(Progress) {}}
}

func TestEncode(t *testing.T) {
	var d shards.Document
	e := NewEncoder(byLength{}, newSplitter(t), 1)
	for range 2 { // the second time into slices that are full
		e.Encode(&d, &corpus.Document{ID: "1", Title: "On mice", Sections: []corpus.Section{
			{Label: "METHODS", Text: "We did it.  They, e.g. Smith et al., did not.\n\n Consequently: no."}, {Text: " \n"}}})
		want := shards.Document{Lengths: []int32{2, 3, 7, 2}, IDs: []int32{12, 14, 12, 13, 13, 15, 14, 15, 12, 14, 13, 14, 1, 13},
			Unknown: 1, Words: 14, TextBytes: 74}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	e.Encode(&d, &corpus.Document{ID: "2", Title: " "})
	if len(d.IDs)+len(d.Lengths)+d.Words != 0 {
		t.Errorf("a document without text: %+v", d)
	}
}

// writeFiles writes n documents into two files and returns their names.
func writeFiles(t testing.TB, n int) []string {
	t.Helper()
	names := []string{filepath.Join(t.TempDir(), "a.jsonl"), filepath.Join(t.TempDir(), "b.txt")}
	var a, b strings.Builder
	for i := range n {
		fmt.Fprintf(&a, `{"id":"%d","title":"Number %[1]d","abstract":"%s"}`+"\n", i, strings.Repeat("It is one. So it is. ", i%50))
		fmt.Fprintf(&b, "Text %d begins.\n%s\n\n", i, strings.Repeat("It goes on.\n", i%7))
	}
	for i, content := range []string{a.String(), b.String()} {
		if err := os.WriteFile(names[i], []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestAnyNumberOfWorkersGivesTheSameBytes(t *testing.T) {
	files := writeFiles(t, 4000)
	var want map[string]string
	for _, workers := range []int{1, 2, 7} {
		p := plan(t, files...)
		p.Workers = workers
		var last Progress
		p.Progress = func(now Progress) {
			if now.Read < last.Read {
				t.Errorf("progress went back from %d to %d bytes", last.Read, now.Read)
			}
			last = now
		}
		r, err := Run(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		if total := r.Header.Total(); total.Documents != 8000 || last.Read != last.Size || last.Done != total {
			t.Errorf("%+v in all, %+v at last; want 8000 documents and all bytes read", total, last)
		}
		if in := r.Header.Inputs; len(in) != 2 || in[0].Name != "a.jsonl" || in[0].Documents != 4000 || in[1].Documents != 4000 {
			t.Errorf("inputs %+v", in)
		}
		got := contents(t, p.Out)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers differ from 1", workers)
		}
	}
}

// documentsIn are the documents of a split by their ids.
func documentsIn(t *testing.T, dir string) []string {
	t.Helper()
	set, err := shards.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	split, err := set.Split(shards.Train)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range split.NumDocuments() {
		sentences, err := split.Sentences(i)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(sentences))
	}
	return all
}

func TestSeedChoosesTheOrder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.jsonl")
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, `{"id":"%d","text":"%s"}`+"\n", i, strings.Repeat("a ", i+1))
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	orders := make(map[string]bool)
	var sorted []string
	for _, seed := range []uint64{1, 2} {
		p := plan(t, name)
		p.Seed, p.HeldOut = seed, 0
		if _, err := Run(context.Background(), p); err != nil {
			t.Fatal(err)
		}
		all := documentsIn(t, p.Out)
		orders[strings.Join(all, "\n")] = true
		ascents := 0
		for i := 1; i < len(all); i++ {
			if len(all[i]) > len(all[i-1]) {
				ascents++
			}
		}
		if ascents < 900 || ascents > 1100 { // 1000 of 1999, with a deviation of 13
			t.Errorf("seed %d: %d of %d documents are longer than the one before, want half", seed, ascents, len(all))
		}
		slices.Sort(all)
		if sorted != nil && !slices.Equal(all, sorted) {
			t.Errorf("seed %d: other documents than with the first", seed)
		}
		sorted = all
	}
	if len(orders) != 2 {
		t.Error("two seeds give one order")
	}
}

// A small spool and many runs give the same order as a single run.
func TestSpoolsOfAnySize(t *testing.T) {
	var want []string
	for _, limit := range []int{1, 1000, 1 << 20} {
		work, err := staging.OpenWork(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		piece, err := work.Create()
		if err != nil {
			t.Fatal(err)
		}
		s := &spool{piece: piece, limit: limit}
		for i := range 300 {
			d := shards.Document{Lengths: []int32{1, 2}, IDs: []int32{int32(i), 70_000, 3}, Words: i, TextBytes: 9, Unknown: 1}
			if err := s.add(keyOf(7, 0, i), i, i%3 == 0, &d); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		name, err := piece.Seal()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var b block
		for from := 0; from < buckets; from += 256 {
			if err := b.load(work, []Spooled{{Piece: name, Runs: s.runs}}, from, from+256); err != nil {
				t.Fatal(err)
			}
			for _, e := range b.entries {
				var d shards.Document
				if err := decode(&d, b.data[e.start:e.end]); err != nil {
					t.Fatal(err)
				}
				if int(d.IDs[0]) != e.number || e.heldOut != (e.number%3 == 0) || d.Words != e.number {
					t.Fatalf("document %d is %+v", e.number, d)
				}
				got = append(got, fmt.Sprint(d))
			}
		}
		if want == nil {
			want = got
		}
		if len(got) != 300 || !slices.Equal(got, want) {
			t.Errorf("limit %d: %d documents, or another order", limit, len(got))
		}
	}
	for _, damaged := range [][]byte{{1}, make([]byte, 20), {255, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0}} {
		if _, err := appendEntries(nil, damaged, 0, 0); err == nil {
			t.Errorf("%v passes for documents", damaged)
		}
	}
}

func TestResumes(t *testing.T) {
	files := writeFiles(t, 500)
	whole := plan(t, files...)
	if _, err := Run(context.Background(), whole); err != nil {
		t.Fatal(err)
	}
	p := plan(t, files...)
	p.Workers = 1
	ctx, stop := context.WithCancel(context.Background())
	p.Progress = func(now Progress) {
		if now.Done.Documents > 500 { // in the second file
			stop()
		}
	}
	var kept *staging.KeptError
	if _, err := Run(ctx, p); !errors.As(err, &kept) {
		t.Fatalf("ended with %v, want a *staging.KeptError", err)
	}
	first := true
	p.Progress = func(now Progress) {
		if first && now.Done.Documents != 500 {
			t.Errorf("begins again with %d documents done, want 500", now.Done.Documents)
		}
		first = false
	}
	if _, err := Run(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contents(t, whole.Out), contents(t, p.Out)); diff != "" {
		t.Error("stopped and started, it makes other bytes")
	}
	if left, err := os.ReadDir(filepath.Dir(p.Out)); err != nil || len(left) != 1 {
		t.Errorf("left beside the result: %v, %v", left, err)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(content)
	}
	return out
}

func TestHeldOut(t *testing.T) {
	const n = 20_000
	var byID, byText int
	for i := range n {
		text := []corpus.Section{{Text: fmt.Sprint("text ", i)}}
		if isHeldOut(&corpus.Document{ID: fmt.Sprint(i), Sections: text}, 0.05) {
			byID++
		}
		if isHeldOut(&corpus.Document{Sections: text}, 0.05) {
			byText++
		}
		if !isHeldOut(&corpus.Document{ID: fmt.Sprint(i)}, 0.06) && isHeldOut(&corpus.Document{ID: fmt.Sprint(i), Title: "x"}, 0.05) {
			t.Fatalf("document %d: a larger fraction leaves it out, or its title matters", i)
		}
	}
	for what, got := range map[string]int{"by identifier": byID, "by text": byText} {
		if got < 850 || got > 1150 { // five standard deviations of 31
			t.Errorf("%s: %d of %d, want 1000", what, got, n)
		}
	}
}

func TestFailuresLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	broken, blank := filepath.Join(dir, "x.jsonl"), filepath.Join(dir, "blank.jsonl")
	for name, content := range map[string]string{broken: strings.Repeat("{\"text\":\"A b c.\"}\n", 30_000) + "{\n", blank: "{}\n{}\n"} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	for _, c := range []struct {
		name, file, want string
		ctx              context.Context
		change           func(*Plan)
	}{
		{"a broken line", broken, "x.jsonl: line 30001: bad JSON", context.Background(), func(p *Plan) { p.Strict = true }},
		{"no file", filepath.Join(dir, "none"), "no such file", context.Background(), func(*Plan) {}},
		{"no text", blank, "no document has any text", context.Background(), func(*Plan) {}},
		{"stopped", broken, "canceled", stopped, func(*Plan) {}},
		{"fraction", blank, "held-out fraction", context.Background(), func(p *Plan) { p.HeldOut = 1 }},
		{"an id too large", broken, "outside a vocabulary", context.Background(), func(p *Plan) { p.Vocabulary.Size = 5 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plan(t, c.file)
			c.change(&p)
			before := runtime.NumGoroutine()
			_, err := Run(c.ctx, p)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if left, err := os.ReadDir(filepath.Dir(p.Out)); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if after := runtime.NumGoroutine(); after > before {
				t.Errorf("%d goroutines, %d before", after, before)
			}
		})
	}
	p := plan(t, blank)
	if err := os.MkdirAll(filepath.Join(p.Out, "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), p); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is there: %v", err)
	}
}

// realPlan makes shards of a file of published text with the vocabulary of BERT.
func realPlan(b *testing.B, name string) (Plan, *wordpiece.Vocabulary) {
	dir := os.Getenv("SUBBERT_DATA")
	if dir == "" {
		b.Skip("SUBBERT_DATA does not name the directory with the real data")
	}
	vocab, err := wordpiece.OpenVocabulary(filepath.Join(dir, "vocab", "bert-base-cased.vocab.txt"))
	if err != nil {
		b.Fatal(err)
	}
	tokenizer, err := wordpiece.New(vocab, wordpiece.Default())
	if err != nil {
		b.Fatal(err)
	}
	p := plan(b, filepath.Join(dir, "pubtext", name))
	p.Vocabulary = shards.Vocabulary{Hash: vocab.Hash(), Size: vocab.Size()}
	p.Unknown = vocab.Special().Unk
	p.NewTokenizer = func() Tokenizer { return tokenizer.Clone() }
	p.HeldOut = 0.01
	return p, vocab
}

// BenchmarkEncode is text to what shards hold, on one core, without reading.
func BenchmarkEncode(b *testing.B) {
	p, _ := realPlan(b, "citation-screening-abstracts.jsonl.xz")
	var documents []corpus.Document
	bytes := 0
	for d, err := range corpus.Open(b.Context(), p.Files[0]) {
		if err != nil {
			b.Fatal(err)
		}
		documents = append(documents, d)
		bytes += d.Bytes()
	}
	b.SetBytes(int64(bytes))
	var encoded shards.Document
	for b.Loop() {
		e := NewEncoder(p.NewTokenizer(), p.Splitter, p.Unknown)
		for i := range documents {
			e.Encode(&encoded, &documents[i])
		}
	}
}

// BenchmarkRun is text in files to shards on the disk, both passes, on one core and on two.
func BenchmarkRun(b *testing.B) {
	for _, cores := range []int{1, 2} {
		b.Run(fmt.Sprintf("cores=%d", cores), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			p, _ := realPlan(b, "evidence-inference-pmc.jsonl.xz")
			p.Files = unpacked(b, p.Files[0])
			p.Workers = cores
			out := p.Out
			for i := 0; b.Loop(); i++ {
				p.Out = fmt.Sprint(out, i)
				r, err := Run(context.Background(), p)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(r.Header.Total().TextBytes)
				b.ReportMetric(float64(r.Header.Bytes())/float64(r.Header.Total().TextBytes), "B/B")
			}
		})
	}
}

// unpacked writes the documents of a compressed file to eight plain ones: xz takes longer than all the rest, and a corpus of PubMed
// is many files.
func unpacked(b *testing.B, path string) (names []string) {
	b.Helper()
	var files []*os.File
	for i := range 8 {
		f, err := os.Create(filepath.Join(b.TempDir(), fmt.Sprintf("plain-%d.jsonl", i)))
		if err != nil {
			b.Fatal(err)
		}
		files, names = append(files, f), append(names, f.Name())
	}
	i := 0
	for d, err := range corpus.Open(b.Context(), path) {
		if err != nil {
			b.Fatal(err)
		}
		if err := json.NewEncoder(files[i%len(files)]).Encode(d); err != nil {
			b.Fatal(err)
		}
		i++
	}
	for _, f := range files {
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	return names
}

// BenchmarkDraw draws instances from shards of real text, on one core.
func BenchmarkDraw(b *testing.B) {
	p, vocab := realPlan(b, "citation-screening-abstracts.jsonl.xz")
	if _, err := Run(context.Background(), p); err != nil {
		b.Fatal(err)
	}
	set, err := shards.Open(p.Out)
	if err != nil {
		b.Fatal(err)
	}
	defer set.Close()
	documents, err := set.Split(shards.Train)
	if err != nil {
		b.Fatal(err)
	}
	for _, masking := range []string{instances.Subword, instances.WholeWord} {
		b.Run(masking, func(b *testing.B) {
			c := instances.Default()
			c.Masking = masking
			d, err := instances.New(documents, vocab, c)
			if err != nil {
				b.Fatal(err)
			}
			epoch, err := d.Epoch(b.Context(), 0)
			if err != nil {
				b.Fatal(err)
			}
			var in instances.Instance
			tokens, i := 0, 0
			for b.Loop() {
				if err := epoch.Draw(i%epoch.Len(), &in); err != nil {
					b.Fatal(err)
				}
				tokens += in.Length
				i++
			}
			b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens/s")
		})
	}
}
