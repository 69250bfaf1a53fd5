package relations

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fuzzRead reads one file and checks the guarantees of the package comment.
func fuzzRead(f *testing.F, format, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for e, err := range Read(format, path, Options{Sentences: fullStops}) {
			if err != nil {
				return
			}
			if seen[e.ID] {
				t.Fatalf("pair %q twice", e.ID)
			}
			seen[e.ID] = true
			if strings.Contains(e.Text, "\x00") {
				t.Fatalf("NUL in %q", e.Text)
			}
			if NeedsSentences(format) && slices.Equal(e.A.Spans, e.B.Spans) {
				t.Fatalf("pair %q of one span", e.ID)
			}
			for _, m := range append([]Mention{e.A, e.B}, e.Mentions...) {
				m.Under(e.Text) // panics if a span is outside
			}
			for _, m := range Markings() {
				marked := m.Mark(e)
				_, _ = marked.Text[marked.A.Start:marked.A.End], marked.Text[marked.B.Start:marked.B.End]
				RowOf(e, m)
			}
		}
	})
}

func FuzzDDI2013(f *testing.F) { fuzzRead(f, "ddi2013", "a.xml", ddiTrain, ddiTest) }
func FuzzPPIXML(f *testing.F)  { fuzzRead(f, "ppi-xml", "a.xml", ppiXML) }
func FuzzBioC(f *testing.F) {
	fuzzRead(f, "bioc", "a.xml", biocXML, annotated("ββ Abcde, α fghij.", 5, 5, "Abcde", 15, 5, "fghij"))
}
func FuzzPubTator(f *testing.F) {
	fuzzRead(f, "pubtator", "a.txt", pubtatorText, "1|t|T\x00.\n1|a|Zalor\x00 binds β-8.\n1\t4\t9\tZalor\tChemical\tp|SUB|A|1|B;C1\n1\t17\t20\tb-8\tGene\t8\n1\tA\tC1\t8\tNo\n")
}
func FuzzTSV(f *testing.F) {
	fuzzRead(f, "tsv", "a.tsv", "index\tsentence\tlabel\n1\t<e1:A>x</e1:A> @B-C$\t0\n", "\"a\"\"\"\tb\n", "BC6ENTC @X$")
}
func FuzzJSONL(f *testing.F) {
	fuzzRead(f, "jsonl", "a.jsonl", `{"id":"d","text":"é Zin\u0000 cuts Bor.","mentions":[{"id":"a","type":"x","start":2,"end":5},{"type":"y","spans":[[12,15],[0,1]]}],"relations":[{"label":"l","a":"a","b":"T2"}]}`)
}
func FuzzAIMed(f *testing.F) {
	fuzzRead(f, "aimed", "a.json", aimed("a.s1_a.s1.p0", "é b", "positive", "[[0,1]]", "[[2,3]]"))
}

// FuzzChemProt changes all three files of a split.
func FuzzChemProt(f *testing.F) {
	dir := chemprotFolder(f)
	names := []string{"abstracts", "entities", "relations"}
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join(dir, "chemprot_training_"+n+".tsv"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "", "")
		f.Add("77\tZin µ.\tKol it.", "77\tT1\tCHEMICAL\t0\t3\tZin\n77\tT2\tGENE-Y\t4\t5\tx", string(data))
	}
	f.Fuzz(func(t *testing.T, abstracts, entities, relations string) {
		for i, text := range []string{abstracts, entities, relations} {
			if err := os.WriteFile(filepath.Join(dir, "chemprot_training_"+names[i]+".tsv"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for e, err := range Read("chemprot", dir, Options{Sentences: fullStops}) {
			if err != nil {
				return
			}
			Tag.Mark(e)
		}
	})
}
