package reproduce

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/evaluate"
)

// Table is an experiment beside the paper's numbers, ready to print.
type Table struct {
	Head  []string
	Rows  [][]string
	Notes []string // below it
}

// TableOf returns the table of e with the measurements of o. sources name the columns; all has the experiments that e
// may refer to.
func TableOf(e *Experiment, o *Outcome, sources *Sources, all []*Experiment) Table {
	t := &tabler{e: e, o: o, sources: sources, all: all}
	table := t.table()
	table.Notes = t.verdicts()
	return table
}

func (t *tabler) table() Table {
	switch t.e.Kind {
	case Counts:
		return t.counts()
	case Losses:
		return t.losses()
	case Stems:
		return t.stems()
	case Power:
		return t.power()
	}
	return t.scores()
}

// verdicts says whether each claim holds, in one sentence each.
func (t *tabler) verdicts() []string {
	var out []string
	for _, v := range t.o.Verdicts {
		if v.Experiment != t.e.ID {
			continue
		}
		decimals := 1
		if t.e.Kind == Losses {
			decimals = 3
		}
		out = append(out, fmt.Sprintf("%s, %s over %s: %s.", t.label(t.e.Columns[v.Column]), t.row(v.Row), t.row(v.Against), v.Text(decimals)))
	}
	return out
}

type tabler struct {
	e       *Experiment
	o       *Outcome
	sources *Sources
	all     []*Experiment
}

// row returns the name of a row, with the stand-in's label if there is one.
func (t *tabler) row(label string) string {
	for published, standIn := range t.o.StandIns {
		if rest, ok := strings.CutPrefix(label, published); ok && (rest == "" || strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, ",")) {
			return standIn + rest
		}
	}
	return label
}

// label returns the name of a column.
func (t *tabler) label(c Column) string {
	if c.Label != "" {
		return c.Label
	}
	if corpus, ok := t.sources.corpus(c.Corpus); ok {
		return corpus.Label
	}
	return c.Corpus
}

const notRun = "not run: "

// scores has a line for each row and column: published, ours, the difference, and the gain of the row over another.
func (t *tabler) scores() Table {
	gains := slices.ContainsFunc(t.e.Rows, func(r Row) bool { return r.Against != "" })
	out := Table{Head: []string{"", "", "published", "ours, mean ± sd (seeds)", "difference [95 %]"}}
	if gains {
		out.Head = append(out.Head, "over", "published gain", "our gain [95 %]")
	}
	for _, r := range t.e.Rows {
		for j, c := range t.e.Columns {
			line := []string{t.row(r.Label), t.label(c)}
			if j > 0 {
				line[0] = ""
			}
			line = append(line, t.against(r, j)...)
			if gains {
				line = append(line, t.gain(r, j)...)
			}
			out.Rows = append(out.Rows, line)
		}
	}
	return out
}

// against returns the published number, ours, and the difference.
func (t *tabler) against(r Row, j int) []string {
	published, known := r.published(j)
	m := t.o.cell(t.e.ID, r.Label, j)
	line := []string{"", measured(m, 1), ""}
	if known {
		line[0] = fmt.Sprintf("%.1f", published)
	}
	if known && len(m.Values) > 0 {
		d := evaluate.IntervalOf(m.Values)
		line[2] = interval(evaluate.Interval{Mean: d.Mean - published, Low: d.Low - published, High: d.High - published}, d.High > d.Low, 1)
	}
	return line
}

// gain returns the gain of a row over the row that it is compared with: which row, published, ours.
func (t *tabler) gain(r Row, j int) []string {
	if r.Against == "" {
		return []string{"", "", ""}
	}
	line := []string{t.row(r.Against), "", ""}
	if d, ok := publishedGain(t.e, r, j); ok {
		line[1] = fmt.Sprintf("%+.1f", d)
	}
	if v, ok := t.o.verdict(t.e.ID, r.Label, j); ok {
		line[2] = interval(v.Gain.Interval, true, 1)
	}
	return line
}

