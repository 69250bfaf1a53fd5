package report

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/subbert/subbert/runs/result"
)

// The runs in this file are synthetic: formulas with noise, to look at the page with. They were never run.

const syntheticNote = "# synthetic: written by report's tests, never run\n"

// syntheticRuns writes two pre-training runs and two fine-tuning runs below dir and returns their paths.
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
pooling = %q
batch = 32
sequence = 128
[optimizer]
learning_rate = 1e-4
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
	var seeds []map[string]any
	for s := range 5 {
		v := f1 + 1.2*rng.NormFloat64()
		seeds = append(seeds, map[string]any{"seed": s + 1, "micro": map[string]float64{"p": v + 3, "r": v - 3, "f1": v}})
	}
	class := func(v float64, n int) map[string]any {
		return map[string]any{"p": v + 2, "r": v - 2, "f1": v, "support": n}
	}
	text, err := json.MarshalIndent(map[string]any{
		"task": "relation", "labels": []string{"advise", "effect", "false", "int", "mechanism"}, "negative": "false", "pooling": pooling, "seconds": 402.5, "backend": "go:parallelism=-1",
		"micro": map[string]float64{"p": f1 + 3, "r": f1 - 3, "f1": f1}, "macro": map[string]float64{"p": f1, "r": f1 - 6, "f1": f1 - 4},
		"per_class": map[string]any{"advise": class(f1+5, 221), "effect": class(f1+1, 360), "false": class(93, 4737), "int": class(f1-15, 96), "mechanism": class(f1+2, 302)},
		"confusion": [][]int{{150, 20, 46, 1, 4}, {12, 230, 100, 4, 14}, {60, 110, 4480, 12, 75}, {2, 30, 24, 40, 0}, {5, 20, 70, 1, 206}},
		"seeds":     seeds, "baseline": map[string]any{"majority": map[string]float64{"p": 0, "r": 0, "f1": 0}, "word_overlap": map[string]float64{"p": 31.5, "r": 40.2, "f1": 35.3}},
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, result.File), string(text))
	put(t, filepath.Join(dir, "predictions.tsv"), "index\tgold\tpredicted\n")
	return dir
}
