package selection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inputs are the files of a case: one with our own content and, where the shared cases are, theirs.
func inputs(t *testing.T, name, content string) []string {
	t.Helper()
	files := []string{write(t, filepath.Join(t.TempDir(), filepath.Base(name)), content)}
	shared := filepath.Join("..", "..", "..", "shared", "cases", filepath.FromSlash(name))
	if _, err := os.Stat(shared); err == nil {
		files = append(files, shared)
	}
	return files
}

// TestCases selects from files as they are published.
func TestCases(t *testing.T) {
	article := func(content string) string {
		return `<?xml version="1.0"?><PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">1</PMID><Article>` + content + "</Article></MedlineCitation></PubmedArticle></PubmedArticleSet>"
	}
	const biored = "161|t|Zalor lowers IL-9 in palsy.\n161|a|The p.A10V one.\n161\t0\t5\tZalor\tChemicalEntity\tC1\n161\t13\t17\tIL-9\tGeneOrGeneProduct\t3578\n" +
		"161\t21\t26\tpalsy\tDiseaseOrPhenotypicFeature\tD1\n161\t32\t38\tp.A10V\tSequenceVariant\tp|SUB|A|10|V\n\n" +
		"162|t|Gene and zalor.\n162|a|Zalor binds IL-9.\n162\t16\t21\tZalor\tChemical\tMESH:C1\n162\t28\t32\tIL-9\tGene\t3578;3579\n162\tAssociation\tMESH:C1\t3578\n"
	for _, test := range []struct {
		name, content, query, entities string
		want                           []string // the documents, or their ids
		told                           string   // in the warnings
	}{
		{"08/pubmed26n0001.xml", article("<ArticleTitle>T.</ArticleTitle><Abstract><AbstractText><b>Age: 30</b><b>Symptoms: none</b></AbstractText></Abstract>"), "symptoms[ab]", "",
			[]string{`{"id":"1","title":"T.","abstract":"Age: 30 Symptoms: none"}`}, ""},
		{"09/pubmed26n0001.xml", article("<ArticleTitle>[Not Available].</ArticleTitle><Abstract><AbstractText>A gene.</AbstractText></Abstract>"), "gene", "",
			[]string{`{"id":"1","abstract":"A gene."}`}, ""},
		{"14/a.pubtator", "1|t|A b.\n1|a|C d.\n1\t0\t1\tA\tGene\t1\n1\t5\t6\tC\tDisease\tD\n1\tAssociation\t1\tD\tNo\n", "", "gene,disease",
			[]string{`{"id":"1","title":"A b.","abstract":"C d."}`}, ""},
		{"14/b.pubtator", biored, "", "disease", []string{"161"}, ""},
		{"14/b.pubtator", biored, "", "variant", []string{"161"}, ""},
		{"14/b.pubtator", biored, "", "gene,chemical", []string{"161", "162"}, ""},
		{"15/a.pubtator", "1|t|T.\n1|a|Zalor\x00 binds IL-8.\n1\t3\t8\tZalor\tChemical\tC1\n1\t16\t20\tIL-8\tGene\t8\n", "", "gene,chemical",
			[]string{`{"id":"1","title":"T.","abstract":"Zalor binds IL-8."}`}, "a.pubtator: NUL characters left out: 1"},
		{"15/b.jsonl", `{"id":"1","title":"T.","abstract":"Zalor\u0000 binds."}` + "\n" + `{"id":"2","title":"T2 a."}`, "zalor OR t2", "",
			[]string{`{"id":"1","title":"T.","abstract":"Zalor binds."}`, `{"id":"2","title":"T2 a."}`}, "b.jsonl: NUL characters left out: 1"},
		{"15/c.txt", "Zalor\x00 binds.\n\nNext.\n", "zalor OR next", "", []string{`{"text":"Zalor binds."}`, `{"text":"Next."}`}, "c.txt: NUL characters left out: 1"},
		{"16/a.pubtator", "1|t|TNF-α.\n1|a|\n1\t0\t5\tTNF-a\tGene\t7124\n", "", "gene", []string{"1"}, ""},
		{"16/b.pubtator", "1|t|Tnf.\n1|a|\n1\t0\t3\tTNF\tGene\t7124\n", "", "gene", []string{"1"}, ""},
		{"16/c.pubtator", "1|t|beta-cell  x.\n1|a|\n1\t0\t12\tbeta-cell x\tCell\t1\n", "", "cell", []string{"1"}, ""},
		{"16/d.pubtator", "1|t|A gene Tnf here.\n1|a|\n1\t6\t9\tTnf\tGene\t7124\n", "", "gene", nil, `d.pubtator: line 3: document 1: annotation T1: "Tnf" at 6-9, but the text there is " Tn"`},
		{"18/a.xml", "<collection><document><id>1</id><passage><offset>0</offset><text>β A.</text><annotation id=\"T1\"><infon key=\"type\">Chemical</infon><location offset=\"3\" length=\"1\"/><text>A</text></annotation></passage></document></collection>",
			"", "chemical", []string{"1"}, "a.xml: positions count bytes, not characters; they were converted"},
	} {
		for i, in := range inputs(t, test.name, test.content) {
			t.Run(fmt.Sprintf("%s %s/%d", test.name, test.entities, i), func(t *testing.T) {
				p := plan(t, "x", in)
				if p.Query = nil; test.query != "" {
					p.Query = parse(t, test.query)
				}
				if test.entities != "" {
					p.Entities = &Entities{Types: strings.Split(test.entities, ",")}
				}
				got, told := selected(t, p)
				for j := range test.want {
					if j < len(got) && !strings.HasPrefix(test.want[j], "{") {
						got[j] = got[j][len(`{"id":"`):strings.Index(got[j], `",`)]
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if all := strings.Join(told, "\n"); !strings.HasSuffix(all, test.told) || test.told == "" && all != "" {
					t.Errorf("told %q, want %q", all, test.told)
				}
			})
		}
	}
}

// selected runs p and returns the documents as JSON, and what was told. A selection of nothing is none.
func selected(t *testing.T, p Plan) (lines, told []string) {
	t.Helper()
	var mu sync.Mutex
	tell := func(line string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, line)
	}
	p.Warn, p.Broken = tell, func(err error) { tell(err.Error()) }
	_, err := Run(context.Background(), p)
	if errors.Is(err, ErrNothing) {
		return nil, told
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documentsIn(t, p.Out) {
		line, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return lines, told
}

// TestTooLong has a record that no reader of the result could read: it is passed over and named, in every form, and the rest is
// selected.
func TestTooLong(t *testing.T) {
	long := strings.Repeat("gene of a mouse. ", 28<<20/17)
	for name, content := range map[string]string{
		"pubmed26n0001.xml": "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>A gene.</ArticleTitle></Article></MedlineCitation></PubmedArticle>" +
			"<PubmedArticle><MedlineCitation><PMID>77</PMID><Article><ArticleTitle>" + long + "</ArticleTitle></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>",
		"a.xml":   "<collection><document><id>1</id><passage><text>A gene.</text></passage></document><document><id>77</id><passage><text>" + long + "</text></passage></document></collection>",
		"a.jsonl": `{"id":"1","text":"A gene."}` + "\n" + `{"id":"77","text":"` + long + "\"}\n",
		"a.txt":   "A gene.\n\n" + long + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(t, "gene", write(t, filepath.Join(t.TempDir(), name), content))
			lines, told := selected(t, p)
			if len(lines) != 1 || !strings.Contains(lines[0], "A gene.") {
				t.Errorf("selected %.100q", lines)
			}
			named := func(s string) bool {
				return strings.Contains(s, name) && (strings.Contains(s, ": 77: 29.4 MB") || strings.Contains(s, ": line "))
			}
			if len(told) != 1 || !slices.ContainsFunc(told, named) {
				t.Errorf("told %q", told)
			}
		})
	}
}

// TestAlmostTooLong has a document that fits a line, but not with its sentences.
func TestAlmostTooLong(t *testing.T) {
	p := plan(t, "gene", write(t, filepath.Join(t.TempDir(), "a.jsonl"), `{"id":"1","text":"A gene.`+strings.Repeat(" It is.", 2<<20)+"\"}\n"))
	lines, told := selected(t, p)
	if len(lines) != 1 || len(told) != 0 {
		t.Errorf("%d documents, told %q", len(lines), told)
	}
}
