package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/subbert/subbert/runs"
)

// meter shows the progress of a verb as one line that changes, on a terminal. Elsewhere it shows nothing, except that
// the log of a run gets a line now and then. It measures time from the first call of a stage, so that what comes before
// the work (compiling, opening) does not count.
type meter struct {
	w        io.Writer
	terminal bool
	between  time.Duration // between two lines
	stage    string        // of the work; time starts anew for each
	began    time.Time     // time of the first call; zero before
	pace     pace
	shown    time.Time
}

func newMeter(c *console) *meter {
	m := &meter{w: io.Discard, between: 200 * time.Millisecond}
	if isTerminal(c.err) && !c.quiet {
		m.w, m.terminal = raw(c.err), true
	}
	return m
}

// newLogMeter returns a meter that, without a terminal, prints a line now and then.
func newLogMeter(c *console) *meter {
	m := newMeter(c)
	if !m.terminal && !c.quiet {
		m.w, m.between = c.err, 5*time.Second
	}
	return m
}

func isTerminal(w io.Writer) bool {
	f, ok := raw(w).(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show shows that done of total is done. It calls line with the rate per second to make the text, if a line is due. The
// first line is due at the second call.
func (m *meter) show(done, total float64, line func(rate float64) string) {
	now := time.Now()
	if m.began.IsZero() {
		m.began, m.shown, m.pace = now, now, pace{}
	}
	m.pace.add(done, now)
	if now.Sub(m.shown) < m.between {
		return
	}
	m.shown = now
	rate, sure := m.pace.rate()
	text := line(rate)
	if left := (total - done) / rate; sure && left >= 0 {
		text += ", " + span(time.Duration(left*float64(time.Second))) + " left"
	}
	m.print(text, false)
}

// print prints line; on a terminal the next line replaces it unless it stays.
func (m *meter) print(line string, stays bool) {
	format := "%s\n"
	if m.terminal {
		format = "\r\x1b[K%s"
		if stays {
			format += "\n"
		}
	}
	fmt.Fprintf(m.w, format, escaped(line))
}

// end clears the line on a terminal.
func (m *meter) end() {
	if m.terminal && !m.began.IsZero() {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}

// begin starts the time anew if stage is a new stage.
func (m *meter) begin(stage string) {
	if stage != m.stage {
		m.stage, m.began = stage, time.Time{}
	}
}

// bytes shows that done of size bytes of a stage are done; if size is 0, which means not known, it shows only done.
func (m *meter) bytes(stage string, done, size int64) {
	m.begin(stage)
	m.show(float64(done), float64(size), func(rate float64) string {
		if size <= 0 {
			return fmt.Sprintf("%s: %.1f MB, %.1f MB/s", stage, megabytes(done), rate/1e6)
		}
		return fmt.Sprintf("%s: %3d %% of %.1f MB, %.1f MB/s", stage, min(100, 100*done/size), megabytes(size), rate/1e6)
	})
}

// told returns a function to call after each read of the file called name, of size bytes.
func (m *meter) told(name string, size int64) func(n int) {
	done := int64(0)
	return func(n int) {
		done += int64(n)
		m.reading(name)(done, size)
	}
}

// reading returns a function that shows the progress of reading the file or corpus called name.
func (m *meter) reading(name string) func(done, size int64) {
	return func(done, size int64) { m.bytes("reading "+name, done, size) }
}

// counts shows that done of total items of a stage are done, such as samples; if total is 0, which means not known, it
// shows only done.
func (m *meter) counts(stage string, done, total int) {
	m.begin(stage)
	m.show(float64(done), float64(total), func(rate float64) string {
		if total <= 0 {
			return fmt.Sprintf("%s: %d, %.0f/s", stage, done, rate)
		}
		return fmt.Sprintf("%s: %d of %d, %.0f/s", stage, done, total, rate)
	})
}

// training shows the progress of runs.
type training struct {
	c      *console
	meters map[string]*meter
	all    together
}

func newTraining(c *console) *training { return &training{c: c, meters: map[string]*meter{}} }

// show shows a report. Lines with held-out values, and that of the last report, stay.
func (t *training) show(p runs.Progress) {
	m := t.meters[p.Run]
	if m == nil {
		m = newLogMeter(t.c)
		t.meters[p.Run] = m
	}
	line := fmt.Sprintf("step %d/%d", p.Step, p.Steps)
	if p.Run != "" {
		line = p.Run + ": " + line
	}
	for _, v := range p.Values {
		if text := shown(v.Name, v.Value); text != "" {
			line += "  " + text
		}
	}
	if left, ok := t.all.left(p, time.Now()); ok && p.Of > 1 {
		line += fmt.Sprintf("  all %d runs: about %s left", p.Of, span(left))
	}
	if p.HeldOut || p.Step >= p.Steps {
		m.print(line, true)
		return
	}
	m.show(float64(p.Step), float64(p.Steps), func(float64) string { return line })
}

// shown formats a value for a person; it returns "" for values that are only for the file.
func shown(name string, value float64) string {
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
		return count(value) + " tokens/s"
	case name == "skipped_updates":
		return fmt.Sprintf("%.0f updates skipped", value)
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

// plural returns a count with its noun, whose plural ends in ending.
func plural(n int, noun, ending string) string {
	if n != 1 {
		noun += ending
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// span formats a duration to the second, or to the minute if it is hours long.
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
