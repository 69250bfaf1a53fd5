package bulk

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/madeup"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/runstest"
)

// trained is the directory of a tiny fine-tuned model that the tests share.
var trained = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "subbert-bulk-")
	if err != nil {
		return "", err
	}
	f, err := runstest.Make(context.Background(), dir)
	if err != nil {
		return dir, err
	}
	config, err := configs.ReadRelation(context.Background(), f.Finetune)
	if err != nil {
		return dir, err
	}
	_, err = runs.Finetune(context.Background(), config, runs.Env{})
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := trained(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// open opens the shared model.
func open(t testing.TB) (*extract.Model, string) {
	t.Helper()
	dir, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "finetuned")
	m, err := extract.Open(t.Context(), dir, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m, dir
}

func gz(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type member struct {
	name    string
	content []byte
}

func tarred(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.content)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func bioc(t testing.TB, first, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := madeup.WriteBioC(&b, madeup.Annotated(1, first, n)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPubTator(t testing.TB, first, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := madeup.WritePubTator(&b, madeup.Annotated(1, first, n)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// crowded returns PubTator's text of a document with one sentence of n mentions.
func crowded(n int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "1|t|%s\n1|a|\n", strings.TrimSuffix(strings.Repeat("ab ", n), " "))
	for i := range n {
		fmt.Fprintf(&b, "1\t%d\t%d\tab\tGene\t%d\n", 3*i, 3*i+2, i+1)
	}
	b.WriteString("\n")
	return b.Bytes()
}

// asJSON returns a document of BioC in JSON.
func asJSON(t testing.TB, first int) []byte {
	t.Helper()
	d := madeup.Annotated(1, first, 1)[0]
	type object = map[string]any
	annotations := []object{}
	for i, m := range d.Mentions {
		annotations = append(annotations, object{"id": fmt.Sprint(i), "infons": object{"type": m.Type, "identifier": m.Name}, "text": m.Text,
			"locations": []object{{"offset": m.Start, "length": m.End - m.Start}}})
	}
	out, err := json.Marshal(object{"PubTator3": []object{{"id": d.ID, "passages": []object{{"offset": 0, "infons": object{"type": "abstract"}, "text": d.Title + " " + d.Abstract, "annotations": annotations}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func save(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// files writes a file of every format.
func files(t testing.TB, dir string) []string {
	const line = `{"id":"L1","text":"Zalor binds Bor.","mentions":[{"id":"T1","type":"Chemical","concept":"MESH:C1","start":0,"end":5},{"id":"T2","type":"Gene","start":12,"end":15}]}` + "\n"
	return []string{
		save(t, dir, "a.tar.gz", gz(t, tarred(t, member{"out/0.xml", bioc(t, 0, 30)}, member{"out/.skipped", nil}, member{"out/1.xml.gz", gz(t, bioc(t, 30, 30))}))),
		save(t, dir, "b.xml.gz", gz(t, bioc(t, 60, 20))),
		save(t, dir, "c.pubtator.gz", gz(t, asPubTator(t, 80, 20))),
		save(t, dir, "d.json", asJSON(t, 100)),
		save(t, dir, "e.jsonl", []byte(line)),
	}
}

func plan(t testing.TB, model, out string, files ...string) Plan {
	t.Helper()
	splitter, err := corpus.NewSplitter()
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Model: model, Files: files, Out: out, Negatives: true, Workers: 2, Chunk: 60, Sentences: splitter.Split}
}

func rowsOf(t testing.TB, path string) (out []extracted.Row) {
	t.Helper()
	for r, err := range extracted.Read(t.Context(), path) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// TestForms: every format is read, positions are those of the file, and the rows depend neither on the workers nor on
// the size of chunks.
func TestForms(t *testing.T) {
	m, model := open(t)
	dir := t.TempDir()
	in := files(t, dir)
	p := plan(t, model, filepath.Join(dir, "out.tsv"), in...)
	s, err := Run(t.Context(), p, m)
	if err != nil {
		t.Fatal(err)
	}
	if s.Documents != 102 || s.Pairs < 300 || s.Rows != s.Pairs || s.Files != 5 || s.BrokenFiles+s.Broken+s.LeftOut > 0 {
		t.Errorf("summary %+v", s)
	}
	texts := map[string][]rune{"L1": []rune("Zalor binds Bor.")}
	for _, d := range madeup.Annotated(1, 0, 101) {
		texts[d.ID] = []rune(d.Title + " " + d.Abstract)
	}
	rows := rowsOf(t, p.Out)
	for _, r := range rows {
		whole := texts[r.PMID]
		if a, b := string(whole[r.AStart:r.AEnd]), string(whole[r.BStart:r.BEnd]); a != r.A || b != r.B || !strings.HasPrefix(string(whole[r.SentenceStart:]), r.Sentence) {
			t.Fatalf("row %+v: %q and %q there", r, a, b)
		}
	}
	if last := rows[len(rows)-1]; last.PMID != "L1" || last.AID != "MESH:C1" || last.BID != "T2" {
		t.Errorf("last row %+v", last)
	}
	if _, err := os.Stat(p.Out + ".work"); err == nil {
		t.Error("the work is left behind")
	}
	want, err := os.ReadFile(p.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ workers, chunk int }{{1, 60}, {4, 7}, {3, 100_000}} {
		p.Workers, p.Chunk, p.Out = test.workers, test.chunk, filepath.Join(dir, fmt.Sprint(test.chunk, "-", test.workers, ".tsv"))
		if _, err := Run(t.Context(), p, m); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(p.Out)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%+v: other rows", test)
		}
	}
}

// TestResume: an attempt that stops anywhere can be continued, and the bytes are those of one that never stopped.
func TestResume(t *testing.T) {
	m, model := open(t)
	dir := t.TempDir()
	p := plan(t, model, filepath.Join(dir, "whole.jsonl.zst"), files(t, dir)...)
	whole, err := Run(t.Context(), p, m)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(p.Out)
	if err != nil {
		t.Fatal(err)
	}
	p.Out, p.Resume = filepath.Join(dir, "stopped.jsonl.zst"), true
	stops, from := 0, 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		p.Progress = func(now Progress) {
			from = now.Earlier
			if now.Pairs-now.Earlier == 130 {
				cancel()
			}
		}
		s, err := Run(ctx, p, m)
		cancel()
		if err == nil {
			if s.Pairs != whole.Pairs || s.Documents != whole.Documents || !cmp.Equal(s.Labels, whole.Labels) || s.Cut != whole.Cut {
				t.Errorf("summary %+v, want %+v", s, whole)
			}
			break
		}
		if kept := new(staging.KeptError); !errors.Is(err, context.Canceled) || stops > 0 && !errors.As(err, &kept) {
			t.Fatalf("stopped with %v", err)
		}
		if stops++; stops > 20 {
			t.Fatal("it does not get on")
		}
	}
	if stops < 2 || from == 0 {
		t.Errorf("stopped %d times, went on from %d pairs", stops, from)
	}
	got, err := os.ReadFile(p.Out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("other bytes")
	}
	if s, err := Run(t.Context(), p, m); err != nil || !s.There {
		t.Errorf("again: %+v, %v", s, err)
	}
	p.Resume = false
	if _, err := Run(t.Context(), p, m); !errors.Is(err, staging.ErrExists) {
		t.Errorf("without resume: %v, want ErrExists", err)
	}
}

// TestFilesAlone: a chunk ends with its file, so that pairs of two files are never predicted together.
func TestFilesAlone(t *testing.T) {
	dir := t.TempDir()
	p := plan(t, "", "", files(t, dir)...)
	p.complete()
	p.Chunk = 100_000
	var ends []position
	for c, err := range p.chunks(t.Context(), position{}) {
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, c.next)
	}
	if want := []position{{File: 1}, {File: 2}, {File: 3}, {File: 4}, {File: 5}}; !cmp.Equal(want, ends) {
		t.Errorf("chunks end at %v, want %v", ends, want)
	}
}

// TestOtherWork: earlier work is continued only if asked, and only if it belongs to the same request.
func TestOtherWork(t *testing.T) {
	m, model := open(t)
	dir := t.TempDir()
	p := plan(t, model, filepath.Join(dir, "x.tsv"), save(t, dir, "a.xml", bioc(t, 0, 40)))
	ctx, cancel := context.WithCancel(t.Context())
	p.Progress = func(now Progress) {
		if now.Pairs == 150 {
			cancel()
		}
	}
	if _, err := Run(ctx, p, m); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p.Progress = nil
	work := new(WorkError)
	if _, err := Run(t.Context(), p, m); !errors.As(err, &work) || work.Other {
		t.Errorf("without resume: %v", err)
	}
	p.Resume, p.Filter.Within = true, 1
	if _, err := Run(t.Context(), p, m); !errors.As(err, &work) || !work.Other {
		t.Errorf("with another option: %v", err)
	}
}

// TestFilter: pairs are filtered before they are predicted.
func TestFilter(t *testing.T) {
	m, model := open(t)
	dir := t.TempDir()
	in := save(t, dir, "a.xml", bioc(t, 0, 60))
	run := func(name string, change func(*Plan)) (*Summary, []extracted.Row) {
		p := plan(t, model, filepath.Join(dir, name+".tsv"), in)
		change(&p)
		s, err := Run(t.Context(), p, m)
		if err != nil {
			t.Fatal(err)
		}
		return s, rowsOf(t, p.Out)
	}
	all, rows := run("all", func(*Plan) {})
	id := strings.TrimPrefix(rows[0].AID, "MESH:")
	for _, test := range []struct {
		name   string
		change func(*Plan)
		wanted func(extracted.Row) bool
	}{
		{"types", func(p *Plan) { p.Filter.Types = [2]string{"Chemical", "Gene"} }, func(r extracted.Row) bool { return r.AType == "Chemical" && r.BType == "Gene" }},
		{"ids", func(p *Plan) { p.Filter.IDs = map[string]bool{id: true} }, func(r extracted.Row) bool { return strings.Contains(r.AID, id) || strings.Contains(r.BID, id) }},
		{"species", func(p *Plan) { p.Filter.Species = map[string]bool{"9606": true} }, func(extracted.Row) bool { return true }},
		{"sections", func(p *Plan) { p.Filter.Sections = []string{"title"} }, func(r extracted.Row) bool { return r.Section == "title" }},
		{"negatives", func(p *Plan) { p.Negatives = false }, func(r extracted.Row) bool { return r.Label != "false" }},
		{"probability", func(p *Plan) { p.MinProbability = 0.23 }, func(r extracted.Row) bool { return r.Probability >= 0.23 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, got := run(test.name, test.change)
			if len(got) != s.Rows || s.Rows >= all.Rows && test.name != "negatives" || s.Rows == 0 && test.name != "probability" && test.name != "negatives" {
				t.Errorf("%d rows of %d", s.Rows, all.Rows)
			}
			for _, r := range got {
				if !test.wanted(r) {
					t.Errorf("row %+v", r)
				}
			}
		})
	}
	if wide, _ := run("within", func(p *Plan) { p.Filter.Within = 2 }); wide.Pairs <= all.Pairs {
		t.Errorf("%d pairs within 2 sentences, %d within one", wide.Pairs, all.Pairs)
	}
}

// TestBroken: a broken text costs only itself, is reported in one line and counted; strict work ends at it.
func TestBroken(t *testing.T) {
	m, model := open(t)
	dir := t.TempDir()
	good := bioc(t, 0, 4)
	archive := gz(t, tarred(t, member{"a.xml", good}, member{"b.xml", bioc(t, 4, 4)}))
	for _, test := range []struct {
		name, file string
		content    []byte
		documents  int
		want       Counts
		told       string
	}{
		{"broken member", "x.tar.gz", gz(t, tarred(t, member{"a.xml", good[:len(good)/2]}, member{"b.xml", bioc(t, 4, 4)})), 6, Counts{BrokenFiles: 1}, "x.tar.gz: a.xml: "},
		{"broken member in the middle", "x.tar.gz", gz(t, tarred(t, member{"a.xml", good}, member{"b.xml", bioc(t, 4, 4)[:900]}, member{"c.xml", bioc(t, 10, 2)})), 6, Counts{BrokenFiles: 1}, "x.tar.gz: b.xml: "},
		{"broken last member", "x.tar.gz", gz(t, tarred(t, member{"a.xml", good}, member{"b.xml.gz", gz(t, bioc(t, 4, 4))[:900]})), 4, Counts{BrokenFiles: 1}, "x.tar.gz: b.xml.gz: "},
		{"member of no form", "x.tar", tarred(t, member{"README", []byte("%PDF-")}, member{"b.xml", good}), 4, Counts{BrokenFiles: 1}, "x.tar: README: a PDF"},
		{"archive cut off", "x.tar.gz", archive[:len(archive)-len(archive)/3], 4, Counts{BrokenFiles: 1}, "x.tar.gz"},
		{"packed file cut off", "x.xml.gz", gz(t, good)[:1000], 0, Counts{BrokenFiles: 1}, "truncated"},
		{"no text", "x.pubtator", []byte("1|t|\n1|a|\n\n2|t|Zalor.\n2|a|Bor.\n\n"), 1, Counts{Broken: 1}, "document 1: no text"},
		{"mention outside", "x.pubtator", []byte("2|t|Zalor.\n2|a|Bor.\n2\t50\t55\tZalor\tGene\t1\n\n"), 1, Counts{LeftOut: 1}, "x.pubtator: line 3"},
		{"many mentions in a sentence", "x.pubtator.gz", gz(t, crowded(100_000)), 1, Counts{Bounded: 1}, "x.pubtator.gz: document 1: a sentence with 100000 mentions has more than "},
		{"broken document", "x.xml", bytes.Replace(good, []byte("</passage>"), []byte("<"), 1), 3, Counts{Broken: 1}, "x.xml: document"},
		{"empty", "x.xml", nil, 0, Counts{BrokenFiles: 1}, "x.xml: empty file"},
		{"other form", "x.tsv", []byte("index\tsentence\tlabel\n1\tx\ty\n"), 0, Counts{BrokenFiles: 1}, "want texts with mentions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(dir, strings.ReplaceAll(test.name, " ", "-"))
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			p := plan(t, model, filepath.Join(dir, "out.tsv"), save(t, dir, test.file, test.content), save(t, dir, "good.xml", bioc(t, 8, 2)))
			var told []string
			p.Broken = func(err error) { told = append(told, err.Error()) }
			p.Note = func(line string) {
				if strings.Contains(line, test.told) { // others are about the marks of the tiny model
					told = append(told, line)
				}
			}
			s, err := Run(t.Context(), p, m)
			if err != nil {
				t.Fatal(err)
			}
			got := Counts{BrokenFiles: s.BrokenFiles, Broken: s.Broken, LeftOut: s.LeftOut, Bounded: s.Bounded}
			if s.Documents != test.documents+2 || !cmp.Equal(got, test.want) {
				t.Errorf("%d documents, %+v; want %d and %+v; told %q", s.Documents, got, test.documents+2, test.want, told)
			}
			if len(told) != 1 || !strings.Contains(told[0], test.told) || strings.Contains(told[0], "\n") {
				t.Errorf("told %q, want %q", told, test.told)
			}
			p.Strict, p.Out = true, filepath.Join(dir, "strict.tsv")
			if _, err := Run(t.Context(), p, m); err == nil || !strings.Contains(err.Error(), test.told) {
				t.Errorf("strict: %v", err)
			}
		})
	}
}

// TestForecastOfASmallFile: a file that is read within a second is counted, however far its decompressor reads ahead.
func TestForecastOfASmallFile(t *testing.T) {
	m, model := open(t)
	dir := t.TempDir()
	p := plan(t, model, filepath.Join(dir, "out.tsv"), save(t, dir, "a.tar.gz", gz(t, tarred(t, member{"a.xml", bioc(t, 0, 300)}, member{"b.xml", bioc(t, 300, 300)}))))
	f, err := p.Forecast(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Run(t.Context(), p, m)
	if err != nil {
		t.Fatal(err)
	}
	if f.Pairs < s.Pairs*99/100 || f.Pairs > s.Pairs*101/100 {
		t.Errorf("forecast %d pairs, there are %d", f.Pairs, s.Pairs)
	}
}

// TestForecast: the sample represents the files.
func TestForecast(t *testing.T) {
	m, model := open(t)
	dir := t.TempDir()
	p := plan(t, model, filepath.Join(dir, "out.tsv"), save(t, dir, "a.xml", bioc(t, 0, 200)), save(t, dir, "b.xml", bioc(t, 200, 100)))
	f, err := p.Forecast(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Run(t.Context(), p, m)
	if err != nil {
		t.Fatal(err)
	}
	if f.Files != 2 || f.Duration <= 0 || f.Pairs < s.Pairs/2 || f.Pairs > s.Pairs*2 {
		t.Errorf("forecast %+v, %d pairs", f, s.Pairs)
	}
}
