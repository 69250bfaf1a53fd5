package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"

	"github.com/google/renameio/v2"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer/rundir"
)

// isCell says whether a config stands for several runs: one cell of a table of the paper.
func isCell(t tasks.Config) bool { return t.Seeds > 1 || t.Folds > 0 && t.Fold < 0 }

// part is one run of a cell.
type part struct {
	name string // of its directory inside the cell's
	seed uint32
	fold int // -1 without folds
}

// parts lists the runs of a cell: all folds of the first seed, then of the next.
func parts(config configs.Config) []part {
	folds := []int{-1}
	if config.Task.Folds > 0 {
		if folds[0] = config.Task.Fold; folds[0] < 0 {
			folds = folds[:0]
			for f := range config.Task.Folds {
				folds = append(folds, f)
			}
		}
	}
	var out []part
	for s := range config.Task.Seeds {
		for _, f := range folds {
			p := part{seed: config.Run.Seed + uint32(s), fold: f}
			var name []string
			if f >= 0 {
				name = append(name, fmt.Sprintf("fold-%d", f))
			}
			if config.Task.Seeds > 1 {
				name = append(name, fmt.Sprintf("seed-%d", p.seed))
			}
			p.name = strings.Join(name, "-")
			out = append(out, p)
		}
	}
	return out
}

// configOf is the config of one run of a cell.
func (p part) configOf(cell configs.Config) configs.Config {
	c := cell
	c.Run.Dir, c.Run.Seed, c.Task.Fold, c.Task.Seeds = filepath.Join(cell.Run.Dir, p.name), p.seed, p.fold, 1
	return c
}

// cellResult is result.json of a cell.
type cellResult struct {
	Task            string                  `json:"task"`
	Corpus          string                  `json:"corpus,omitempty"`
	Scored          string                  `json:"scored"`
	Pooling         string                  `json:"pooling"`
	Seed            uint32                  `json:"seed"` // the first
	evaluate.Report                         // of all runs' predictions together
	Seeds           []seedResult            `json:"seeds"`
	Folds           []evaluate.PRF          `json:"folds,omitempty"` // micro, mean over the seeds
	Spread          spread                  `json:"spread"`          // of micro P, R and F1 over the seeds; of one seed over its folds
	Majority        evaluate.PRF            `json:"majority"`
	Baseline        map[string]evaluate.PRF `json:"baseline"` // of all folds together
	Cut             tasks.Cut               `json:"cut"`      // of the first run
	Steps           int                     `json:"steps"`    // of all runs
	Seconds         float64                 `json:"seconds"`
	Backend         string                  `json:"backend"`
}

// seedResult is what the runs of one seed gave.
type seedResult struct {
	Seed   uint32        `json:"seed"`
	Micro  evaluate.PRF  `json:"micro"` // with folds the mean of theirs, as the paper has it
	Macro  evaluate.PRF  `json:"macro"`
	Pooled *evaluate.PRF `json:"pooled,omitempty"` // with folds: micro of all predictions together
}

type spread struct {
	P  evaluate.Spread `json:"p"`
	R  evaluate.Spread `json:"r"`
	F1 evaluate.Spread `json:"f1"`
}

func spreadOf(scores []evaluate.PRF) spread {
	var p, r, f []float64
	for _, s := range scores {
		p, r, f = append(p, s.P), append(r, s.R), append(f, s.F1)
	}
	return spread{evaluate.SpreadOf(p), evaluate.SpreadOf(r), evaluate.SpreadOf(f)}
}

