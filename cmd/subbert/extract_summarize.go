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
	Rows           string  `arg:"" help:"A table of subbert extract."`
	Out            string  `placeholder:"FILE" help:"Where to: .html for a page with search, sorting and the best sentences, .tsv for a table."`
	Negative       string  `default:"false" placeholder:"LABEL" help:"The label that means no relation."`
	MinProbability float64 `placeholder:"P" help:"Leave out less probable rows."`
	Sentences      int     `default:"3" placeholder:"N" help:"Sentences of each relation, the most probable first."`
	Top            int     `default:"2000" placeholder:"N" help:"Relations on the page, those of most articles first."`
	JSON           bool    `name:"json" help:"Print the relations as JSON."`
	outputFlag
}

func (*extractSummarizeCmd) Help() string {
	return `Groups the rows by label and identifiers: how many articles say it, the greatest probability of a row, the combined probability (that the best row of at least one article is right, if articles erred independently) and the best sentences. Rows that lack an identifier are left out. The most frequent relations are printed.`
}

func (v *extractSummarizeCmd) Run(c *console) error {
	kind, err := v.kind()
	switch {
	case err != nil:
		return err
	case v.Sentences < 1 || v.Top < 1:
		return misusef("--sentences %d, --top %d, want at least 1", v.Sentences, v.Top)
	}
	if v.Out, err = v.output(c, v.Out, ""); err != nil {
		return err
	}
	rows, done, err := c.input(v.Rows)
	if err != nil {
		return err
	}
	defer done()
	groups, err := concepts.Summarize(extracted.Read(rows), concepts.SummaryOptions{Negative: v.Negative, MinProbability: v.MinProbability, Sentences: v.Sentences})
	if err != nil {
		return err
	}
	switch kind {
	case ".html":
		page := facts.Page{Title: "Relations in " + filepath.Base(v.Rows), Groups: groups[:min(len(groups), v.Top)], All: len(groups)}
		err = atomicfile.Write(v.Out, func(w io.Writer) error { return facts.Write(w, page) })
	case ".tsv":
		err = atomicfile.Write(v.Out, func(to io.Writer) error {
			w, err := stream.Pack(to, v.Out)
			if err != nil {
				return err
			}
			return errors.Join(concepts.WriteTable(w, groups), w.Close())
		})
	}
	if err != nil {
		return err
	}
	return c.show(v.JSON, groups, func(w io.Writer) error { return printGroups(w, groups, v.Out) })
}

// kind returns the form that the end of --out indicates: .html, .tsv, or empty without --out.
func (v *extractSummarizeCmd) kind() (string, error) {
	name := strings.ToLower(v.Out)
	switch {
	case name == "":
		return "", nil
	case strings.HasSuffix(name, ".html"):
		return ".html", nil
	}
	if form, err := formOf("auto", name); err != nil || form != "tsv" {
		return "", misusef("%s: the end of its name says no form; want .html or .tsv, the latter also .gz and .zst", v.Out)
	}
	return ".tsv", nil
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
