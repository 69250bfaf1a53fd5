package reproduce

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/runs/result"
)

// TestRead: the values that are read from the results of each kind of run.
func TestRead(t *testing.T) {
	const (
		cell   = `{"task":"relation","micro":{"p":9,"r":9,"f1":9},"seeds":[{"micro":{"p":1,"r":2,"f1":3}},{"micro":{"p":4,"r":5,"f1":6}}]}`
		counts = `{"counts":[{"split":"train","pairs":7,"labels":{"a":2,"False":5}},{"split":"test","pairs":3,"labels":{"1":1,"0":2}}]}`
		rest   = `"scores":[{},{},{}],"delta":[{},{}],"cumulative":[{},{}]`
		probe  = `{"task":"probe","probe":{"layers":[0,1,2],"alpha":[[1],[],[]],"centre":[{},{},{}],"gamma":[{},{},{}],"series":[` +
			`{"of":"encoder","f1":[[1,2,4],[2,3,9]],` + rest + `},{"of":"random","f1":[[0,1,1.5],[0,1,2.5]],` + rest + `}]}}`
		words = `{"task":"attention","attention":{"stems":[{"stem":"bind"},{"stem":"act"}],"sentences":[{},{},{}]}}`
	)
	for _, test := range []struct {
		name   string
		kind   string
		row    Row
		column Column
		rank   int
		text   string
		want   Measured
	}{
		{"F1 of seeds", Scores, Row{}, Column{Score: "f1"}, 0, cell, Measured{Values: []float64{3, 6}}},
		{"precision of seeds", Scores, Row{}, Column{Score: "p"}, 0, cell, Measured{Values: []float64{1, 4}}},
		{"recall of one run", Scores, Row{}, Column{Score: "r"}, 0, `{"task":"relation","micro":{"p":1,"r":2,"f1":3}}`, Measured{Values: []float64{2}}},
		{"all pairs", Counts, Row{}, Column{}, 0, counts, Measured{Values: []float64{10}}},
		{"a split", Counts, Row{}, Column{Split: "test"}, 0, counts, Measured{Values: []float64{3}}},
		{"related", Counts, Row{}, Column{Split: "positive"}, 0, counts, Measured{Values: []float64{3}}},
		{"no such split", Counts, Row{}, Column{Split: "dev"}, 0, counts, Measured{}},
		{"loss", Losses, Row{}, Column{}, 0, `{"mlm_loss":6.5}`, Measured{Values: []float64{6.5}}},
		{"first probe", Probes, Row{Value: "first"}, Column{}, 0, probe, Measured{Values: []float64{1, 2}}},
		{"last probe", Probes, Row{Value: "last"}, Column{}, 0, probe, Measured{Values: []float64{4, 9}}},
		{"delta", Probes, Row{Value: "delta"}, Column{}, 0, probe, Measured{Values: []float64{2, 6}}},
		{"random encoder", Probes, Row{Value: "random"}, Column{}, 0, probe, Measured{Values: []float64{1.5, 2.5}}},
		{"shuffled labels", Probes, Row{Value: "shuffled"}, Column{}, 0, probe, Measured{}},
		{"second stem", Stems, Row{}, Column{}, 1, words, Measured{Words: []string{"act"}}},
		{"no tenth stem", Stems, Row{}, Column{}, 9, words, Measured{}},
		{"sentences", Sentences, Row{}, Column{}, 0, words, Measured{Values: []float64{3}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, result.File), []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := read(&Experiment{Kind: test.kind}, test.row, test.column, test.rank, dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMerged(t *testing.T) {
	below := map[string]any{"task": map[string]any{"batch": 1, "pooling": "cls"}, "x": 1}
	got := merged(below, nested("task.pooling", "mean"), map[string]any{"x": 2}, nil)
	want := map[string]any{"task": map[string]any{"batch": 1, "pooling": "mean"}, "x": 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if below["task"].(map[string]any)["pooling"] != "cls" {
		t.Error("what was laid over has changed")
	}
	if got, want := variant(map[string]any{"task": map[string]any{"pooling": "mean", "layers": []int{1, 2}}, "a": 0.5}), "+a-0.5+layers-_1_2_+pooling-mean"; got != want {
		t.Errorf("variant %q, want %q", got, want)
	}
}

// TestCheck: files are compared with their checksums, and a missing file and a different one give different errors.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	form := func(file, sum string) Corpus {
		return Corpus{Name: "c", Forms: []Form{{Path: "none"}, {Path: "a", Files: map[string]string{file: sum}, Obtain: "there", Licence: "free"}}}
	}
	for _, test := range []struct {
		name string
		data Data
		c    Corpus
		want string
	}{
		{"known", Data{Dir: dir}, form("a", sum), ""},
		{"another", Data{Dir: dir}, form("a", "00"), "a is not the known file: sha256 ba7816bf8f01, want 00; --unchecked accepts it"},
		{"another, taken", Data{Dir: dir, Anyhow: true}, form("a", "00"), ""},
		{"part missing", Data{Dir: dir}, form("b", sum), "b is missing from the data directory"},
		{"none there", Data{Dir: filepath.Join(dir, "x")}, form("a", sum), "no corpus given; use --data DIR with none:  (); or a: there (free)"},
		{"no directory", Data{}, form("a", sum), "no corpus given; use --data DIR with none:  (); or a: there (free)"},
		{"taken for granted", Data{Assumed: true}, form("a", sum), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.data.find(test.c)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestMargin: the diagonal is compared with the nearest of the other adapted models, seed by seed, and not with the
// base.
func TestMargin(t *testing.T) {
	e := &Experiment{ID: "m", Kind: Losses, Columns: []Column{{Label: "a", Domain: "a"}},
		Rows: []Row{{Label: "base"}, {Label: "on a", Domain: "a"}, {Label: "on b", Domain: "b"}, {Label: "on c", Domain: "c"}}}
	o := &Outcome{Experiments: map[string]map[string][]Measured{"m": {
		"base": {{Values: []float64{5.1, 6.1}}}, "on a": {{Values: []float64{5, 6}}}, "on b": {{Values: []float64{5.5, 6.7}}}, "on c": {{Values: []float64{9, 9}}},
	}}}
	o.Verdicts = judgeLosses(e, o)
	rows := TableOf(e, o, &Sources{}, nil).Rows
	if got, want := rows[len(rows)-1][1], "+0.600 [-0.671, +1.871]"; got != want { // 0.6 ± 12.706·0.1414/√2
		t.Errorf("margin %s, want %s", got, want)
	}
}
