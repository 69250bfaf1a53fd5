package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// mergeSeeds merges fine-tuning runs that differ only in their seed, as a sweep leaves them, into one. Other and
// unfinished runs stay as they are.
func mergeSeeds(runs []*Run) []*Run {
	groups := map[string][]*Run{}
	for _, r := range runs {
		if id := r.recipe(); id != "" {
			groups[id] = append(groups[id], r)
		}
	}
	var out []*Run
	for _, r := range runs {
		group := groups[r.recipe()]
		switch {
		case len(group) < 2:
			out = append(out, r)
		case group[0] == r:
			if merged := together(group); merged != nil {
				out = append(out, merged)
			} else {
				out = append(out, group...)
			}
		}
	}
	return out
}

// recipe describes everything that a scored run of one seed was made from except its seed; empty for other runs.
func (r *Run) recipe() string {
	res := r.relation()
	if res == nil || !res.WasScored() || res.Several() || res.Fold != nil || r.Config.values == nil {
		return ""
	}
	return recipeOf(r.Config, 0)
}

// deepest bounds the number of runs that are followed to find where a model comes from.
const deepest = 8

// recipeOf returns the part of a config that says what is learned, without seeds. If another run made a model, the
// recipe of that run stands for the model.
func recipeOf(c Config, depth int) string {
	var b strings.Builder
	for _, k := range c.keys() {
		table, _, _ := strings.Cut(k, ".")
		if table == "run" || !slices.Contains(tables, table) {
			continue
		}
		value := c.String(k)
		if k == "model.init" && depth < deepest {
			for dir := filepath.Clean(value); dir != "." && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
				if from, err := readConfig(dir); err == nil {
					value = recipeOf(from, depth+1)
					break
				}
			}
		}
		fmt.Fprintf(&b, "%s=%s\n", k, value)
	}
	return b.String()
}

// together returns the runs of several seeds as one; nil if they were not scored with the same labels.
func together(runs []*Run) *Run {
	first := *runs[0]
	merged := &first
	res := *first.relation()
	merged.Members, merged.Series, merged.Present, merged.Notes, merged.Kept = runs, nil, nil, nil, nil
	res.Seeds, res.Steps, res.Seconds = nil, 0, 0
	res.Mean, res.Intervals, res.Curve, res.Findings, res.Calibration = nil, nil, nil, nil, pooledCalibration(runs)
	var all []*evaluate.Confusion
	var swept [][]string
	for _, r := range runs {
		of := r.relation()
		seed := fmt.Sprintf("seed %d", of.Seed)
		all = append(all, &evaluate.Confusion{Labels: of.Labels, N: of.Confusion})
		res.Seeds = append(res.Seeds, result.Seed{Seed: of.Seed, Micro: of.Micro, Macro: of.Macro})
		res.Steps += of.Steps
		res.Seconds += of.Seconds
		for _, s := range r.Series {
			s.Name = strings.TrimSpace(s.Name + " " + seed)
			merged.Series = append(merged.Series, s)
		}
		for _, f := range of.Findings {
			res.Findings = append(res.Findings, result.Finding{Kind: f.Kind, Text: seed + ": " + f.Text})
		}
		for _, note := range r.Notes {
			merged.Notes = append(merged.Notes, seed+": "+note)
		}
		merged.Kept = append(merged.Kept, r.Kept...)
		swept = append(swept, strings.Split(r.Swept, "/"))
	}
	sum, err := evaluate.Pool(all...)
	if err != nil {
		return nil
	}
	if res.Report, err = sum.Report(res.Negative); err != nil {
		return nil
	}
	header := first.Result.Header
	header.Steps, header.Seconds = res.Steps, res.Seconds
	merged.Result = &result.Result{Header: header, Relation: &res}
	merged.Swept = strings.Join(shared(swept), "/")
	return merged
}

// pooledCalibration returns the calibration over the scored pairs of all runs; nil if a run has none.
func pooledCalibration(runs []*Run) *result.Calibration {
	var out result.Calibration
	var before, after []evaluate.Calibration
	for _, r := range runs {
		c := r.relation().Calibration
		if c == nil {
			return nil
		}
		out.Temperature += c.Temperature / float64(len(runs))
		out.Fitted += c.Fitted
		before, after = append(before, c.Before), append(after, c.After)
	}
	out.Before, out.After = evaluate.PoolCalibrations(before...), evaluate.PoolCalibrations(after...)
	return &out
}

// shared returns the elements that all paths begin with.
func shared(paths [][]string) []string {
	out := paths[0]
	for _, p := range paths[1:] {
		n := 0
		for n < len(out) && n < len(p) && out[n] == p[n] {
			n++
		}
		out = out[:n]
	}
	return out
}

// dirs returns the directories of the run: its own, or those of its seeds.
func (r *Run) dirs() []string {
	if r.Members == nil {
		return []string{r.Dir}
	}
	var out []string
	for _, m := range r.Members {
		out = append(out, m.dirs()...)
	}
	return out
}
