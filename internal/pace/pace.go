// Package pace measures the speed of work from reports of its progress.
package pace

import (
	"slices"
	"time"
)

// Median measures the speed of work as the median over the latest intervals, so that an interval in which something was
// compiled, evaluated or saved does not count.
type Median struct {
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

// Add records that done units of work are done now.
func (p *Median) Add(done float64, now time.Time) {
	if p.at.IsZero() || done < p.done {
		*p = Median{done: done, at: now}
		return
	}
	if now.Sub(p.at) < shortest || done == p.done {
		return
	}
	p.seconds = append(p.seconds, now.Sub(p.at).Seconds()/(done-p.done))
	p.seconds = p.seconds[max(0, len(p.seconds)-latest):]
	p.done, p.at = done, now
}

// Rate returns the units of work done a second, 0 at the start, and whether there are enough intervals to rely on it.
func (p *Median) Rate() (perSecond float64, sure bool) {
	if len(p.seconds) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(p.seconds))
	return 1 / sorted[len(sorted)/2], len(sorted) >= enough
}

// Mean measures the speed of work as the mean since the first report. Unlike the median it suits reports of work that comes in
// bursts, as bytes of compressed files do.
type Mean struct {
	first, done float64
	began, at   time.Time
	reports     int // that found more done
}

// Add records that done units of work are done now.
func (p *Mean) Add(done float64, now time.Time) {
	if p.began.IsZero() || done < p.done {
		*p = Mean{first: done, done: done, began: now, at: now}
		return
	}
	if now.Sub(p.at) >= shortest && done > p.done {
		p.done, p.at, p.reports = done, now, p.reports+1
	}
}

// Rate returns the units of work done a second, 0 at the start, and whether there are enough reports to rely on it.
func (p *Mean) Rate() (perSecond float64, sure bool) {
	if p.reports == 0 {
		return 0, false
	}
	return (p.done - p.first) / p.at.Sub(p.began).Seconds(), p.reports >= enough
}
