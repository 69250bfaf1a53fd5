package relations

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/text"
)

// folder writes files, keyed by slash-separated paths, to a new folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fullStops is a splitter for tests: a sentence ends after ". ".
func fullStops(s string) []text.Span {
	var out []text.Span
	start := 0
	for start < len(s) {
		end := len(s)
		if i := strings.Index(s[start:], ". "); i >= 0 {
			end = start + i + 1
		}
		out = append(out, text.Span{Start: start, End: end})
		start = end + 1
	}
	return out
}

// seen holds the fields of an example that the tests compare.
type seen struct {
	ID, Document, Split string
	Fold                int
	A, B, Label         string // text of the mentions
	Types               string
	Marked              string
}

func see(e Example) seen {
	return seen{e.ID, e.Document, e.Split, e.Fold, e.A.Under(e.Text), e.B.Under(e.Text), e.Label, e.A.Type + " " + e.B.Type, Tag.Mark(e).Text}
}

const ddiTrain = `<?xml version="1.0" encoding="UTF-8"?>
<document id="D.d1">
 <sentence id="D.d1.s0" text="Zalor- and brimadol-type tonics spoil veltic acid.&#xd;&#xa;">
  <entity id="D.d1.s0.e0" charOffset="0-5;20-30" type="group" text="Zalor-type tonics"/>
  <entity id="D.d1.s0.e1" charOffset="11-30" type="brand" text="brimadol-type tonics"/>
  <entity id="D.d1.s0.e2" charOffset="38-48" type="drug" text="veltic acid"/>
  <pair id="D.d1.s0.p0" e1="D.d1.s0.e0" e2="D.d1.s0.e1" ddi="false"/>
  <pair id="D.d1.s0.p1" e1="D.d1.s0.e0" e2="D.d1.s0.e2" ddi="true" type="effect"/>
  <pair id="D.d1.s0.p2" e1="D.d1.s0.e1" e2="D.d1.s0.e2" ddi="true"/>
 </sentence>
</document>`

const ddiTest = `<document id="D.d2"><sentence id="D.d2.s0" text="β-Zalor 🙂 with café́mol &lt; 3.">
 <entity id="e0" charOffset="0-6" type="drug" text="β-Zalor"/>
 <entity id="e1" charOffset="15-22" type="drug_n" text="café́mol"/>
 <pair id="D.d2.s0.p0" e1="e1" e2="e0" ddi="true" type="int"/></sentence></document>`

func TestReadDDI2013(t *testing.T) {
	files := map[string]string{
		"C/Test/Test for DDI Extraction task/MedLine/a.xml": ddiTest,
		"C/Test/Test for DrugNER task/MedLine/a.xml":        ddiTest,
		"C/Train/MedLine/b.xml":                             ddiTrain,
		"C/Train/DrugBank/c.xml":                            strings.ReplaceAll(ddiTrain, "D.d1", "D.d3"),
		"C/Train/DrugBank/.hidden.xml":                      "no XML",
		"C/README.txt":                                      "no XML",
	}
	var want []seen
	for _, d := range []string{"D.d3", "D.d1"} { // DrugBank comes before MedLine
		want = append(want,
			seen{d + ".s0.p0", d, "train", NoFold, "Zalor- type tonics", "brimadol-type tonics", "false", "DRUG DRUG", "@DRUG-DRUG$ spoil veltic acid.\r\n"},
			seen{d + ".s0.p1", d, "train", NoFold, "Zalor- type tonics", "veltic acid", "effect", "DRUG DRUG", "@DRUG$ spoil @DRUG$.\r\n"},
			seen{d + ".s0.p2", d, "train", NoFold, "brimadol-type tonics", "veltic acid", "false", "DRUG DRUG", "Zalor- and @DRUG$ spoil @DRUG$.\r\n"})
	}
	want = append(want, seen{"D.d2.s0.p0", "D.d2", "test", NoFold, "café́mol", "β-Zalor", "int", "DRUG DRUG", "@DRUG$ 🙂 with @DRUG$ < 3."})

	dir := folder(t, files)
	for name, in := range map[string]string{"folder": dir, "zip": zipped(t, files)} {
		t.Run(name, func(t *testing.T) {
			var warned []string
			got, err := Collect(Read("ddi2013", in, Options{Warn: func(l string) { warned = append(warned, l) }}))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, want, got)
			if len(warned) != 2 || !strings.Contains(warned[0], "D.d3.s0.p2: ddi is true, but there is no type") {
				t.Errorf("warnings %q, want one for each of the two pairs without a type", warned)
			}
		})
	}
}

