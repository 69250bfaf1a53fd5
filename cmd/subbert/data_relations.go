package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
)

type dataRelationsCmd struct {
	In          string   `arg:"" help:"The corpus: a file, a folder, or DDI 2013's zip."`
	From        string   `required:"" enum:"ddi2013,aimed,ppi-xml,chemprot,tsv,pubtator,bioc,jsonl" placeholder:"FORMAT" help:"Its format: ddi2013, aimed, ppi-xml, chemprot, tsv, pubtator, bioc or jsonl."`
	Out         string   `required:"" placeholder:"FILE.tsv|DIR/" help:"Where to write: a TSV file, or a folder (one that exists, or a name that ends with /), which gets a file for each split or fold."`
	Split       string   `default:"all" enum:"all,train,dev,test" help:"What to write: all (train, dev, test one after the other), train, dev or test."`
	Marking     string   `default:"tag" enum:"tag,typed_marker,entity_mask,none" help:"How the two mentions are marked: tag (@DRUG$, @DRUG-DRUG$ where they overlap), typed_marker (<e1:DRUG>name</e1:DRUG>), entity_mask (tag, and every other mention is @OTHER$) or none."`
	DevFraction float64  `placeholder:"F" help:"Hold out this fraction of train as dev; the paper has 0.2 for DDI." range:"0..1"`
	DevBy       string   `default:"pair" enum:"pair,document" help:"Unit that is held out as dev: pair (as in the paper) or document."`
	Folds       int      `placeholder:"K" help:"Distribute the documents over K folds." range:"0..10000"`
	Fold        *int     `placeholder:"N" help:"Make fold N, from 0, the test set and the other folds train." range:"0..10000"`
	Only        string   `placeholder:"FILE" help:"Keep only the pairs or documents named in FILE, one a line."`
	Types       []string `placeholder:"A,B" help:"pubtator, bioc: the types of a pair's two mentions, such as Chemical,Disease. Without it, every two mentions make a pair."`
	Within      int      `default:"0" placeholder:"N" help:"pubtator, bioc, jsonl, chemprot: greatest distance of the two mentions of a pair, in sentences; 0: in one sentence." range:"0..1000"`
	Seed        uint64   `default:"1" help:"Seed of --dev-fraction and --folds."`
	Result      string   `placeholder:"FILE" help:"Write the counts as JSON to this file, too."`
	JSON        bool     `name:"json" help:"Print the counts as JSON."`
	outputFlag
}

func (v *dataRelationsCmd) Help() string {
	return `Reads a relation corpus and writes index<TAB>sentence<TAB>label with a header, in the corpus's order, one row for each pair of mentions in a sentence. Tabs and line ends inside a sentence become spaces, and white space at its ends is removed; nothing else changes. Differences from the published counts are printed to standard error.

With --within N, two mentions up to N sentences apart also make a pair; its text goes from the sentence of the first mention to that of the last. Fine-tune with truncate = "around_mentions", which keeps both mentions if the text is longer than a row. For documents that state relations between identifiers (pubtator, bioc), the last lines say how many of these relations have a pair of mentions; no model can find more.

A zip or folder is read in the order of its paths, train before test. The one DDI 2013 pair that interacts but has no type counts as false, as in the published table.`
}

func (v *dataRelationsCmd) Run(c *console) error {
	if !isTSV(v.Out) && !strings.HasSuffix(v.Out, "/") {
		return misusef("%s: the pairs are written as .tsv, also .tsv.gz and .tsv.zst", v.Out)
	}
	out, err := v.output(c, v.Out, "*.tsv")
	if err != nil {
		return err
	}
	corpus := request.Corpus{
		In: v.In, Format: v.From, Types: v.Types, Within: v.Within, Marking: relations.Marking(v.Marking), Only: v.Only, Folds: v.Folds, Fold: v.Fold,
		DevFraction: v.DevFraction, DevBy: relations.Unit(v.DevBy), Seed: v.Seed, Split: v.Split, Out: out,
	}
	var done func()
	if corpus.In, done, err = c.input(v.In); err != nil {
		return err
	}
	defer done()
	meter := newMeter(c)
	corpus.Read = meter.reading(v.In)
	r, err := corpus.Write(c.ctx, func(line string) { c.log.Warn(line) })
	meter.end()
	if err != nil {
		return err
	}
	if r.Agreement != "" {
		c.log.Info(r.Agreement)
	}
	if err := v.result(c, v.Result, r); err != nil {
		return err
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return printWritten(w, r) })
}

// printWritten prints a summary of the files written for a corpus.
func printWritten(w io.Writer, r *request.Written) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, n := range r.Counts {
		var labels []string
		for _, l := range slices.Sorted(maps.Keys(n.Labels)) {
			labels = append(labels, fmt.Sprintf("%s %d", cmp.Or(l, "(no label)"), n.Labels[l]))
		}
		fmt.Fprintf(t, "%s\t%d pairs\t%s\n", cmp.Or(n.Split, "all"), n.Pairs, strings.Join(labels, ", "))
	}
	for _, n := range r.Covered {
		fmt.Fprintf(t, "%s\t%d relations between identifiers\t%d with a pair of mentions (%.1f%%)\n", cmp.Or(n.Split, "all"), n.Stated, n.Paired, 100*float64(n.Paired)/float64(n.Stated))
	}
	for _, f := range r.Files {
		fmt.Fprintf(t, "wrote %s\t%d rows\n", f.Path, f.Pairs)
	}
	return t.Flush()
}
