package runs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/runs/rundir"
	"github.com/subbert/subbert/tasks/relation"
)

// part is one of several runs: a fold with a seed.
type part struct {
	name string // of its directory inside the directory of all runs
	seed uint32
	fold int // -1 without folds
}

// parts lists the runs of a config: all folds with the first seed, then with the next.
func parts(config configs.Relation) []part {
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

// of returns the config of the single run p, given the config of all runs.
func (p part) of(all configs.Relation) configs.Relation {
	c := all
	c.Run.Dir, c.Run.Seed, c.Task.Fold, c.Task.Seeds = filepath.Join(all.Run.Dir, p.name), p.seed, p.fold, 1
	return c
}

// several holds the runs of one config in progress.
type several struct {
	config configs.Relation
	env    Env
	read   *Sets // as read, before folds and samples
	parts  []part
	done   atomic.Int32
	told   told // by any of the runs
}

// finetuneSeveral carries out the runs of a config, each on one device, and sums them up. On resuming it skips the
// complete runs.
func finetuneSeveral(ctx context.Context, config configs.Relation, env Env, read *Sets) (_ *result.Relation, err error) {
	if _, err := read.arrange(config.Data, config.Task.Examples); err != nil { // before anything is written
		return nil, err
	}
	claim, err := rundir.Claim(config.Run.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, claim.Unlock()) }()
	s := &several{config: config, env: env, read: read, parts: parts(config), told: told{kinds: map[string]bool{}}}
	results, err := s.run(ctx)
	if err != nil {
		return nil, err
	}
	out, err := sumUp(s.parts, results)
	if err != nil {
		return nil, err
	}
	out.Provenance = Provenance(env.Command)
	bySeed, err := s.gatherPredictions(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.describe(ctx, out, results, bySeed); err != nil {
		return nil, err
	}
	return out, atomicfile.WriteJSON(s.file(result.File), out)
}

func (s *several) file(name string) string { return filepath.Join(s.config.Run.Dir, name) }

// run carries out the runs and returns their results in order. It writes the config to the common directory once one
// run is complete, so that runs which cannot start leave nothing behind.
func (s *several) run(ctx context.Context) (_ []*result.Relation, err error) {
	text, err := s.config.Text()
	if err != nil {
		return nil, err
	}
	devices, err := openLanes(ctx, s.env, s.config.Device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, devices.close()) }()
	results := make([]*result.Relation, len(s.parts))
	err = devices.each(ctx, s.env, len(s.parts), func(i int) string { return s.parts[i].name }, func(ctx context.Context, env Env, i int, on *backend.Handle) error {
		p := s.parts[i]
		r, err := s.one(ctx, env, i, on)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		results[i] = r
		n := s.done.Add(1)
		env.Log.Info("run complete", "run", p.name, "number", n, "of", len(s.parts), "f1", r.Micro.F1)
		if n > 1 {
			return nil
		}
		return atomicfile.WriteBytes(s.file(result.ConfigFile), text)
	})
	return results, err
}

// one carries out run i, or reads its result if it was complete before.
func (s *several) one(ctx context.Context, env Env, i int, on *backend.Handle) (*result.Relation, error) {
	config := s.parts[i].of(s.config)
	file := filepath.Join(config.Run.Dir, result.File)
	if _, err := os.Stat(file); !env.Resume || errors.Is(err, fs.ErrNotExist) {
		sets, err := s.read.arrange(config.Data, config.Task.Examples)
		if err != nil {
			return nil, err
		}
		return finetune(ctx, config, env, on, sets, Progress{Run: s.parts[i].name, Number: i + 1, Of: len(s.parts)}, &s.told)
	}
	if err := env.unchanged(config, config.Run.Dir, filepath.Join(config.Run.Dir, result.ConfigFile)); err != nil {
		return nil, err
	}
	r := &result.Relation{}
	return r, result.Decode(file, r)
}

// sumUp combines the results of the runs into one.
func sumUp(all []part, results []*result.Relation) (*result.Relation, error) {
	first := results[0]
	out := &result.Relation{
		Task: first.Task, Corpus: first.Corpus, Scored: first.Scored, Pooling: first.Pooling, Seed: first.Seed, Cut: first.Cut, Backend: first.Backend,
		Padding: first.Padding, MicroOf: result.MicroOfPooled, ClassWeights: first.ClassWeights,
	}
	if len(first.Confusion) == 0 {
		return nil, errors.New("no examples to score the runs on; set data.test, data.dev or task.folds")
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
		one := result.Seed{Seed: seed, Micro: meanOf(results, bySeed[seed], micro)}
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
			out.Folds = append(out.Folds, meanOf(results, byFold[f], micro))
		}
		if len(scores) == 1 {
			scores = out.Folds
		}
	}
	spread := result.SpreadOf(scores)
	out.Spread = &spread
	every := make([]int, len(results))
	for i := range every {
		every[i] = i
	}
	whole := meanOf(results, every, micro)
	out.Mean = &whole
	out.Majority = meanOf(results, bySeed[first.Seed], func(r *result.Relation) evaluate.PRF { return r.Majority })
	out.Baseline = map[string]evaluate.PRF{}
	for name := range first.Baseline {
		out.Baseline[name] = meanOf(results, bySeed[first.Seed], func(r *result.Relation) evaluate.PRF { return r.Baseline[name] })
	}
	return out, nil
}

