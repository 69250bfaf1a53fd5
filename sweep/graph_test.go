package sweep

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// line is a small line of runs: data, two pre-trainings of other seeds, two fine-tunings.
func line() Graph {
	pretrain := func(seed int) Run {
		return Run{Name: fmt.Sprintf("pretrain/%d", seed), Verb: "pretrain", Steps: 10, Hours: 2,
			Config: fmt.Sprintf("[model]\ninit = \"{file:start}\"\n[data]\nshards = \"{in:shards/set}\"\n[run]\ndir = \"{out}\"\nseed = %d\n", seed)}
	}
	finetune := func(seed int) Run {
		return Run{Name: fmt.Sprintf("finetune/%d", seed), Verb: "finetune", Args: []string{"{config}", "--json"}, Inputs: []string{"labels.txt"},
			Config: fmt.Sprintf("[model]\ninit = \"{in:pretrain/%d/model}\"\n[task]\nlengths = [\"{file:a.tsv}\", {x = \"{out}\"}]\n[run]\ndir = \"{out}\"\n", seed)}
	}
	return Graph{[]Run{
		finetune(1),
		{Name: "shards", Verb: "data shard", Args: []string{"--out", "{out}/set", "{file:docs.jsonl}", "a{{out}"}},
		pretrain(1), pretrain(2), finetune(2),
		{Name: "report", Verb: "report", Args: []string{"--set", "x={a = 1}", "{in:finetune/1}", "{in:finetune/2}"}, Needs: []string{"shards"}},
	}}
}

var longAgo = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

func byPath(path string) (string, error) { return "digest of " + path, nil }

