package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// The runs in this file are synthetic: formulas with noise, to look at the page with. They were never run.

const syntheticNote = "# synthetic: written by report's tests, never run\n"

// syntheticRuns writes two pre-training runs and two fine-tuning runs to dir and returns their paths.
func syntheticRuns(t testing.TB, dir string) []string {
	t.Helper()
	paths := []string{
		pretrainingRun(t, filepath.Join(dir, "ppi-subword"), 1, 3.1),
		pretrainingRun(t, filepath.Join(dir, "ppi-whole-word"), 2, 3.4),
		relationRun(t, filepath.Join(dir, "ddi-cls"), "cls", 3, 61),
		relationRun(t, filepath.Join(dir, "ddi-attention"), "attention", 4, 64),
	}
	return paths
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func pretrainingRun(t testing.TB, dir string, seed uint64, floor float64) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	masking := "subword"
	if seed == 2 {
		masking = "whole_word"
	}
	put(t, filepath.Join(dir, result.ConfigFile), syntheticNote+fmt.Sprintf(`[model]
init = "models/tiny"
fresh = "all"
[task]
name = "pretraining"
masking = %q
batch = 32
sequence = 128
[optimizer]
learning_rate = 5e-4
[schedule]
steps = 3000
warmup_steps = 300
[run]
seed = %d
`, masking, seed))
	var lines strings.Builder
	const steps = 3000
	for step := 10; step <= steps; step += 10 {
		x := float64(step)
		loss := floor + (9.2-floor)*math.Exp(-x/500) + 0.25*rng.NormFloat64()*math.Exp(-x/4000)
		nsp := 0.25 + 0.45*math.Exp(-x/900) + 0.03*rng.NormFloat64()
		rate := 5e-4 * min(x/300, (steps-x)/(steps-300))
		fmt.Fprintf(&lines, `{"step":%d,"loss":%.5f,"mlm_loss":%.5f,"nsp_loss":%.5f,"mlm_accuracy":%.4f,"nsp_accuracy":%.4f,"learning_rate":%.4g,"grad_norm":%.4f,"tokens_per_sec":%.0f,"seconds":%.2f}`+"\n",
			step, loss+nsp, loss, nsp, max(0, 0.52-loss/20), min(1, 1-nsp/2), rate, 1+3*math.Exp(-x/300)+0.2*rng.ExpFloat64(), 8200+200*rng.NormFloat64(), x*0.5)
		if step%300 == 0 {
			fmt.Fprintf(&lines, `{"step":%d,"heldout_mlm_loss":%.5f,"heldout_mlm_accuracy":%.4f,"heldout_nsp_accuracy":%.4f}`+"\n", step, loss+0.12, max(0, 0.5-loss/20), 0.8)
		}
	}
	put(t, filepath.Join(dir, result.MetricsFile), lines.String())
	text, err := json.MarshalIndent(map[string]any{
		"task": "pretraining", "steps": steps, "seconds": 1500.0, "backend": "go:parallelism=-1", "machine": "2 cores, 8 GB (synthetic)",
		"command": "subbert pretrain configs/made-up.toml", "revision": "0123456789ab", "versions": map[string]string{"go": "go1.26.8", "gomlx": "v0.28.8"},
		"final":   map[string]float64{"loss": floor + 0.3, "mlm_loss": floor, "mlm_accuracy": 0.36},
		"heldout": map[string]float64{"heldout_mlm_loss": floor + 0.12, "heldout_mlm_accuracy": 0.34, "heldout_nsp_accuracy": 0.88}, "unigram_entropy": 6.32,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, result.File), string(text))
	put(t, filepath.Join(dir, "checkpoints", "step-0003000", "config.json"), "{}")
	return dir
}

func relationRun(t testing.TB, dir, pooling string, seed uint64, f1 float64) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	put(t, filepath.Join(dir, result.ConfigFile), syntheticNote+fmt.Sprintf(`[model]
init = "runs/ppi-subword/checkpoints/step-0003000"
[data]
train = "train.tsv"
test = "test.tsv"
[task]
name = "relation"
corpus = "ddi2013"
pooling = %q
batch = 32
sequence = 128
seeds = 3
[optimizer]
learning_rate = 1e-4
[schedule]
epochs = 3
[run]
seed = 1
`, pooling))
	var lines strings.Builder
	for step := 10; step <= 1200; step += 10 {
		x := float64(step)
		fmt.Fprintf(&lines, `{"step":%d,"loss":%.5f,"learning_rate":%.4g,"grad_norm":%.4f,"tokens_per_sec":%.0f,"seconds":%.2f}`+"\n", step, 0.2+1.1*math.Exp(-x/350)+0.05*rng.ExpFloat64(), 1e-4*(1200-x)/1200, 2+rng.ExpFloat64(), 9100+100*rng.NormFloat64(), x*0.3)
		if step%300 == 0 {
			fmt.Fprintf(&lines, `{"step":%d,"dev_loss":%.5f,"dev_f1":%.4f}`+"\n", step, 0.3+0.9*math.Exp(-x/350), f1*(1-math.Exp(-x/300)))
		}
	}
	put(t, filepath.Join(dir, result.MetricsFile), lines.String())
	put(t, filepath.Join(dir, result.File), relationResult(t, dir, rng, pooling, f1/100))
	return dir
}

