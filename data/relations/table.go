package relations

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/forms"
)

// table is a TSV file. Its first line is a header if it has a name that published files use.
type table struct {
	columns map[string]int // numbers by lower-case name; nil without a header
	width   int
	header  []string // as written
}

func headerNames() []string {
	return []string{"index", "id", "sentence", "text", "label", "labels", "gold", "predicted"}
}

// readTable yields the rows of lines with their table. It skips the header, if there is one, and empty lines. Every
// other line must have as many columns as the first.
func readTable(lines iter.Seq2[line, error]) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		var t *table
		for l, err := range lines {
			if err != nil {
				yield(row{}, err)
				return
			}
			if l.text == "" {
				continue
			}
			fields := fieldsOf(l.text)
			if t == nil {
				t = newTable(fields)
				if t.columns != nil {
					continue
				}
			}
			if len(fields) != t.width {
				yield(row{}, l.errorf("%d columns, want %d as in the first line", len(fields), t.width))
				return
			}
			if !yield(row{t, l, fields}, nil) {
				return
			}
		}
	}
}

type row struct {
	table  *table
	line   line
	fields []string
}

func newTable(first []string) *table {
	t := &table{width: len(first)}
	lower := make([]string, len(first))
	for i, f := range first {
		lower[i] = strings.ToLower(strings.TrimSpace(f))
	}
	if !slices.ContainsFunc(lower, func(f string) bool { return slices.Contains(headerNames(), f) }) {
		return t
	}
	t.header, t.columns = first, map[string]int{}
	for i, f := range lower {
		t.columns[f] = i
	}
	return t
}

// column returns the number of the column called by the first of names that t has.
func (t *table) column(names ...string) (int, bool) {
	for _, n := range names {
		if i, ok := t.columns[n]; ok {
			return i, true
		}
	}
	return 0, false
}

// fieldsOf splits a line at its tabs. Python's csv module quotes a field that contains a quote and doubles the quotes
// inside; fieldsOf undoes this.
func fieldsOf(text string) []string {
	fields := strings.Split(text, "\t")
	for i, f := range fields {
		if looksQuoted(f) {
			fields[i] = strings.ReplaceAll(f[1:len(f)-1], `""`, `"`)
		}
	}
	return fields
}

// looksQuoted reports whether f looks like a field with quotes as Python's csv module writes it.
func looksQuoted(f string) bool {
	if len(f) < 4 || f[0] != '"' || f[len(f)-1] != '"' {
		return false
	}
	inner := f[1 : len(f)-1]
	return strings.Contains(inner, `""`) && !strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`)
}

// field returns f as written in a TSV file: unchanged, unless readers would take it for a quoted field.
func field(f string) string {
	if looksQuoted(f) {
		return `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
	}
	return f
}

// Column reads one column of the TSV file name: the first of names that its header has or, without a header, the last
// column. A file of one column has a label on each line. index is the index column, if the header has one. Column uses
// only Context and Read of o.
func Column(name string, o Options, names ...string) (values, index []string, err error) {
	src, err := openSource(name, forms.TSV, o)
	if err != nil {
		return nil, nil, err
	}
	for r, err := range readTable(src.lines(src.files[0])) {
		if err != nil {
			return nil, nil, err
		}
		at, ok := r.table.column(names...)
		if !ok && r.table.columns != nil {
			return nil, nil, fmt.Errorf("%s: no column %s; the header has %s", name, strings.Join(names, " or "), strings.Join(r.table.header, ", "))
		}
		if !ok {
			at = r.table.width - 1
		}
		if i, ok := r.table.column("index", "id"); ok {
			index = append(index, r.fields[i])
		}
		values = append(values, strings.TrimSpace(r.fields[at]))
	}
	if len(values) == 0 {
		return nil, nil, fmt.Errorf("%s: no labels", name)
	}
	return values, index, nil
}