func TestOrder(t *testing.T) {
	order, err := line().Order()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range order {
		names = append(names, r.Name)
	}
	if diff := cmp.Diff([]string{"shards", "pretrain/1", "finetune/1", "pretrain/2", "finetune/2", "report"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestOrderOfAny: in graphs at random every run comes after what it needs, a graph in order stays as it is, and its
// keys do not depend on the order of the list.
func TestOrderOfAny(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var g Graph
		for i := range 2 + rng.IntN(20) {
			r := Run{Name: fmt.Sprintf("r%d", i), Verb: "v", Args: []string{fmt.Sprint(i)}}
			for j := range i {
				if rng.IntN(4) == 0 {
					r.Needs = append(r.Needs, fmt.Sprintf("r%d", j))
				}
			}
			g.Runs = append(g.Runs, r)
		}
		straight, err := g.Order()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(g.Runs, straight); diff != "" {
			t.Fatal("a graph in order was changed", diff)
		}
		keys, err := g.Keys(byPath, "1")
		if err != nil {
			t.Fatal(err)
		}
		rng.Shuffle(len(g.Runs), func(i, j int) { g.Runs[i], g.Runs[j] = g.Runs[j], g.Runs[i] })
		order, err := g.Order()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, r := range order {
			for _, n := range r.Needs {
				if !seen[n] {
					t.Fatalf("%s comes before %s, which it needs", r.Name, n)
				}
			}
			seen[r.Name] = true
		}
		shuffled, err := g.Keys(byPath, "1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(keys, shuffled); diff != "" || len(seen) != len(g.Runs) {
			t.Fatal(len(seen), diff)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := line().Check(); err != nil {
		t.Error(err)
	}
	run := func(name string, args ...string) Run { return Run{Name: name, Verb: "v", Args: args} }
	for _, test := range []struct {
		name string
		runs []Run
		want string
	}{
		{"twice", []Run{run("a"), run("a")}, "run a: another run has the same name"},
		{"name", []Run{run("a b")}, `run "a b": a name is letters`},
		{"name up", []Run{run("a/../b")}, `run "a/../b": a name is`},
		{"directory", []Run{run("a"), run("a/b/c")}, "run a/b/c: its directory has the name of the run a"},
		{"verb", []Run{{Name: "a", Verb: " "}}, "run a: no verb"},
		{"unknown need", []Run{{Name: "a", Verb: "v", Needs: []string{"b"}}}, "run a: needs b, which is not in the graph"},
		{"unknown in", []Run{run("a", "{in:b/c}")}, "run a: {in:b/c}: no run has that name"},
		{"means nothing", []Run{run("a", "{outt}")}, "run a: unknown placeholder {outt}"},
		{"out of what", []Run{run("a", "{out:x}")}, "run a: unknown placeholder {out:x}"},
		{"which file", []Run{run("a", "{file:}")}, "run a: {file}: no path"},
		{"no config", []Run{run("a", "{config}")}, "run a: {config}: the run has no config"},
		{"no TOML", []Run{{Name: "a", Verb: "v", Config: "x = "}}, "run a: config: "},
		{"in config", []Run{{Name: "a", Verb: "v", Config: "x = [[\"{in:q}\"]]"}}, "run a: {in:q}: no run"},
		{"itself", []Run{run("a", "{in:a}")}, "circle: a needs a"},
		{"circle", []Run{run("o", "{in:a}"), run("a", "{in:b}"), run("b", "{in:c/x}"), run("c", "{in:a}")}, "circle: a needs b needs c needs a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Graph{test.runs}.Check()
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, test.want)
			}
		})
	}
}

// TestKeys: a key changes if and only if something that counts does, and so do those of the runs that need it.
func TestKeys(t *testing.T) {
	all := []string{"finetune/1", "shards", "pretrain/1", "pretrain/2", "finetune/2", "report"}
	rename := func(s string) string { return strings.ReplaceAll(s, "pretrain/1", "other/name") }
	for _, test := range []struct {
		name   string
		change func(g *Graph)
		want   []string
	}{
		{"nothing", func(*Graph) {}, nil},
		{"names", func(g *Graph) {
			g.Runs[0].Config, g.Runs[2].Name = rename(g.Runs[0].Config), rename(g.Runs[2].Name)
		}, nil},
		{"forecast and group", func(g *Graph) { g.Runs[2].Steps, g.Runs[2].Hours, g.Runs[2].Cost, g.Runs[2].Group = 9, 9, 9, "g" }, nil},
		{"comments and layout", func(g *Graph) { g.Runs[2].Config = "# new\n" + strings.ReplaceAll(g.Runs[2].Config, " = ", "=") }, nil},
		{"config named or not", func(g *Graph) { g.Runs[2].Args = []string{"{config}"} }, nil},
		{"a verb in two words", func(g *Graph) { g.Runs[1].Verb, g.Runs[1].Args = "data", append([]string{"shard"}, g.Runs[1].Args...) }, nil},
		{"a need said twice", func(g *Graph) { g.Runs[0].Needs = []string{"pretrain/1", "pretrain/1"} }, nil},
		{"order of inputs", func(g *Graph) { g.Runs[0].Inputs = []string{"labels.txt", "labels.txt"} }, nil},
		{"verb", func(g *Graph) { g.Runs[4].Verb = "probe" }, []string{"finetune/2", "report"}},
		{"argument", func(g *Graph) { g.Runs[0].Args = []string{"{config}"} }, []string{"finetune/1", "report"}},
		{"a brace as such", func(g *Graph) { g.Runs[1].Args[3] = "a{out}" }, all},
		{"config value", func(g *Graph) { g.Runs[3].Config = strings.Replace(g.Runs[3].Config, "seed = 2", "seed = 3", 1) }, []string{"pretrain/2", "finetune/2", "report"}},
		{"what of another run", func(g *Graph) { g.Runs[0].Config = strings.Replace(g.Runs[0].Config, "/model", "/best", 1) }, []string{"finetune/1", "report"}},
		{"a file in the config", func(g *Graph) { g.Runs[2].Config = strings.Replace(g.Runs[2].Config, "file:start", "file:b", 1) }, []string{"pretrain/1", "finetune/1", "report"}},
		{"a further input", func(g *Graph) { g.Runs[5].Inputs = []string{"new"} }, []string{"report"}},
		{"a further need", func(g *Graph) { g.Runs[0].Needs = []string{"pretrain/2"} }, []string{"finetune/1", "report"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, err := line().Keys(byPath, "1")
			if err != nil {
				t.Fatal(err)
			}
			changed := line()
			test.change(&changed)
			if err := changed.Check(); err != nil {
				t.Fatal(err)
			}
			after, err := changed.Keys(byPath, "1")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, r := range line().Runs {
				now := after[changed.Runs[i].Name]
				if !isKey(now) {
					t.Errorf("%s: key %q", r.Name, now)
				}
				if now != before[r.Name] {
					got = append(got, r.Name)
				}
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("changed keys: %s", diff)
			}
		})
	}
}

func TestKeysOfVersionAndTwins(t *testing.T) {
	g := line()
	g.Runs = append(g.Runs, g.Runs[2])
	g.Runs[6].Name = "twin"
	one, err := g.Keys(byPath, "1")
	if err != nil {
		t.Fatal(err)
	}
	two, err := g.Keys(byPath, "2")
	if err != nil {
		t.Fatal(err)
	}
	if one["twin"] != one["pretrain/1"] {
		t.Error("the same under two names has two keys")
	}
	for name := range one {
		if one[name] == two[name] {
			t.Errorf("%s: same key for two versions of the program", name)
		}
	}
	_, err = g.Keys(func(path string) (string, error) { return "", fmt.Errorf("%s: none", path) }, "1")
	if err == nil || !strings.Contains(err.Error(), "run shards: docs.jsonl: none") || !strings.Contains(err.Error(), "run finetune/1: a.tsv: none") {
		t.Errorf("missing files: %v", err)
	}
}

func TestDigests(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, err := OpenDigests(at("digests.json"))
	if err != nil {
		t.Fatal(err)
	}
	of := func() string {
		t.Helper()
		sum, err := d.Of(at("in"))
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	write("in/a", "1")
	write("in/sub/b", "2")
	first := of()
	write("in/.lock", "x")
	if of() != first {
		t.Error("a hidden file counts")
	}
	write("in/a", "3") // same size, changed at once
	second := of()
	if second == first {
		t.Error("a changed file does not count")
	}
	if err := os.Rename(at("in/a"), at("in/c")); err != nil {
		t.Fatal(err)
	}
	if of() == second {
		t.Error("a changed name within a directory does not count")
	}
	old := os.Chtimes(at("in/c"), longAgo, longAgo)
	third := of()
	if err := d.Save(); err != nil || old != nil {
		t.Fatal(err, old)
	}
	if d, err = OpenDigests(at("digests.json")); err != nil || len(d.known) != 1 {
		t.Fatalf("%v; remembered %v, want the one file that was changed long ago", err, d.known)
	}
	if of() != third {
		t.Error("remembered otherwise")
	}
	if _, err := d.Of(at("none")); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}
