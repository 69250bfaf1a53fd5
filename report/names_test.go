package report

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/runs/result"
)

// configured returns a run with a config, in a directory of the given name.
func configured(t *testing.T, dir, config string) *Run {
	t.Helper()
	put(t, filepath.Join(dir, result.ConfigFile), config)
	r, err := ReadRun(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Runs are named by the differences between their configs.
func TestNames(t *testing.T) {
	const key1, key2 = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	swept := func(name string) string { return fmt.Sprintf(`{"key":"k","name":%q}`, name) }
	for _, tt := range []struct {
		name string
		runs []map[string]string // files of each run, by their paths; "dir" is its directory
		want []string
	}{
		{"one setting", []map[string]string{
			{"dir": key1, "config": "[task]\nname='relation'\npooling='cls'\n[run]\ndir='a'"},
			{"dir": key2, "config": "[task]\nname='relation'\npooling='attention'\n[run]\ndir='b'"},
		}, []string{"cls pooling", "attention pooling"}},
		{"the fewest that tell all apart", []map[string]string{
			{"dir": "a", "config": "[model]\ninit='m/bert/model'\nfresh='all'\n[task]\nname='relation'\npooling='cls'\n[optimizer]\nlearning_rate=1e-4"},
			{"dir": "b", "config": "[model]\ninit='m/bert/model'\nfresh='all'\n[task]\nname='relation'\npooling='cls'\n[optimizer]\nlearning_rate=3e-4"},
			{"dir": "c", "config": "[model]\ninit='runs/ppi/checkpoints/step-0000100'\nfresh='x'\n[task]\nname='relation'\npooling='lstm'\n[optimizer]\nlearning_rate=1e-4"},
		}, []string{"from bert, rate 1e−4", "from bert, rate 3e−4", "from ppi, rate 1e−4"}},
		{"how it runs does not count", []map[string]string{
			{"dir": "a", "config": "[task]\nname='relation'\n[device]\nworkers=1"},
			{"dir": "b", "config": "[task]\nname='relation'\n[device]\nworkers=2"},
		}, []string{"a", "b"}},
		{"too many settings", []map[string]string{
			{"dir": "a", "config": "[task]\nname='x'\nw=1\nx=1\ny=1\nz=1"}, {"dir": "b", "config": "[task]\nname='x'\nw=2\nx=1\ny=1\nz=1"},
			{"dir": "c", "config": "[task]\nname='x'\nw=1\nx=2\ny=1\nz=1"}, {"dir": "d", "config": "[task]\nname='x'\nw=1\nx=1\ny=2\nz=1"},
			{"dir": "e", "config": "[task]\nname='x'\nw=1\nx=1\ny=1\nz=2"},
		}, []string{"a", "b", "c", "d", "e"}},
		{"other tasks do not count", []map[string]string{
			{"dir": "pre", "config": "[task]\nname='pretraining'\nbatch=8"}, {"dir": key1, "config": "[task]\nname='relation'\nbatch=16"},
		}, []string{"pre", "fine-tuning"}},
		{"as the sweep calls them", []map[string]string{
			{"dir": key1, "config": "[task]\nname='relation'\npooling='cls'", "task": swept("finetune/cls/1")},
			{"dir": key2, "config": "[task]\nname='relation'\npooling='mean'", "task": swept("finetune/mean/1")},
		}, []string{"cls/1", "mean/1"}},
		{"alike", []map[string]string{
			{"dir": key1, "config": "[task]\nname='relation'"}, {"dir": key2, "config": "[task]\nname='relation'"},
		}, []string{"fine-tuning (1)", "fine-tuning (2)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			var runs []*Run
			for _, files := range tt.runs {
				at := filepath.Join(dir, files["dir"])
				if files["task"] != "" {
					put(t, filepath.Join(at, "task.json"), files["task"])
				}
				runs = append(runs, configured(t, at, files["config"]))
			}
			var got []string
			for _, n := range name(runs) {
				got = append(got, n.name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPathName(t *testing.T) {
	for path, want := range map[string]string{
		"": "", "hub:biobert-v1.1": "biobert-v1.1", "pretrained/pubmedbert": "pubmedbert", "runs/ppi/model": "ppi", "runs/x/checkpoints/step-0001000": "x", "runs/x/seed-2/model": "x", "model": "model",
	} {
		if got := pathName(path); got != want {
			t.Errorf("%q is called %q, want %q", path, got, want)
		}
	}
}

// Fine-tuning runs that differ only in their seed are one run; their encoders may differ in the seed, too.
func TestSeedsAreMerged(t *testing.T) {
	dir := t.TempDir()
	var runs []*Run
	for _, pooling := range []string{"cls", "attention"} {
		for seed := 1; seed <= 3; seed++ {
			pre := filepath.Join(dir, fmt.Sprintf("pre%d", seed))
			put(t, filepath.Join(pre, result.ConfigFile), fmt.Sprintf("[task]\nname='pretraining'\n[run]\nseed=%d", seed))
			at := filepath.Join(dir, fmt.Sprintf("%s%d", pooling, seed))
			put(t, filepath.Join(at, result.ConfigFile), fmt.Sprintf("[model]\ninit=%q\n[task]\nname='relation'\npooling=%q\n[run]\nseed=%d\ndir=%q", filepath.Join(pre, "model"), pooling, seed, at))
			put(t, filepath.Join(at, "task.json"), fmt.Sprintf(`{"name":"finetune/%s/%d"}`, pooling, seed))
			put(t, filepath.Join(at, result.MetricsFile), `{"step":1,"loss":1}`+"\n")
			put(t, filepath.Join(at, result.File), fmt.Sprintf(`{"task":"relation","labels":["a","b"],"negative":"b","pooling":%q,"seed":%d,"steps":10,"micro":{"f1":%d},"confusion":[[3,1],[1,5]]}`, pooling, seed, 50+seed))
			r, err := ReadRun(t.Context(), at, nil)
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, r)
		}
	}
	merged := mergeSeeds(runs)
	if len(merged) != 2 {
		t.Fatalf("%d runs, want 2", len(merged))
	}
	got := name(merged)
	if got[0].name != "cls" || got[1].name != "attention" {
		t.Errorf("they are called %q and %q", got[0].name, got[1].name)
	}
	s := scoredRuns(got)
	if diff := cmp.Diff([]float64{51, 52, 53}, s[1].f1); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if r := s[0].run; r.relation().Steps != 30 || r.relation().Instances != 30 || len(r.Series) != 3 || r.Series[1].Name != "seed 2" || len(r.dirs()) != 3 || r.steps() != "30" {
		t.Errorf("merged into %+v with series %v", r.relation(), r.Series)
	}
	page, err := Compose(t.Context(), runs, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "6 runs; runs that differ only in their seed are combined."; page.Subtitle != want {
		t.Errorf("got %q, want %q", page.Subtitle, want)
	}
	// Another setting keeps runs apart.
	put(t, filepath.Join(runs[0].Dir, result.ConfigFile), "[task]\nname='relation'\npooling='cls'\nbatch=3\n[run]\nseed=1")
	if runs[0], err = ReadRun(t.Context(), runs[0].Dir, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(mergeSeeds(runs)); n != 3 {
		t.Errorf("%d runs with one of another batch, want 3", n)
	}
}

func TestWithoutCommon(t *testing.T) {
	for _, test := range []struct{ names, want []string }{
		{[]string{"finetune/cls/1"}, []string{"finetune/cls/1"}},
		{[]string{"finetune/cls/1", "finetune/cls/2"}, []string{"1", "2"}},
		{[]string{"finetune/cls/1", "finetune/clinical/1", "finetune/a"}, []string{"cls/1", "clinical/1", "a"}},
		{[]string{"cls", "finetune/cls"}, []string{"cls", "finetune/cls"}},
	} {
		if diff := cmp.Diff(test.want, withoutCommon(test.names)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.names, diff)
		}
	}
}

func TestShortCorpus(t *testing.T) {
	of := func(corpora ...string) (groups [][]scored) {
		for _, c := range corpora {
			groups = append(groups, []scored{{run: &Run{Result: &result.Result{Relation: &result.Relation{Scored: c}}}}})
		}
		return groups
	}
	for _, test := range []struct {
		corpora []string
		want    string
	}{
		{[]string{"/data/ddi/test.tsv"}, "test.tsv"},
		{[]string{"/data/ddi/test.tsv", "/data/ppi/test.tsv"}, "ddi/test.tsv"},
		{[]string{"ddi/test.tsv", "/data/ddi/test.tsv"}, "ddi/test.tsv"},
		{[]string{"ddi2013", "aimed"}, "ddi2013"},
	} {
		if got := shortCorpus(test.corpora[0], of(test.corpora...)); got != test.want {
			t.Errorf("%q: %s, want %s", test.corpora, got, test.want)
		}
	}
}
