package sweep

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/internal/readable"
)

// Line is the line that tells a person of the new status s of a run: how many runs are over, what became of this one
// and, if it is known, how long the others take with jobs runs at once.
func (w *Sweep) Line(s Status, jobs int) string {
	r := w.Report()
	text := string(s.State)
	switch {
	case s.State == Failed:
		text += ": " + s.Why + "; log: " + filepath.Join(w.store.ByName(s.Name), LogFile)
	case s.Why != "":
		text += ": " + s.Why
	case s.State == Done:
		text += " in " + readable.Seconds(s.Seconds)
	}
	over := r.Count(Done, Cached, Failed, Skipped)
	line := fmt.Sprintf("[%d/%d] %s %s", over, len(r.Runs), s.Name, text)
	if left, ok := r.Left(jobs); ok && over < len(r.Runs) && s.State != Skipped {
		line += ", about " + readable.Duration(left) + " left"
	}
	return line
}

// WriteTable writes a row for each run: its state, time and directory or, if it failed or was skipped, the reason.
func (r *Report) WriteTable(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "run\tstate\ttook\tdirectory")
	for _, s := range r.Runs {
		took, where := "", s.Dir
		if s.Seconds > 0 {
			took = readable.Seconds(s.Seconds)
		}
		if s.Why != "" {
			where = s.Why
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.State, took, where)
	}
	return w.Flush()
}

// WriteForecast writes what each run needs, as far as that is known, and the total of the runs that are not done.
func (r *Report) WriteForecast(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "run\tstate\tsteps\thours\tGB\tcost\tneeds")
	known := func(format string, n float64) string {
		if n == 0 {
			return "?"
		}
		return fmt.Sprintf(format, n)
	}
	row := func(s Status, last string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.State, known("%.0f", float64(s.Steps)), known("%.2f", s.Hours), known("%.2f", float64(s.Bytes)/1e9), known("%.2f", s.Cost), last)
	}
	for _, s := range r.Runs {
		row(s, strings.Join(slices.Compact(s.Needs), " "))
	}
	sum, hours, missing := r.Total()
	sum.Name, sum.State = "to do", State(readable.Plural(missing, "run", "s"))
	row(sum, fmt.Sprintf("(hours are known of %d)", hours))
	return w.Flush()
}

// WriteVerbs writes the forecasts added up by verb.
func (r *Report) WriteVerbs(to io.Writer) error {
	sums, n := make(map[string]Status), make(map[string]int)
	for _, s := range r.Runs {
		sum := sums[verbOf(s)]
		sum.add(s)
		sums[verbOf(s)] = sum
		n[verbOf(s)]++
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "verb\truns\tsteps\thours\tGB\tcost")
	for _, verb := range slices.Sorted(maps.Keys(sums)) {
		s := sums[verb]
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%.1f\t%.2f\n", verb, n[verb], s.Steps, s.Hours, float64(s.Bytes)/1e9, s.Cost)
	}
	return w.Flush()
}
