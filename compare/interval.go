package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

// Interval returns the micro F1 of a model's predictions with its 95 % interval over pairs. Each path is a
// predictions.tsv or a run directory; they are the seeds of the model and are taken together.
func Interval(ctx context.Context, paths []string, o Options) (evaluate.Interval, error) {
	runs, err := o.openAll(ctx, paths)
	if err != nil {
		return evaluate.Interval{}, err
	}
	asked := o.Negative
	if asked == "" {
		asked = negativeOf(paths...)
	}
	none, err := fold(paths[0], runs, asked)
	if err != nil {
		return evaluate.Interval{}, err
	}
	rows, err := aligned(runs[0], runs)
	if err != nil {
		return evaluate.Interval{}, fmt.Errorf("%s: %w", strings.Join(paths, " and "), err)
	}
	return evaluate.BootstrapF1(ctx, pair{a: rows}.gold(), labels(rows), none, o.Samples, o.Seed)
}

// Bootstrap returns the difference in micro F1 between two models on the same pairs, by a paired bootstrap. The paths
// are as for Interval.
func Bootstrap(ctx context.Context, a, b []string, o Options) (evaluate.Difference, error) {
	p, err := o.openPair(ctx, a, b)
	if err != nil {
		return evaluate.Difference{}, err
	}
	return evaluate.Bootstrap(ctx, p.gold(), labels(p.a), labels(p.b), p.negative, o.draws("bootstrap"))
}

// openAll reads the predictions at every path.
func (o Options) openAll(ctx context.Context, paths []string) ([]*relations.Predictions, error) {
	var all []*relations.Predictions
	for _, path := range paths {
		runs, err := o.open(ctx, path)
		if err != nil {
			return nil, err
		}
		all = append(all, runs...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no files of predictions")
	}
	return all, nil
}