func compare(t *testing.T, want []seen, got []Example) {
	t.Helper()
	var found []seen
	for _, e := range got {
		found = append(found, see(e))
	}
	if d := cmp.Diff(want, found); d != "" {
		t.Errorf("examples (-want +got):\n%s", d)
	}
}

func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corpus.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for name, text := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func aimed(id, text, label, at1, at2 string) string {
	return `{"id":"` + id + `","text":"` + text + `","relation":[{"relation_type":"` + label +
		`","entity_1":"x[/E1]","entity_1_idx":` + at1 + `,"entity_1_type":"protein","entity_2":"y","entity_2_idx":` + at2 + `,"entity_2_type":"protein"}]}` + "\n"
}

func TestReadAIMed(t *testing.T) {
	const text = "Alb é1 binds Bor and Cex."
	dir := folder(t, map[string]string{
		"test_10.json": aimed("X.d3.s9_X.d3.s9.p0", "Pok meets Rik.", "positive", "[[0,3]]", "[[10,13]]"),
		"test_2.json": aimed("X.d1.s1_X.d1.s1.p1", text, "positive", "[[0,6]]", "[[13,16]]") +
			aimed("X.d1.s1_X.d1.s1.p2", text, "negative", "[[0,6]]", "[[21,24]]"),
		"relation_types.json": "{}",
	})
	got, err := Collect(Read("aimed", dir, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []seen{
		{"X.d1.s1_X.d1.s1.p1", "X.d1", "", 2, "Alb é1", "Bor", "1", "PROTEIN PROTEIN", "@PROTEIN$ binds @PROTEIN$ and Cex."},
		{"X.d1.s1_X.d1.s1.p2", "X.d1", "", 2, "Alb é1", "Cex", "0", "PROTEIN PROTEIN", "@PROTEIN$ binds Bor and @PROTEIN$."},
		{"X.d3.s9_X.d3.s9.p0", "X.d3", "", 10, "Pok", "Rik", "1", "PROTEIN PROTEIN", "@PROTEIN$ meets @PROTEIN$."},
	}, got)
	if masked := EntityMask.Mark(got[0]).Text; masked != "@PROTEIN$ binds @PROTEIN$ and @OTHER$." {
		t.Errorf("entity_mask %q does not mask the third protein, which only the other line names", masked)
	}
}

const ppiXML = `<corpus source="Made-up"><document id="M.d0" origId="1"><sentence id="M.d0.s0" text="Alb and Bor-Cex bind Dus." charOffset="0-24">
<entity id="e0" charOffset="0-3" text="Alb" type="protein"/><entity id="e1" charOffset="8-11" text="Bor" type="protein"/>
<entity id="e2" charOffset="8-11,12-15" text="Bor Cex" type="protein"/>
<interaction id="i0" e1="e1" e2="e0" type="PPI"/><interaction id="i1" e1="e0" e2="e1" type="PPI"/><interaction id="i2" e1="e2" e2="e2" type="PPI"/>
</sentence></document></corpus>`

func TestReadPPIXML(t *testing.T) {
	dir := folder(t, map[string]string{"m.xml": ppiXML})
	var warned []string
	got, err := Collect(Read("ppi-xml", dir, Options{Warn: func(l string) { warned = append(warned, l) }}))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []seen{
		{"M.d0.s0.p0", "M.d0", "", NoFold, "Alb", "Bor", "1", "PROTEIN PROTEIN", "@PROTEIN$ and @PROTEIN$-Cex bind Dus."},
		{"M.d0.s0.p1", "M.d0", "", NoFold, "Alb", "Bor Cex", "0", "PROTEIN PROTEIN", "@PROTEIN$ and @PROTEIN$ bind Dus."},
		{"M.d0.s0.p2", "M.d0", "", NoFold, "Bor", "Bor Cex", "0", "PROTEIN PROTEIN", "Alb and @PROTEIN-PROTEIN$ bind Dus."},
	}, got)
	if len(warned) != 1 || !strings.Contains(warned[0], "i2") {
		t.Errorf("warnings %q, want one about the interaction with itself", warned)
	}
}

