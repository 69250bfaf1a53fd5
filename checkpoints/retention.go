package checkpoints

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// Retention says which checkpoints to keep. The zero value keeps all. Otherwise one that any of the rules asks for stays.
type Retention struct {
	Last       int           // this many newest
	EverySteps int           // those whose step is a multiple of this
	Every      time.Duration // the first in each stretch of this length, by the time of saving
}

// Prune removes the checkpoints that keep does not ask for, and returns their steps. The newest one that is complete
// always stays, and so do those pinned (the best one, say). Damaged ones go once a newer one is complete. It looks at manifests only and does not read the files.
func (s *Saver) Prune(keep Retention, pinned ...int) (removed []int, err error) {
	if keep == (Retention{}) {
		return nil, nil
	}
	found, err := steps(s.root)
	if err != nil {
		return nil, err
	}
	var complete []manifest // ascending
	for _, step := range found {
		if m, err := readManifest(filepath.Join(s.root, stepName(step))); err == nil {
			complete = append(complete, m)
		}
	}
	if len(complete) == 0 {
		return nil, nil
	}
	kept := keep.choose(complete)
	newest := complete[len(complete)-1].Step
	for _, step := range found {
		if step >= newest || kept[step] || slices.Contains(pinned, step) {
			continue
		}
		if err := s.remove(step); err != nil {
			return removed, fmt.Errorf("remove step %d: %w", step, err)
		}
		removed = append(removed, step)
	}
	return removed, nil
}

// choose marks the steps of complete, which ascends, that some rule asks for.
func (r Retention) choose(complete []manifest) map[int]bool {
	kept := make(map[int]bool)
	var stretch time.Time // when the stretch that Every speaks of began
	for i, m := range complete {
		if i >= len(complete)-r.Last || r.EverySteps > 0 && m.Step%r.EverySteps == 0 {
			kept[m.Step] = true
		}
		if r.Every > 0 && (i == 0 || m.Saved.Sub(stretch) >= r.Every) {
			kept[m.Step] = true
			stretch = m.Saved
		}
	}
	return kept
}

// remove takes a step away under another name first: a removal cut short leaves no half of a checkpoint.
func (s *Saver) remove(step int) error {
	doomed := filepath.Join(s.root, removingPrefix+stepName(step))
	if err := s.fsys.Rename(filepath.Join(s.root, stepName(step)), doomed); err != nil {
		return err
	}
	return s.fsys.RemoveAll(doomed)
}
