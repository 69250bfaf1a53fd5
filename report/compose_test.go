package report

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// relation returns a run with the given F1 of its seeds.
func relation(name, pooling, file string, f1 ...float64) *Run {
	res := &result.Relation{Task: result.TaskRelation, Pooling: pooling, Scored: file, Report: evaluate.Report{Negative: "false"}}
	for i, f := range f1 {
		res.Seeds = append(res.Seeds, result.Seed{Seed: uint32(i + 1), Micro: evaluate.PRF{P: f + 1, R: f - 1, F1: f}})
	}
	return &Run{Name: name, Dir: name, Result: &result.Result{Header: result.Header{Task: result.TaskRelation}, Relation: res}}
}

// tested returns the tests of runs without predictions.
func tested() *Tests {
	return &Tests{own: map[*Run]evaluate.Interval{}, against: map[*Run]evaluate.Difference{}}
}

// The pooler's head is the reference, wherever it stands; the best run is marked; baselines are muted.
func TestScoreTable(t *testing.T) {
	a, b := relation("a", "attention", "", 62, 64, 66), relation("b", "cls", "", 60)
	b.Result.Relation.Majority = evaluate.PRF{P: 5, R: 50, F1: 9}
	a.Result.Relation.Baseline = map[string]evaluate.PRF{"word_overlap": {P: 30, R: 40, F1: 34}, result.BaselineWords: {P: 41, R: 39, F1: 40}}
	tests := tested()
	low, high := 2.5, 6.25
	tests.own[b] = evaluate.Interval{Mean: 60, Low: 57, High: 63, N: 800}
	tests.against[a] = evaluate.Difference{A: 64.1, B: 60, Delta: 4.1, Low: &low, High: &high}
	got := scoreTable(scoredRuns(name([]*Run{a, b})), tests)
	var heads []string
	for _, c := range got.Columns {
		heads = append(heads, c.Name)
	}
	if diff := cmp.Diff([]string{"run", "P", "R", "F1", "95 % interval", "seeds", "sd", "F1 above b", "its 95 % interval", "F1 above the bag of words"}, heads); diff != "" {
		t.Errorf("heads (-want +got):\n%s", diff)
	}
	want := []Row{
		{Cells: []string{"a", "65.0", "63.0", "64.0", "59.0 to 69.0", "3", "2.0", "+4.1", "+2.5 to +6.2", "+24.0"}, Strong: true}, // by Student's t
		{Cells: []string{"b", "61.0", "59.0", "60.0", "57.0 to 63.0", "1", noValue, noValue, noValue, "+20.0"}},
		{Cells: []string{"bag of words", "41.0", "39.0", "40.0", "", "", "", "", "", ""}, Muted: true},
		{Cells: []string{"word overlap", "30.0", "40.0", "34.0", "", "", "", "", "", ""}, Muted: true},
		{Cells: []string{"most frequent label", "5.0", "50.0", "9.0", "", "", "", "", "", ""}, Muted: true},
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// The verdict says which run is best, whether the difference is significant, how the bag of words scores, and whether a
// run collapsed.
func TestScoreVerdict(t *testing.T) {
	words := map[string]evaluate.PRF{result.BaselineWords: {F1: 40}}
	bounds := func(low, high float64) evaluate.Difference {
		return evaluate.Difference{Delta: (low + high) / 2, Low: &low, High: &high}
	}
	for _, tt := range []struct {
		name    string
		better  evaluate.Difference // of a above b; none if zero
		f1      float64             // of a; b has 60 from 57 to 63
		alone   bool
		only    bool // a gives every pair the same label
		words   bool
		want    []string
		wantNot string
	}{
		{name: "one run", alone: true, f1: 62, want: []string{"Micro F1 is 62.0 (95 % interval 59.0 to 65.0)."}},
		{name: "one run above words", alone: true, words: true, f1: 62, want: []string{"That is 22.0 points above the bag-of-words baseline, which has 40.0."}},
		{name: "one run like words", alone: true, words: true, f1: 41, want: []string{"The difference from the bag-of-words baseline, which has 40.0, is not significant"}},
		{name: "one run below words", alone: true, words: true, f1: 30, want: []string{"That is 10.0 points below the bag-of-words baseline", "not useful yet"}},
		{name: "better", better: bounds(1, 5), f1: 63, want: []string{"The best run, a, is better than b: micro F1 63.0 against 60.0, a difference of 3.0 points (95 % interval 1.0 to 5.0)."}},
		{name: "perhaps better", better: bounds(-1, 5), f1: 62, want: []string{"The best run, a, is not significantly better than b: micro F1 62.0 against 60.0, a difference of 2.0 points (95 % interval −1.0 to 5.0)."}, wantNot: "is better than"},
		{name: "worse", better: bounds(-5, -1), f1: 57, want: []string{"No run is better than b: micro F1 60.0 against 57.0 of a; the difference is 3.0 points (95 % interval 1.0 to 5.0)."}},
		{name: "nothing is known of the pairs", f1: 63, want: []string{"The best run is a: micro F1 63.0 against 60.0 of b. Without predictions the difference has no interval."}},
		{name: "collapsed", alone: true, only: true, f1: 0, want: []string{`The model has collapsed: it gives every pair the label "false".`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := relation("a", "attention", "", tt.f1), relation("b", "cls", "", 60)
			tests := tested()
			tests.own[a] = evaluate.Interval{Mean: tt.f1, Low: tt.f1 - 3, High: tt.f1 + 3, N: 800}
			if tt.better.Low != nil {
				tests.against[a] = tt.better
			}
			if tt.words {
				a.Result.Relation.Baseline = words
			}
			a.Result.Relation.Labels, a.Result.Relation.Confusion = []string{"effect", "false"}, [][]int{{3, 2}, {1, 9}}
			if tt.only {
				a.Result.Relation.Confusion = [][]int{{0, 5}, {0, 10}}
			}
			runs := []*Run{a, b}
			if tt.alone {
				runs = runs[:1]
			}
			got := strings.Join(scoreVerdict(scoredRuns(name(runs)), tests), " ")
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("got %q, want %q in it", got, w)
				}
			}
			if tt.wantNot != "" && strings.Contains(got, tt.wantNot) || !tt.only && strings.Contains(got, "collapsed") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// With two or more comparisons, each is judged by a p value adjusted for their number.
func TestSeveralComparisonsAreAdjusted(t *testing.T) {
	a, b, c := relation("a", "attention", "", 63), relation("b", "cls", "", 60), relation("c", "mention", "", 61)
	tests := tested()
	low, high := 0.1, 5.9
	tests.against[a] = evaluate.Difference{Delta: 3, Low: &low, High: &high, P: 0.04}
	runs := scoredRuns(name([]*Run{a, b, c}))
	if got := scoreVerdict(runs, tests)[0]; !strings.Contains(got, "a, is better than b") {
		t.Errorf("one comparison: %q", got)
	}
	tests.against[c] = evaluate.Difference{Delta: 1, Low: &low, High: &high, P: 0.5}
	if got := scoreVerdict(runs, tests)[0]; !strings.Contains(got, "a, is not significantly better than b") || !strings.Contains(got, "p = 0.0800 for 2 comparisons") {
		t.Errorf("two comparisons: %q", got)
	}
	table := scoreTable(runs, tests)
	at := slices.IndexFunc(table.Columns, func(c Column) bool { return c.Name == "p, by Holm" })
	if at < 0 {
		t.Fatalf("columns %v, want one of p", table.Columns)
	}
	var got []string
	for _, r := range table.Rows {
		got = append(got, r.Cells[at])
	}
	if diff := cmp.Diff([]string{"0.0800", noValue, "0.5000"}, got); diff != "" {
		t.Errorf("p (-want +got):\n%s", diff)
	}
}

// The page reports the findings of a run except those in the verdict.
func TestFindings(t *testing.T) {
	a := relation("a", "cls", "", 30)
	res := a.Result.Relation
	res.Findings = []result.Finding{{Kind: "repeated_rows", Text: "train: 3 rows are repeated"}, {Kind: result.NotAboveBaseline, Text: "F1 30 is not above"}, {Kind: result.OneLabelPredicted, Text: "seed-2: one label"}}
	want := Notes{"train: 3 rows are repeated.", "F1 30 is not above.", "seed-2: one label."}
	if diff := cmp.Diff(want, findingsOf(name([]*Run{a}))); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	res.Baseline = map[string]evaluate.PRF{result.BaselineWords: {F1: 40}}
	res.Labels, res.Confusion = []string{"effect", "false"}, [][]int{{0, 5}, {0, 10}}
	if diff := cmp.Diff(want[:1], findingsOf(name([]*Run{a}))); diff != "" {
		t.Errorf("findings beside the verdict (-want +got):\n%s", diff)
	}
}

// Runs scored on different files are not compared with each other.
func TestCorporaStandApart(t *testing.T) {
	p, err := relationPart(t.Context(), name([]*Run{relation("a", "cls", "ddi.tsv", 60), relation("b", "cls", "aimed.tsv", 80)}), true)
	if err != nil {
		t.Fatal(err)
	}
	var captions []string
	for _, b := range p.lead {
		if table, ok := b.(Table); ok {
			captions = append(captions, table.Caption)
			if len(table.Rows) != 1 {
				t.Errorf("%s has %d rows, want 1", table.Caption, len(table.Rows))
			}
		}
	}
	want := []string{
		`ddi.tsv: Micro scores of the labels other than "false", in percent`,
		`aimed.tsv: Micro scores of the labels other than "false", in percent`,
	}
	if diff := cmp.Diff(want, captions); diff != "" {
		t.Errorf("captions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ddi.tsv: Micro F1 is 60.0.", "aimed.tsv: Micro F1 is 80.0."}, p.verdict); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

func TestNewestCheckpointIsLinked(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []string{"step-0000900", "step-0001000", "step-0000010"} {
		put(t, filepath.Join(dir, "checkpoints", step, "config.json"), "{}")
	}
	if diff := cmp.Diff([]string{"checkpoints/step-0001000"}, present(dir)); diff != "" {
		t.Errorf("present (-want +got):\n%s", diff)
	}
}

func TestUnfinishedRunsAreCounted(t *testing.T) {
	page, err := Compose(t.Context(), []*Run{relation("a", "cls", "", 1), {Name: "b", Dir: "b"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "2 runs, 1 of them not finished."; page.Subtitle != want || page.Title != "a and b" {
		t.Errorf("got %q and %q, want %q and %q", page.Title, page.Subtitle, "a and b", want)
	}
	if _, err := Compose(t.Context(), nil, Options{}); err == nil {
		t.Error("a page of no runs was composed")
	}
}