// runCell carries out the runs of a cell, each on one device, and sums them up. Resuming passes over those that are
// complete.
func runCell(c *console, config configs.Config, resume bool) (*cellResult, error) {
	if config.Run.Dir == "" {
		return nil, misusef("run.dir: missing; name the directory the run writes to")
	}
	read, err := readExamples(c, config)
	if err != nil {
		return nil, err
	}
	if _, err := read.settle(config); err != nil { // before anything is written
		return nil, err
	}
	if err := os.MkdirAll(config.Run.Dir, 0o755); err != nil {
		return nil, err
	}
	all := parts(config)
	results, err := runParts(c, config, all, resume, read)
	if err != nil {
		return nil, err
	}
	result, err := sumUp(all, results)
	if err != nil {
		return nil, err
	}
	if err := gatherPredictions(config, all); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return nil, err
	}
	return result, renameio.WriteFile(filepath.Join(config.Run.Dir, rundir.ResultFile), append(text, '\n'), 0o644)
}

// runParts is the results of the runs of a cell, in their order. The cell gets its config once one of them is
// complete: nothing is left of a cell that cannot start.
func runParts(c *console, config configs.Config, all []part, resume bool, read *relationSets) (_ []*relationResult, err error) {
	text, err := config.Text()
	if err != nil {
		return nil, err
	}
	devices, err := openLanes(c, config.Device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, devices.close()) }()
	var done atomic.Int32
	results := make([]*relationResult, len(all))
	err = devices.each(c, len(all), func(i int) string { return all[i].name }, func(c *console, i int, on *backend.Handle) error {
		p := all[i]
		result, err := runPart(c, p.configOf(config), resume, on, read)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		results[i] = result
		n := done.Add(1)
		c.log.Info("run complete", "run", p.name, "number", n, "of", len(all), "f1", result.Micro.F1)
		if n > 1 {
			return nil
		}
		return renameio.WriteFile(filepath.Join(config.Run.Dir, rundir.ConfigFile), text, 0o644)
	})
	return results, err
}

// runPart is one run, or the result it left when it was complete before.
func runPart(c *console, config configs.Config, resume bool, on *backend.Handle, read *relationSets) (*relationResult, error) {
	file := filepath.Join(config.Run.Dir, rundir.ResultFile)
	text, err := os.ReadFile(file)
	if !resume || errors.Is(err, fs.ErrNotExist) {
		sets, err := read.settle(config)
		if err != nil {
			return nil, err
		}
		return finetune(c, config, resume, on, sets)
	}
	if err != nil {
		return nil, err
	}
	if err := sameConfig(config); err != nil {
		return nil, err
	}
	result := &relationResult{}
	if err := json.Unmarshal(text, result); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return result, nil
}

// sumUp makes one result of those of the runs.
func sumUp(all []part, results []*relationResult) (*cellResult, error) {
	first := results[0]
	out := &cellResult{Task: first.Task, Corpus: first.Corpus, Scored: first.Scored, Pooling: first.Pooling, Seed: first.Seed, Cut: first.Cut, Backend: first.Backend}
	if len(first.Confusion) == 0 {
		return nil, errors.New("there is nothing to score the runs on: data.test, data.dev or task.folds gives some")
	}
	bySeed, byFold := map[uint32][]int{}, map[int][]int{}
	for i, p := range all {
		bySeed[p.seed], byFold[p.fold] = append(bySeed[p.seed], i), append(byFold[p.fold], i)
		out.Steps += results[i].Steps
		out.Seconds += results[i].Seconds
	}
	var err error
	if out.Report, err = pooled(results, nil); err != nil {
		return nil, err
	}
	var scores []evaluate.PRF
	for s := range len(bySeed) {
		seed := first.Seed + uint32(s)
		one := seedResult{Seed: seed, Micro: meanOf(results, bySeed[seed])}
		report, err := pooled(results, bySeed[seed])
		if err != nil {
			return nil, err
		}
		if one.Macro = report.Macro; len(byFold) > 1 {
			one.Pooled = &report.Micro
		}
		out.Seeds, scores = append(out.Seeds, one), append(scores, one.Micro)
	}
	if len(byFold) > 1 {
		for f := range len(byFold) {
			out.Folds = append(out.Folds, meanOf(results, byFold[f]))
		}
		if len(scores) == 1 {
			scores = out.Folds
		}
	}
	out.Spread = spreadOf(scores)
	out.Majority = meanBaseline(results, bySeed[first.Seed], func(r *relationResult) evaluate.PRF { return r.Majority })
	out.Baseline = map[string]evaluate.PRF{}
	for name := range first.Baseline {
		out.Baseline[name] = meanBaseline(results, bySeed[first.Seed], func(r *relationResult) evaluate.PRF { return r.Baseline[name] })
	}
	return out, nil
}

