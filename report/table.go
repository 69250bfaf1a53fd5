package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Table holds numbers or words in columns.
type Table struct {
	Caption string
	File    string // the name of an exported file; empty: made from the caption
	Columns []Column
	Rows    []Row
	Cards   bool // on a telephone each row becomes a card; for many columns
}

// Column is the heading of a column of a Table.
type Column struct {
	Name    string
	Numeric bool // aligned to the right, in figures of equal width
}

// Row is a row of a Table. The first cell is its name.
type Row struct {
	Cells  []string
	Strong bool // the best of its column, or the sum
	Muted  bool // a reference, not a result
}

// numeric returns columns of numbers.
func numeric(names ...string) []Column {
	out := make([]Column, len(names))
	for i, n := range names {
		out[i] = Column{Name: n, Numeric: true}
	}
	return out
}

// Text writes the table for a terminal: the heads and cells of the page, with numbers aligned to the right.
func (t Table) Text(to io.Writer) error {
	width := make([]int, len(t.Columns))
	lines := [][]string{t.heads()}
	for _, r := range t.Rows {
		lines = append(lines, r.Cells)
	}
	for _, cells := range lines {
		for i, c := range cells {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, cells := range lines {
		padded := make([]string, len(cells))
		for i, c := range cells {
			if padded[i] = c; t.Columns[i].Numeric {
				padded[i] = strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)) + c
			}
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(padded, "\t"), "\t "))
	}
	return w.Flush()
}

func (t Table) heads() []string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = c.Name
	}
	return out
}

// CSV writes the table for a program: ASCII minus signs, no commas in numbers, an empty cell for an unknown value, and
// an interval as two columns.
func (t Table) CSV(to io.Writer) error {
	w := csv.NewWriter(to)
	intervals := make([]bool, len(t.Columns))
	var heads []string
	for i, c := range t.Columns {
		intervals[i] = slices.ContainsFunc(t.Rows, func(r Row) bool { return strings.Contains(r.Cells[i], rangeMark) }) && c.Numeric
		if heads = append(heads, plain(c.Name, false)); intervals[i] {
			heads[len(heads)-1] += ", low"
			heads = append(heads, plain(c.Name, false)+", high")
		}
	}
	rows := [][]string{heads}
	for _, r := range t.Rows {
		var cells []string
		for i, c := range r.Cells {
			if !intervals[i] {
				cells = append(cells, plain(c, t.Columns[i].Numeric))
				continue
			}
			low, high, _ := strings.Cut(c, rangeMark)
			cells = append(cells, plain(low, true), plain(high, true))
		}
		rows = append(rows, cells)
	}
	return w.WriteAll(rows)
}

// rangeMark separates the ends of an interval.
const rangeMark = " to "

// plain returns a cell without typographic characters.
func plain(cell string, number bool) string {
	if cell == noValue {
		return ""
	}
	cell = strings.NewReplacer("−", "-", "\u00a0", " ").Replace(cell)
	if number {
		cell = strings.TrimPrefix(strings.ReplaceAll(cell, ",", ""), "+")
	}
	return cell
}

// LaTeX writes the table as a table environment with the rules of package booktabs. The best row is bold.
func (t Table) LaTeX(to io.Writer) error {
	var b strings.Builder
	b.WriteString("% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n")
	if t.Caption != "" {
		fmt.Fprintf(&b, "\\caption{%s}\n", texEscape(t.Caption))
	}
	b.WriteString("\\begin{tabular}{")
	for _, c := range t.Columns {
		if c.Numeric {
			b.WriteByte('r')
		} else {
			b.WriteByte('l')
		}
	}
	b.WriteString("}\n\\toprule\n")
	texLine(&b, t.heads(), false)
	b.WriteString("\\midrule\n")
	for _, r := range t.Rows {
		texLine(&b, r.Cells, r.Strong)
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n\\end{table}\n")
	_, err := io.WriteString(to, b.String())
	return err
}

func texLine(b *strings.Builder, cells []string, strong bool) {
	for i, c := range cells {
		if i > 0 {
			b.WriteString(" & ")
		}
		if c = texEscape(c); strong && c != "" {
			c = "\\textbf{" + c + "}"
		}
		b.WriteString(c)
	}
	b.WriteString(" \\\\\n")
}

// texEscape escapes text for LaTeX.
func texEscape(text string) string {
	return strings.NewReplacer(
		`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "$", `\$`, "&", `\&`, "#", `\#`, "_", `\_`, "%", `\%`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`,
		"−", `$-$`, "±", `$\pm$`, "–", `--`, "\u00a0", "~", "→", `$\rightarrow$`, "↓", `$\downarrow$`, "<", `\textless{}`, ">", `\textgreater{}`,
		`"`, `''`, string(isolateStart), "", string(isolateEnd), "", "γ", `$\gamma$`, "×", `$\times$`,
	).Replace(withoutOverrides(text))
}

// asTable returns a confusion matrix as a table.
func (m Matrix) asTable() Table {
	t := Table{Caption: m.Caption, File: m.File, Columns: append([]Column{{Name: "gold, predicted as"}}, numeric(m.Labels...)...)}
	for i, row := range m.Counts {
		cells := []string{m.Labels[i]}
		for _, n := range row {
			cells = append(cells, count(n))
		}
		t.Rows = append(t.Rows, Row{Cells: cells})
	}
	return t
}
