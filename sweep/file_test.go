package sweep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inDir writes files and makes their directory the current one.
func inDir(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

const sweepText = `
out = "results"
[[run]]
name = "shards/{domain}"
verb = "data shard"
args = ["--vocab", "start/vocab.txt", "--out", "{out}/set", "{domain}.jsonl"]
[run.matrix]
domain = ["drug", "gene"]
[[run]]
name = "pretrain/{domain}"
verb = "pretrain"
config = "configs/pretrain.toml"
set = ["data.shards = \"{in:shards/{domain}/set}\"", "schedule.steps = 20"]
hours = 1.5
gb = 2
matrix = {"run.seed" = [1, 2], domain = ["drug", "gene"]}
[[run]]
name = "report"
verb = "report"
args = ["--out", "{out}/page.html", "{in:pretrain/drug/*}"]
needs = ["pretrain/gene/*"]
[on.slurm]
time = "1:00:00"
gpus = 1
[on.slurm.pretrain]
gpus = 4
exclusive = true
`

func TestFileGraph(t *testing.T) {
	inDir(t, map[string]string{
		"sweep.toml": sweepText, "start/vocab.txt": "x\n", "drug.jsonl": "1", "gene.jsonl": "2",
		"configs/pretrain.toml": "# a comment\n[model]\ninit = \"start\"\n[schedule]\nsteps = 10\nkind = \"linear\"\n[run]\ndir = \"elsewhere\"\n[[task.phases]]\nname = \"{domain}\"\n",
	})
	f, err := ReadFile(t.Context(), "sweep.toml")
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Graph(t.Context(), []string{"model.init", "data.shards", "data.train"})
	if err != nil {
		t.Fatal(err)
	}
	config := func(domain, seed string) string {
		return "[data]\nshards = \"{in:shards/" + domain + "/set}\"\n\n[model]\ninit = \"{file:start}\"\n\n[run]\ndir = \"{out}\"\nseed = " + seed +
			"\n\n[schedule]\nkind = \"linear\"\nsteps = 20\n\n[task]\n\n[[task.phases]]\nname = \"" + domain + "\"\n"
	}
	pretrain := func(domain, seed string) Run {
		return Run{Name: "pretrain/" + domain + "/" + seed, Verb: "pretrain", Group: "pretrain", Args: []string{}, Inputs: []string{}, Config: config(domain, seed), Hours: 1.5, Bytes: 2e9}
	}
	shards := func(domain string) Run {
		return Run{Name: "shards/" + domain, Verb: "data shard", Group: "data-shard", Inputs: []string{},
			Args: []string{"--vocab", "{file:start/vocab.txt}", "--out", "{out}/set", "{file:" + domain + ".jsonl}"}}
	}
	want := []Run{shards("drug"), shards("gene"),
		pretrain("drug", "1"), pretrain("drug", "2"), pretrain("gene", "1"), pretrain("gene", "2"),
		{Name: "report", Verb: "report", Group: "report", Inputs: []string{}, Args: []string{"--out", "{out}/page.html", "{in:pretrain/drug/1}", "{in:pretrain/drug/2}"},
			Needs: []string{"pretrain/gene/1", "pretrain/gene/2"}}}
	empty := cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })
	if diff := cmp.Diff(want, g.Runs, empty); diff != "" {
		t.Error(diff)
	}
	for group, want := range map[string]map[string]string{
		"pretrain": {"time": "1:00:00", "gpus": "4", "exclusive": "true"}, "finetune": {"time": "1:00:00", "gpus": "1"},
	} {
		got, err := f.On.Slurm.Of(group)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	}
}