func publishedGain(e *Experiment, r Row, j int) (float64, bool) {
	a, ok1 := r.published(j)
	b, ok2 := e.row(r.Against).published(j)
	return a - b, ok1 && ok2
}

// measured returns a cell as text.
func measured(m Measured, decimals int) string {
	if m.Reason != "" {
		return notRun + m.Reason
	}
	s := evaluate.SpreadOf(m.Values)
	if s.N == 1 {
		return fmt.Sprintf("%.*f (1)", decimals, s.Mean)
	}
	return fmt.Sprintf("%.*f ± %.*f (%d)", decimals, s.Mean, decimals, s.SD, s.N)
}

// interval returns a difference as text, with its interval if it is known.
func interval(d evaluate.Interval, known bool, decimals int) string {
	if !known {
		return fmt.Sprintf("%+.*f", decimals, d.Mean)
	}
	return fmt.Sprintf("%+.*f [%+.*f, %+.*f]", decimals, d.Mean, decimals, d.Low, decimals, d.High)
}

// counts has a line for each corpus and split.
func (t *tabler) counts() Table {
	out := Table{Head: []string{"", "", "published", "ours", "difference"}}
	for _, r := range t.e.Rows {
		first := true
		for j, c := range t.e.Columns {
			published, known := r.published(j)
			m := t.o.cell(t.e.ID, r.Label, j)
			if !known && (len(m.Values) == 0 || c.Split != "positive") {
				continue
			}
			line := []string{"", t.label(c), "", "", ""}
			if first {
				line[0], first = r.Label, false
			}
			if known {
				line[2] = fmt.Sprintf("%.0f", published)
			}
			switch {
			case m.Reason != "":
				line[3] = notRun + m.Reason
			case known:
				line[3], line[4] = fmt.Sprintf("%.0f", m.Values[0]), "none"
				if d := m.Values[0] - published; d != 0 {
					line[4] = fmt.Sprintf("%+.0f", d)
				}
			default:
				line[3] = fmt.Sprintf("%.0f", m.Values[0])
			}
			out.Rows = append(out.Rows, line)
		}
	}
	return out
}

// losses returns a matrix with a line below that says by how much the diagonal is better.
func (t *tabler) losses() Table {
	out := Table{Head: []string{""}}
	margins := []string{"nearest other model minus the diagonal [95 %]"}
	for _, c := range t.e.Columns {
		out.Head = append(out.Head, t.label(c))
	}
	for _, r := range t.e.Rows {
		line := []string{t.row(r.Label)}
		for j := range t.e.Columns {
			line = append(line, measured(t.o.cell(t.e.ID, r.Label, j), 3))
		}
		out.Rows = append(out.Rows, line)
	}
	for j, c := range t.e.Columns {
		i := slices.IndexFunc(t.e.Rows, func(r Row) bool { return r.Domain == c.Domain })
		if i < 0 {
			margins = append(margins, "")
			continue
		}
		v, ok := t.o.verdict(t.e.ID, t.e.Rows[i].Label, j)
		if !ok {
			margins = append(margins, "")
			continue
		}
		margins = append(margins, interval(v.Gain.Interval, true, 3))
	}
	out.Rows = append(out.Rows, margins)
	return out
}

// stems shows published and our stems side by side, and counts those in both lists.
func (t *tabler) stems() Table {
	out := Table{Head: []string{""}}
	for _, c := range t.e.Columns {
		out.Head = append(out.Head, t.label(c)+", published", "ours")
	}
	both := []string{"in both"}
	for _, r := range t.e.Rows {
		line := []string{r.Label}
		for j := range t.e.Columns {
			m := t.o.cell(t.e.ID, r.Label, j)
			ours := strings.Join(m.Words, " ")
			if m.Reason != "" {
				ours = notRun + m.Reason
			}
			line = append(line, r.Words[j], ours)
		}
		out.Rows = append(out.Rows, line)
	}
	for j := range t.e.Columns {
		n := 0
		for _, r := range t.e.Rows {
			if slices.ContainsFunc(t.e.Rows, func(o Row) bool { return slices.Contains(t.o.cell(t.e.ID, o.Label, j).Words, r.Words[j]) }) {
				n++
			}
		}
		both = append(both, "", fmt.Sprintf("%d of %d", n, len(t.e.Rows)))
	}
	out.Rows = append(out.Rows, both)
	return out
}