func chemprotFolder(t testing.TB) string {
	return folder(t, map[string]string{
		"chemprot_training_abstracts.tsv": "77\tZin µ and Kol.\tZin stops Kol, not Ral. It makes Mun. Zin e.g. Tor too.\n78\tNothing.\tHere.\n",
		"chemprot_training_entities.tsv": "77\tT1\tCHEMICAL\t0\t3\tZin\n77\tT2\tGENE-Y\t10\t13\tKol\n77\tT4\tGENE-N\t34\t37\tRal\n77\tT3\tCHEMICAL\t15\t18\tZin\n" +
			"77\tT5\tGENE-Y\t25\t28\tKol\n77\tT6\tGENE-N\t48\t51\tMun\n77\tT7\tCHEMICAL\t53\t56\tZin\n77\tT8\tGENE-Y\t57\t65\te.g. Tor\n",
		"chemprot_training_relations.tsv": "77\tCPR:4\tY \tINHIBITOR\tArg1:T3\tArg2:T5\n77\tCPR:4\tY \tDOWNREGULATOR\tArg1:T3\tArg2:T5\n77\tCPR:9\tY \tSUBSTRATE\tArg1:T3\tArg2:T5\n" +
			"77\tCPR:2\tN \tREGULATOR\tArg1:T3\tArg2:T4\n77\tCPR:3\tY \tACTIVATOR\tArg1:T3\tArg2:T6\n",
		"chemprot_test_entities.tsv": "",
	})
}

func TestReadChemProt(t *testing.T) {
	var warned []string
	got, err := Collect(Read("chemprot", chemprotFolder(t), Options{Sentences: fullStops, Warn: func(l string) { warned = append(warned, l) }}))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []seen{
		{"77.T1.T2", "77", "train", NoFold, "Zin", "Kol", "false", "CHEMICAL GENE", "@CHEMICAL$ µ and @GENE$."},
		{"77.T3.T5", "77", "train", NoFold, "Zin", "Kol", "CPR:4", "CHEMICAL GENE", "@CHEMICAL$ stops @GENE$, not Ral."},
		{"77.T3.T5.CPR:9", "77", "train", NoFold, "Zin", "Kol", "CPR:9", "CHEMICAL GENE", "@CHEMICAL$ stops @GENE$, not Ral."},
		{"77.T3.T4", "77", "train", NoFold, "Zin", "Ral", "false", "CHEMICAL GENE", "@CHEMICAL$ stops Kol, not @GENE$."},
		// fullStops ends a sentence inside the mention "e.g. Tor"; the two parts are joined.
		{"77.T7.T8", "77", "train", NoFold, "Zin", "e.g. Tor", "false", "CHEMICAL GENE", "@CHEMICAL$ @GENE$ too."},
	}, got)
	if len(warned) != 2 || !strings.Contains(strings.Join(warned, "\n"), ": 1 pairs with an evaluated relation are not in one sentence") {
		t.Errorf("warnings %q, want one about the test split and one about T3 and T6", warned)
	}
}

const pubtatorText = `9|t|Zin and palsy.
9|a|Zin eases ague. Ague returns.
9	0	3	Zin	Chemical	C1
9	8	13	palsy	Disease	P1
9	15	18	Zin	Chemical	C2|C1
9	25	29	ague	Disease	A1
9	CID	C1	A1

10|t|Ague.
10|a|
10	0	4	Ague	Disease	A1
`

func TestReadPubTator(t *testing.T) {
	in := filepath.Join(folder(t, map[string]string{"a.txt": pubtatorText}), "a.txt")
	got, err := Collect(Read("pubtator", in, Options{Sentences: fullStops, Types: [2]string{"chemical", "Disease"}}))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []seen{
		{"9.T1.T2", "9", "", NoFold, "Zin", "palsy", "false", "CHEMICAL DISEASE", "@CHEMICAL$ and @DISEASE$."},
		{"9.T3.T4", "9", "", NoFold, "Zin", "ague", "CID", "CHEMICAL DISEASE", "@CHEMICAL$ eases @DISEASE$."},
	}, got)
}

