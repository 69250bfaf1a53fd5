package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/evaluate"
)

// Tests are the results of tests on the predictions of runs: an interval for each run, and its difference from the
// reference.
type Tests struct {
	own     map[*Run]evaluate.Interval
	against map[*Run]evaluate.Difference // run minus reference
	notes   []string
}

// resampling sets the number of samples: enough for a decimal of F1, and few enough for large files.
func resampling(r *Run) compare.Options {
	o := compare.Options{Negative: r.relation().Negative, Samples: 2000, Seed: 1}
	const most = 400_000_000 // pairs drawn in all
	if n := r.relation().Instances; n > most/o.Samples {
		o.Samples = max(200, most/n)
	}
	return o
}

// test tests the predictions of the runs of each corpus. Runs whose predictions are missing, or of other pairs, get no
// interval; a note says why. If ctx ends, it returns the error of ctx.
func test(ctx context.Context, groups [][]scored) (*Tests, error) {
	t := &Tests{own: map[*Run]evaluate.Interval{}, against: map[*Run]evaluate.Difference{}}
	for _, group := range groups {
		ref := reference(group).run
		for _, s := range group {
			own, err := compare.Interval(ctx, s.run.dirs(), resampling(s.run))
			if err == nil {
				t.own[s.run] = own
			}
			if s.run != ref && err == nil {
				var d evaluate.Difference
				if d, err = compare.Bootstrap(ctx, s.run.dirs(), ref.dirs(), resampling(s.run)); err == nil {
					t.against[s.run] = d
				}
			}
			if err != nil && errors.Is(err, context.Cause(ctx)) && ctx.Err() != nil {
				return nil, err
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.notes = append(t.notes, fmt.Sprintf("%s: no interval: %v.", s.name, err))
			}
		}
	}
	return t, nil
}

// holm returns the p value of each of runs that was compared with the reference, adjusted for the number of
// comparisons; nil for fewer than two.
func (t *Tests) holm(runs []scored) map[*Run]float64 {
	var p []float64
	var of []*Run
	for _, s := range runs {
		if d, ok := t.against[s.run]; ok {
			p, of = append(p, d.P), append(of, s.run)
		}
	}
	if len(p) < 2 {
		return nil
	}
	out := map[*Run]float64{}
	for i, adjusted := range evaluate.Holm(p) {
		out[of[i]] = adjusted
	}
	return out
}

// bounds returns the 95 % interval of a run's F1: over the pairs or, without predictions and with more than two seeds,
// over the seeds.
func (t *Tests) bounds(s scored) (low, high float64, known bool) {
	if own, ok := t.own[s.run]; ok {
		return own.Low, own.High, true
	}
	for _, i := range s.run.relation().Intervals {
		if i.Over == "pairs" {
			return i.Low, i.High, true
		}
	}
	if i := evaluate.IntervalOf(s.f1); i.N > fewSeeds {
		return i.Low, i.High, true
	}
	return 0, 0, false
}

// remarks say how the intervals of runs were made.
func (t *Tests) remarks(runs []scored) Remarks {
	var out Remarks
	for _, s := range runs {
		if own, ok := t.own[s.run]; ok {
			text := fmt.Sprintf("The intervals are 95 %% bootstrap intervals over the %s pairs, %s samples", count(own.N), count(resampling(s.run).Samples))
			if len(s.f1) > 1 {
				text += "; they use the predictions of all seeds together, so differences deviate slightly from those of the means"
			}
			out = append(out, text+".")
			if n := len(t.holm(runs)); n > 0 {
				out = append(out, fmt.Sprintf("p is the bootstrap p-value of the difference, adjusted for %d comparisons (Holm 1979). The intervals of differences are not adjusted.", n))
			}
			return out
		}
	}
	for _, s := range runs {
		if len(s.f1) > fewSeeds {
			return append(out, "The intervals are 95 % Student's t intervals over the seeds.")
		}
	}
	return out
}
