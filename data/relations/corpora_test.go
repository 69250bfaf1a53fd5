package relations

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus is a file or folder of the real data, which is not part of this repository.
func corpus(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("SUBBERT_DATA")
	if root == "" {
		t.Skip("SUBBERT_DATA does not name the folder with the real corpora")
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("not here: %v", err)
	}
	return path
}

func TestRealCounts(t *testing.T) {
	tests := []struct {
		name, format, in string
		want             []Count
		differences      int // lines of Differences
		warnings         int
	}{
		{"DDI 2013", "ddi2013", "ddi2013/DDICorpus-2013.zip", published("DDI 2013"), 1, 1},
		{"AIMed", "aimed", "aimed", published("AIMed"), 0, 0},
		{"ChemProt, BioELECTRA", "tsv", "chemprot/bioelectra", []Count{
			{"train", 16521, map[string]int{"False": 12389, "CPR:3": 761, "CPR:4": 2251, "CPR:5": 172, "CPR:6": 235, "CPR:9": 713}},
			{"dev", 10361, map[string]int{"False": 7949, "CPR:3": 548, "CPR:4": 1093, "CPR:5": 115, "CPR:6": 199, "CPR:9": 457}},
			{"test", 14396, map[string]int{"False": 10955, "CPR:3": 664, "CPR:4": 1658, "CPR:5": 183, "CPR:6": 292, "CPR:9": 644}},
		}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			warnings := 0
			got, err := Collect(Read(tt.format, corpus(t, tt.in), Options{Warn: func(string) { warnings++ }}))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, CountPairs(got)); d != "" {
				t.Errorf("counts (-want +got):\n%s", d)
			}
			if d := Differences(tt.format, got); len(d) != tt.differences || warnings != tt.warnings {
				t.Errorf("%d differences, %d warnings, want %d, %d: %q", len(d), warnings, tt.differences, tt.warnings, d)
			}
		})
	}
}

func TestRealFolds(t *testing.T) {
	got, err := Collect(Read("aimed", corpus(t, "aimed"), Options{}))
	if err != nil {
		t.Fatal(err)
	}
	sizes, overlapping := make([]int, 10), 0
	for _, e := range got {
		sizes[e.Fold]++
		if e.A.Hull().Overlaps(e.B.Hull()) {
			overlapping++
		}
	}
	if d := cmp.Diff([]int{621, 546, 593, 587, 523, 599, 605, 716, 491, 553}, sizes); d != "" || overlapping != 164 {
		t.Errorf("%d overlapping pairs, want 164; folds (-want +got):\n%s", overlapping, d)
	}
	if err := CheckFolds(got, "0"); err != nil {
		t.Error(err)
	}
}

// Every marked pair of DDI has two tags, or one tag for both mentions, wherever the mentions are.
func TestRealMarks(t *testing.T) {
	discontinuous := map[string]bool{}
	for e, err := range Read("ddi2013", corpus(t, "ddi2013/DDICorpus-2013.zip"), Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		a, b, all := located(RowOf(e, Tag).Sentence)
		if !a.Found() || !b.Found() || len(all) != 2 && !e.A.Hull().Overlaps(e.B.Hull()) {
			t.Fatalf("pair %s: %d tags", e.ID, len(all))
		}
		for _, m := range e.Mentions {
			if len(m.Spans) > 1 {
				discontinuous[m.ID] = true
			}
		}
	}
	if len(discontinuous) != 47 {
		t.Errorf("%d discontinuous mentions, want 47", len(discontinuous))
	}
}
