package relations

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/text"
)

// inputs returns the files of a case: one with content of our own and, if the shared cases are available, theirs.
func inputs(t *testing.T, name, content string) []string {
	t.Helper()
	files := []string{filepath.Join(folder(t, map[string]string{filepath.Base(name): content}), filepath.Base(name))}
	if shared := filepath.Join("..", "..", "..", "shared", "cases", filepath.FromSlash(name)); exists(shared) {
		files = append(files, shared)
	}
	return files
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

const head17 = `<collection><document><id>1</id><passage><offset>0</offset><text>A b.</text><annotation id="T1"><infon key="type">Chemical</infon><location offset="0" length="1"/><text>A</text></annotation><annotation id="T2"><infon key="type">Disease</infon><location offset="2" length="1"/><text>b</text></annotation>`

// annotated returns a BioC file with a text and two annotations.
func annotated(content string, offset1, length1 int, words1 string, offset2, length2 int, words2 string) string {
	a := func(id, typ string, offset, length int, words string) string {
		return fmt.Sprintf(`<annotation id="%s"><infon key="type">%s</infon><location offset="%d" length="%d"/><text>%s</text></annotation>`, id, typ, offset, length, words)
	}
	return "<collection><document><id>1</id><passage><offset>0</offset><text>" + content + "</text>" + a("T1", "Chemical", offset1, length1, words1) +
		a("T2", "Disease", offset2, length2, words2) + "</passage></document></collection>"
}

// TestCases reads deviations of published files from their formats.
func TestCases(t *testing.T) {
	const twice = "1|t|Alb binds Bor.\n1|a|\n1\t0\t3\tAlb\tGene\t1\n1\t0\t3\tAlb\tGene\t2\n1\t10\t13\tBor\tGene\t3\n"
	for _, test := range []struct {
		name, format, content string
		rows                  []string // id, label and sentence
		warnings              []string // parts of each
	}{
		{"14/c.pubtator", "pubtator", "1|t|The c.10G variant of Alb and Bor.\n1|a|\n1\t4\t9\tc.10G\tSequenceVariant\tc|SUB|G|10|A\n1\t21\t24\tAlb\tGene\t10\n1\t29\t32\tBor\tDisease\tD1\n1\tAssociation\t10\tD1\tNovel\n",
			[]string{"1.T1.T2 false The @SEQUENCEVARIANT$ variant of @GENE$ and Bor.", "1.T1.T3 false The @SEQUENCEVARIANT$ variant of Alb and @DISEASE$.",
				"1.T2.T3 Association The c.10G variant of @GENE$ and @DISEASE$."}, nil},
		{"15/a.pubtator", "pubtator", "1|t|T.\n1|a|Zalor\x00 binds IL-8.\n1\t3\t8\tZalor\tChemical\tC1\n1\t16\t20\tIL-8\tGene\t8\n",
			[]string{"1.T1.T2 false @CHEMICAL$ binds @GENE$."}, []string{"a.pubtator: NUL characters left out: 1"}},
		{"15/d.tsv", "tsv", "index\tsentence\tlabel\n0\t@GENE$\x00 binds @DRUG$\t1\n",
			[]string{"0 1 @GENE$ binds @DRUG$"}, []string{"d.tsv: NUL characters left out: 1"}},
		{"17/a.xml", "bioc", head17 + `<annotation id="T3"><infon key="type">citation</infon><location offset="1" length="0"/><text/></annotation></passage></document></collection>`,
			[]string{"1.T1.T2 false @CHEMICAL$ @DISEASE$."}, []string{`a.xml: document 1 at line 1 (byte 12): annotation T3: "" at 1-1: the range is empty; left out`}},
		{"17/b.xml", "bioc", head17 + `<annotation id="T3"><infon key="type">citation</infon><text/></annotation></passage></document></collection>`,
			[]string{"1.T1.T2 false @CHEMICAL$ @DISEASE$."}, []string{"document 1 at line 1 (byte 12): annotation T3: no position; left out"}},
		{"17/c.xml", "bioc", head17 + `<annotation id="T3"><infon key="type">citation</infon><location offset="4" length="1"/><text>x</text></annotation></passage></document></collection>`,
			[]string{"1.T1.T2 false @CHEMICAL$ @DISEASE$."}, []string{`document 1 at line 1 (byte 12): annotation T3: "x" at 4-5: characters 4 to 5 lie outside the text of 4; left out`}},
		{"17/d.pubtator", "pubtator", "1|t|A b.\n1|a|\n1\t0\t1\tA\tChemical\tC\n1\t2\t3\tb\tDisease\tD\n1\t1\t1\t\tCitation\t\n",
			[]string{"1.T1.T2 false @CHEMICAL$ @DISEASE$."}, []string{`d.pubtator: line 5: document 1: annotation T3: "" at 1-1: the range is empty; left out`}},
		{"17/e.pubtator", "pubtator", "1|t|A b.\n1|a|\n1\t0\t1\tA\tChemical\tC\n1\t2\t3\tb\tDisease\tD\n1\t5\t60\tx\tCitation\t\n",
			[]string{"1.T1.T2 false @CHEMICAL$ @DISEASE$."}, []string{`document 1: annotation T3: "x" at 5-60: characters 5 to 60 lie outside the text of 5; left out`}},
		{"18/a.xml", "bioc", annotated("β A, α b.", 3, 1, "A", 9, 1, "b"),
			[]string{"1.T1.T2 false β @CHEMICAL$, α @DISEASE$."}, []string{"a.xml: positions count bytes, not characters; they were converted"}},
		{"18/b.xml", "bioc", annotated("ββ Abcde, α fghij.", 5, 5, "Abcde", 15, 5, "fghij"),
			[]string{"1.T1.T2 false ββ @CHEMICAL$, α @DISEASE$."}, []string{"b.xml: positions count bytes, not characters; they were converted"}},
		{"18/u16.xml", "bioc", annotated("𝛽 A, 𝛼 b.", 3, 1, "A", 9, 1, "b"),
			[]string{"1.T1.T2 false 𝛽 @CHEMICAL$, 𝛼 @DISEASE$."}, []string{"u16.xml: positions count UTF-16 units, not characters; they were converted"}},
		{"18/c.pubtator", "pubtator", "1|t|β Ab, α cd.\n1|a|\n1\t3\t5\tAb\tChemical\tC\n1\t10\t12\tcd\tDisease\tD\n",
			[]string{"1.T1.T2 false β @CHEMICAL$, α @DISEASE$."}, []string{"c.pubtator: positions count bytes, not characters; they were converted"}},
		{"22/a.pubtator", "pubtator", twice,
			[]string{"1.T1.T3 false @GENE$ binds @GENE$.", "1.T2.T3 false @GENE$ binds @GENE$."}, nil},
	} {
		for i, in := range inputs(t, test.name, test.content) {
			t.Run(fmt.Sprintf("%s/%d", test.name, i), func(t *testing.T) {
				expect(t, test.format, in, test.rows, test.warnings)
			})
		}
	}
}

// expect reads a corpus and compares rows and warnings.
func expect(t *testing.T, format, in string, rows, warnings []string) {
	t.Helper()
	var got, warned []string
	for e, err := range Read(format, in, Options{Sentences: fullStops, Warn: func(l string) { warned = append(warned, l) }}) {
		if err != nil {
			t.Fatal(err)
		}
		row := RowOf(e, Tag)
		got = append(got, row.Index+" "+row.Label+" "+row.Sentence)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(warned) != len(warnings) {
		t.Fatalf("warnings %q, want %q", warned, warnings)
	}
	for i, w := range warnings {
		if !strings.HasSuffix(warned[i], w) {
			t.Errorf("warning %q, want %q", warned[i], w)
		}
	}
}

// TestCase21 has a relation that names the gene first.
func TestCase21(t *testing.T) {
	dirs := []string{folder(t, map[string]string{
		"x_abstracts.tsv": "1\tT.\tA activates Cas.\n",
		"x_entities.tsv":  "1\tT1\tCHEMICAL\t3\t4\tA\n1\tT2\tGENE-Y\t15\t18\tCas\n",
		"x_relations.tsv": "1\tCPR:3\tY\tACTIVATOR\tArg1:T2\tArg2:T1\n",
	})}
	if shared := filepath.Join("..", "..", "..", "shared", "cases", "21", "c"); exists(shared) {
		dirs = append(dirs, shared)
	}
	for _, dir := range dirs {
		expect(t, "chemprot", dir, []string{"1.T1.T2 CPR:3 @CHEMICAL$ activates @GENE$."},
			[]string{"x_relations.tsv: relations with swapped arguments, corrected: 1; the first: document 1: Arg1:T2 Arg2:T1"})
	}
}

// TestManyBrokenAnnotations checks that there are warnings for the first ones and for their number.
func TestManyBrokenAnnotations(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("1|t|A b.\n1|a|\n")
	for range 25 {
		b.WriteString("1\t9\t10\tx\tGene\t1\n")
	}
	b.WriteString("1\t0\t1\tA\tGene\t1\n1\t2\t3\tb\tGene\t2\n")
	in := filepath.Join(folder(t, map[string]string{"a.pubtator": b.String()}), "a.pubtator")
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("line %d: document 1: annotation T%d: \"x\" at 9-10: characters 9 to 10 lie outside the text of 5; left out", i+3, i+1))
	}
	expect(t, "pubtator", in, []string{"1.T26.T27 false @GENE$ @GENE$."}, append(want, "a.pubtator: 25 annotations left out; only the first 20 are reported"))
}

