package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/subbert/subbert/internal/pace"
	"github.com/subbert/subbert/internal/readable"
	"github.com/subbert/subbert/runs"
)

// meter shows the progress of a verb as one line that changes, on a terminal. Elsewhere, as in the log of a job, it prints
// a line a minute. It measures time from the first call of a stage, so that what comes before the work (compiling,
// opening) does not count. Stages may go on in turn, such as those of several seeds.
type meter struct {
	w        io.Writer
	terminal bool
	between  time.Duration // between two lines
	paces    func() paced  // makes a new pace
	stages   map[string]*stage
	stage    *stage    // that goes on
	rest     string    // what the line says after the time left
	shown    time.Time // when the last line was shown; at first, when the first stage began
}

// stage is a part of the work with a pace of its own.
type stage struct {
	began time.Time // zero before the first call
	pace  paced
	done  float64
}

// paced measures speed; see package pace.
type paced interface {
	Add(done float64, now time.Time)
	Rate() (perSecond float64, sure bool)
}

func newMeter(c *console) *meter {
	m := &meter{paces: func() paced { return &pace.Median{} }}
	switch {
	case c.quiet:
		m.w, m.between = io.Discard, time.Minute
	case isTerminal(c.err):
		m.w, m.terminal, m.between = raw(c.err), true, 200*time.Millisecond
	default:
		m.w, m.between = c.err, time.Minute
	}
	return m
}

// newBurstMeter returns a meter for work that is reported in bursts.
func newBurstMeter(c *console) *meter {
	m := newMeter(c)
	m.paces = func() paced { return &pace.Mean{} }
	return m
}

// newLogMeter returns a meter for a training, which prints a line every five seconds without a terminal.
func newLogMeter(c *console) *meter {
	m := newMeter(c)
	if !m.terminal {
		m.between = 5 * time.Second
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
// first line of a stage is due when the rate is known. If less is done than at the last call, the stage begins anew.
func (m *meter) show(done, total float64, line func(rate float64) string) {
	now := time.Now()
	if m.stage == nil {
		m.begin("")
	}
	if m.shown.IsZero() {
		m.shown = now
	}
	s := m.stage
	begins := s.began.IsZero() || done < s.done
	if begins {
		s.began, s.pace = now, m.paces()
	}
	s.done = done
	s.pace.Add(done, now)
	rate, sure := s.pace.Rate()
	if begins || rate == 0 || now.Sub(m.shown) < m.between {
		return
	}
	m.shown = now
	text := line(rate)
	if left := (total - done) / rate; sure && left >= 0 {
		text += ", " + readable.Seconds(left) + " left"
	}
	m.print(text+m.rest, false)
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
	if m.terminal && m.stage != nil {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}

// begin begins a stage, or goes on with it.
func (m *meter) begin(name string) {
	if m.stages == nil {
		m.stages = map[string]*stage{}
	}
	if m.stages[name] == nil {
		m.stages[name] = &stage{}
	}
	m.stage = m.stages[name]
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
	all    runs.Remaining
}

func newTraining(c *console) *training { return &training{c: c, meters: map[string]*meter{}} }

// show shows a report. Lines with held-out values, and that of the last report, stay.
func (t *training) show(p runs.Progress) {
	m := t.meters[p.Run]
	if m == nil {
		m = newLogMeter(t.c)
		t.meters[p.Run] = m
	}
	line := p.String()
	m.rest = ""
	if left, ok := t.all.After(p, time.Now()); ok && p.Of > 1 {
		m.rest = fmt.Sprintf("; all %d runs: about %s left", p.Of, readable.Duration(left))
	}
	if p.HeldOut || p.Step >= p.Steps {
		m.print(line+m.rest, true)
		return
	}
	m.show(float64(p.Step), float64(p.Steps), func(float64) string { return line })
}