const biocXML = `<collection><source/><document><id>5</id>
<passage><infon key="type">title</infon><offset>0</offset><text>Zin é palsy.</text>
 <annotation id="1"><infon key="type">Chemical</infon><infon key="identifier">C1</infon><location offset="0" length="3"/><text>Zin</text></annotation>
 <annotation id="2"><infon key="type">Disease</infon><infon key="identifier">P1</infon><location offset="6" length="5"/><text>palsy</text></annotation></passage>
<passage><offset>13</offset><sentence><offset>13</offset><text>Zin eases or cures ague.</text>
 <annotation id="3"><infon key="type">Chemical</infon><infon key="identifier">C1</infon><location offset="13" length="3"/><text>Zin</text></annotation>
 <annotation id="4"><infon key="type">Disease</infon><location offset="17" length="5"/><location offset="32" length="4"/><text>eases ague</text></annotation></sentence></passage>
<relation id="R1"><infon key="type">treats</infon><node refid="4" role=""/><node refid="3" role=""/></relation>
<relation id="R2"><infon key="type">Positive_Correlation</infon><infon key="entity1">C1</infon><infon key="entity2">P1</infon></relation>
<relation id="R3"><infon key="type">odd</infon><node refid="4" role=""/></relation>
</document></collection>`

func TestReadBioC(t *testing.T) {
	in := filepath.Join(folder(t, map[string]string{"a.xml": biocXML}), "a.xml")
	var warned []string
	got, err := Collect(Read("bioc", in, Options{Sentences: fullStops, Warn: func(l string) { warned = append(warned, l) }}))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []seen{
		{"5.1.2", "5", "", NoFold, "Zin", "palsy", "Positive_Correlation", "CHEMICAL DISEASE", "@CHEMICAL$ é @DISEASE$."},
		{"5.3.4", "5", "", NoFold, "Zin", "eases ague", "treats", "CHEMICAL DISEASE", "@CHEMICAL$ @DISEASE$."},
	}, got)
	if len(warned) != 1 || !strings.Contains(warned[0], "R3") {
		t.Errorf("warnings %q, want one about R3", warned)
	}
}

