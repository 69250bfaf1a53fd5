package pubtator

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/pmid"
	"github.com/subbert/subbert/data/text"
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
			{Name: "T1", Span: text.Span{Start: 4, End: 7}, Text: "αB", Type: "Gene", ID: "7"},
			{Name: "T2", Span: text.Span{Start: 14, End: 17}, Text: "Foo", Type: "Chemical", ID: "D1", Within: []string{"x", "y"}},
			{Name: "T3", Span: text.Span{Start: 22, End: 32}, Text: "bar kinase", Type: "Gene"},
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
		{"another document", "2\t0\t1\tA\tGene\t1", `annotation of document "2" within document 1`},
		{"another abstract", "2|a|B.", "abstract of 2 without its title"},
		{"second abstract", "1|a|B.", "abstract of 1 after its annotations or another abstract"},
		{"part", "1|x|B.", "1|x|, want |t| or |a|"},
		{"no ID", "|t|B.", "without an ID"},
		{"offsets", "1\tx\t1\tA\tGene\t1", `offsets "x" and "1", want numbers`},
		{"far offsets", "1\t0\t99\tA\tGene\t1", `"A" at 0-99`},
		{"other words", "1\t0\t1\tB\tGene\t1", `"B" at 0-1, but the text there is "A"`},
		{"bytes", "1\t0\t1\t\xff\tGene\t1", "invalid UTF-8 at column 7"},
		{"too long", strings.Repeat("x", text.MaxLine+100), "line longer than 16 MiB"},
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

// TestBioRED reads relations of five columns, BioRED's types, and variants whose descriptions have "|" in them.
func TestBioRED(t *testing.T) {
	const in = "1|t|The c.10G variant of Alb.\n1|a|Zin too.\n1\t4\t9\tc.10G\tSequenceVariant\tc|SUB|G|10|A\n1\t21\t24\tAlb\tGeneOrGeneProduct\t10;11\n" +
		"1\t26\t29\tZin\tChemicalEntity\tD1\n1\tAssociation\t10\tD1\tNovel\n1\tBind\tc|SUB|G|10|A\tD1\tNo\n1\tCID\tD1\t10\n"
	got, faults, err := read(t, in, Options{Strict: true})
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	d := got[0]
	if diff := cmp.Diff([]Relation{{"Association", "10", "D1", "Novel"}, {"Bind", "c|SUB|G|10|A", "D1", "No"}, {"CID", "D1", "10", ""}}, d.Relations); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
	for typ, want := range map[string]bool{"gene": true, "protein": true, "variant": true, "mutation": true, "Chemical": true, "drug": true, "disease": false, "species": false} {
		if d.Has(typ) != want {
			t.Errorf("%s: want %v", typ, want)
		}
	}
}

func TestConcepts(t *testing.T) {
	for id, want := range map[string][]string{
		"10": {"10"}, "10;11": {"10", "11"}, "D1|D2": {"D1", "D2"}, "10,11": {"10", "11"}, "": nil,
		"c|SUB|G|10|A": {"c|SUB|G|10|A"}, "p|SUB|A|10|V;RS#:1": {"p|SUB|A|10|V", "RS#:1"}, "tmVar:c|DEL|30|G": {"tmVar:c|DEL|30|G"},
		"c|SUB|G|10|A,D1|D2": {"c|SUB|G|10|A", "D1", "D2"}, "c|D|": {"c|D|"}, "c|lower|x": {"c", "lower", "x"},
	} {
		if diff := cmp.Diff(want, Concepts(id)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", id, diff)
		}
	}
}