// pooled returns the report on the predictions of the chosen results together; of all results if chosen is nil.
func pooled(results []*result.Relation, chosen []int) (evaluate.Report, error) {
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

func micro(r *result.Relation) evaluate.PRF { return r.Micro }

// meanOf returns the mean of a score of the chosen results; the support is the sum.
func meanOf(results []*result.Relation, chosen []int, score func(*result.Relation) evaluate.PRF) evaluate.PRF {
	var scores []evaluate.PRF
	support := 0
	for _, i := range chosen {
		scores = append(scores, score(results[i]))
		support += score(results[i]).Support
	}
	s := result.SpreadOf(scores)
	return evaluate.PRF{P: s.P.Mean, R: s.R.Mean, F1: s.F1.Mean, Support: support}
}

// describe adds to the combined result what the predictions of all runs together show.
func (s *several) describe(ctx context.Context, out *result.Relation, results []*result.Relation, bySeed []*relations.Predictions) error {
	interval, err := pairsInterval(ctx, bySeed, out.Negative)
	if err != nil {
		return err
	}
	out.Intervals = append(out.Intervals, interval)
	over, scores := result.OverSeeds, out.Scores()
	if len(scores) == 1 {
		over, scores = result.OverFolds, out.Folds
	}
	if len(scores) > 1 {
		var f1 []float64
		for _, x := range scores {
			f1 = append(f1, x.F1)
		}
		out.Intervals = append(out.Intervals, result.Interval{Interval: evaluate.IntervalOf(f1), Over: over})
	}
	if out.Curve, err = curveOf(bySeed, out.Negative); err != nil {
		return err
	}
	out.Calibration = poolCalibrations(results)
	out.Findings = gather(s.parts, results)
	for _, f := range result.Judge(out.Report, out.Mean.F1, out.Baseline) {
		if f.Kind == result.NotAboveBaseline { // each run itself reports that the model gives one label
			f.Text = "all runs: " + f.Text
			out.Findings = append(out.Findings, f)
		}
	}
	return nil
}

// curveOf returns the curve of the predictions of all seeds together.
func curveOf(bySeed []*relations.Predictions, negative string) (*result.Curve, error) {
	var all predicted
	settings := relation.Settings{Labels: bySeed[0].Labels, Negative: negative}
	for _, p := range bySeed {
		for _, row := range p.Rows {
			all.gold = append(all.gold, slices.Index(p.Labels, row.Gold))
			all.probabilities = append(all.probabilities, row.Probabilities)
		}
	}
	return all.curve("all", settings)
}

// poolCalibrations returns the calibration over the scored examples of all runs; nil if one run has none.
func poolCalibrations(results []*result.Relation) *result.Calibration {
	out := &result.Calibration{}
	var before, after []evaluate.Calibration
	for _, r := range results {
		c := r.Calibration
		if c == nil { // written by an earlier version
			return nil
		}
		out.Temperature += c.Temperature / float64(len(results))
		out.Fitted += c.Fitted
		before, after = append(before, c.Before), append(after, c.After)
	}
	out.Before, out.After = evaluate.PoolCalibrations(before...), evaluate.PoolCalibrations(after...)
	return out
}

// gatherPredictions writes one file of predictions for each seed, with those of all folds, and returns them in the
// order of the seeds.
func (s *several) gatherPredictions(ctx context.Context) ([]*relations.Predictions, error) {
	var all []*relations.Predictions
	bySeed := map[uint32]*relations.Predictions{}
	for _, p := range s.parts {
		one, err := relations.OpenPredictions(filepath.Join(s.config.Run.Dir, p.name, result.PredictionsFile), relations.Options{Context: ctx})
		if err != nil {
			return nil, err
		}
		if bySeed[p.seed] == nil {
			bySeed[p.seed] = &relations.Predictions{Labels: one.Labels}
			all = append(all, bySeed[p.seed])
		}
		bySeed[p.seed].Rows = append(bySeed[p.seed].Rows, one.Rows...)
	}
	for seed, predictions := range bySeed {
		name := result.PredictionsFile
		if s.config.Task.Seeds > 1 {
			name = result.SeedPredictions(seed)
		}
		if err := atomicfile.Write(s.file(name), predictions.Write); err != nil {
			return nil, err
		}
	}
	return all, nil
}
