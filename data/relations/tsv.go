package relations

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/subbert/subbert/data/forms"
)

// Row is a marked example as a line of a TSV file.
type Row struct{ Index, Sentence, Label string }

// RowOf returns e marked by m as a row. It replaces each tab and line end by a space and trims white space at the ends
// of the sentence; nothing else changes.
func RowOf(e Example, m Marking) Row {
	flat := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	return Row{flat.Replace(e.ID), strings.TrimSpace(flat.Replace(m.Mark(e).Text)), flat.Replace(e.Label)}
}

// WriteTSV writes a header and rows, index<TAB>sentence<TAB>label. Fields are not quoted.
func WriteTSV(w io.Writer, rows iter.Seq[Row]) error {
	out := bufio.NewWriter(w)
	out.WriteString("index\tsentence\tlabel\n") // bufio keeps the first error for Flush
	for r := range rows {
		fmt.Fprintf(out, "%s\t%s\t%s\n", field(r.Index), field(r.Sentence), field(r.Label))
	}
	return out.Flush()
}

// readTSV reads marked sentences. A header names the columns index, sentence and label (or id, text and labels). Without
// a header, three columns are index, sentence, label, two are sentence, label, and one is the sentence. Without an index
// examples are numbered from 0. BLUE writes a ChemProt pair with two labels as two rows with one index: the id of the
// second gets its label as a suffix, as in the chemprot format. The marks give the mentions (see located).
func readTSV(name string, o Options) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		src, err := openSource(name, forms.TSV, o, ".tsv")
		if err != nil {
			yield(Example{}, err)
			return
		}
		defer src.close() // only read from
		if len(src.files) == 0 {
			yield(Example{}, fmt.Errorf("%s: no files of marked sentences (looked for .tsv); name the format if this is a corpus in a format of its own", name))
			return
		}
		for _, file := range src.files {
			n, seen := 0, map[string]string{}
			for r, err := range readTable(withoutNUL(src.lines(file), o)) {
				var e Example
				if err == nil {
					e, err = r.example(n)
				}
				if err != nil {
					yield(Example{}, err)
					return
				}
				if len(src.files) > 1 && !r.has("index", "id") {
					e.ID = file + ":" + e.ID
				}
				e.Split = src.split(file)
				if label, ok := seen[e.ID]; ok && label != e.Label {
					o.warn("%s:%d: pair %s appears again with the label %s; renamed to %s.%s", r.line.name, r.line.number, e.ID, e.Label, e.ID, e.Label)
					e.ID += "." + e.Label
				}
				seen[e.ID] = e.Label
				if !yield(e, nil) {
					return
				}
				n++
			}
			if n == 0 {
				yield(Example{}, fmt.Errorf("%s: no sentences", src.where(file)))
				return
			}
		}
	}
}

// withoutNUL yields lines without their NUL characters.
func withoutNUL(lines iter.Seq2[line, error], o Options) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		for l, err := range lines {
			if n := strings.Count(l.text, "\x00"); n > 0 {
				*o.nuls += n
				l.text = strings.ReplaceAll(l.text, "\x00", "")
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

func (r row) has(names ...string) bool {
	_, ok := r.table.column(names...)
	return ok || r.table.columns == nil && r.table.width == 3
}

// example returns the example in row number n, from 0.
func (r row) example(n int) (Example, error) {
	e := Example{ID: strconv.Itoa(n), Fold: NoFold}
	if r.table.columns != nil {
		text, ok := r.table.column("sentence", "text")
		if !ok {
			return e, r.line.errorf("no column sentence; the header has %s", strings.Join(r.table.header, ", "))
		}
		e.Text = r.fields[text]
		if i, ok := r.table.column("index", "id"); ok {
			e.ID = r.fields[i]
		}
		if i, ok := r.table.column("label", "labels"); ok {
			e.Label = r.fields[i]
		}
	} else {
		switch f := r.fields; len(f) {
		case 1:
			e.Text = f[0]
		case 2:
			e.Text, e.Label = f[0], f[1]
		case 3:
			e.ID, e.Text, e.Label = f[0], f[1], f[2]
		default:
			return e, r.line.errorf("%d columns and no header, want sentence; sentence, label; or index, sentence, label", len(f))
		}
	}
	if strings.TrimSpace(e.Text) == "" {
		return e, r.line.errorf("row %s: the sentence is empty", e.ID)
	}
	e.Document = documentOfRow(e.ID)
	e.A, e.B, e.Mentions = located(e.Text)
	return e, nil
}

// documentOfRow returns the document in an index such as DDI-DrugBank.d297.s0.p0, AIMed.d1.s2_AIMed.d1.s2.p0 or
// 10064839.T1.T30, or the index itself if it has another form.
func documentOfRow(id string) string {
	first, _, _ := strings.Cut(id, "_")
	if i := strings.LastIndex(first, ".s"); i >= 0 {
		return first[:i]
	}
	if i := strings.Index(id, ".T"); i >= 0 {
		return id[:i]
	}
	return id
}
