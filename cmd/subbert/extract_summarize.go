package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/data/concepts"
	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/extracted"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/report/facts"
)

type extractSummarizeCmd struct {
	Rows           string  `arg:"" help:"A table written by subbert extract."`
	Out            string  `placeholder:"FILE" help:"File to write: .html for a page with search, sorting and the best sentences, .tsv for a table."`
	Negative       string  `default:"false" placeholder:"LABEL" help:"The label that means no relation."`
	MinProbability float64 `placeholder:"P" help:"Leave out rows with a lower probability." range:"0..1"`
	Sentences      int     `default:"3" placeholder:"N" help:"Number of sentences of each relation, the most probable first." range:"1..10000"`
	Top            int     `default:"2000" placeholder:"N" help:"Number of relations on the page, those in most articles first." range:"1..1e6"`
	JSON           bool    `name:"json" help:"Print the relations as JSON."`
	outputFlag
}

func (*extractSummarizeCmd) Help() string {
	return `Groups the rows by label and identifiers, and gives for each group the number of articles, the greatest probability of a row, the combined probability (that the best row of at least one article is right, if articles erred independently) and the best sentences. Rows that lack an identifier are left out. The most frequent relations are printed.`
}

func (v *extractSummarizeCmd) Run(c *console) error {
	html := strings.EqualFold(filepath.Ext(v.Out), ".html")
	if v.Out != "" && !html && !isTSV(v.Out) {
		return misusef("%s: unknown extension, want .html or .tsv, the latter also .gz and .zst", v.Out)
	}
	out, err := v.output(c, v.Out, "")
	if err != nil {
		return err
	}
	rows, done, err := c.input(v.Rows)
	if err != nil {
		return err
	}
	defer done()
	groups, err := concepts.Summarize(extracted.Read(c.ctx, rows), concepts.SummaryOptions{Negative: v.Negative, MinProbability: v.MinProbability, Sentences: v.Sentences})
	if err != nil {
		return err
	}
	switch {
	case html:
		page := facts.Page{Title: "Relations in " + filepath.Base(v.Rows), Groups: groups[:min(len(groups), v.Top)], All: len(groups)}
		err = atomicfile.WriteContext(c.ctx, out, func(w io.Writer) error { return facts.Write(w, page) })
	case out != "":
		err = atomicfile.WriteContext(c.ctx, out, func(to io.Writer) error {
			w, err := stream.Pack(to, out)
			if err != nil {
				return err
			}
			return errors.Join(concepts.WriteTable(w, groups), w.Close())
		})
	}
	if err != nil {
		return err
	}
	return c.show(v.JSON, groups, func(w io.Writer) error { return printGroups(w, groups, out) })
}

// shownGroups is the number of relations printed for a person.
const shownGroups = 20

func printGroups(w io.Writer, groups []concepts.Group, out string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "a\tlabel\tb\tarticles\trows\tbest\tcombined")
	for _, g := range groups[:min(len(groups), shownGroups)] {
		fmt.Fprintf(t, "%s (%s)\t%s\t%s (%s)\t%d\t%d\t%.3f\t%.3f\n", g.A.Name, g.A.ID, g.Label, g.B.Name, g.B.ID, g.Articles, g.Rows, g.Best, g.Together)
	}
	fmt.Fprintf(t, "%d relations", len(groups))
	if out != "" {
		fmt.Fprintf(t, "; wrote %s", out)
	}
	fmt.Fprintln(t)
	return t.Flush()
}