// power has a line for each claim and column of other experiments.
func (t *tabler) power() Table {
	out := Table{Head: []string{"claim", "", "published gain", "our gain [95 %]", "sd", "seeds to find 1 point", "seeds to find the published gain"}}
	for _, id := range t.e.Claims {
		i := slices.IndexFunc(t.all, func(e *Experiment) bool { return e.ID == id })
		if i < 0 {
			continue
		}
		of := t.all[i]
		for _, r := range of.Rows {
			if r.Against == "" {
				continue
			}
			for j, c := range of.Columns {
				label := of.Where + ": " + t.row(r.Label) + " over " + t.row(r.Against)
				if j > 0 {
					label = ""
				}
				out.Rows = append(out.Rows, append([]string{label, t.label(c)}, t.claim(of, r, j)...))
			}
		}
	}
	return out
}

// claim returns the published gain, ours, the standard deviation and the seeds.
func (t *tabler) claim(of *Experiment, r Row, j int) []string {
	line := []string{"", "", "", "", ""}
	gain, known := publishedGain(of, r, j)
	if known {
		line[0] = fmt.Sprintf("%+.1f", gain)
	}
	for _, m := range []Measured{t.o.cell(of.ID, r.Label, j), t.o.cell(of.ID, r.Against, j)} {
		if m.Reason != "" {
			line[1] = notRun + m.Reason
			return line
		}
	}
	v, ok := t.o.verdict(of.ID, r.Label, j)
	if !ok {
		return line
	}
	line[1] = interval(v.Gain.Interval, true, 1)
	line[2] = fmt.Sprintf("%.1f", v.Gain.Seeds)
	line[3] = needed(v.Gain, aPoint)
	if known {
		line[4] = needed(v.Gain, gain)
	}
	return line
}

// needed returns the number of seeds needed to detect a gain of that size.
func needed(g evaluate.Gain, size float64) string {
	n, err := g.SeedsFor(size)
	if err != nil {
		return "-"
	}
	return fmt.Sprint(n)
}

// Text writes a table for a terminal. It writes long reasons that occur in several lines once, below the table.
func (t Table) Text(w io.Writer) error {
	rows, notes := t.Footnotes()
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, strings.Join(t.Head, "\t"))
	for _, r := range rows {
		fmt.Fprintln(tab, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	for _, n := range notes {
		if _, err := fmt.Fprintln(w, n); err != nil {
			return err
		}
	}
	return nil
}

// Markdown returns the table in Markdown.
func (t Table) Markdown() string {
	rows, notes := t.Footnotes()
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.Head)
	line(slices.Repeat([]string{"---"}, len(t.Head)))
	for _, r := range rows {
		escaped := slices.Clone(r)
		for i := range escaped {
			escaped[i] = strings.ReplaceAll(escaped[i], "|", `\|`)
		}
		line(escaped)
	}
	if len(notes) > 0 {
		b.WriteString("\n" + strings.Join(notes, "\n\n") + "\n")
	}
	return b.String()
}

// Footnotes replaces reasons by "not run (1)", with a note for each.
func (t Table) Footnotes() (rows [][]string, notes []string) {
	var reasons []string
	for _, r := range t.Rows {
		r = slices.Clone(r)
		for i, cell := range r {
			reason, ok := strings.CutPrefix(cell, notRun)
			if !ok {
				continue
			}
			at := slices.Index(reasons, reason)
			if at < 0 {
				at, reasons = len(reasons), append(reasons, reason)
			}
			r[i] = fmt.Sprintf("not run (%d)", at+1)
		}
		rows = append(rows, r)
	}
	for i, reason := range reasons {
		notes = append(notes, fmt.Sprintf("(%d) not run: %s.", i+1, reason))
	}
	return rows, append(notes, t.Notes...)
}
