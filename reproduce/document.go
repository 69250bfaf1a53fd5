package reproduce

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Document puts the section of each experiment between its markers in text, a Markdown file:
//
//	<!-- begin table4 -->
//	<!-- end table4 -->
//
// The rest of the text does not change. An experiment without markers, and markers without an experiment, are errors.
func Document(text []byte, experiments []*Experiment, sources *Sources, o *Outcome) ([]byte, error) {
	if n := bytes.Count(text, []byte("<!-- begin ")); n != len(experiments)+1 {
		return nil, fmt.Errorf("found %d pairs of markers, want one for each of the %d experiments and one for the summary", n, len(experiments))
	}
	text, err := between(text, "summary", Summary(o, experiments))
	for _, e := range experiments {
		if err == nil {
			text, err = between(text, e.ID, Section(e, o, sources, experiments))
		}
	}
	return text, err
}

// between replaces the text between the markers of id.
func between(text []byte, id, section string) ([]byte, error) {
	begin, end := fmt.Appendf(nil, "<!-- begin %s -->\n", id), fmt.Appendf(nil, "<!-- end %s -->", id)
	i, j := bytes.Index(text, begin), bytes.Index(text, end)
	if i < 0 || j < i {
		return nil, fmt.Errorf("no markers %q and %q, in this order", strings.TrimSpace(string(begin)), end)
	}
	return slices.Concat(text[:i+len(begin)], []byte(section), text[j:]), nil
}

// Summary says what was run, at which scale, and what became of the claims of the experiments.
func Summary(o *Outcome, experiments []*Experiment) string {
	var b strings.Builder
	took := counted(o.Runs, "run") + " took"
	if !o.Complete {
		took = "The complete ones of " + counted(o.Runs, "run") + " took"
	}
	fmt.Fprintf(&b, "Scale `%s`: %s %d seeds per cell. %s %.1f hours in total", o.Scale, o.About, o.Seeds, took, o.Seconds/3600)
	if o.Backend != "" {
		fmt.Fprintf(&b, ", %s", o.Backend)
	}
	b.WriteString(".")
	if !o.Complete {
		b.WriteString(" The cells name the others.")
	}
	b.WriteString("\n\n")
	if verdict := o.Verdict(experiments); verdict != "" {
		fmt.Fprintf(&b, "%s\n\n", verdict)
	}
	for _, u := range o.Used {
		fmt.Fprintf(&b, "- %s\n", u)
	}
	return b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Section returns the section of an experiment in docs/paper.md.
func Section(e *Experiment, o *Outcome, sources *Sources, all []*Experiment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s (%s)\n\n", e.Title, e.Where)
	if e.Claim != "" {
		fmt.Fprintf(&b, "Claim: %s\n\n", e.Claim)
	}
	fmt.Fprintf(&b, "`subbert reproduce %s --scale %s`; definition: `configs/paper/%s.toml`.\n\n", e.ID, o.Scale, e.ID)
	b.WriteString(TableOf(e, o, sources, all).Markdown())
	b.WriteString("\n")
	for _, r := range e.Remarks {
		fmt.Fprintf(&b, "- %s\n", r)
	}
	return b.String()
}
