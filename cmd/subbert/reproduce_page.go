package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	reports "github.com/subbert/subbert/report"
	"github.com/subbert/subbert/reproduce"
)

// writePage writes the tables as one page.
func writePage(path string, r reproduce.Request, chosen []*reproduce.Experiment, o *reproduce.Outcome) error {
	page := &reports.Page{Title: "The paper again", Subtitle: fmt.Sprintf("Scale %s: %s", o.Scale, o.About)}
	for _, e := range chosen {
		t := reproduce.TableOf(e, o, r.Sources, r.Experiments)
		rows, notes := t.Footnotes()
		table := reports.Table{}
		for i, name := range t.Head {
			table.Columns = append(table.Columns, reports.Column{Name: name, Numeric: i > 1})
		}
		for _, cells := range rows {
			table.Rows = append(table.Rows, reports.Row{Cells: cells})
		}
		page.Sections = append(page.Sections, reports.Section{
			Title: e.Where + ": " + e.Title, Intro: e.Claim, Blocks: []reports.Block{table, reports.Notes(append(notes, e.Remarks...))},
		})
	}
	if len(o.Used) > 0 {
		page.Sections = append(page.Sections, reports.Section{Title: "What was used", Blocks: []reports.Block{reports.Notes(o.Used)}})
	}
	return reports.Write(path, page)
}

// readResult reads a run's result.json, if it left one.
func readResult(path string, into any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// encodeJSON writes v indented, without escapes for HTML.
func encodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
