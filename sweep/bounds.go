package sweep

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The bounds of a sweep: its runs, and all their needs together.
const (
	maxRuns  = 10_000
	maxNeeds = 1_000_000
)

// count fails if the runs of f, multiplied out, are too many.
func (f *File) count() error {
	all := 0
	for _, r := range f.Run {
		cells := 1
		for _, key := range slices.Sorted(maps.Keys(r.Matrix)) {
			if cells *= len(r.Matrix[key]); cells > maxRuns {
				break
			}
		}
		if all += cells; all > maxRuns {
			return fmt.Errorf("%s: run %s: its matrix and the runs before it are more than %d runs, the most of a sweep", f.at, r.Name, maxRuns)
		}
	}
	return nil
}

// checkForecasts fails if a forecast of f is no number that can be added up.
func (f *File) checkForecasts() error {
	var errs []error
	for _, r := range f.Run {
		for _, v := range []struct {
			key   string
			value float64
		}{{"hours", r.Hours}, {"gb", r.GB}, {"cost", r.Cost}} {
			if !(v.value >= 0 && v.value <= 1e9) {
				errs = append(errs, fmt.Errorf("%s: run %s: %s = %g: want 0 to 1e9", f.at, r.Name, v.key, v.value))
			}
		}
	}
	return errors.Join(errs...)
}

// checkRecursion fails if f, or a sweep that it runs, runs one of the sweeps that lead to it.
func (f *File) checkRecursion() error { return recursion(f, nil) }

func recursion(f *File, above []string) error {
	path := append(slices.Clone(above), f.at)
	for _, r := range f.Run {
		if r.Verb != "sweep" {
			continue
		}
		for _, arg := range r.Args {
			name := strings.TrimSuffix(strings.TrimPrefix(arg, "{file:"), "}")
			info, err := os.Stat(name)
			if err != nil || !info.Mode().IsRegular() || filepath.Ext(name) != filepath.Ext(f.at) {
				continue
			}
			if slices.ContainsFunc(path, func(p string) bool { return sameFile(p, info) }) {
				return fmt.Errorf("%s: run %s: the sweeps run each other in a circle: %s", f.at, r.Name, strings.Join(append(path, name), " runs "))
			}
			inner, err := ReadFile(name)
			if err != nil {
				continue // no sweep; if it should be one, its run says what is wrong
			}
			if err := recursion(inner, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func sameFile(name string, as os.FileInfo) bool {
	info, err := os.Stat(name)
	return err == nil && os.SameFile(info, as)
}
