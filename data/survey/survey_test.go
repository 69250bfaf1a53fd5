package survey

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/wordpiece"
)

// rows returns examples for marked sentences, written as label|sentence, as the TSV reader would.
func rows(t *testing.T, lines ...string) []relations.Example {
	t.Helper()
	var text strings.Builder
	for _, l := range lines {
		label, sentence, _ := strings.Cut(l, "|")
		fmt.Fprintf(&text, "%s\t%s\n", sentence, label)
	}
	path := filepath.Join(t.TempDir(), "x.tsv")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	examples, err := relations.Collect(relations.Read("tsv", path, relations.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	return examples
}

func TestOf(t *testing.T) {
	train := rows(t,
		"up|@DRUG$ raises @GENE$ in the blood of healthy people",
		"up|@DRUG$ raises @GENE$ in the blood of healthy people",
		"false|@DRUG$ raises @GENE$ in the blood of healthy people",
		"false|Levels of @GENE$ fell with alben but @DRUG$ had no such effect",
		"false|one mark, @DRUG$, is all there is")
	test := rows(t,
		"false|@DRUG$ raises @GENE$ in the blood of healthy people", // the same as in train, with both labels
		"up|Levels of @GENE$ fell with @DRUG$ but zarb had no such effect",
		"down|@PROTEIN$ binds @DRUG$ at low temperatures in vitro, as shown before")
	got := Of(Set{"train", train}, Set{"test", test})
	want := &Survey{
		Sets: []Facts{
			{Name: "train", Rows: 5, Labels: map[string]int{"up": 2, "false": 3}, Repeated: 2, Contradictory: 1, Unmarked: 1,
				Marks: map[string]int{"@DRUG$": 5, "@GENE$": 4}, Types: map[string]int{"DRUG-GENE": 3, "GENE-DRUG": 1}},
			{Name: "test", Rows: 3, Labels: map[string]int{"up": 1, "false": 1, "down": 1},
				Marks: map[string]int{"@DRUG$": 3, "@GENE$": 2, "@PROTEIN$": 1}, Types: map[string]int{"DRUG-GENE": 1, "GENE-DRUG": 1, "PROTEIN-DRUG": 1}},
		},
		Shared: []Shared{{A: "train", B: "test", Rows: 1, Alike: 1}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var kinds []string
	for _, w := range got.Warnings("false") {
		kinds = append(kinds, w.Kind+": "+w.Text)
	}
	wantKinds := []string{
		"contradictory_rows: train: 1 of 5 rows repeat an earlier row with another label",
		"unmarked_rows: train: 1 of 5 rows do not show both mentions",
		`unlearned_label: test: 1 of 3 rows have the label "down", and no row of train has it: the model cannot learn it`,
		"foreign_marks: test: no row of train has the marks @PROTEIN$ (1 rows)",
		"shared_rows: test: 1 of 3 rows are also in train, 0 of them with another label; their score says nothing about new text",
		"shared_sentences: test: 1 of 3 rows differ from a row of train only in names, as other pairs of one sentence do",
	}
	if d := cmp.Diff(wantKinds, kinds); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
}

func TestOneLabel(t *testing.T) {
	for _, tt := range []struct {
		name string
		rows []string
		want string
	}{
		{"one", []string{"1|@A$ and @B$", "1|@A$ or @B$"}, `one_label: train: all 2 rows have the label "1"; want at least two labels`},
		{"no negative", []string{"up|@A$ and @B$", "down|@A$ or @B$"}, `no_negative: train: no row has the label "0"`},
		{"both", []string{"1|@A$ and @B$", "0|@A$ or @B$"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, w := range Of(Set{"train", rows(t, tt.rows...)}).Warnings("0") {
				got += w.Kind + ": " + w.Text
			}
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("warnings %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDiffersInNames(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       bool
	}{
		{"other pairs of a sentence", "we found that @G$ binds @G$ but never Zor 1 in cells", "we found that Alb binds @G$ but never @G$ in cells", true},
		{"a mention at the start", "@G$ and @G$ bind Zor in cells of the liver", "Alb and @G$ bind @G$ in cells of the liver", true},
		{"marks that keep the name", "<e1:G>Alb</e1:G> and <e2:G>Bor</e2:G> bind Zor in cells", "<e1:G>Alb</e1:G> and Bor bind <e2:G>Zor</e2:G> in cells", true},
		{"every mention masked", "@OTHER$ and @G$ bind @G$ in cells of the liver", "@G$ and @G$ bind @OTHER$ in cells of the liver", true},
		{"another verb", "we found that @G$ binds @G$ in cells of the liver", "we found that @G$ inhibits @G$ in cells of the liver", false},
		{"a name of too many words", "we found that @G$ binds it in cells", "we found that one and two and three and four binds it in cells", false},
		{"too short to tell", "@G$ binds @G$", "Alb binds @G$", false},
		{"hardly a word in common", "@G$ such as Alb may have an effect when given with @G$", "patients with @G$ and others who received @G$ were well", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := patternOf(tt.a), patternOf(tt.b)
			if got := a.differsInNames(b); got != tt.want || b.differsInNames(a) != got {
				t.Errorf("%v and %v: %v, the other way round %v; want %v", a, b, got, b.differsInNames(a), tt.want)
			}
		})
	}
}

func TestMeasure(t *testing.T) {
	v, err := wordpiece.ReadVocabulary(strings.NewReader("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n@\nA\nB\n$\na\nb\n"), "letters")
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(v, wordpiece.Default())
	if err != nil {
		t.Fatal(err)
	}
	set := Set{"train", rows(t, "1|@A$ a b @B$", "0|a b a b z @A$ a @B$")} // 8 and 12 pieces
	s := Of(set)
	s.Measure(&marked.Encoder{Tokenizer: tokenizer, Special: v.Special()}, []int{9, 13, 64}, set)
	want := &Lengths{Pieces: 20, Unknown: 1, Median: 14, Longest: 14, Cuts: []Cutting{
		{9, marked.Cut{Sentences: 2, Shortened: 2, LostOne: 1, LostBoth: 1}}, {13, marked.Cut{Sentences: 2, Shortened: 1, LostOne: 1}}, {64, marked.Cut{Sentences: 2}},
	}}
	if d := cmp.Diff(want, s.Sets[0].Lengths); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if w := s.Warnings("0"); len(w) != 1 || w[0].Kind != "unknown_pieces" {
		t.Errorf("warnings %v, want one of unknown pieces", w)
	}
}

func TestCutRows(t *testing.T) {
	for _, tt := range []struct {
		name string
		cut  marked.Cut
		want string
	}{
		{"few", marked.Cut{Sentences: 100, Shortened: 10, LostOne: 1}, ""},
		{"many", marked.Cut{Sentences: 100, Shortened: 11}, "train: 11.0 % of the rows are longer than task.sequence = 128 positions and are truncated; 0.0 % lose a mention"},
		{"mentions", marked.Cut{Sentences: 100, Shortened: 4, LostOne: 1, LostBoth: 1}, `2.0 % lose a mention; task.truncate = "around_mentions" keeps both mentions`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, w := range CutRows("train", tt.cut, 128, marked.TruncateTail) {
				got = w.Text
			}
			if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("warning %q, want %q", got, tt.want)
			}
		})
	}
}

// TestDDI checks that pairs of DDI 2013 with a sentence of the training pairs are found, and that few rows of the published
// test set are like the published training set.
func TestDDI(t *testing.T) {
	root := os.Getenv("SUBBERT_DATA")
	if root == "" {
		t.Skip("SUBBERT_DATA names no directory with ddi2013/")
	}
	all, err := relations.Collect(relations.Read("ddi2013", filepath.Join(root, "ddi2013", "DDICorpus-2013.zip"), relations.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var train, test []relations.Example
	for _, x := range all {
		if x.Split == "train" {
			train = append(train, x)
		} else {
			test = append(test, relations.Tag.Shown(x))
		}
	}
	learned, dev, err := relations.Hold(train, relations.ByPair, 0.2, 1)
	if err != nil {
		t.Fatal(err)
	}
	sentences := map[string]bool{}
	shown := func(examples []relations.Example) (out []relations.Example) {
		for _, x := range examples {
			out = append(out, relations.Tag.Shown(x))
		}
		return out
	}
	for _, x := range learned {
		sentences[x.Text] = true
	}
	of := 0
	for _, x := range dev {
		if sentences[x.Text] {
			of++
		}
	}
	got := Of(Set{"train", shown(learned)}, Set{"dev", shown(dev)}, Set{"test", test}).Shared
	if found := got[0].Rows + got[0].Alike; found < of*98/100 {
		t.Errorf("%d of the %d dev rows of train's sentences found, want 98 %%", found, of)
	}
	if rate := float64(got[1].Alike) / float64(len(test)); rate > 0.06 { // by hand: sentences that differ in the drugs' names
		t.Errorf("%.1f %% of the test rows are like train's, want at most 6 %%", 100*rate)
	}
}
