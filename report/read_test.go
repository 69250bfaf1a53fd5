package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/subbert/subbert/runs/result"
)

// run writes a run directory from its files and returns its path.
func run(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func TestReadRunRefuses(t *testing.T) {
	const config = "[task]\nname = \"pretraining\"\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no config", map[string]string{result.MetricsFile: "{}"}, "run: not a run directory: it has no config.toml"},
		{"garbled config", map[string]string{result.ConfigFile: "a = 1\nb = = 2\n"}, "config.toml: line 2: "},
		{"garbled line", map[string]string{result.ConfigFile: config, result.MetricsFile: "{\"step\":1}\nxyz\n{\"step\":2}\n"}, "metrics.jsonl: line 2: not JSON: "},
		{"no step", map[string]string{result.ConfigFile: config, result.MetricsFile: "{\"loss\":1}\n"}, "metrics.jsonl: line 1: step is <nil>, want a whole number"},
		{"half a step", map[string]string{result.ConfigFile: config, result.MetricsFile: "{\"step\":1.5}\n"}, "metrics.jsonl: line 1: step is 1.5, want a whole number"},
		{"an array", map[string]string{result.ConfigFile: config, result.MetricsFile: "[1]\n"}, "metrics.jsonl: line 1: the value has the wrong type: array"},
		{"a word", map[string]string{result.ConfigFile: config, result.MetricsFile: "\n{\"step\":1,\"loss\":\"low\"}\n"}, "metrics.jsonl: line 2: loss is \"low\", want a number"},
		{"an object", map[string]string{result.ConfigFile: config, result.MetricsFile: "{\"step\":1,\"loss\":{}}\n"}, "metrics.jsonl: line 1: loss is map[], want a number"},
		{"truncated result", map[string]string{result.ConfigFile: config, result.File: "{\n\"steps\": 1,\n"}, "result.json: line 3: not JSON: unexpected end of JSON input"},
		{"wrong kind", map[string]string{result.ConfigFile: config, result.File: "{\n\"steps\": 1,\n\"seconds\": \"1\"}"}, "result.json: line 3: seconds has the wrong type: string"},
		{"short confusion", map[string]string{result.ConfigFile: config, result.File: `{"labels":["a","b"],"confusion":[[1,2]]}`}, "result.json: confusion has 1 rows for 2 labels"},
		{"bad baseline", map[string]string{result.ConfigFile: config, result.File: `{"task":"relation","baseline":{"majority":5}}`}, "result.json: line 1: baseline has the wrong type: number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := run(t, tt.files)
			_, err := ReadRun(t.Context(), dir, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := ReadRun(t.Context(), filepath.Join(t.TempDir(), "none"), nil); err == nil || !strings.HasSuffix(err.Error(), "none: no such directory") {
		t.Errorf("got error %v, want no such directory", err)
	}
}

func TestReadRunNotes(t *testing.T) {
	dir := run(t, map[string]string{
		result.ConfigFile:  "",
		result.MetricsFile: "{\"step\":1,\"loss\":2}\n{\"step\":2,\"lo",
		result.File:        `{"task":"pretraining","moon":1,"stars":[]}`,
	})
	r, err := ReadRun(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"skipped line 2 of " + filepath.Join(dir, result.MetricsFile) + ", which is incomplete",
		"result.json has keys that this page does not show: moon, stars",
	}
	if diff := cmp.Diff(want, r.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Series{{Points: []Point{{1, map[string]float64{"loss": 2}}}}}, r.Series); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}

	if r, err = ReadRun(t.Context(), run(t, map[string]string{result.ConfigFile: ""}), nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"the run recorded nothing", "not finished: no result.json"}, r.Notes); diff != "" {
		t.Errorf("notes of a run that has just begun (-want +got):\n%s", diff)
	}
}