// pooled is the report of the predictions of the chosen results together; of all if chosen is nil.
func pooled(results []*relationResult, chosen []int) (evaluate.Report, error) {
	var all []*evaluate.Confusion
	for i, r := range results {
		if chosen == nil || slices.Contains(chosen, i) {
			all = append(all, &evaluate.Confusion{Labels: r.Labels, N: r.Confusion})
		}
	}
	sum, err := evaluate.Pool(all...)
	if err != nil {
		return evaluate.Report{}, err
	}
	return sum.Report(results[0].Negative)
}

// meanOf is the mean of the micro scores of the chosen results.
func meanOf(results []*relationResult, chosen []int) evaluate.PRF {
	return meanBaseline(results, chosen, func(r *relationResult) evaluate.PRF { return r.Micro })
}

// meanBaseline is the mean of a score of the chosen results; the support is the sum.
func meanBaseline(results []*relationResult, chosen []int, of func(*relationResult) evaluate.PRF) evaluate.PRF {
	var scores []evaluate.PRF
	support := 0
	for _, i := range chosen {
		scores = append(scores, of(results[i]))
		support += of(results[i]).Support
	}
	s := spreadOf(scores)
	return evaluate.PRF{P: s.P.Mean, R: s.R.Mean, F1: s.F1.Mean, Support: support}
}

// gatherPredictions writes the predictions of all folds as one file, for each seed.
func gatherPredictions(config configs.Config, all []part) error {
	bySeed := map[uint32]*relations.Predictions{}
	for _, p := range all {
		one, err := relations.OpenPredictions(filepath.Join(config.Run.Dir, p.name, predictionsName))
		if err != nil {
			return err
		}
		if bySeed[p.seed] == nil {
			bySeed[p.seed] = &relations.Predictions{Labels: one.Labels}
		}
		bySeed[p.seed].Rows = append(bySeed[p.seed].Rows, one.Rows...)
	}
	for seed, predictions := range bySeed {
		name := predictionsName
		if config.Task.Seeds > 1 {
			name = fmt.Sprintf("predictions-seed-%d.tsv", seed)
		}
		if err := writeWhole(filepath.Join(config.Run.Dir, name), predictions.Write); err != nil {
			return err
		}
	}
	return nil
}

// print prints a row for each run and what they amount to.
func (result *cellResult) print(c *console) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, p, r, f1 float64) { fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t\n", name, p, r, f1) }
	micro := func(name string, s evaluate.PRF) { row(name, s.P, s.R, s.F1) }
	fmt.Fprintf(w, "%s, micro without %s\tP\tR\tF1\t\n", result.Pooling, result.Negative)
	over := "seeds"
	if len(result.Seeds) == 1 {
		over = "folds"
		for f, s := range result.Folds {
			micro(fmt.Sprintf("fold %d", f), s)
		}
	} else {
		for _, s := range result.Seeds {
			micro(fmt.Sprintf("seed %d", s.Seed), s.Micro)
		}
	}
	s := result.Spread
	row(fmt.Sprintf("mean of %d %s", s.F1.N, over), s.P.Mean, s.R.Mean, s.F1.Mean)
	row("sd", s.P.SD, s.R.SD, s.F1.SD)
	row("min", s.P.Min, s.R.Min, s.F1.Min)
	row("max", s.P.Max, s.R.Max, s.F1.Max)
	micro("all predictions together", result.Micro)
	micro("majority label", result.Majority)
	for _, name := range []string{"word overlap", "bag of words"} {
		micro(name, result.Baseline[name])
	}
	return w.Flush()
}
