package result

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
)

// TestParse: a written result is read back as its type, without an unknown key.
func TestParse(t *testing.T) {
	fold := 3
	relation := &Relation{
		Task: TaskRelation, Scored: "test.tsv", Pooling: "cls", Seed: 7, Fold: &fold, Steps: 5, Backend: "go", Model: "m",
		Report:   evaluate.Report{Labels: []string{"a", "b"}, Negative: "b", Confusion: [][]int{{1, 2}, {3, 4}}},
		Seeds:    []Seed{{Seed: 7, Micro: evaluate.PRF{F1: 50}}},
		Baseline: map[string]evaluate.PRF{"bag of words": {F1: 30}}, Provenance: Provenance{Command: "subbert finetune f.toml"},
	}
	pretraining := &Pretraining{Task: TaskPretraining, Seed: 7, Steps: 9, HeldOut: map[string]float64{"heldout_mlm_loss": 2}, Backend: "go", Model: "m"}
	for _, want := range []*Result{
		{Header: Header{Task: TaskRelation, Seed: 7, Steps: 5, Backend: "go", Model: "m", Provenance: relation.Provenance}, Relation: relation},
		{Header: Header{Task: TaskPretraining, Seed: 7, Steps: 9, Backend: "go", Model: "m"}, Pretraining: pretraining},
		{Header: Header{Task: TaskProbing}, Probing: &Probing{Task: TaskProbing}},
		{Header: Header{Task: TaskAttention, Model: "m"}, Attention: &Attention{Task: TaskAttention, Model: "m"}},
	} {
		t.Run(want.Task, func(t *testing.T) {
			dir := t.TempDir()
			written := map[string]any{TaskRelation: want.Relation, TaskPretraining: want.Pretraining, TaskProbing: want.Probing, TaskAttention: want.Attention}[want.Task]
			if err := atomicfile.WriteJSON(filepath.Join(dir, File), written); err != nil {
				t.Fatal(err)
			}
			got, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-written +read\n%s", diff)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", "{\n\"task\":", "line 2: not JSON: unexpected end of JSON input"},
		{"another type", "{\n\"seconds\": \"1\"}", "line 2: seconds has the wrong type: string"},
		{"rows of a confusion", `{"task":"relation","labels":["a","b"],"confusion":[[1,2]]}`, "confusion has 1 rows for 2 labels"},
		{"columns of a confusion", `{"task":"relation","labels":["a","b"],"confusion":[[1,2],[3]]}`, "confusion: row 2 has 1 columns, want 2"},
		{"no probes", `{"task":"probe","probe":{}}`, "0 layers, 0 series"},
		{"scores of probes", `{"task":"probe","probe":{"layers":[0,1],"series":[{"of":"encoder","scores":[{}]}]}}`, "encoder has 1 scores, 0 deltas for 2 layers"},
		{"alpha of probes", `{"task":"probe","probe":{"layers":[0],"series":[{"of":"encoder","scores":[{}],"delta":[],"cumulative":[]}]}}`, "0 rows of alpha"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestConfusionLabels: the matrix may have a row for the negative label even if the labels do not list it.
func TestConfusionLabels(t *testing.T) {
	r, err := Parse([]byte(`{"task":"relation","labels":["a"],"negative":"none","confusion":[[1,2],[3,4]],"moon":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "none"}, r.Relation.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"moon"}, r.Unknown); diff != "" {
		t.Errorf("unknown keys (-want +got):\n%s", diff)
	}
}

func TestPredictions(t *testing.T) {
	dir := t.TempDir()
	check := func(path string, want ...string) {
		t.Helper()
		got, err := Predictions(path)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	one := filepath.Join(dir, PredictionsFile)
	check(one, one)
	check(dir, one)
	for _, name := range []string{SeedPredictions(1), SeedPredictions(10), "predictions-seed-x.tsv"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check(dir, filepath.Join(dir, SeedPredictions(1)), filepath.Join(dir, SeedPredictions(10)))
}

func TestStrings(t *testing.T) {
	for _, test := range []struct {
		v    fmt.Stringer
		want string
	}{
		{Interval{evaluate.Interval{Mean: 60, Low: 55.5, High: 64, N: 80}, OverPairs}, "micro F1 60.0, 95 % interval 55.5 to 64.0 over 80 pairs (bootstrap)"},
		{Interval{evaluate.Interval{Mean: 60, Low: 55.5, High: 64, N: 5}, OverSeeds}, "micro F1 60.0, 95 % interval 55.5 to 64.0 over 5 seeds (Student's t)"},
		{&Calibration{Temperature: 1.5, Fitted: 40, Before: evaluate.Calibration{ECE: 0.1}, After: evaluate.Calibration{ECE: 0.02}},
			"probabilities scaled by temperature 1.50, fitted on 40 dev examples: calibration error 10.0 % before, 2.0 % after"},
	} {
		if got := test.v.String(); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
}
