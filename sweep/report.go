package sweep

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/readable"
)

// Report is the status of the runs of a sweep, in order.
type Report struct {
	Runs []Status `json:"runs"`
}

// Count is the number of runs in any of states.
func (r *Report) Count(states ...State) int {
	n := 0
	for _, s := range r.Runs {
		for _, state := range states {
			if s.State == state {
				n++
			}
		}
	}
	return n
}

// Run returns the status of the run of a name; nil if there is none.
func (r *Report) Run(name string) *Status {
	for i := range r.Runs {
		if r.Runs[i].Name == name {
			return &r.Runs[i]
		}
	}
	return nil
}

// Failures returns a line for each failed run and each run that was skipped because of it.
func (r *Report) Failures() []string {
	var lines []string
	for _, s := range r.Runs {
		switch s.State {
		case Failed:
			lines = append(lines, s.Name+" failed: "+s.Why)
		case Skipped:
			lines = append(lines, s.Name+" skipped "+s.Why)
		}
	}
	return lines
}

// Err returns an error that counts the failed runs; nil if none failed.
func (r *Report) Err() error {
	failed := r.Count(Failed)
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %s failed, %d skipped because of that; the same command tries them again", failed, readable.Plural(len(r.Runs), "run", "s"), r.Count(Skipped))
}

// Total sums the forecasts of the runs that are still to be done, each result once. known is the number of runs with a
// forecast of hours, missing the number without.
func (r *Report) Total() (sum Status, known, missing int) {
	seen := make(map[string]bool)
	for _, s := range r.Runs {
		if s.State == Done || s.State == Cached || s.State == Skipped || s.Key != "" && seen[s.Key] {
			continue
		}
		seen[s.Key] = true
		missing++
		if s.Hours > 0 {
			known++
		}
		sum.add(s)
	}
	return sum, known, missing
}

// add adds the forecast of other to that of s.
func (s *Status) add(other Status) {
	s.Steps += other.Steps
	s.Hours += other.Hours
	s.Bytes += other.Bytes
	s.Cost += other.Cost
}

// Left estimates the remaining time with jobs runs at once: from the forecast of each run, or else from the time, per
// step or as a whole, of complete runs of the same command. ok is false if a run has neither.
func (r *Report) Left(jobs int) (left time.Duration, ok bool) {
	seen := make(map[string]bool)
	var seconds, longest float64
	for _, s := range r.Runs {
		if (s.State != Waiting && s.State != Running) || seen[s.Key] {
			continue
		}
		seen[s.Key] = true
		one := s.Hours * 3600
		if pace, ok := r.Pace(verbOf(s)); ok {
			one *= pace
		}
		if one == 0 {
			one = r.like(s)
		}
		if one == 0 {
			return 0, false
		}
		seconds += one
		longest = max(longest, one)
	}
	return time.Duration(max(seconds/float64(max(1, jobs)), longest) * float64(time.Second)), true
}

// Pace is the ratio of the total time of the complete runs of some commands to their forecasts. It is unknown before
// one is complete.
func (r *Report) Pace(verbs ...string) (pace float64, ok bool) {
	var took, forecast float64
	for _, s := range r.Runs {
		if s.Seconds > 0 && s.Hours > 0 && slices.Contains(verbs, verbOf(s)) {
			took, forecast = took+s.Seconds, forecast+s.Hours*3600
		}
	}
	return took / forecast, forecast > 0
}

// like estimates the seconds of s from the complete runs of its command; 0 if there are none.
func (r *Report) like(s Status) float64 {
	var seconds, steps, n float64
	for _, other := range r.Runs {
		if other.Seconds > 0 && verbOf(other) == verbOf(s) && (other.Steps > 0) == (s.Steps > 0) {
			seconds += other.Seconds
			steps += float64(other.Steps)
			n++
		}
	}
	switch {
	case n == 0:
		return 0
	case s.Steps > 0:
		return seconds / steps * float64(s.Steps)
	}
	return seconds / n
}

// verbOf is the command by which runs are compared.
func verbOf(s Status) string { return strings.Join(s.Command[:1], " ") }
