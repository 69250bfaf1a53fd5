package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

// Interval is the micro F1 of a model's predictions with its 95 % interval over pairs. The paths, each of a
// predictions.tsv or a run directory, are those of its seeds, which are taken together.
func Interval(ctx context.Context, paths []string, o Options) (evaluate.Resampled, error) {
	runs, err := openAll(paths)
	if err != nil {
		return evaluate.Resampled{}, err
	}
	rows, err := aligned(runs[0], runs)
	if err != nil {
		return evaluate.Resampled{}, fmt.Errorf("%s: %w", strings.Join(paths, " and "), err)
	}
	none, err := negative(paths[0], runs, o.Negative)
	if err != nil {
		return evaluate.Resampled{}, err
	}
	return evaluate.Resample(ctx, goldOf(rows), labels(rows), none, o.Samples, o.Seed)
}

// Bootstrap is the difference in micro F1 between two models on the same pairs, by a paired bootstrap. The paths are as
// for Interval.
func Bootstrap(ctx context.Context, a, b []string, o Options) (evaluate.Difference, error) {
	runsA, err := openAll(a)
	if err != nil {
		return evaluate.Difference{}, err
	}
	runsB, err := openAll(b)
	if err != nil {
		return evaluate.Difference{}, err
	}
	var rows [2][][]relations.Prediction
	for i, runs := range [][]*relations.Predictions{runsA, runsB} {
		if rows[i], err = aligned(runsA[0], runs); err != nil {
			return evaluate.Difference{}, fmt.Errorf("%s and %s: %w", strings.Join(a, " and "), strings.Join(b, " and "), err)
		}
	}
	none, err := negative(a[0], append(runsA, runsB...), o.Negative)
	if err != nil {
		return evaluate.Difference{}, err
	}
	return evaluate.Bootstrap(ctx, goldOf(rows[0]), labels(rows[0]), labels(rows[1]), none, o.Samples, o.Seed)
}

// openAll reads the predictions at every path.
func openAll(paths []string) ([]*relations.Predictions, error) {
	var all []*relations.Predictions
	for _, path := range paths {
		runs, err := open(path)
		if err != nil {
			return nil, err
		}
		all = append(all, runs...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no predictions are named")
	}
	return all, nil
}

func goldOf(rows [][]relations.Prediction) []string {
	gold := make([]string, len(rows[0]))
	for i, r := range rows[0] {
		gold[i] = r.Gold
	}
	return gold
}
