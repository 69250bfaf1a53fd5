package concepts

import (
	"iter"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/data/relations"
)

func seq(rows ...extracted.Row) iter.Seq2[extracted.Row, error] {
	return func(yield func(extracted.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func row(pmid, a, b, label string, p float32) extracted.Row {
	return extracted.Row{PMID: pmid, AID: a, BID: b, Label: label, Probability: p}
}

func TestCombineAndCompare(t *testing.T) {
	found, err := Combine(seq(
		row("1", "MESH:D1", "D2", "CID", 0.5), row("1", "D2", "D1", "CID", 0.75), // one fact
		row("1", "D1", "D2", "false", 0.9),                                                                  // none
		row("1", "D1|D3", "D4", "CID", 0.5),                                                                 // two
		row("1", "-", "D4", "CID", 0.5), row("1", "-1", "D4", "CID", 0.5), row("1", "D4", "D4", "CID", 0.5), // none
		row("2", "D1", "D2", "CID", 0.5), // in another article
	), "false")
	if err != nil {
		t.Fatal(err)
	}
	want := []Combined{
		{Fact{"1", "CID", "D1", "D2"}, 2, 0.75, 0.875}, {Fact{"1", "CID", "D1", "D4"}, 1, 0.5, 0.5},
		{Fact{"1", "CID", "D3", "D4"}, 1, 0.5, 0.5}, {Fact{"2", "CID", "D1", "D2"}, 1, 0.5, 0.5},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	gold := map[Fact]bool{{"1", "CID", "D1", "D2"}: true, {"1", "CID", "D3", "D4"}: true, {"3", "CID", "D1", "D2"}: true}
	for _, test := range []struct {
		least                float64
		predicted, right     int
		precision, recall, f float64
	}{{0, 4, 2, 50, 200 / 3., 400 / 7.}, {0.6, 1, 1, 100, 100 / 3., 50}, {1, 0, 0, 0, 0, 0}} {
		r := Compare(gold, found, test.least)
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
		if m := r.Micro; m.Gold != 3 || m.Predicted != test.predicted || m.Right != test.right || !near(m.Precision, test.precision) || !near(m.Recall, test.recall) || !near(m.F1, test.f) || r.Labels["CID"] != m {
			t.Errorf("least %g: %+v", test.least, r)
		}
	}
}

// TestBC5CDR: the published counts of relations, and how many of them pairs of mentions up to N sentences apart can find.
func TestBC5CDR(t *testing.T) {
	data := os.Getenv("SUBBERT_DATA")
	if data == "" {
		t.Skip("SUBBERT_DATA is not set")
	}
	dir := filepath.Join(data, "pubtext", "bc5cdr-pubtator")
	splitter, err := corpus.NewSplitter()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		lines int
		reach map[int]int
	}{
		{"Training", 1038, map[int]int{0: 761}}, {"Development", 1012, map[int]int{0: 767}}, {"Test", 1066, map[int]int{0: 749, 1: 931, 2: 999, 3: 1042, 5: 1060, 100: 1066}},
	} {
		path := filepath.Join(dir, "CDR_"+test.name+"Set.PubTator.txt.xz")
		gold, lines, err := Gold(path)
		if err != nil {
			t.Fatal(err)
		}
		if lines != test.lines || len(gold) != test.lines {
			t.Errorf("%s: %d lines, %d relations; want %d", test.name, lines, len(gold), test.lines)
		}
		for n, want := range test.reach {
			got, err := Reachable(gold, relations.Read("pubtator", path, relations.Options{Sentences: splitter.Split, Types: [2]string{"Chemical", "Disease"}, Within: n}))
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s: %d within %d sentences, want %d", test.name, got, n, want)
			}
		}
	}
}
