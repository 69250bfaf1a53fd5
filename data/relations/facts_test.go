package relations

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// apartText has a pair in each sentence except the third, and a mention of two concepts.
const apartText = `7|t|Zin and palsy.
7|a|Zin eases ague. Nothing helps. Ague returns with Zin.
7	0	3	Zin	Chemical	C1
7	8	13	palsy	Disease	P1
7	15	18	Zin	Chemical	C1
7	25	29	ague	Disease	A1
7	46	50	Ague	Disease	A1
7	64	67	Zin	Chemical	C2|C3
7	CID	C1	A1
7	CID	P1	C3
7	CID	C9	P1
`

func TestCoverage(t *testing.T) {
	in := filepath.Join(folder(t, map[string]string{"a.txt": apartText}), "a.txt")
	var (
		title  = "7.T1.T2 false @CHEMICAL$ and @DISEASE$."
		second = "7.T3.T4 CID @CHEMICAL$ eases @DISEASE$."
		fourth = "7.T6.T5 false @DISEASE$ returns with @CHEMICAL$."
		next   = []string{"7.T1.T4 CID @CHEMICAL$ and palsy. Zin eases @DISEASE$.", "7.T3.T2 false Zin and @DISEASE$. @CHEMICAL$ eases ague."}
		over   = []string{"7.T3.T5 CID @CHEMICAL$ eases ague. Nothing helps. @DISEASE$ returns with Zin.", "7.T6.T4 false Zin eases @DISEASE$. Nothing helps. Ague returns with @CHEMICAL$."}
		whole  = []string{"7.T1.T5 CID @CHEMICAL$ and palsy. Zin eases ague. Nothing helps. @DISEASE$ returns with Zin.",
			"7.T6.T2 CID Zin and @DISEASE$. Zin eases ague. Nothing helps. Ague returns with @CHEMICAL$."}
	)
	chemicalDisease := [2]string{"Chemical", "Disease"}
	tests := []struct {
		name     string
		options  Options
		marking  Marking
		want     []string
		coverage Coverage
		warnings int
	}{
		{"one sentence", Options{Types: chemicalDisease}, Tag, []string{title, second, fourth}, Coverage{3, 1}, 0},
		{"neighbours", Options{Types: chemicalDisease, Within: 1}, Tag, append(append([]string{title}, next...), second, fourth), Coverage{3, 1}, 0},
		{"a sentence between", Options{Types: chemicalDisease, Within: 2}, Tag, append(append(append(append([]string{title}, next...), second), over...), fourth), Coverage{3, 1}, 0},
		{"the whole text", Options{Types: chemicalDisease, Within: 3}, Tag,
			append(append(append(append(append([]string{title}, next...), whole...), second), over...), fourth), Coverage{3, 2}, 0},
		{"more than there are", Options{Types: chemicalDisease, Within: 99}, Tag,
			append(append(append(append(append([]string{title}, next...), whole...), second), over...), fourth), Coverage{3, 2}, 0},
		{"other mentions masked", Options{Types: chemicalDisease, Within: 1}, EntityMask, []string{title,
			"7.T1.T4 CID @CHEMICAL$ and @OTHER$. @OTHER$ eases @DISEASE$.", "7.T3.T2 false @OTHER$ and @DISEASE$. @CHEMICAL$ eases @OTHER$.", second, fourth}, Coverage{3, 1}, 0},
		{"two of one type, the earlier first", Options{Types: [2]string{"Disease", "Disease"}, Within: 2}, Tag, []string{
			"7.T2.T4 false Zin and @DISEASE$. Zin eases @DISEASE$.", "7.T4.T5 false Zin eases @DISEASE$. Nothing helps. @DISEASE$ returns with Zin."}, Coverage{3, 0}, 0},
		{"no more pairs of a sentence than may be", Options{Types: chemicalDisease, Within: 3, MaxPairs: 2}, Tag, []string{title, next[0], second, over[0], fourth}, Coverage{3, 1}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			var covered Coverage
			warnings := 0
			tt.options.Sentences = fullStops
			tt.options.Warn = func(string) { warnings++ }
			tt.options.Covered = func(split string, c Coverage) { covered = covered.Plus(c) }
			for e, err := range Read("pubtator", in, tt.options) {
				if err != nil {
					t.Fatal(err)
				}
				r := RowOf(e, tt.marking)
				got = append(got, r.Index+" "+r.Label+" "+r.Sentence)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if covered != tt.coverage || warnings != tt.warnings {
				t.Errorf("%+v with %d warnings, want %+v with %d", covered, warnings, tt.coverage, tt.warnings)
			}
		})
	}
}

