package reproduce_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/configs/paper"
	"github.com/subbert/subbert/reproduce"
)

var update = flag.Bool("update", false, "write the golden files anew")

// request asks for every experiment at a scale, as if data and weights were given.
func request(t *testing.T, scale string) reproduce.Request {
	t.Helper()
	r := reproduce.Request{Data: &reproduce.Data{Dir: "data", Assumed: true}, Ungiven: true, Starts: "start", Resolve: resolve}
	var errs [3]error
	r.Experiments, errs[0] = reproduce.ReadExperiments(paper.Files)
	r.Sources, errs[1] = reproduce.ReadSources(t.Context(), paper.Files, "")
	r.Scale, errs[2] = reproduce.ReadScale(t.Context(), paper.Files, scale)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// resolve reads configs as cmd does.
func resolve(task, config string) (reproduce.Settings, error) {
	size, err := configs.ParseSize(task, "config", []byte(config))
	return reproduce.Settings(size), err
}

// TestGraph compares the graph of all experiments at every scale with a golden file: each run with its command and
// config on a line.
func TestGraph(t *testing.T) {
	for _, scale := range []string{"tiny", "mini", "small", "paper"} {
		t.Run(scale, func(t *testing.T) {
			plan, err := reproduce.NewPlan(t.Context(), request(t, scale))
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, r := range plan.Graph.Runs {
				config := strings.Join(strings.Fields(strings.ReplaceAll(r.Config, "\n", "; ")), " ")
				fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", r.Name, r.Verb, strings.Join(r.Args, " "), config)))
			}
			golden(t, filepath.Join("testdata", scale+".txt"), b.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", file, diff)
	}
}

// TestShared: several tables share one run, and one adaptation serves the three tasks, with and without SLL.
func TestShared(t *testing.T) {
	plan, err := reproduce.NewPlan(t.Context(), request(t, "tiny"))
	if err != nil {
		t.Fatal(err)
	}
	fed := 0
	for _, r := range plan.Graph.Runs {
		if r.Verb == "finetune" && slices.Contains(plan.Graph.NeedsOf(r), "adapt/biobert/pg/1") {
			fed++
		}
	}
	if fed != 6 {
		t.Errorf("%d fine-tunings start from adapt/biobert/pg/1, want 6: three tasks, two heads", fed)
	}
	cells := 0
	for _, c := range plan.Cells {
		if slices.Contains(c.Runs, "finetune/biobert/base/ddi") {
			cells++
		}
	}
	if cells != 4 {
		t.Errorf("%d cells are read from finetune/biobert/base/ddi, want 4: of tables 2, 4 and 5 and the ablation", cells)
	}
}

// TestNothingGiven: without data and weights nothing is run, and every cell says why.
func TestNothingGiven(t *testing.T) {
	r := request(t, "paper")
	r.Data, r.Ungiven = &reproduce.Data{}, false
	plan, err := reproduce.NewPlan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(plan.Graph.Runs); n != 0 {
		t.Errorf("%d runs, want none", n)
	}
	for _, c := range plan.Cells {
		if c.Reason == "" {
			t.Errorf("%s, cell %d/%d has no reason", c.Experiment, c.Row, c.Column)
		}
	}
}

// TestForecast: the paper's work is 100,000 steps of 192 rows of 128 positions for each sub-domain, and ten epochs of
// 22,233 pairs of DDI.
func TestForecast(t *testing.T) {
	r := request(t, "paper")
	var work []reproduce.Work
	r.Forecast = func(w reproduce.Work) (hours, cost float64, err error) {
		work = append(work, w)
		return 2, 3, nil
	}
	plan, err := reproduce.NewPlan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range plan.Graph.Runs {
		switch run.Name {
		case "adapt/biobert/drug/1":
			if run.Steps != 100_000 || run.Hours != 2 || run.Cost != 3 {
				t.Errorf("%s: %d steps, %v hours, cost %v", run.Name, run.Steps, run.Hours, run.Cost)
			}
		case "finetune/biobert/base/ddi":
			if want := 5 * 10 * 695; run.Steps != want { // seeds, epochs, batches of 32
				t.Errorf("%s: %d steps, want %d", run.Name, run.Steps, want)
			}
		}
	}
	i := slices.IndexFunc(work, func(w reproduce.Work) bool { return w.Verb == "pretrain" })
	if i < 0 || work[i].Positions != 100_000*192*128 {
		t.Fatalf("pre-training of %+v, want 100,000 steps of 192 x 128", work)
	}
	// subbert plan counts 12.7 TFLOP a step for BERT-base at these sizes (docs/performance.md). This formula gives most
	// of that and omits the element-wise operations.
	if step := work[i].FLOPs / 100_000 / 1e12; step < 12.5 || step > 13.5 {
		t.Errorf("%.2f TFLOP a step", step)
	}
}

// TestFaults: the error for a mistake in a file names the file, the row and the known values.
func TestFaults(t *testing.T) {
	const head = "title = \"T\"\nwhere = \"W\"\nkind = \"scores\"\ncolumns = [\"ddi\"]\n[[row]]\nlabel = \"a\"\nmodel = \"biobert\"\n"
	for _, test := range []struct{ name, text, want string }{
		{"unknown key", head + "dommain = \"pg\"\n", "x.toml: unknown key row.dommain"},
		{"syntax", "title = \n", "x.toml: line 1"},
		{"kind", strings.Replace(head, "scores", "sums", 1), `x.toml: kind = "sums", want one of scores`},
		{"published", head + "published = [1, 2]\n", `row "a": 2 published numbers for 1 columns`},
		{"against", head + "against = \"b\"\n", `row "a": against = "b" is not a row above it`},
		{"claimed", head + "claimed = \"less\"\n", `row "a": claimed = "less", want better or worse`},
		{"claimed alone", head + "claimed = \"worse\"\n", `row "a": claimed goes with against, and not with published numbers`},
		{"twice", head + "[[row]]\nlabel = \"a\"\n", `row "a": duplicate label`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := reproduce.ParseExperiment("dir/x.toml", []byte(test.text)); err == nil || !strings.Contains(err.Error(), strings.Replace(test.want, "x.toml", "dir/x.toml", 1)) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	for _, test := range []struct{ name, text, want string }{
		{"corpus", strings.Replace(head, "ddi", "dddi", 1), `no source file has the corpus "dddi"`},
		{"model", strings.Replace(head, "biobert", "robert", 1), `no source file has the model "robert"`},
		{"text", head + "domain = \"mice\"\n", `scale tiny has no text "mice"`},
		{"setting", head + "finetuning.task.poling = \"cls\"\n", "unknown key task.poling; did you mean task.pooling?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, err := reproduce.ParseExperiment("x.toml", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			r := request(t, "tiny")
			r.Experiments = []*reproduce.Experiment{e}
			if _, err := reproduce.NewPlan(t.Context(), r); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `x, row "a"`) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