// syntheticLabels are the labels of drug-drug interactions, with the number of pairs in 1,000 that have each.
var syntheticLabels = map[string]int{"advise": 40, "effect": 65, "false": 820, "int": 20, "mechanism": 55}

// relationResult draws predictions of three seeds, of which about the share right of the relations is correct, writes
// them to dir, and returns their result.
func relationResult(t testing.TB, dir string, rng *rand.Rand, pooling string, right float64) string {
	t.Helper()
	labels := slices.Sorted(maps.Keys(syntheticLabels))
	var gold []string
	for _, l := range labels {
		gold = append(gold, slices.Repeat([]string{l}, syntheticLabels[l])...)
	}
	res := result.Relation{
		Task: result.TaskRelation, Corpus: "ddi2013", Scored: "DDICorpus.zip test", Pooling: pooling, Seed: 1, Steps: 3600, Seconds: 402.5, Backend: "go:parallelism=-1",
		Cut: marked.Cut{Sentences: 12800, Shortened: 310}, Majority: evaluate.PRF{P: 6.5, R: 36.1, F1: 11},
		Baseline:   map[string]evaluate.PRF{result.BaselineWords: {P: 38.2, R: 51, F1: 43.7}, result.BaselineOverlap: {P: 31.5, R: 40.2, F1: 35.3}},
		Provenance: result.Provenance{Machine: "2 cores, 8 GB (synthetic)"},
	}
	var all []*evaluate.Confusion
	var sure []float64 // the probability of each predicted label
	var isRight []bool
	noise := rand.New(rand.NewPCG(5, 0))
	for seed := range uint32(3) {
		file := &relations.Predictions{Labels: labels}
		var predicted []string
		for i, g := range gold {
			p := g
			if chance := rng.Float64(); g != "false" && chance > right || g == "false" && chance > 0.93 {
				p = labels[rng.IntN(len(labels))]
			}
			probabilities := make([]float64, len(labels))
			for k, l := range labels {
				if probabilities[k] = 0.05; l == p {
					probabilities[k] = 0.8
				}
			}
			predicted = append(predicted, p)
			file.Rows = append(file.Rows, relations.Prediction{Index: fmt.Sprintf("made.up.p%d", i), Gold: g, Predicted: p, Probabilities: probabilities})
		}
		c, err := evaluate.Confuse(gold, predicted, labels)
		if err != nil {
			t.Fatal(err)
		}
		report, err := c.Report("false")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		for i, row := range file.Rows {
			sure = append(sure, row.Probabilities[slices.Index(labels, row.Predicted)]-0.6*noise.Float64())
			isRight = append(isRight, row.Predicted == gold[i])
		}
		res.Seeds = append(res.Seeds, result.Seed{Seed: seed + 1, Micro: report.Micro, Macro: report.Macro})
		var text strings.Builder
		if err := file.Write(&text); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, result.SeedPredictions(seed+1)), text.String())
	}
	sum, err := evaluate.Pool(all...)
	if err == nil {
		res.Report, err = sum.Report("false")
	}
	if err != nil {
		t.Fatal(err)
	}
	calibration, err := evaluate.Calibrate(isRight, sure, 15)
	if err != nil {
		t.Fatal(err)
	}
	res.Calibration = &result.Calibration{Temperature: 1.4, Fitted: 800, Before: calibration, After: calibration}
	points, err := evaluate.PRCurve(isRight, sure, len(isRight))
	if err != nil {
		t.Fatal(err)
	}
	res.Curve = &result.Curve{Of: "dev", AveragePrecision: evaluate.AveragePrecision(points), Points: evaluate.Thin(points, 100)}
	res.Findings = []result.Finding{{Kind: "repeated_rows", Text: "synthetic: a finding that a run tells"}}
	text, err := json.MarshalIndent(res, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