func TestReadGold(t *testing.T) {
	dir := folder(t, map[string]string{"a.txt": apartText, "b.pubtator": pubtatorText, "README.md": "no PubTator"})
	got, err := ReadGold(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Gold{[]string{"7", "9", "10"}, []Fact{{"7", "A1", "C1", "CID"}, {"7", "C3", "P1", "CID"}, {"7", "C9", "P1", "CID"}, {"9", "A1", "C1", "CID"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPrefix: relations and mentions are joined whether or not one of them writes MESH: before its identifiers.
func TestPrefix(t *testing.T) {
	lines := func(mentions, relation string) string {
		return strings.ReplaceAll("7|t|Zin eases ague.\n7|a|\n7\t0\t3\tZin\tChemical\t<C1\n7\t10\t14\tague\tDisease\t<A1\n", "<", mentions) +
			strings.ReplaceAll("7\tCID\t<C1\t<A1\n", "<", relation)
	}
	for _, test := range []struct{ mentions, relation string }{{"", ""}, {"MESH:", ""}, {"", "MESH:"}, {"MESH:", "mesh:"}} {
		in := filepath.Join(folder(t, map[string]string{"a.txt": lines(test.mentions, test.relation)}), "a.txt")
		covered := Coverage{}
		for e, err := range Read("pubtator", in, Options{Sentences: fullStops, Types: [2]string{"Chemical", "Disease"}, Covered: func(_ string, c Coverage) { covered = c }}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Label != "CID" || e.A.ID != test.mentions+"C1" {
				t.Errorf("%q: label %s of %s, want CID", test, e.Label, e.A.ID)
			}
		}
		if covered != (Coverage{1, 1}) {
			t.Errorf("%q: %+v", test, covered)
		}
		gold, err := ReadGold(in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Fact{{"7", "A1", "C1", "CID"}}, gold.Facts); diff != "" {
			t.Errorf("%q (-want +got)\n%s", test, diff)
		}
	}
}

// claimRows is the header of rows, without most of the columns that ReadClaims ignores.
const claimRows = "pmid\tsection\tsentence\ta_id\tb_id\tlabel\tprobability\n"

func TestReadClaims(t *testing.T) {
	gold := &Gold{Articles: []string{"7", "9"}}
	tests := []struct {
		name, rows string
		want       *Claimed
	}{
		{"no rows", "", &Claimed{}},
		{"a row, in either order", "7\ttitle\tx\tP1\tC1\tCID\t0.75\n9\ttitle\tx\tC1\tP1\tno\t1\n",
			&Claimed{[]Claim{{Fact{"7", "C1", "P1", "CID"}, .75}, {Fact{"9", "C1", "P1", "no"}, 1}}, 2, 0, 0}},
		{"several concepts", "7\ttitle\tx\tC1|C2\tP1,P2\tCID\t0.5\n", &Claimed{[]Claim{
			{Fact{"7", "C1", "P1", "CID"}, .5}, {Fact{"7", "C1", "P2", "CID"}, .5}, {Fact{"7", "C2", "P1", "CID"}, .5}, {Fact{"7", "C2", "P2", "CID"}, .5}}, 1, 0, 0}},
		{"without identifiers", "7\ttitle\tx\t-1\tP1\tCID\t0.5\n7\ttitle\tx\tC1\t\tCID\t0.5\n7\ttitle\tx\tC1|-1\tP1\tCID\t0.5\n",
			&Claimed{[]Claim{{Fact{"7", "C1", "P1", "CID"}, .5}}, 3, 0, 2}},
		{"with the name of their database, in some files", "7\ttitle\tx\tMESH:C1\tMESH:P1|mesh:P2\tCID\t0.5\n",
			&Claimed{[]Claim{{Fact{"7", "C1", "P1", "CID"}, .5}, {Fact{"7", "C1", "P2", "CID"}, .5}}, 1, 0, 0}},
		{"of another article", "8\ttitle\tx\tC1\tP1\tCID\t0.5\n", &Claimed{nil, 1, 1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadClaims(filepath.Join(folder(t, map[string]string{"a.tsv": claimRows + tt.rows}), "a.tsv"), Options{}, gold)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBadClaims(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no probability", "pmid\ta_id\tb_id\tlabel\n1\tC1\tD1\tCID\n", "a.tsv: no column probability"},
		{"no header", "1\tC1\tD1\tCID\n", "a.tsv: no column pmid"},
		{"a word for a probability", claimRows + "7\ttitle\tx\tC1\tP1\tCID\tsure\n", `a.tsv:2: column probability: "sure" is not a probability`},
		{"more than one", claimRows + "7\ttitle\tx\tC1\tP1\tCID\t1.01\n", "1.01"},
		{"NaN", claimRows + "7\ttitle\tx\tC1\tP1\tCID\tNaN\n", "NaN"},
		{"a short row", claimRows + "7\ttitle\n", "a.tsv:2: 2 columns, want 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadClaims(filepath.Join(folder(t, map[string]string{"a.tsv": tt.text}), "a.tsv"), Options{}, &Gold{Articles: []string{"7"}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestRealFacts compares the facts of BC5CDR with the published 3,116 relations. The number of those with mentions in one
// sentence or near each other depends on the sentence splitter; package request tests it.
func TestRealFacts(t *testing.T) {
	in := corpus(t, "pubtext/bc5cdr-pubtator")
	total := 0
	for _, part := range []struct {
		name  string
		facts int
	}{{"Training", 1038}, {"Development", 1012}, {"Test", 1066}} {
		gold, err := ReadGold(filepath.Join(in, fmt.Sprintf("CDR_%sSet.PubTator.txt.xz", part.name)), Options{Warn: func(line string) { t.Error(line) }})
		if err != nil {
			t.Fatal(err)
		}
		different := map[Fact]bool{}
		for _, f := range gold.Facts {
			different[f] = true
		}
		if len(different) != part.facts || len(gold.Facts) != part.facts || len(gold.Articles) != 500 {
			t.Errorf("%s: %d relations, %d different ones, of %d articles; want %d of 500", part.name, len(gold.Facts), len(different), len(gold.Articles), part.facts)
		}
		total += len(different)
	}
	if total != 3116 {
		t.Errorf("%d relations, want 3116", total)
	}
}
