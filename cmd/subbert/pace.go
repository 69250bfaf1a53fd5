package main

import (
	"slices"
	"time"

	"github.com/subbert/subbert/runs"
)

// pace measures the speed of work as the median over the latest intervals, so that an interval in which something was
// compiled, evaluated or saved does not count.
type pace struct {
	done    float64 // at the end of the last interval
	at      time.Time
	seconds []float64 // per unit of work, in the latest intervals
}

// Intervals shorter than shortest are not measured. With fewer than enough of them no remaining time is shown. Only the
// last latest intervals are kept.
const (
	shortest = 50 * time.Millisecond
	enough   = 3
	latest   = 25
)

// add records that done units of work are done now.
func (p *pace) add(done float64, now time.Time) {
	if p.at.IsZero() || done < p.done {
		*p = pace{done: done, at: now}
		return
	}
	if now.Sub(p.at) < shortest || done == p.done {
		return
	}
	p.seconds = append(p.seconds, now.Sub(p.at).Seconds()/(done-p.done))
	p.seconds = p.seconds[max(0, len(p.seconds)-latest):]
	p.done, p.at = done, now
}

// rate returns the units of work done a second, 0 at the start, and whether there are enough intervals to rely on it.
func (p *pace) rate() (perSecond float64, sure bool) {
	if len(p.seconds) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(p.seconds))
	return 1 / sorted[len(sorted)/2], len(sorted) >= enough
}

// together is the combined progress of several runs.
type together struct {
	began time.Time
	first float64         // done at that time, in runs
	done  map[int]float64 // of each run that has reported, by number
}

// left returns how long all runs will take, including what each of them compiles and evaluates; false if that is not
// known yet.
func (w *together) left(p runs.Progress, now time.Time) (time.Duration, bool) {
	if w.done == nil {
		w.done = map[int]float64{}
	}
	w.done[p.Number] = max(w.done[p.Number], float64(p.Step)/float64(p.Steps))
	done := 0.0
	for n := 1; n <= p.Number; n++ {
		if part, heard := w.done[n]; heard {
			done += part
		} else {
			done++ // complete before this process started
		}
	}
	for n, part := range w.done {
		if n > p.Number {
			done += part
		}
	}
	if w.began.IsZero() {
		w.began, w.first = now, done
	}
	passed := now.Sub(w.began)
	if passed < 5*time.Second || done <= w.first {
		return 0, false
	}
	return time.Duration(float64(passed) * (float64(p.Of) - done) / (done - w.first)), true
}