// TestFileElsewhere checks that relative paths are relative to the sweep's file, those of configs too.
func TestFileElsewhere(t *testing.T) {
	inDir(t, map[string]string{
		"place/sweep.toml": "out = \"results\"\n[[run]]\nname = \"a\"\nverb = \"finetune\"\nconfig = \"configs/a.toml\"\n" +
			"args = [\"train.tsv\", \"missing.tsv\", \"x={file:train.tsv}\", \"{{file:train.tsv}}\", \"/dev/null\"]\ninputs = [\"train.tsv\"]\n" +
			"set = ['data.test = \"hub:x\"', 'data.dev = \"{in:b/dev.tsv}\"']\n[[run]]\nname = \"b\"\nverb = \"data select\"\n",
		"place/configs/a.toml": "[data]\ntrain = \"train.tsv\"\n[task]\nother = \"{file:train.tsv}\"\n",
		"place/train.tsv":      "1",
	})
	f, err := ReadFile(t.Context(), "place/sweep.toml")
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Graph(t.Context(), []string{"data.train", "data.dev", "data.test"})
	if err != nil {
		t.Fatal(err)
	}
	if f.Out != "place/results" {
		t.Errorf("out is %s, want place/results", f.Out)
	}
	want := Run{Name: "a", Verb: "finetune", Group: "finetune", Inputs: []string{"place/train.tsv"},
		Args:   []string{"{file:place/train.tsv}", "missing.tsv", "x={file:place/train.tsv}", "{{file:train.tsv}}", "{file:/dev/null}"},
		Config: "[data]\ndev = \"{in:b/dev.tsv}\"\ntest = \"hub:x\"\ntrain = \"{file:place/train.tsv}\"\n\n[run]\ndir = \"{out}\"\n\n[task]\nother = \"{file:place/train.tsv}\"\n"}
	if diff := cmp.Diff(want, g.Runs[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFileFaults(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"syntax", "out =", "sweep.toml: toml: line 1"},
		{"empty", "", "sweep.toml: no [[run]]"},
		{"unknown key", "[[run]]\nname='a'\nverb='v'\nneed=['b']", "sweep.toml: unknown key run.need"},
		{"no config file", "[[run]]\nname='a'\nverb='v'\nconfig='none.toml'", "run a: open none.toml: no such file"},
		{"bad config", "[[run]]\nname='a'\nverb='v'\nconfig='bad.toml'", "run a: bad.toml: toml: line 1"},
		{"set of nothing", "[[run]]\nname='a'\nverb='v'\nset=['a=1']", "run a: set needs a config"},
		{"bad set", "[[run]]\nname='a'\nverb='v'\nconfig='a.toml'\nset=['x']", `run a: set "x": toml`},
		{"set through a value", "[[run]]\nname='a'\nverb='v'\nconfig='a.toml'\nmatrix={'x.y'=[1]}", "run a: x.y: x is not a table"},
		{"key of no config", "[[run]]\nname='a'\nverb='v'\nmatrix={'run.seed'=[1]}", "matrix: run.seed is a config key, but the run has no config"},
		{"no values", "[[run]]\nname='a'\nverb='v'\nmatrix={seed=[]}", "matrix: seed has no values"},
		{"two of a name", "[[run]]\nname='a'\nverb='v'\nconfig='a.toml'\nmatrix={'b.seed'=[1],'c.seed'=[1]}", "{seed} is ambiguous"},
		{"no variable", "[[run]]\nname='a'\nverb='v'\n[run.matrix]\nSeed=[1]", "matrix: Seed: {Seed}"},
		{"nothing matches", "[[run]]\nname='a'\nverb='v'\nneeds=['b/*']", "run a: no run matches b/*"},
		{"unknown variable", "[[run]]\nname='a'\nverb='v'\nargs=['{seed}']", "run a: unknown placeholder {seed}"},
		{"no name", "[[run]]\nverb='v'", `run "": a name is`},
		{"name from a value", "[[run]]\nname='a'\nverb='v'\nmatrix={x=['b c']}", `run "a/b c": a name is`},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDir(t, map[string]string{"sweep.toml": test.text, "bad.toml": "x", "a.toml": "x = 1"})
			f, err := ReadFile(t.Context(), "sweep.toml")
			if err == nil {
				_, err = f.Graph(t.Context(), nil)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "sweep.toml: ") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOptionsFaults(t *testing.T) {
	for name, o := range map[string]Options{"list": {"a": []any{"b"}}, "table": {"g": map[string]any{"t": map[string]any{}}}} {
		if got, err := o.Of("g"); err == nil {
			t.Errorf("%s: no error, %v", name, got)
		}
	}
}
