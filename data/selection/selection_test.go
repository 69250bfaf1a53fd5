package selection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/query"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/staging"
)

func parse(t testing.TB, s string) *query.Query {
	t.Helper()
	q, err := query.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func plan(t testing.TB, q string, files ...string) Plan {
	t.Helper()
	splitter, err := corpus.NewSplitter()
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Files: files, Format: forms.Auto, Mode: Lexical, Query: parse(t, q), Out: filepath.Join(t.TempDir(), "out"), Workers: 2,
		Splitter: splitter, Broken: func(error) {}, Progress: func(Progress) {}}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
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

func documentsIn(t *testing.T, dir string) []corpus.Document {
	t.Helper()
	names, err := Parts(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []corpus.Document
	for _, name := range names {
		for d, err := range corpus.Open(t.Context(), filepath.Join(dir, name)) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
	}
	return all
}

func ids(all []corpus.Document) string {
	var out []string
	for _, d := range all {
		out = append(out, d.ID)
	}
	return strings.Join(out, " ")
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	a := write(t, filepath.Join(dir, "a.jsonl"), `{"id":"1","title":"T <i>","abstract":[["AIM","A protein & more. It is."],["","x"]]}
{"id":"2","title":"protein alone"}
{
{"id":"3","text":"genes"}
{"id":"1","title":"protein again"}
`)
	b := write(t, filepath.Join(dir, "b.jsonl"), `{"id":"4","title":"protein alone"}
{"id":"5","text":"Größe of a protein. So."}
{"text":"protein without a name"}
{"text":"protein without a name, too"}
`)
	p := plan(t, "protein", a, b)
	card, err := Run(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{FileCounts: FileCounts{Records: 8, Broken: 1, Matched: 7}, SameID: 1, SameText: 1}
	if diff := cmp.Diff(want, card.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if card.Selected != 5 || card.NoAbstract != 1 || card.Words != 9+2+5+4+5 || card.Sentences != 4+1+2+1+1 {
		t.Errorf("texts %+v", card.Texts)
	}
	all := documentsIn(t, p.Out)
	if got := ids(all); got != "1 2 5  " {
		t.Errorf("selected %q", got)
	}
	first := corpus.Document{ID: "1", Title: "T <i>", Sections: []corpus.Section{
		{Part: corpus.Abstract, Label: "AIM", Text: "A protein & more. It is."}, {Part: corpus.Abstract, Text: "x"}}}
	if diff := cmp.Diff(first, all[0]); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	if _, err := Parts(a); !errors.Is(err, ErrNoSelection) {
		t.Errorf("parts of a file: %v, want ErrNoSelection", err)
	}
	if left, err := os.ReadDir(filepath.Dir(p.Out)); err != nil || len(left) != 1 {
		t.Errorf("left beside the result: %v, %v", left, err)
	}
	again := p
	again.Out, again.Workers = filepath.Join(t.TempDir(), "out"), 1
	if _, err := Run(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contents(t, p.Out), contents(t, again.Out)); diff != "" {
		t.Errorf("one worker makes other bytes than two: %s", diff)
	}
}

// citations is a file of PubMed's with the records given as PMID and title, those without a title being deletions.
func citations(records ...string) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<PubmedArticleSet>\n")
	for _, r := range records {
		id, title, _ := strings.Cut(r, " ")
		if title == "" {
			fmt.Fprintf(&b, "<DeleteCitation><PMID Version=\"1\">%s</PMID></DeleteCitation>\n", id)
			continue
		}
		fmt.Fprintf(&b, "<PubmedArticle><MedlineCitation><PMID Version=\"1\">%s</PMID><Article><Journal><JournalIssue><PubDate><Year>20%s</Year></PubDate></JournalIssue></Journal>"+
			"<ArticleTitle>%s</ArticleTitle><Language>eng</Language><PublicationTypeList><PublicationType UI=\"D016454\">Review</PublicationType></PublicationTypeList></Article>"+
			"</MedlineCitation></PubmedArticle>\n", id, id, title)
	}
	b.WriteString("</PubmedArticleSet>\n")
	return b.String()
}

func TestUpdatesCount(t *testing.T) {
	dir := t.TempDir()
	base := write(t, filepath.Join(dir, "pubmed26n0001.xml"), citations("11 protein one", "12 protein two", "13 a drug", "14 protein four"))
	update := write(t, filepath.Join(dir, "pubmed26n0003.xml"), citations("12 a drug", "13 protein three", "14"))
	for _, c := range []struct{ query, want string }{
		{"protein", "11 13"}, {"drug", "12"}, {"protein 2013[dp]", "13"}, {"protein NOT 2013[dp]", "11"}, {"review[pt] english[la]", "11 12 13"},
	} {
		t.Run(c.query, func(t *testing.T) {
			p := plan(t, c.query, update, base)
			card, err := Run(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(documentsIn(t, p.Out)); got != c.want {
				t.Errorf("selected %s, want %s", got, c.want)
			}
			if len(card.Missing) != 1 || card.Deletions != 1 || card.Matched != card.Selected+card.Replaced {
				t.Errorf("card %+v", card.Counts)
			}
		})
	}
}

func TestResumes(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i := range 4 {
		files = append(files, write(t, filepath.Join(dir, fmt.Sprintf("%d.jsonl", i)), fmt.Sprintf("{\"id\":\"%d\",\"text\":\"protein %[1]d\"}\n", i)))
	}
	whole := plan(t, "protein", files...)
	if _, err := Run(context.Background(), whole); err != nil {
		t.Fatal(err)
	}
	stopped := plan(t, "protein", files...)
	stopped.Workers = 1
	good, err := os.ReadFile(files[2])
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(files[2])
	if err != nil {
		t.Fatal(err)
	}
	write(t, files[2], "{")
	stopped.Strict = true
	var kept *staging.KeptError
	if _, err := Run(context.Background(), stopped); !errors.As(err, &kept) {
		t.Fatalf("ended with %v, want a *staging.KeptError", err)
	}
	write(t, files[2], string(good))
	if err := os.Chtimes(files[2], info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	before := tasksDone(t, stopped.Out)
	card, err := Run(context.Background(), stopped)
	if err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 || card.Selected != 4 {
		t.Errorf("%d tasks were done before, %d documents selected", len(before), card.Selected)
	}
	if diff := cmp.Diff(contents(t, whole.Out), contents(t, stopped.Out)); diff != "" {
		t.Errorf("stopped and started, it makes other bytes: %s", diff)
	}
}

func tasksDone(t *testing.T, out string) []string {
	t.Helper()
	done, err := filepath.Glob(out + ".work/task-*.json")
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestConditions(t *testing.T) {
	dir := t.TempDir()
	tagged := write(t, filepath.Join(dir, "a.pubtator"), "1|t|Aspirin and actin\n1|a|A text.\n1\t0\t7\tAspirin\tChemical\t1\n1\t12\t17\tactin\tGene\t2\n\n"+
		"2|t|Actin alone\n2|a|\n2\t0\t5\tActin\tGene\t2\n\n")
	p := plan(t, "text OR alone", tagged)
	p.Mode, p.Entities = Entity, &Entities{Types: []string{"gene", "chemical"}}
	if _, err := Run(context.Background(), p); err != nil || ids(documentsIn(t, p.Out)) != "1" {
		t.Errorf("%v, or a document without a chemical", err)
	}

	sentence := "The quick kinase phosphorylates the lazy receptor in mice."
	notes := write(t, filepath.Join(dir, "notes.jsonl"), `{"id":"a","text":"protein. `+sentence+`"}`+"\n"+`{"id":"b","text":"protein b"}`+"\n"+`{"id":"c","text":"protein c"}`+"\n")
	p = plan(t, "protein", notes)
	p.Exclude = &Exclusion{}
	p.Exclude.AddID("b")
	p.Exclude.AddSentence(strings.ToUpper(sentence) + " ")
	p.Exclude.AddSentence("protein c") // too short to tell
	card, err := Run(context.Background(), p)
	if err != nil || ids(documentsIn(t, p.Out)) != "c" || card.Excluded != 2 {
		t.Errorf("%v, or other documents than c; %d excluded", err, card.Excluded)
	}
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `{"id":"n%d","text":"protein %[1]d"}`+"\n", i)
	}
	write(t, notes, b.String())
	var last map[string]bool
	for _, keep := range []float64{0.5, 0.25} {
		p = plan(t, "protein", notes)
		p.Shares = []Share{{Pattern: "note*", Keep: keep}}
		card, err = Run(context.Background(), p)
		if err != nil || float64(card.Selected) < 1000*keep-70 || float64(card.Selected) > 1000*keep+70 { // over four deviations
			t.Fatalf("share of %g: %d of 1000, %v", keep, card.Selected, err)
		}
		now := make(map[string]bool)
		for _, d := range documentsIn(t, p.Out) {
			if now[d.ID] = true; last != nil && !last[d.ID] {
				t.Fatalf("%s is in the smaller share alone", d.ID)
			}
		}
		last = now
	}
}

func TestFailuresLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.jsonl"), "{\"text\":\"genes\"}\n{\n")
	good := write(t, filepath.Join(dir, "good.jsonl"), "{\"text\":\"genes\"}\n")
	cut := write(t, filepath.Join(dir, "cut.xml"), citations("11 genes")[:200])
	for _, c := range []struct{ name, file, query, want string }{
		{"a broken line", in, "genes", "line 2"},
		{"nothing found", good, "protein", "no document selected by protein[all]: 1 records, 0 match"},
		{"no file", filepath.Join(dir, "none"), "genes", "no such file"},
		{"cut off", cut, "genes", "cut.xml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plan(t, c.query, c.file)
			p.Strict = true
			_, err := Run(context.Background(), p)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNothing) != (c.name == "nothing found") {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if left, err := os.ReadDir(filepath.Dir(p.Out)); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
