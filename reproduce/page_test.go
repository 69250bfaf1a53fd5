package reproduce_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/reproduce"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
)

// TestWritePage: the page has a figure for each column in which something was measured, with the published numbers in
// it, and no other figure.
func TestWritePage(t *testing.T) {
	r := request(t, "mini")
	o := &reproduce.Outcome{Scale: "mini", Seeds: 3, StandIns: map[string]string{"BioBERT": "MiniLM-L6"}, Experiments: map[string]map[string][]reproduce.Measured{
		"table4": {"BioBERT": {{Values: []float64{50, 52, 54}}, {Reason: "the sweep stopped before this run"}, {Values: []float64{60, 61, 62}}}},
	}}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := reproduce.WritePage(t.Context(), path, r, &reproduce.Plan{}, r.Experiments, o, &sweep.Report{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	if n := strings.Count(page, "<figure"); n != 2 {
		t.Errorf("%d figures, want 2: PPI and ChemProt of Table 4", n)
	}
	for _, want := range []string{"MiniLM-L6: published 81.0, measured 52.0 [47.0, 57.0]", "MiniLM-L6 &#43;P/G: published 83.0, measured –", "not run (1)", "the sweep stopped before this run"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestProbesPage: the figures of probes stand side by side under one legend, which says what their curves are.
func TestProbesPage(t *testing.T) {
	r := request(t, "mini")
	at := slices.IndexFunc(r.Experiments, func(e *reproduce.Experiment) bool { return e.ID == "fig1" })
	plan, report := &reproduce.Plan{}, &sweep.Report{}
	for column, run := range []string{"probe/ppi", "probe/ddi"} {
		probes := &result.Probes{Input: "spans", Layers: []int{0, 1}, Seeds: []uint32{1, 2}, Alpha: [][]float64{{1}, {0.5, 0.5}},
			Centre: make([]evaluate.Interval, 2), Gamma: make([]evaluate.Interval, 2)}
		for _, of := range []string{result.ProbeEncoder, "shuffled"} {
			scores := [][]float64{{10, 20}, {12, 24}}
			series, err := evaluate.LayersOf(scores, probes.Layers)
			if err != nil {
				t.Fatal(err)
			}
			probes.Series = append(probes.Series, result.ProbeSeries{Of: of, F1: scores, Accuracy: scores, LayerSeries: series})
		}
		dir := t.TempDir()
		if err := atomicfile.WriteJSON(filepath.Join(dir, result.File), result.Probing{Task: result.TaskProbing, Labels: []string{"no", "yes"}, Negative: "no", Probe: probes}); err != nil {
			t.Fatal(err)
		}
		plan.Cells = append(plan.Cells, reproduce.Cell{Experiment: "fig1", Column: column, Runs: []string{run}})
		report.Runs = append(report.Runs, sweep.Status{Name: run, State: sweep.Done, Dir: dir})
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := reproduce.WritePage(t.Context(), path, r, plan, r.Experiments[at:at+1], &reproduce.Outcome{Scale: "mini"}, report); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for text, want := range map[string]int{"<figure": 2, `<ul class="legend">`: 1, "<bdi>shuffled labels</bdi>": 1} {
		if n := strings.Count(page, text); n != want {
			t.Errorf("%q occurs %d times, want %d", text, n, want)
		}
	}
}

// TestFinish: outcome.json and the page are written, also after an interruption, and the text names the cell that is missing.
func TestFinish(t *testing.T) {
	r := request(t, "mini")
	chosen := r.Experiments[:1]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := t.TempDir()
	p, err := reproduce.NewPlan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	o, page, err := reproduce.Finish(ctx, out, r, p, chosen, &sweep.Report{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{page, filepath.Join(out, "outcome.json")} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	var text strings.Builder
	if err := o.WriteText(&text, r, chosen); err != nil || !strings.Contains(text.String(), chosen[0].Where+": "+chosen[0].Title) || !strings.Contains(text.String(), "not run") {
		t.Errorf("%v\n%s", err, &text)
	}
}
