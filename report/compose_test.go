package report

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// relation is a run with the F1 of its seeds.
func relation(name, pooling, file string, f1 ...float64) *Run {
	res := &result.Relation{Task: result.TaskRelation, Pooling: pooling, Scored: file, Report: evaluate.Report{Negative: "false"}}
	for i, f := range f1 {
		res.Seeds = append(res.Seeds, result.Seed{Seed: uint32(i + 1), Micro: evaluate.PRF{P: f + 1, R: f - 1, F1: f}})
	}
	return &Run{Name: name, Dir: name, Result: &result.Result{Header: result.Header{Task: result.TaskRelation}, Relation: res}}
}

// The pooler's head is what others are compared with, wherever it stands; the best is marked; baselines are muted.
func TestScoreTable(t *testing.T) {
	a, b := relation("a", "attention", "", 62, 64), relation("b", "cls", "", 60)
	b.Result.Relation.Majority = evaluate.PRF{P: 5, R: 50, F1: 9}
	a.Result.Relation.Baseline = map[string]evaluate.PRF{"word_overlap": {P: 30, R: 40, F1: 34}}
	got := scoreTable(scoredRuns(name([]*Run{a, b})))
	if got.Columns[7].Name != "against b" {
		t.Errorf("the comparison is %q, want one against b", got.Columns[7].Name)
	}
	want := []Row{
		{Cells: []string{"a", "attention", "64.0", "62.0", "63.0 ± 1.4", "62.0 to 64.0", "2", "+3.0"}, Strong: true},
		{Cells: []string{"b", "cls", "61.0", "59.0", "60.0", noValue, "1", noValue}},
		{Cells: []string{"word overlap (baseline)", noValue, "30.0", "40.0", "34.0", noValue, noValue, "−26.0"}, Muted: true},
		{Cells: []string{"majority label (baseline)", noValue, "5.0", "50.0", "9.0", noValue, noValue, "−51.0"}, Muted: true},
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// Runs scored on different files are not compared with each other.
func TestCorporaStandApart(t *testing.T) {
	s := scoreSection(scoredRuns(name([]*Run{relation("a", "cls", "ddi.tsv", 60), relation("b", "cls", "aimed.tsv", 80)})))
	var captions []string
	for _, b := range s.Blocks {
		if table, ok := b.(Table); ok {
			captions = append(captions, table.Caption)
			if len(table.Rows) != 1 {
				t.Errorf("%s has %d rows, want 1", table.Caption, len(table.Rows))
			}
		}
	}
	want := []string{
		`ddi.tsv: Micro scores over the labels other than "false", in percent`,
		`aimed.tsv: Micro scores over the labels other than "false", in percent`,
	}
	if diff := cmp.Diff(want, captions); diff != "" {
		t.Errorf("captions (-want +got):\n%s", diff)
	}
}

func TestNamesTellRunsApart(t *testing.T) {
	got := name([]*Run{{Name: "x", Dir: "one/x"}, {Name: "y", Dir: "one/y"}, {Name: "x", Dir: "two/x/"}})
	var names []string
	for _, n := range got {
		names = append(names, n.name)
	}
	if diff := cmp.Diff([]string{"one/x", "y", "two/x"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
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
	if want := "2 runs, 1 of them not finished."; page.Subtitle != want || page.Title != "a, b" {
		t.Errorf("got %q and %q, want %q and %q", page.Title, page.Subtitle, "a, b", want)
	}
	if _, err := Compose(t.Context(), nil, Options{}); err == nil {
		t.Error("a page of no runs was composed")
	}
}
