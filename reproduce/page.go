package reproduce

import (
	"context"
	"fmt"

	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
)

// WritePage writes the outcome as one page: which claims hold, a figure of each table with the published numbers beside
// ours, and the tables themselves below it. done has the state of the runs of p, whose probes and sentences are drawn
// as in the paper's figures.
func WritePage(ctx context.Context, path string, r Request, p *Plan, chosen []*Experiment, o *Outcome, done *sweep.Report) error {
	page := &report.Page{Title: "Reproduction of the paper", Subtitle: fmt.Sprintf("Scale %s: %s", o.Scale, o.About)}
	if verdict := o.Verdict(chosen); verdict != "" {
		page.Verdict = []string{verdict}
	}
	dirs := p.dirs(func(run string) State { return stateOf(done, run) })
	for _, e := range chosen {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := &tabler{e: e, o: o, sources: r.Sources, all: r.Experiments}
		figures, err := t.figures(dirs)
		if err != nil {
			return fmt.Errorf("%s: %w", e.ID, err)
		}
		s := report.Section{Title: e.Title, Intro: e.Claim, Blocks: figures}
		if e.Where != notInPaper {
			s.Title = e.Where + ": " + e.Title
		}
		if verdicts := t.verdicts(); len(verdicts) > 0 {
			s.Blocks = append(s.Blocks, report.Notes(verdicts))
		}
		s.Blocks = append(s.Blocks, t.report()...)
		if len(e.Remarks) > 0 {
			s.Blocks = append(s.Blocks, report.Remarks(e.Remarks))
		}
		page.Sections = append(page.Sections, s)
	}
	if len(o.Used) > 0 {
		page.Sections = append(page.Sections, report.Section{Title: "Data and models", Blocks: []report.Block{report.Notes(o.Used)}, Folded: true})
	}
	return report.Write(ctx, path, page)
}

// report returns the table for the page, with the reasons of what was not run below it.
func (t *tabler) report() []report.Block {
	made := t.table()
	rows, notes := made.Footnotes()
	table := report.Table{Caption: "Numbers", Cards: true}
	for i, name := range made.Head {
		table.Columns = append(table.Columns, report.Column{Name: name, Numeric: i > 1 && name != "over"})
	}
	for _, cells := range rows {
		table.Rows = append(table.Rows, report.Row{Cells: cells})
	}
	blocks := []report.Block{table}
	if len(notes) > 0 {
		blocks = append(blocks, report.Remarks(notes))
	}
	return blocks
}

// dirs returns the directories of the finished cells that have a run of their own.
func (p *Plan) dirs(state func(run string) State) map[place]string {
	dirs := map[place]string{}
	for _, c := range p.Cells {
		if len(c.Runs) != 1 {
			continue
		}
		if s := state(c.Runs[0]); s.Done {
			dirs[place{c.Experiment, c.Row, c.Column}] = s.Dir
		}
	}
	return dirs
}

// figures returns the pictures of an experiment; none if nothing was measured.
func (t *tabler) figures(dirs map[place]string) ([]report.Block, error) {
	switch t.e.Kind {
	case Scores:
		return t.forests("F1, percent", 1), nil
	case Losses:
		return t.forests("masked-word loss, nats", 3), nil
	case Probes:
		all, err := t.results(dirs)
		var grid report.Grid
		for _, r := range all {
			if r.of.Probing != nil && r.of.Probing.Probe != nil {
				views := []report.View{{Picture: report.Scores(r.of.Probing.Probe)}}
				grid.Figures = append(grid.Figures, report.Figure{Title: r.label + ": F1 of the probe of each layer", Small: true, Views: views})
			}
		}
		if len(grid.Figures) == 0 {
			return nil, err
		}
		return []report.Block{grid}, err
	case Sentences:
		all, err := t.results(dirs)
		var blocks []report.Block
		for _, r := range all {
			if a := r.of.Attention; a != nil && a.Attention != nil && len(a.Attention.Sentences) > 0 {
				blocks = append(blocks, report.Side{report.Heading(r.label), report.Sentences(a.Attention)})
			}
		}
		return blocks, err
	}
	return nil, nil
}

// forests returns a figure for each column in which something was measured.
func (t *tabler) forests(unit string, decimals int) []report.Block {
	var grid report.Grid
	for j, c := range t.e.Columns {
		f := report.Forest{Title: t.label(c), XLabel: unit, Decimals: decimals}
		if c.Score != "" && c.Score != "f1" {
			f.XLabel = map[string]string{"p": "precision, percent", "r": "recall, percent"}[c.Score]
		}
		measured := false
		for _, r := range t.e.Rows {
			row := report.ForestRow{Name: t.row(r.Label), Values: t.o.cell(t.e.ID, r.Label, j).Values}
			if published, known := r.published(j); known {
				row.Published = &published
			}
			measured = measured || len(row.Values) > 0
			if len(row.Values) > 0 || row.Published != nil {
				f.Rows = append(f.Rows, row)
			}
		}
		if measured {
			grid.Figures = append(grid.Figures, report.Figure{Title: f.Title, Small: true, Views: []report.View{{Picture: f}}})
		}
	}
	if len(grid.Figures) == 0 {
		return nil
	}
	return []report.Block{grid}
}

// labelled is the result of a run with the label of its column.
type labelled struct {
	label string
	of    *result.Result
}

// results returns the result of each run of the experiment.
func (t *tabler) results(dirs map[place]string) ([]labelled, error) {
	var all []labelled
	shown := map[string]bool{}
	for j, c := range t.e.Columns {
		for i := range t.e.Rows {
			dir := dirs[place{t.e.ID, i, j}]
			if dir == "" || shown[dir] {
				continue
			}
			shown[dir] = true
			of, err := result.Read(dir)
			if err != nil {
				return nil, err
			}
			all = append(all, labelled{t.label(c), of})
		}
	}
	return all, nil
}
