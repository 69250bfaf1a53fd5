package reproduce

import (
	"fmt"

	"github.com/subbert/subbert/report"
)

// WritePage writes the tables as one page.
func WritePage(path string, r Request, chosen []*Experiment, o *Outcome) error {
	page := &report.Page{Title: "The paper again", Subtitle: fmt.Sprintf("Scale %s: %s", o.Scale, o.About)}
	for _, e := range chosen {
		t := TableOf(e, o, r.Sources, r.Experiments)
		rows, notes := t.Footnotes()
		table := report.Table{}
		for i, name := range t.Head {
			table.Columns = append(table.Columns, report.Column{Name: name, Numeric: i > 1})
		}
		for _, cells := range rows {
			table.Rows = append(table.Rows, report.Row{Cells: cells})
		}
		page.Sections = append(page.Sections, report.Section{
			Title: e.Where + ": " + e.Title, Intro: e.Claim, Blocks: []report.Block{table, report.Notes(append(notes, e.Remarks...))},
		})
	}
	if len(o.Used) > 0 {
		page.Sections = append(page.Sections, report.Section{Title: "What was used", Blocks: []report.Block{report.Notes(o.Used)}})
	}
	return report.Write(path, page)
}