// TestManyMentions reads so many mentions in one sentence, or in one passage, that all their pairs would need hours and
// all memory.
func TestManyMentions(t *testing.T) {
	const n = 100_000
	var words, marks, relations bytes.Buffer
	for i := range n {
		fmt.Fprintf(&words, "g%05d ", i)
		fmt.Fprintf(&marks, "1\t%d\t%d\tg%05d\tGene\t%d\n", 7*i, 7*i+6, i, i)
	}
	for i := range 10_000 {
		fmt.Fprintf(&relations, "1\tBind\t%d\t%d\n", i, i+1)
	}
	in := filepath.Join(folder(t, map[string]string{"a.pubtator": "1|t|" + words.String() + "\n1|a|\n" + marks.String() + relations.String()}), "a.pubtator")
	tens := func(s string) (out []text.Span) { // sentences of ten names
		for at := 0; at+70 <= len(s); at += 70 {
			out = append(out, text.Span{Start: at, End: at + 69})
		}
		return out
	}
	for _, test := range []struct {
		name    string
		split   func(string) []text.Span
		max     int
		want    int // pairs
		warning string
	}{
		{"one sentence", fullStops, 0, 95, "document 1: a sentence with 100000 mentions has more than 95 pairs: "},
		{"a limit", fullStops, 3, 3, "has more than 3 pairs"},
		{"sentences", tens, 0, 450_000, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var warned []string
			o := Options{Sentences: test.split, MaxPairs: test.max, Warn: func(l string) { warned = append(warned, l) }}
			examples, err := Collect(Read("pubtator", in, o))
			if err != nil {
				t.Fatal(err)
			}
			if len(examples) != test.want {
				t.Errorf("%d pairs, want %d", len(examples), test.want)
			}
			if !strings.Contains(strings.Join(warned, "\n"), test.warning) || len(warned) > 1 {
				t.Errorf("warnings %q, want %q", warned, test.warning)
			}
			for _, e := range examples[:min(len(examples), 100)] {
				if masked := EntityMask.Mark(e).Text; !strings.HasPrefix(masked, "@") {
					t.Fatalf("masked as %.40q", masked)
				}
			}
		})
	}
}