func TestReadRefuses(t *testing.T) {
	ddi := func(s string) map[string]string { return map[string]string{"Train/a.xml": s} }
	swap := strings.NewReplacer
	tests := []struct {
		name, format string
		files        map[string]string
		want         string
	}{
		{"unknown format", "brat", nil, `format "brat", want one of ddi2013`},
		{"empty folder", "ddi2013", nil, "no files of the corpus"},
		{"no XML", "ddi2013", ddi(""), "a.xml: empty file"},
		{"blank", "ddi2013", ddi("\n"), "a.xml: no XML document"},
		{"cut off", "ddi2013", ddi(ddiTest[:200]), "a.xml: XML syntax error"},
		{"other XML", "ddi2013", ddi("<corpus/>"), "a.xml: its content is the PPI corpora's XML, not the DDI corpus's XML"},
		{"not UTF-8", "ddi2013", ddi("<document id='a' \xff/>"), "invalid UTF-8 at byte 17"},
		{"past the end", "ddi2013", ddi(swap("15-22", "15-99").Replace(ddiTest)), `entity e1: offset "15-99": characters 15 to 100 lie outside`},
		{"offset backwards", "ddi2013", ddi(swap("0-6", "6-0").Replace(ddiTest)), `offset "6-0"`},
		{"offset no number", "ddi2013", ddi(swap("0-6", "0_6").Replace(ddiTest)), `offset "0_6", want ranges`},
		{"unknown type", "ddi2013", ddi(swap(`"int"`, `"advice"`).Replace(ddiTest)), `type "advice", want one of advise, effect`},
		{"ddi maybe", "ddi2013", ddi(swap(`"true"`, `"maybe"`).Replace(ddiTest)), `ddi "maybe"`},
		{"another sentence", "ddi2013", ddi(swap(`e2="e0"`, `e2="e9"`).Replace(ddiTest)), `entity "e9" is not in the sentence of the pair`},
		{"itself", "ddi2013", ddi(swap(`e2="e0"`, `e2="e1"`).Replace(ddiTest)), `both mentions are entity "e1"`},
		{"pair twice", "ddi2013", map[string]string{"Train/a.xml": ddiTest, "Train/b.xml": ddiTest}, "pair D.d2.s0.p0 appears twice"},
		{"JSON", "aimed", map[string]string{"test_0.json": "{\n"}, "test_0.json:1: not a JSON object"},
		{"relation type", "aimed", map[string]string{"test_0.json": aimed("a", "b c", "", "[[0,1]]", "[[2,3]]")}, "test_0.json:1: no relation type"},
		{"no position", "aimed", map[string]string{"test_0.json": aimed("a", "b c", "positive", "[]", "[[2,3]]")}, `mention "x" has no position`},
		{"outside", "aimed", map[string]string{"test_0.json": aimed("a", "b c", "positive", "[[0,1]]", "[[2,4]]")}, "characters 2 to 4 lie outside the text of 3"},
		{"no folds", "aimed", map[string]string{"train.json": ""}, "no files named test_0.json"},
		{"interaction elsewhere", "ppi-xml", map[string]string{"a.xml": swap(`e2="e0"`, `e2="e7"`).Replace(ppiXML)}, `interaction i0: entity "e7"`},
		{"entity twice", "ppi-xml", map[string]string{"a.xml": swap(`id="e1"`, `id="e0"`).Replace(ppiXML)}, "entity e0: annotated twice"},
		{"columns", "tsv", map[string]string{"a.tsv": "index\tsentence\tlabel\n1\ta\t0\n2\tb\n"}, "a.tsv:3: 2 columns, want 3 as in the first line"},
		{"too many columns", "tsv", map[string]string{"a.tsv": "a\tb\tc\td\n"}, "4 columns and no header"},
		{"no sentence column", "tsv", map[string]string{"a.tsv": "index\tlabel\n1\t0\n"}, "no column sentence"},
		{"empty sentence", "tsv", map[string]string{"a.tsv": "index\tsentence\tlabel\n1\t\t0\n"}, "the sentence is empty"},
		{"row twice", "tsv", map[string]string{"a.tsv": "index\tsentence\tlabel\n1\ta\t0\n1\ta\t0\n"}, "pair 1 appears twice"},
		{"abstract columns", "chemprot", map[string]string{"t_abstracts.tsv": "1\tx\n", "t_entities.tsv": ""}, "2 columns, want pmid, title, abstract"},
		{"lost entity", "chemprot", map[string]string{"t_abstracts.tsv": "1\tx\ty\n", "t_entities.tsv": "2\tT1\tCHEMICAL\t0\t1\tx\n"}, "is not in the abstracts file"},
		{"no title", "pubtator", map[string]string{"a.txt": "1\t0\t3\tZin\tChemical\tC1\n"}, "a.txt: line 1: annotation before the first title"},
		{"another document", "pubtator", map[string]string{"a.txt": "1|t|Zin\n2\t0\t3\tZin\tChemical\tC1\n"}, `a.txt: line 2: annotation of document "2" within document 1`},
		{"a passage far away", "bioc", map[string]string{"a.xml": swap("<offset>13<", "<offset>4294967296<").Replace(biocXML)}, `a.xml: document 5 at line 1 (byte 21): offset "4294967296", want a number`},
		{"a second collection", "bioc", map[string]string{"a.xml": biocXML + biocXML}, "a.xml: line 11 (byte 1224): <collection> after the end of the root element"},
		{"text after the root", "bioc", map[string]string{"a.xml": biocXML + "and"}, "text outside the root element"},
		{"a second document", "ddi2013", ddi(ddiTest + ddiTest), "line 4: <document> after the end of the document"},
		{"text after the document", "ddi2013", ddi(ddiTest + "x"), `line 4: text after the end of the document: "x"`},
		{"a second corpus", "ppi-xml", map[string]string{"a.xml": ppiXML + ppiXML}, "<corpus> after the end of the document"},
		{"commas", "tsv", map[string]string{"a.csv.tsv": "index,sentence,label\n0,@A$ binds @B$.,1\n"}, "its content is comma-separated columns, not tab-separated columns"},
		{"PubTator as columns", "tsv", map[string]string{"a.tsv": pubtatorText}, "its content is PubTator's text, not tab-separated columns"},
		{"a web page", "bioc", map[string]string{"a.xml": "<!DOCTYPE html><html>"}, "a web page in HTML"},
		{"a pointer", "jsonl", map[string]string{"a.jsonl": "version https://git-lfs.github.com/spec/v1\n"}, "a Git LFS pointer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Collect(Read(tt.format, folder(t, tt.files), Options{Sentences: fullStops}))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q is not one line", err)
			}
		})
	}
	if _, err := Collect(Read("pubtator", "x", Options{})); err == nil || !strings.Contains(err.Error(), "needs a sentence splitter") {
		t.Errorf("without a splitter: %v", err)
	}
}
