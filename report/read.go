package report

import (
	"context"
	"errors"
	"fmt"
)

// ReadRuns reads the run directories dirs with ReadRun. If one of several is a run directory, it skips those that are
// not and calls skipped with each. It calls read, if not nil, with the progress of reading the metrics of a run.
func ReadRuns(ctx context.Context, dirs []string, read func(dir string, done, size int64), skipped func(dir string)) ([]*Run, error) {
	var runs []*Run
	var none error // for the first path that is not a run
	for _, dir := range dirs {
		var tell func(done, size int64)
		if read != nil {
			tell = func(done, size int64) { read(dir, done, size) }
		}
		r, err := ReadRun(ctx, dir, tell)
		other := new(NotRunError)
		switch {
		case errors.As(err, &other) && len(dirs) > 1:
			if none == nil {
				none = err
			}
			skipped(dir)
		case err != nil:
			return nil, err
		default:
			runs = append(runs, r)
		}
	}
	if len(runs) == 0 && none != nil {
		return nil, fmt.Errorf("none of the %d arguments is a run directory: %w", len(dirs), none)
	}
	return runs, nil
}
