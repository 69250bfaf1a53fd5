package preparation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
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
		NewTokenizer: func() Tokenizer { return byLength{} }, Progress: func(Progress) {}}
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
		{"a broken line", broken, "x.jsonl: line 30001: bad JSON", context.Background(), func(*Plan) {}},
		{"no file", filepath.Join(dir, "none"), "no such file", context.Background(), func(*Plan) {}},
		{"no text", blank, "no document with any text", context.Background(), func(*Plan) {}},
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
	for d, err := range corpus.Open(p.Files[0]) {
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
			epoch, err := d.Epoch(0)
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
