package checkpoints

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// Retention says which checkpoints to keep. The zero value keeps all. Otherwise a checkpoint stays if one of the rules
// keeps it.
type Retention struct {
	Last       int           // this many newest
	EverySteps int           // steps that are multiples of this
	Every      time.Duration // the first saved in each period of this length
}

// Prune removes the checkpoints that keep does not keep, and returns their steps. The newest complete checkpoint always
// stays, and so do the pinned ones (the best, for example). Damaged ones are removed once a newer one is complete.
// Prune reads only the manifests.
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

// choose marks the steps of complete, in ascending order, that a rule keeps.
func (r Retention) choose(complete []manifest) map[int]bool {
	kept := make(map[int]bool)
	var stretch time.Time // start of the current period of Every
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

// remove renames a step before removing it, so that an interrupted removal leaves no half of a checkpoint.
func (s *Saver) remove(step int) error {
	doomed := filepath.Join(s.root, removingPrefix+stepName(step))
	if err := s.fsys.Rename(filepath.Join(s.root, stepName(step)), doomed); err != nil {
		return err
	}
	return s.fsys.RemoveAll(doomed)
}
