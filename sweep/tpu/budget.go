package tpu

import (
	"fmt"
	"sync"

	"github.com/subbert/subbert/sweep"
)

// budget divides the money of a sweep among its runs: the spent money plus the bounds of the running runs never
// exceed it. Money that a run does not use goes to later runs.
type budget struct {
	max  float64                           // 0: no bound
	cost func(key string) (float64, error) // of a run so far

	mu    sync.Mutex
	spent map[string]float64 // by runs that are not running
	caps  map[string]float64 // bounds of running runs, including earlier spending
	open  []sweep.Status     // not started yet
}

// begin adds up the earlier costs of the runs of a sweep.
func (b *budget) begin(r *sweep.Report) error {
	if b.max == 0 {
		return nil
	}
	for _, s := range r.Runs {
		if !runsInCloud(sweep.Task{Args: s.Command}) || b.has(s.Key) {
			continue
		}
		cost, err := b.cost(s.Key)
		if err != nil {
			return err
		}
		b.spent[s.Key] = cost
		if s.State == sweep.Waiting {
			b.open = append(b.open, s)
		}
	}
	return nil
}

func (b *budget) has(key string) bool { _, ok := b.spent[key]; return ok }

// refuse returns an error if no money is left for t, and otherwise reserves its share.
func (b *budget) refuse(t sweep.Task, running []sweep.Task) error {
	if b.max == 0 || !runsInCloud(t) {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.account(running); err != nil {
		return err
	}
	left := b.max
	for _, spent := range b.spent {
		left -= spent
	}
	for key, most := range b.caps {
		left -= most - b.spent[key] // spent is counted above
	}
	if left <= 0 {
		return fmt.Errorf("--max-cost %g is used up, or reserved for runs in progress", b.max)
	}
	b.caps[t.Key] = b.spent[t.Key] + left*b.share(t.Key)
	return nil
}

// account replaces the bounds of ended runs by their actual costs.
func (b *budget) account(running []sweep.Task) error {
	runs := make(map[string]bool)
	for _, t := range running {
		runs[t.Key] = true
	}
	for key := range b.caps {
		if runs[key] {
			continue
		}
		cost, err := b.cost(key)
		if err != nil {
			return err
		}
		b.spent[key] = cost
		delete(b.caps, key)
	}
	return nil
}

// share is the fraction of the remaining money for a run, which it removes from the open ones: in proportion to the
// forecasts of cost or of hours, if all have one, else equal for each.
func (b *budget) share(key string) float64 {
	weight := func(s sweep.Status) float64 { return 1 }
	for _, by := range []func(sweep.Status) float64{
		func(s sweep.Status) float64 { return s.Hours },
		func(s sweep.Status) float64 { return s.Cost },
	} {
		known := true
		for _, s := range b.open {
			known = known && by(s) > 0
		}
		if known {
			weight = by
		}
	}
	var own, sum float64
	var rest []sweep.Status
	for _, s := range b.open {
		sum += weight(s)
		if s.Key == key {
			own = weight(s)
		} else {
			rest = append(rest, s)
		}
	}
	b.open = rest
	if own == 0 || sum == 0 {
		return 1
	}
	return own / sum
}

// cap is the maximum cost of a started run; 0: no bound.
func (b *budget) cap(key string) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.caps[key]
}
