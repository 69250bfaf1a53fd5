package pubtator

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/offsets"
	"github.com/subbert/subbert/data/corpus/pmid"
)

const sample = "\ufeff12|t|The αB gene.\r\n12|a|Foo and bar kinase.\n" +
	"12\t4\t6\tαB\tGene\t7\n12\t13\t16\tFoo\tChemical\tD1\tx|y\n12\t21\t31\tbar kinase\tGene\n12\tCID\tD1\t7\n\n\n" +
	"13|t|No abstract.\n14|t|Next without a blank line.\n14|a|\n"

func read(t *testing.T, text string, o Options) (list []*Document, faults []string, err error) {
	t.Helper()
	o.Fault = func(f Fault) { faults = append(faults, f.Error()) }
	for d, err := range Documents(strings.NewReader(text), "f.txt", o) {
		if err != nil {
			return list, faults, err
		}
		list = append(list, d)
	}
	return list, faults, nil
}

func TestDocuments(t *testing.T) {
	got, faults, err := read(t, sample, Options{Strict: true})
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	want := []*Document{
		{ID: "12", Title: "The αB gene.", Abstract: "Foo and bar kinase.", Mentions: []Mention{
			{Span: offsets.Span{Start: 4, End: 7}, Text: "αB", Type: "Gene", ID: "7"},
			{Span: offsets.Span{Start: 14, End: 17}, Text: "Foo", Type: "Chemical", ID: "D1", Within: []string{"x", "y"}},
			{Span: offsets.Span{Start: 22, End: 32}, Text: "bar kinase", Type: "Gene"},
		}, Relations: []Relation{{Type: "CID", A: "D1", B: "7"}}},
		{ID: "13", Title: "No abstract."},
		{ID: "14", Title: "Next without a blank line."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if d := got[0]; !d.Has("protein") || !d.Has("CHEMICAL") || d.Has("disease") {
		t.Error("types: want gene and chemical, not disease")
	}
	document := corpus.Document{ID: "12", Title: "The αB gene.", Sections: []corpus.Section{{Part: corpus.Abstract, Text: "Foo and bar kinase."}}}
	if diff := cmp.Diff(document, got[0].Document()); diff != "" {
		t.Errorf("document: -want +got:\n%s", diff)
	}
}

func TestBrokenLines(t *testing.T) {
	tests := []struct{ name, bad, want string }{
		{"not PubTator", "hello", `f.txt: line 3: "hello", want ID|t|title`},
		{"another document", "2\t0\t1\tA\tGene\t1", `an annotation of "2" within document 1`},
		{"another abstract", "2|a|B.", "the abstract of 2 without its title"},
		{"second abstract", "1|a|B.", "a second or late abstract of 1"},
		{"part", "1|x|B.", "1|x|, want |t| or |a|"},
		{"no ID", "|t|B.", "without an ID"},
		{"offsets", "1\tx\t1\tA\tGene\t1", `offsets "x" and "1", want numbers`},
		{"far offsets", "1\t0\t99\tA\tGene\t1", `"A" at 0-99`},
		{"other words", "1\t0\t1\tB\tGene\t1", `"B" at 0-1, but the text there is "A"`},
		{"bytes", "1\t0\t1\t\xff\tGene\t1", "not text in UTF-8"},
		{"too long", strings.Repeat("x", MaxLine+100), "longer than 4 MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := "1|t|A b.\n1|a|C d.\n" + test.bad + "\n1\t0\t1\tA\tGene\t1\n\n3|t|Next.\n"
			got, faults, err := read(t, text, Options{})
			if err != nil || len(faults) != 1 || !strings.Contains(faults[0], test.want) {
				t.Fatalf("got faults %q and error %v, want %q", faults, err, test.want)
			}
			if len(got) != 2 || got[0].Abstract != "C d." || len(got[0].Mentions) != 1 || got[1].ID != "3" {
				t.Errorf("got %+v", got)
			}
			if _, _, err := read(t, text, Options{Strict: true}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("strict: got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestTooManyAnnotations(t *testing.T) {
	line := "1\t0\t1\tA\tGene\t" + strings.Repeat("x", 1<<20) + "\n"
	got, faults, err := read(t, "1|t|A b.\n"+strings.Repeat(line, 18), Options{})
	if err != nil || len(got) != 1 || len(got[0].Mentions) != 15 || len(faults) != 3 {
		t.Errorf("got %d documents, %d faults, error %v", len(got), len(faults), err)
	}
}

const table = "PMID\tType\tConceptID\tMentions\tResource\n1\tGene\t7;8\tfoo|Foo 1\tPubTator3|gene2pubmed\n2\tChemical\tMESH:D1\tbar\tPubTator3\n\n" +
	"1\tChemical\t-\tbaz\t\n3\tCellLine\tCVCL_1\tx\n"

func TestRows(t *testing.T) {
	var got []Row
	for r, err := range Rows(strings.NewReader(table), "t", Options{Strict: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	want := []Row{
		{1, "Gene", "7;8", "foo|Foo 1", "PubTator3|gene2pubmed"}, {2, "Chemical", "MESH:D1", "bar", "PubTator3"},
		{1, "Chemical", "-", "baz", ""}, {3, "CellLine", "CVCL_1", "x", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"foo", "Foo 1"}, got[0].Names()); diff != "" {
		t.Error(diff)
	}
	if got[2].Resources() != nil {
		t.Errorf("resources of an empty column: %q", got[2].Resources())
	}
}

func TestBrokenRows(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"columns", "1\tGene", "2 columns, want PMID"},
		{"more columns", "1\tGene\t1\ta\tb\tc", "6 columns"},
		{"PMID", "PMC1\tGene\t1\ta\tb", `PMID "PMC1"`},
		{"PMID too great", "100000000\tGene\t1\ta\tb", `PMID "100000000"`},
		{"type", "1\t\t1\ta\tb", "no type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, faults := 0, ""
			for _, err := range Rows(strings.NewReader(table+test.line+"\n"+table), "t", Options{Fault: func(f Fault) { faults += f.Error() + "\n" }}) {
				if err != nil {
					t.Fatal(err)
				}
				rows++
			}
			if rows != 8 || !strings.HasPrefix(faults, "t: line 7: ") || !strings.Contains(faults, test.want) {
				t.Errorf("got %d rows and faults %q, want 8 and %q", rows, faults, test.want)
			}
		})
	}
}

func TestEntities(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bioconcepts2pubtator3.gz")
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, table); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := NewEntities("Protein", "chemical", "gene")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddFile(t.Context(), path, Options{Strict: true}); err != nil {
		t.Fatal(err)
	}
	if !e.Has(1) || e.Has(2) || e.Has(3) || e.Has(1<<31) {
		t.Error("want document 1 alone")
	}
	if e.Rows("gene") != 1 || e.Rows("Chemical") != 2 || e.Rows("disease") != 0 {
		t.Errorf("rows: gene %d, chemical %d", e.Rows("gene"), e.Rows("Chemical"))
	}
	if _, err := NewEntities(" "); err == nil {
		t.Error("an empty type is accepted")
	}
	if err := os.WriteFile(path, b.Bytes()[:b.Len()-9], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.AddFile(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("truncated: got error %v", err)
	}
}

// TestRealDocuments reads the chemical-disease corpus, for those who have it; its README gives the counts.
func TestRealDocuments(t *testing.T) {
	root := os.Getenv("SUBBERT_DATA")
	if root == "" {
		t.Skip("SUBBERT_DATA is not set")
	}
	documents, types := 0, map[string]int{}
	for _, part := range []string{"Training", "Development", "Test"} {
		f, err := os.Open(filepath.Join(root, "pubtext", "bc5cdr-pubtator", "CDR_"+part+"Set.PubTator.txt.xz"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := xz.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range Documents(r, part, Options{Strict: true}) {
			if err != nil {
				t.Fatal(err)
			}
			documents++
			for _, m := range d.Mentions {
				types[m.Type]++
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"Chemical": 15935, "Disease": 12850}, types); diff != "" || documents != 1500 {
		t.Errorf("%d documents; mentions: -want +got:\n%s", documents, diff)
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("1|t|A 😀 b.\n1\t4\t6\tb\tGene\t1\n1|a|x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for d, err := range Documents(bytes.NewReader(data), "fuzz", Options{}) {
			if err != nil {
				t.Fatal(err) // nothing in bytes.Reader can fail
			}
			text := d.Text()
			for _, m := range d.Mentions {
				if text[m.Span.Start:m.Span.End] != m.Text {
					t.Errorf("mention %q at %v", m.Text, m.Span)
				}
			}
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte(table))
	f.Fuzz(func(t *testing.T, data []byte) {
		for r, err := range Rows(bytes.NewReader(data), "fuzz", Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			if r.PMID == 0 || r.PMID > pmid.Max || r.Type == "" || strings.ContainsAny(r.Mentions, "\t\n") {
				t.Errorf("row %+v", r)
			}
		}
	})
}

func BenchmarkRows(b *testing.B) {
	rows := strings.Repeat("12345678\tGene\t1017;1018\tCDK2|cyclin-dependent kinase 2\tPubTator3|gene2pubmed\n", 10000)
	b.SetBytes(int64(len(rows)))
	for b.Loop() {
		for _, err := range Rows(strings.NewReader(rows), "b", Options{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
