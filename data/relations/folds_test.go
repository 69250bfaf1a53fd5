package relations

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// typed is a line of the aimed format with its own types.
func typed(id, text, label, at1, type1, at2, type2 string) string {
	return fmt.Sprintf(`{"id":%q,"text":%q,"relation":[{"relation_type":%q,"entity_1":"x","entity_1_idx":%s,"entity_1_type":%q,"entity_2":"y","entity_2_idx":%s,"entity_2_type":%q}]}`+"\n",
		id, text, label, at1, type1, at2, type2)
}

// TestFoldsOfPairs reads folds that share a sentence, as the published folds of HPRD50, IEPA, LLL and BioInfer do.
func TestFoldsOfPairs(t *testing.T) {
	const text = "Alb binds Bor and Cex."
	dir := folder(t, map[string]string{
		"test_0.json": typed("LLL.d1.s0_LLL.d1.s0.p0", text, "positive", "[[0,3]]", "agent", "[[10,13]]", "target"),
		"test_1.json": typed("LLL.d1.s0_LLL.d1.s0.p1", text, "positive", "[[0,3]]", "agent", "[[18,21]]", "target") +
			typed("LLL.d2.s0_LLL.d2.s0.p0", "Dus meets Eri.", "negative", "[[0,3]]", "agent", "[[10,13]]", "target"),
	})
	got, err := Collect(Read("aimed", dir, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckFolds(got, "0"); err != nil {
		t.Errorf("published folds are refused: %v", err)
	}
	var rows []string
	for _, e := range got {
		row := RowOf(e, EntityMask)
		rows = append(rows, fmt.Sprintf("%d %s %s", e.Fold, row.Label, row.Sentence))
	}
	want := []string{"0 1 @PROTEIN$ binds @PROTEIN$ and @OTHER$.", "1 1 @PROTEIN$ binds @OTHER$ and @PROTEIN$.", "1 0 @PROTEIN$ meets @PROTEIN$."}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("masked (-want +got):\n%s", diff)
	}
	if d := Differences("aimed", got); !strings.Contains(strings.Join(d, "\n"), "1 of 2 documents are in several folds") {
		t.Errorf("differences %q do not tell of the document in two folds", d)
	}
}

// TestLabelSets reads label sets other than PPI's, with types.
func TestLabelSets(t *testing.T) {
	lines := strings.Replace(typed("7.s0_7.s0.p0", "Zin cuts BorNUL.", "enzyme", "[[0,3]]", "Chemical", "[[9,12]]", "Gene/protein/RNA")+
		typed("7.s1_7.s1.p0", "Zin meets Bor.", "negative", "[[0,3]]", "Chemical", "[[10,13]]", "5-HT"), "NUL", `\u0000`, 1)
	dir := folder(t, map[string]string{"test_0.json": lines})
	var warned []string
	got, err := Collect(Read("aimed", dir, Options{Warn: func(l string) { warned = append(warned, l) }}))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []seen{
		{"7.s0_7.s0.p0", "7", "", 0, "Zin", "Bor", "enzyme", "CHEMICAL GENE_PROTEIN_RNA", "@CHEMICAL$ cuts @GENE_PROTEIN_RNA$."},
		{"7.s1_7.s1.p0", "7", "", 0, "Zin", "Bor", "0", "CHEMICAL ENTITY_5_HT", "@CHEMICAL$ meets @ENTITY_5_HT$."},
	}, got)
	for _, e := range got {
		a, b, _ := located(Tag.Mark(e).Text)
		if a.Type != e.A.Type || b.Type != e.B.Type {
			t.Errorf("%q is read back as %s and %s", Tag.Mark(e).Text, a.Type, b.Type)
		}
	}
	if len(warned) != 1 || !strings.HasSuffix(warned[0], ": NUL characters left out: 1") {
		t.Errorf("warnings %q", warned)
	}
}