func TestKnown(t *testing.T) {
	for id, want := range map[string][]string{
		"": {}, "-": {}, "-1": {}, "D1": {"D1"}, "D1|-1": {"D1"}, "-;10": {"10"}, "-1,-": {}, "MESH:D1|MESH:D2": {"MESH:D1", "MESH:D2"}, "-12": {"-12"}, "p|SUB|V|600|E": {"p|SUB|V|600|E"},
	} {
		if got := Known(id); !slices.Equal(want, got) {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for concept, want := range map[string]string{
		"": "", "D1": "D1", "MESH:D1": "D1", "mesh:D1": "D1", "MESH:": "MESH:", "MESHED": "MESHED", "OMIM:1": "OMIM:1", "MESH:MESH:D1": "MESH:D1",
	} {
		if got := Plain(concept); got != want {
			t.Errorf("%q: %q, want %q", concept, got, want)
		}
	}
}

// TestNUL has a NUL character that positions count, and one within a name.
func TestNUL(t *testing.T) {
	var notes []string
	o := Options{Strict: true, Note: func(s string) { notes = append(notes, s) }}
	got, _, err := read(t, "1|t|T.\n1|a|Zalor\x00 binds IL\x00-8.\n1\t3\t8\tZalor\tChemical\tC1\n1\t16\t21\tIL-8\tGene\t8\n", o)
	if err != nil {
		t.Fatal(err)
	}
	want := []*Document{{ID: "1", Title: "T.", Abstract: "Zalor binds IL-8.", Mentions: []Mention{
		{Name: "T1", Span: text.Span{Start: 3, End: 8}, Text: "Zalor", Type: "Chemical", ID: "C1"},
		{Name: "T2", Span: text.Span{Start: 15, End: 19}, Text: "IL-8", Type: "Gene", ID: "8"},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"f.txt: NUL characters left out: 2"}, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// TestUnits has a file whose positions count bytes; the first document's mark would fit counted in characters, too.
func TestUnits(t *testing.T) {
	const in = "1|t|βaaa.\n1\t3\t4\ta\tGene\t1\n\n2|t|β Ab, α cd.\n2|a|\n2\t3\t5\tAb\tChemical\tC\n2\t10\t12\tcd\tDisease\tD\n"
	var notes []string
	got, faults, err := read(t, in, Options{Note: func(s string) { notes = append(notes, s) }})
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	var before []string
	for _, d := range got {
		for _, m := range d.Mentions {
			before = append(before, d.Text()[:m.Span.Start])
		}
	}
	if diff := cmp.Diff([]string{"βa", "β ", "β Ab, α "}, before); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"f.txt: positions count bytes, not characters; they were converted"}, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// TestBrokenAnnotation has annotations that cost themselves, and later ones that keep their numbers.
func TestBrokenAnnotation(t *testing.T) {
	for _, test := range []struct{ name, bad, want string }{
		{"nothing", "1\t1\t1\t\tCitation\t", `f.txt: line 3: document 1: annotation T1: "" at 1-1: the range is empty`},
		{"outside", "1\t5\t60\tx\tCitation\t", `f.txt: line 3: document 1: annotation T1: "x" at 5-60: characters 5 to 60 lie outside the text of 5`},
		{"off by one", "1\t1\t2\tA\tGene\t1", `f.txt: line 3: document 1: annotation T1: "A" at 1-2: the text there is white space`},
		{"no type", "1\t0\t1\tA", "f.txt: line 3: document 1: annotation T1: no type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, faults, err := read(t, "1|t|A b.\n1|a|\n"+test.bad+"\n1\t2\t3\tb\tDisease\tD\n", Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{test.want}, faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if len(got[0].Mentions) != 1 || got[0].Mentions[0].Name != "T2" {
				t.Errorf("got %+v", got[0].Mentions)
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
	pointer := filepath.Join(t.TempDir(), "gene2pubtator3")
	if err := os.WriteFile(pointer, []byte("version https://git-lfs.github.com/spec/v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.AddFile(t.Context(), pointer, Options{}); err == nil || !strings.Contains(err.Error(), "gene2pubtator3: a Git LFS pointer") {
		t.Errorf("a pointer: got error %v", err)
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
			whole := d.Text()
			if strings.Contains(whole, "\x00") {
				t.Errorf("NUL in %q", whole)
			}
			for _, m := range d.Mentions {
				if m.Span.Start >= m.Span.End || m.Span.Of(whole) == "" {
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
