package runs

import (
	"fmt"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/trainer/metrics"
)

// Progress is a report of a run.
type Progress struct {
	Run         string // the name of this run, if there are several
	Number, Of  int    // if there are several runs, the number of this one, from 1, and how many there are
	From        int    // the step that this process started or continued at
	Step, Steps int    // completed updates, and updates in all
	HeldOut     bool   // the values are those of an evaluation
	Values      []metrics.Value
}

// String returns the report as one line for a person.
func (p Progress) String() string {
	line := fmt.Sprintf("step %d/%d", p.Step, p.Steps)
	if p.Run != "" {
		line = p.Run + ": " + line
	}
	for _, v := range p.Values {
		if text := ValueText(v.Name, v.Value); text != "" {
			line += "  " + text
		}
	}
	return line
}

// ValueText formats a recorded value for a person; it is empty for values that are only for the file.
func ValueText(name string, value float64) string {
	switch {
	case strings.Contains(name, "mlm_mask_"), strings.Contains(name, "mlm_random_"), strings.Contains(name, "mlm_kept_"):
		return ""
	case strings.HasSuffix(name, "f1"):
		return fmt.Sprintf("%s %.1f", name, value)
	case strings.HasSuffix(name, "loss"):
		return fmt.Sprintf("%s %.3f", name, value)
	case strings.HasSuffix(name, "accuracy"):
		return fmt.Sprintf("%s %.1f%%", name, 100*value)
	case name == "tokens_per_sec":
		return readable.Count(value) + " tokens/s"
	case name == "skipped_updates":
		return fmt.Sprintf("%.0f updates skipped", value)
	}
	return ""
}

// Remaining estimates when several runs will be complete, from their reports. The zero value has heard of none.
type Remaining struct {
	began time.Time
	first float64         // done at that time, in runs
	done  map[int]float64 // of each run that has reported, by number
}

// After takes the report p and returns how long all runs will still take, including what each of them compiles and
// evaluates; ok is false if that is not known yet.
func (w *Remaining) After(p Progress, now time.Time) (left time.Duration, ok bool) {
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