// TestJSONLTypes reads pairs of two types; relations between other types are not a fault, and any label is valid.
func TestJSONLTypes(t *testing.T) {
	const in = `{"id":"d","text":"Zin cuts Bor, not Cex. Dus runs.","mentions":[{"id":"a","type":"Cell-Line","start":0,"end":3},{"id":"b","type":"gene","start":9,"end":12},
{"id":"c","type":"gene","start":18,"end":21},{"id":"e","type":"gene","start":23,"end":26},{"id":"f","type":"","start":99,"end":100}],
"relations":[{"label":"cuts!","a":"b","b":"a"},{"label":"same","a":"b","b":"c"},{"label":"far","a":"a","b":"e"},{"label":"gone","a":"a","b":"x"},{"label":"","a":"a","b":"c"}]}`
	file := filepath.Join(folder(t, map[string]string{"a.jsonl": strings.ReplaceAll(in, "\n", "") + "\n"}), "a.jsonl")
	var warned []string
	got, err := Collect(Read("jsonl", file, Options{Sentences: fullStops, Types: [2]string{"gene", "cell line"}, Warn: func(l string) { warned = append(warned, l) }}))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []seen{
		{"d.b.a", "d", "", NoFold, "Bor", "Zin", "cuts!", "GENE CELL_LINE", "@CELL_LINE$ cuts @GENE$, not Cex."},
		{"d.c.a", "d", "", NoFold, "Cex", "Zin", "", "GENE CELL_LINE", "@CELL_LINE$ cuts Bor, not @GENE$."},
	}, got)
	want := []string{`a.jsonl:1: document d: mention f: characters 99 to 100 lie outside the text of 32; left out`,
		`a.jsonl:1: document d: relation far: mentions a and e are not a pair: they have the same place or are not in one sentence, or there are too many pairs; left out`,
		`a.jsonl:1: document d: relation gone between "a" and "x": no such mention; left out`,
		`a.jsonl:1: document d: relation between a and c has no label; left out`}
	for i := range warned {
		warned[i] = warned[i][strings.Index(warned[i], "a.jsonl"):]
	}
	if diff := cmp.Diff(want, warned); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	got, err = Collect(Read("jsonl", file, Options{Sentences: fullStops, Types: [2]string{"gene", "cell line"}, Within: 1}))
	if err != nil || len(got) != 3 || got[2].ID != "d.e.a" || got[2].Label != "far" {
		t.Errorf("within 1: %d examples, %v; the third, %+v, want the relation far", len(got), err, got[len(got)-1])
	}
}

// TestPublishedCount reads as many pairs as published for LLL, from files of two splits.
func TestPublishedCount(t *testing.T) {
	sentence := func(i int, interaction string) string {
		return fmt.Sprintf(`<document id="LLL.d%d"><sentence id="LLL.d%[1]d.s0" text="Alb Bor"><entity id="e0" charOffset="0-3" text="Alb"/><entity id="e1" charOffset="4-7" text="Bor"/>%s</sentence></document>`, i, interaction)
	}
	var train, test strings.Builder
	for i := range 164 {
		train.WriteString(sentence(i, `<interaction id="i" e1="e0" e2="e1" type="PPI"/>`))
	}
	for i := range 166 {
		test.WriteString(sentence(1000+i, ""))
	}
	dir := folder(t, map[string]string{"LLL-train.xml": "<corpus>" + train.String() + "</corpus>", "LLL-test.xml": "<corpus>" + test.String() + "</corpus>"})
	got, err := Collect(Read("ppi-xml", dir, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if d := Differences("ppi-xml", got); len(d) > 0 {
		t.Errorf("differences %q", d)
	}
	if got := Agreement("ppi-xml", got); got != "LLL: 330 pairs, equal to the published count" {
		t.Errorf("agreement %q", got)
	}
	if d := Differences("ppi-xml", got[:329]); len(d) != 1 || d[0] != "LLL: 329 pairs, published 330; label 0 165, published 166" {
		t.Errorf("one fewer: differences %q", d)
	}
}
