package runs_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/preparation"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/runs/runstest"
	"github.com/subbert/subbert/tasks/relation"
)

// shared is the directory of the shared cases, if it exists.
var shared = filepath.Join("..", "..", "shared", "cases")

// variant is a file of a case: our own, or the shared file with the shared model.
type variant struct{ name, file, model string }

// variants returns the variants of the case that the shared file belongs to; content is that of our own file.
func variants(t *testing.T, f runstest.Files, file, content string) []variant {
	t.Helper()
	own := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(own, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	out := []variant{{"own", own, f.Start}}
	theirs := filepath.Join(shared, filepath.FromSlash(file))
	if _, err := os.Stat(theirs); err == nil {
		out = append(out, variant{"shared", theirs, filepath.Join(shared, "common", "model-cased")})
	}
	return out
}

// logged returns an environment whose log goes to the buffer.
func logged() (runs.Env, *bytes.Buffer) {
	var b bytes.Buffer
	return runs.Env{Log: slog.New(slog.NewTextHandler(&b, nil))}, &b
}

// files returns the files that the tests run on.
func files(t *testing.T) runstest.Files {
	t.Helper()
	f, err := runstest.Make(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestPretrainingCases runs on documents from which next sentence prediction cannot be learned.
func TestPretrainingCases(t *testing.T) {
	f := files(t)
	sentences := []string{"The gene binds the protein.", "The drug inhibits growth.", "Levels of serum fell.", "The dose was low."}
	for _, test := range []struct {
		name, file, content string
		set                 []string
		err                 string // empty: the run succeeds
		finding             string // kind
		text                string // part of the finding's text
	}{
		{"one document", "36/one.txt", strings.Join(sentences, "\n") + "\n", nil,
			"the shards have 1 document, and next sentence prediction needs at least 2; set task.nsp = false", "", ""},
		{"one document without next sentences", "36/one.txt", strings.Join(sentences, "\n") + "\n", []string{"task.nsp=false"}, "", "", ""},
		{"documents of one sentence", "37/docs.txt", strings.Join(sentences, "\n\n") + "\n", nil,
			"", result.RandomNext, "documents have one sentence, so every next segment is random"},
	} {
		for _, v := range variants(t, f, test.file, test.content) {
			t.Run(test.name+"/"+v.name, func(t *testing.T) {
				plan, err := request.Shards{Vocab: filepath.Join(v.model, "vocab.txt"), MaxWordChars: 200}.Plan([]string{v.file})
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				plan.Out, plan.Workers = filepath.Join(dir, "shards"), 1
				if _, err := preparation.Run(t.Context(), plan); err != nil {
					t.Fatal(err)
				}
				set := append([]string{"model.init=" + v.model, "model.fresh=[]", "data.shards=" + plan.Out, "run.dir=" + filepath.Join(dir, "run"), "task.sequence=24"}, test.set...)
				if v.model == f.Start {
					set = append(set, `model.fresh="all"`)
				}
				config, err := configs.ReadPretraining(t.Context(), f.Pretrain, set...)
				if err != nil {
					t.Fatal(err)
				}
				env, log := logged()
				r, err := runs.Pretrain(t.Context(), config, env)
				if test.err != "" {
					if err == nil || !strings.Contains(err.Error(), test.err) {
						t.Fatalf("error %v, want %q", err, test.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				expectFinding(t, r.Findings, log.String(), result.RandomNext, test.finding, test.text)
				if r.UnigramEntropy <= 0 {
					t.Errorf("unigram entropy %g, want that of the training text", r.UnigramEntropy)
				}
				if above := hasFinding(r.Findings, result.NotAboveUnigram); above != (r.Final["mlm_loss"] > r.UnigramEntropy) {
					t.Errorf("loss %g, unigram entropy %g, told: %t", r.Final["mlm_loss"], r.UnigramEntropy, above)
				}
			})
		}
	}
}

// expectFinding checks that the result and the log have the finding of kind want, or, if want is empty, none of kind.
func expectFinding(t *testing.T, found []result.Finding, log, kind, want, text string) {
	t.Helper()
	for _, f := range found {
		switch {
		case f.Kind != kind:
			continue
		case want == "":
			t.Errorf("told of %s: %s", kind, f.Text)
		case !strings.Contains(f.Text, text) || !strings.Contains(log, text):
			t.Errorf("told %q, want %q, in the log too", f.Text, text)
		}
		return
	}
	if want != "" {
		t.Errorf("findings %v, want %s", found, want)
	}
}

func hasFinding(found []result.Finding, kind string) bool {
	for _, f := range found {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

// TestUnlabelledTest is case 41: a test file without labels is refused before anything is trained.
func TestUnlabelledTest(t *testing.T) {
	f := files(t)
	for _, v := range variants(t, f, "41/unlabelled.tsv", "index\tsentence\n0\t@DRUG$ binds @DRUG$.\n") {
		t.Run(v.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			config, err := configs.ReadRelation(t.Context(), f.Finetune, "data.test="+v.file, "run.dir="+dir)
			if err != nil {
				t.Fatal(err)
			}
			_, err = runs.Finetune(t.Context(), config, runs.Env{})
			if want := "unlabelled.tsv has no labels; add labels, or leave data.test out"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the run's directory was made")
			}
		})
	}
}

// TestOneLabel: a model that learned nothing predicts one label, and the result says so and what the scores are worth.
func TestOneLabel(t *testing.T) {
	f := files(t)
	dir := t.TempDir()
	for _, set := range [][]string{{"run.dir=" + filepath.Join(dir, "one")}, {"run.dir=" + filepath.Join(dir, "two"), "task.seeds=2"}} {
		set = append(set, "optimizer.learning_rate=1e-9", `task.class_weights="balanced"`, "data.dev_fraction=0")
		config, err := configs.ReadRelation(t.Context(), f.Finetune, set...)
		if err != nil {
			t.Fatal(err)
		}
		env, log := logged()
		r, err := runs.Finetune(t.Context(), config, env)
		if err != nil {
			t.Fatal(err)
		}
		expectFinding(t, r.Findings, log.String(), result.OneLabelPredicted, result.OneLabelPredicted, "the model gives all 16 pairs the label")
		if !hasFinding(r.Findings, result.NotAboveBaseline) {
			t.Errorf("findings %v, want that the bag of words is as good", r.Findings)
		}
		if len(r.Intervals) == 0 || r.Intervals[0].Over != result.OverPairs || r.Intervals[0].N != 16 {
			t.Errorf("intervals %+v, want one over the 16 pairs", r.Intervals)
		}
		if r.Calibration == nil || r.Calibration.Temperature != 1 || r.Calibration.Before.ECE != r.Calibration.After.ECE || r.Curve == nil || len(r.Curve.Points) == 0 {
			t.Errorf("calibration %+v, curve %+v, want some of a model that was not scaled", r.Calibration, r.Curve)
		}
		if len(r.ClassWeights) != len(r.Labels) {
			t.Errorf("class weights %v, want one for each of %q", r.ClassWeights, r.Labels)
		}
		switch {
		case r.Several() && (r.MicroOf != result.MicroOfPooled || r.Mean == nil || len(r.Intervals) != 2):
			t.Errorf("micro of %q, mean %v, %d intervals of two seeds", r.MicroOf, r.Mean, len(r.Intervals))
		case !r.Several() && (r.MicroOf != result.MicroOfRun || r.Mean != nil):
			t.Errorf("micro of %q, mean %v of one run", r.MicroOf, r.Mean)
		}
	}
}

// TestTemperatureIsKept: with enough dev examples the model has the temperature, and predictions.tsv has it applied.
func TestTemperatureIsKept(t *testing.T) {
	f := files(t)
	// The made-up training file has 48 rows, too few to fit a temperature, so the test writes it out several times.
	text, err := os.ReadFile(f.Train)
	if err != nil {
		t.Fatal(err)
	}
	head, rows, _ := strings.Cut(string(text), "\n")
	dev := head + "\n"
	for _, prefix := range []string{"x", "y"} {
		for row := range strings.Lines(rows) {
			dev += prefix + row
		}
	}
	name := filepath.Join(t.TempDir(), "dev.tsv")
	if err := os.WriteFile(name, []byte(dev), 0o644); err != nil {
		t.Fatal(err)
	}
	config, err := configs.ReadRelation(t.Context(), f.Finetune, "data.dev="+name, "optimizer.learning_rate=1e-2", "schedule.epochs=8")
	if err != nil {
		t.Fatal(err)
	}
	r, err := runs.Finetune(t.Context(), config, runs.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Calibration; c.Fitted != 96 || c.Temperature == 1 || c.Temperature <= 0 || c.Before.ECE == c.After.ECE {
		t.Errorf("calibration %+v, want one that was fitted on 96 examples", c)
	}
	kept, err := os.ReadFile(filepath.Join(r.Model, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(kept), `"temperature": `) {
		t.Errorf("config.json has no temperature: %s", kept)
	}
	if r.Curve.Of != "dev" {
		t.Errorf("curve of %q, want of dev", r.Curve.Of)
	}
}

// TestExtendedRunKeepsItsLengths: a run that is extended pads its rows as before, where a longer run from the start would use more
// lengths.
func TestExtendedRunKeepsItsLengths(t *testing.T) {
	f := files(t)
	text, err := os.ReadFile(f.Train)
	if err != nil {
		t.Fatal(err)
	}
	head, rows, _ := strings.Cut(string(text), "\n")
	train := filepath.Join(t.TempDir(), "train.tsv")
	all := head + "\n"
	for i := range 20 {
		for row := range strings.Lines(rows) {
			fields := strings.Split(row, "\t")
			if i > 0 { // most are short
				fields[1] = "@DRUG$ or @DRUG$."
			}
			all += fmt.Sprint(i) + strings.Join(fields, "\t")
		}
	}
	if err := os.WriteFile(train, []byte(all), 0o644); err != nil {
		t.Fatal(err)
	}
	lengths := func(dir, epochs string, env runs.Env) []int {
		t.Helper()
		config, err := configs.ReadRelation(t.Context(), f.Finetune, "run.dir="+filepath.Join(f.Dir, dir), "schedule.epochs="+epochs, "task.padding=grouped", "data.train="+train)
		if err != nil {
			t.Fatal(err)
		}
		r, err := runs.Finetune(t.Context(), config, env)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(r.Model, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := relation.ReadSettings(text)
		if err != nil {
			t.Fatal(err)
		}
		return s.Lengths
	}
	short := lengths("short", "0.1", runs.Env{})
	if long := lengths("long", "2", runs.Env{}); cmp.Equal(short, long) {
		t.Fatalf("0.1 and 2 epochs both use %d", short)
	}
	if diff := cmp.Diff(short, lengths("short", "2", runs.Env{Resume: true, Extend: true})); diff != "" {
		t.Errorf("extended: -before +after\n%s", diff)
	}
}
