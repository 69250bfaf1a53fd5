package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/subbert/subbert/trainer/metrics"
)

// progress is a Recorder for the person who waits: where the run is, how fast, how long it will take. On a terminal it
// rewrites one line; elsewhere it prints a line now and then.
type progress struct {
	w        io.Writer
	terminal bool
	steps    int       // of the run
	from     int       // where it started or continued
	started  time.Time // of this process's part
	printed  time.Time
	between  time.Duration // lines that are not on a terminal
}

// newProgress watches a run of steps steps that goes on at from. A nil writer is silent.
func newProgress(w io.Writer, steps, from int) *progress {
	return &progress{w: w, terminal: isTerminal(w), steps: steps, from: from, started: time.Now(), between: 5 * time.Second}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Record shows a report. Held-out values are always shown, on a line of their own.
func (p *progress) Record(step int, values ...metrics.Value) error {
	heldOut := isHeldOut(values)
	last := step >= p.steps
	if !p.terminal && !heldOut && !last && time.Since(p.printed) < p.between {
		return nil
	}
	p.printed = time.Now()
	line := fmt.Sprintf("step %d/%d", step, p.steps)
	for _, v := range values {
		if text := shown(v); text != "" {
			line += "  " + text
		}
	}
	if !heldOut && step > p.from {
		elapsed := time.Since(p.started)
		left := time.Duration(float64(elapsed) / float64(step-p.from) * float64(p.steps-step))
		line += fmt.Sprintf("  %s, %s left", span(elapsed), span(left))
	}
	return p.print(line, heldOut || last)
}

// print writes line; on a terminal the next one replaces it unless it is to stay.
func (p *progress) print(line string, stays bool) error {
	format := "%s\n"
	if p.terminal {
		format = "\r\x1b[K%s"
		if stays {
			format += "\n"
		}
	}
	_, err := fmt.Fprintf(p.w, format, line)
	return err
}

// Close ends the line.
func (p *progress) Close() error { return nil }

// shown is a value as a person reads it; values that are for the file alone are empty.
func shown(v metrics.Value) string {
	switch {
	case strings.Contains(v.Name, "mlm_mask_"), strings.Contains(v.Name, "mlm_random_"), strings.Contains(v.Name, "mlm_kept_"):
		return ""
	case strings.HasSuffix(v.Name, "f1"):
		return fmt.Sprintf("%s %.1f", v.Name, v.Value)
	case strings.HasSuffix(v.Name, "loss"):
		return fmt.Sprintf("%s %.3f", v.Name, v.Value)
	case strings.HasSuffix(v.Name, "accuracy"):
		return fmt.Sprintf("%s %.1f%%", v.Name, 100*v.Value)
	case v.Name == "tokens_per_sec":
		return count(v.Value) + " tokens/s"
	case v.Name == "skipped_updates":
		return fmt.Sprintf("%.0f updates skipped", v.Value)
	}
	return ""
}

// count shortens a number to three digits and a unit of thousands.
func count(n float64) string {
	for _, unit := range []string{"", " K", " M", " G"} {
		if n < 999.5 {
			return fmt.Sprintf("%.3g%s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g T", n)
}

// plural is a count of something, whose plural ends in ending.
func plural(n int, noun, ending string) string {
	if n != 1 {
		noun += ending
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// span is a duration to the second, or to the minute where it is hours.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	if d >= time.Hour {
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	if d >= time.Minute {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}
