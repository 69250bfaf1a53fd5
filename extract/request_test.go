package extract_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/runs/result"
)

func TestFormOf(t *testing.T) {
	for name, want := range map[string]string{
		"a.jsonl": "jsonl", "a.json": "jsonl", "a.pubtator": "pubtator", "a.tsv": "tsv", "a": "tsv", "-": "tsv", "jsonl": "tsv", "a.bioc": "bioc",
		"a.xml.gz": "bioc", "a.JSONL.zst": "jsonl", "a.gz": "tsv", "a.parquet": "", "a.jsonl.xz": "",
	} {
		if got, err := extract.FormOf(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: form %s, %v; want %q", name, got, err, want)
		}
	}
}

func TestSourcePairTypes(t *testing.T) {
	for _, test := range []struct {
		name  string
		types []string
		want  extract.Source
		fault bool
	}{
		{"none", nil, extract.Source{}, false},
		{"two", []string{"A", "B"}, extract.Source{Types: [2]string{"A", "B"}}, false},
		{"all", []string{"all"}, extract.Source{AllPairs: true}, false},
		{"one", []string{"A"}, extract.Source{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got extract.Source
			if err := got.PairTypes(test.types...); (err != nil) != test.fault {
				t.Errorf("error %v, want one: %v", err, test.fault)
			}
			if got.Types != test.want.Types || got.AllPairs != test.want.AllPairs {
				t.Errorf("types %v, all %v", got.Types, got.AllPairs)
			}
		})
	}
}

// TestWrite: the file has the predictions in the order of the input, and the summary counts and scores them.
func TestWrite(t *testing.T) {
	m, f := open(t, extract.Options{})
	pairs := 0
	r := extract.Request{Source: extract.Source{Format: "tsv", Name: f.Test}, Out: filepath.Join(t.TempDir(), "out.tsv"), Form: extract.FormTSV, Predicted: func(n int) { pairs = n }}
	s, err := m.Write(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	file, err := relations.OpenPredictions(r.Out, relations.Options{})
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]int{}
	for _, row := range file.Rows {
		labels[row.Predicted]++
	}
	if diff := cmp.Diff(labels, s.Labels); diff != "" {
		t.Errorf("labels (-file +summary):\n%s", diff)
	}
	if s.Pairs != len(file.Rows) || pairs != s.Pairs || s.Score == nil || s.Score.Instances != s.Pairs || s.Out != r.Out {
		t.Errorf("summary %+v of %d rows, %d counted", s, len(file.Rows), pairs)
	}
	asked := new(extract.RequestError)
	if r.Form = extract.FormBioC; !errors.As(r.Check(), &asked) {
		t.Errorf("BioC of a TSV: %v, want a *RequestError", r.Check())
	}
	if _, err := m.Write(t.Context(), r); !errors.As(err, &asked) {
		t.Errorf("BioC of a TSV: %v, want a *RequestError", err)
	}
}

// TestAttention: the test set is shown if there is one, and the sentences that the baseline gets wrong if it is given.
func TestAttention(t *testing.T) {
	m, f := open(t, extract.Options{})
	request := func() extract.AttentionRequest {
		return extract.AttentionRequest{Model: "m", Source: extract.Source{Format: "tsv", Name: f.Test}, Show: extract.Show{Sentences: 3, Near: 3, Least: 1, Top: 2}, Out: filepath.Join(t.TempDir(), "out")}
	}
	r := request()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	counted := 0
	r.Counted = func(_, total int) { counted = total }
	made, err := m.Attention(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if made.Task != result.TaskAttention || made.Model != "m" || len(made.Attention.Sentences) != 3 || made.Attention.Examples != counted || made.Attention.Data != f.Test {
		t.Errorf("%d sentences of %d, %d counted, data %s", len(made.Attention.Sentences), made.Attention.Examples, counted, made.Attention.Data)
	}
	for _, name := range []string{result.File, result.PageFile} {
		if _, err := os.Stat(filepath.Join(r.Out, name)); err != nil {
			t.Error(err)
		}
	}
	strange := filepath.Join(t.TempDir(), "strange.tsv")
	if err := os.WriteFile(strange, []byte("index\tgold\tpredicted\nnone\ta\tb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := request()
	other.Baseline = strange
	asked := new(extract.RequestError)
	if _, err := m.Attention(t.Context(), other); !errors.As(err, &asked) || !strings.HasPrefix(err.Error(), f.Test+": ") {
		t.Errorf("a baseline of other sentences: %v, want a *RequestError of %s", err, f.Test)
	}
	for name, change := range map[string]func(*extract.AttentionRequest){
		"a head without a layer": func(r *extract.AttentionRequest) { r.Look.Head = 1 },
		"two choices":            func(r *extract.AttentionRequest) { r.Show.Index, r.Baseline = []string{"1"}, strange },
		"no stem":                func(r *extract.AttentionRequest) { r.Show.Top = 0 },
		"a directory that has a result": func(r *extract.AttentionRequest) {
			r.Out = filepath.Join(filepath.Dir(f.Test), "..", "finetuned")
		},
	} {
		r := request()
		if change(&r); !errors.As(r.Check(), &asked) {
			t.Errorf("%s: %v, want a *RequestError", name, r.Check())
		}
	}
}