// Lines of one step are one point; a step that was recorded again counts once.
func TestReadMetrics(t *testing.T) {
	path := filepath.Join(t.TempDir(), result.MetricsFile)
	put(t, path, `{"step":10,"loss":3,"grad_norm":null,"seconds":4}
{"step":20,"loss":2,"seconds":8}
{"step":30,"loss":"NaN","seconds":12}
{"step":20,"loss":2.5,"seconds":3}
{"step":20,"heldout_loss":2.75}
{"step":30,"loss":1.5,"learning_rate":"-Inf","seconds":6}
`)
	got, notes, err := readMetrics(t.Context(), path, nil)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	want := []Point{
		{10, map[string]float64{"loss": 3, "grad_norm": math.NaN(), "seconds": 4}},
		{20, map[string]float64{"loss": 2.5, "heldout_loss": 2.75, "seconds": 3}},
		{30, map[string]float64{"loss": 1.5, "learning_rate": math.NaN(), "seconds": 6}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("points (-want +got):\n%s", diff)
	}
	s := Series{Points: got}
	if diff := cmp.Diff([]float64{4. / 3600, 7. / 3600, 10. / 3600}, s.hours(), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Errorf("hours of a run whose clock started over (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{5120, 10240, 15360}, s.tokens(512)); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	if s.tokens(0) != nil {
		t.Error("tokens are known although nothing says so")
	}
	if x, y, skipped := s.values("learning_rate", s.steps()); len(x) != 0 || len(y) != 0 || skipped != 1 {
		t.Errorf("got %v, %v, %d skipped, want none and 1", x, y, skipped)
	}
}

func TestReadParts(t *testing.T) {
	dir := run(t, map[string]string{
		result.ConfigFile:       "",
		"fold-10/metrics.jsonl": "{\"step\":1,\"loss\":10}\n",
		"fold-2/metrics.jsonl":  "{\"step\":1,\"loss\":2}\n",
	})
	r, err := ReadRun(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range r.Series {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"fold 2", "fold 10"}, names); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

// The keys that the program's own runs write are tested in package result.
func TestResultOfARunWithoutTestData(t *testing.T) {
	dir := run(t, map[string]string{
		result.ConfigFile: "[task]\nname = \"relation\"\n",
		result.File:       `{"task":"relation","labels":["a"],"negative":"false","scored":"","pooling":"cls","seed":1,"steps":5,"instances":0,"micro":{"p":0,"r":0,"f1":0,"support":0},"macro":{},"binary":{},"accuracy":0,"per_class":null,"confusion":null,"majority":{"p":0},"cut":{"sentences":9,"shortened":2,"lost_one":1,"lost_both":0},"seconds":2,"backend":"go","model":"m"}`,
	})
	r, err := ReadRun(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"the run recorded nothing"}, r.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if s := r.Summary(); s.F1 != nil {
		t.Errorf("got F1 %v of a run that was not scored", s.F1)
	}
	if got, want := cutText(r.relation().Cut), "9; 2 were truncated: 1 lost one of the two mentions, 0 lost both"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSummary(t *testing.T) {
	paths := syntheticRuns(t, t.TempDir())
	pre, err := ReadRun(t.Context(), paths[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	loss := 3.1 + 0.12
	want := Summary{Dir: paths[0], Name: "ppi-subword", Task: "pretraining", Steps: 3000, Finished: true, Backend: "go:parallelism=-1", Seconds: 1500, HeldOut: &loss}
	if diff := cmp.Diff(want, pre.Summary(), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	// The run is unfinished: what was recorded counts.
	if err := os.Remove(filepath.Join(paths[0], result.File)); err != nil {
		t.Fatal(err)
	}
	if pre, err = ReadRun(t.Context(), paths[0], nil); err != nil {
		t.Fatal(err)
	}
	if s := pre.Summary(); s.Finished || s.Steps != 3000 || s.Seconds != 1500 || s.HeldOut == nil || s.Task != "pretraining" {
		t.Errorf("got %+v of an unfinished run", s)
	}
}

func FuzzParsePoint(f *testing.F) {
	f.Add([]byte(`{"step":1,"loss":2.5,"x":null,"y":"NaN"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := parsePoint(line)
		if err == nil && (p.Step < 0 || p.Values == nil) {
			t.Errorf("got %+v", p)
		}
	})
}

func FuzzResult(f *testing.F) {
	f.Add([]byte(`{"task":"relation","labels":["a","b"],"negative":"b","confusion":[[1,2],[3,4]],"seeds":[{"seed":1,"micro":{"f1":3}}],"baseline":{"majority":{"f1":0}}}`))
	f.Add([]byte(`{"task":"probe","probe":{"layers":[0],"series":[{"of":"encoder","scores":[{}],"delta":[],"cumulative":[]}],"alpha":[[1]],"centre":[{}],"gamma":[{}]}}`))
	f.Add([]byte(`{"task":"attention","attention":{"sentences":[{"words":[{"text":"a","weight":1}]}]}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := result.Parse(text)
		if err != nil {
			return
		}
		page, err := Compose(t.Context(), []*Run{{Name: "x", Result: r}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := page.HTML(); err != nil {
			t.Errorf("%s cannot be shown: %v", text, err)
		}
	})
}
