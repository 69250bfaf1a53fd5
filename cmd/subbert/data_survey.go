package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/survey"
	"github.com/subbert/subbert/internal/readable"
)

// relationFlags are the flags of data inspect for relation files.
type relationFlags struct {
	From     string   `default:"tsv" enum:"ddi2013,aimed,ppi-xml,chemprot,tsv,pubtator,bioc,jsonl" placeholder:"FORMAT" help:"Relation files: their format: tsv (marked sentences), pubtator, bioc, jsonl, or a corpus: ddi2013, aimed, ppi-xml, chemprot."`
	Types    []string `placeholder:"A,B" help:"Relation files: the types of a pair's two mentions."`
	Marking  string   `default:"tag" enum:"tag,typed_marker,entity_mask,none" help:"Relation files other than tsv: how mentions are marked: tag, typed_marker, entity_mask or none (default ${default})."`
	Negative string   `placeholder:"LABEL" help:"Relation files: the label that means no relation; without it, a word such as false, 0, none or no_relation."`
	Uncased  bool     `help:"Relation files: lower-case the text if --vocab is a vocabulary without settings."`
	Lengths  []int    `default:"64,128,256,512" placeholder:"S" help:"Relation files: lengths of a row, in positions (default ${default})." range:"3..65536"`
}

// survey describes relation files.
func (v *relationFlags) survey(c *console, files []string, vocab string, asJSON bool) error {
	if vocab != "" {
		dir, err := c.modelDir(vocab)
		if err != nil {
			return err
		}
		vocab = dir
	}
	found, err := request.Survey{
		Files: files, Format: v.From, Types: v.Types, Marking: relations.Marking(v.Marking), Negative: v.Negative, Vocab: vocab, Uncased: v.Uncased, Lengths: v.Lengths,
	}.Look(c.ctx, func(line string) { c.log.Warn(line) })
	if err != nil {
		return err
	}
	return c.show(asJSON, found, func(w io.Writer) error { return printSurvey(w, found) })
}

// printSurvey prints a survey for people.
func printSurvey(to io.Writer, s *request.Surveyed) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, f := range s.Sets {
		printFacts(w, f, s.Negative)
	}
	for _, c := range s.Shared {
		fmt.Fprintf(w, "%s against %s\n  rows that also occur there\t%d, %d of them with another label\n  rows that differ from a row there only in names\t%d\n  rows of documents that also occur there\t%d\n", c.B, c.A, c.Rows, c.OtherLabel, c.Alike, c.Documents)
	}
	for _, line := range s.Differences {
		fmt.Fprintf(w, "published\t%s\n", line)
	}
	if s.Agreement != "" {
		fmt.Fprintf(w, "published\t%s\n", s.Agreement)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, x := range s.Warnings {
		if _, err := fmt.Fprintln(to, "warning:", x.Text); err != nil {
			return err
		}
	}
	return nil
}

// printFacts prints the facts about a single set.
func printFacts(w io.Writer, f survey.Facts, negative string) {
	share := func(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, of))) }
	fmt.Fprintf(w, "%s: %s", f.Name, readable.Plural(f.Rows, "row", "s"))
	if f.Documents > 0 {
		fmt.Fprintf(w, " of %s", readable.Plural(f.Documents, "document", "s"))
	}
	fmt.Fprintln(w)
	for _, l := range slices.Sorted(maps.Keys(f.Labels)) {
		name := l
		switch l {
		case "":
			name = "without a label"
		case negative:
			name += " (no relation)"
		}
		fmt.Fprintf(w, "  label %s\t%d, %s\n", name, f.Labels[l], share(f.Labels[l], f.Rows))
	}
	fmt.Fprintf(w, "  marks\t%s\n", counted(f.Marks))
	if len(f.Types) > 0 {
		fmt.Fprintf(w, "  types of pairs\t%s\n", counted(f.Types))
	}
	fmt.Fprintf(w, "  repeated rows\t%d, %d of them with another label than before\n  rows without both mentions\t%d\n", f.Repeated, f.Contradictory, f.Unmarked)
	l := f.Lengths
	if l == nil {
		return
	}
	fmt.Fprintf(w, "  pieces\t%d, %s of them [UNK]\n  positions of a row\t%d in the median, at most %d\n", l.Pieces, share(l.Unknown, l.Pieces), l.Median, l.Longest)
	for _, c := range l.Cuts {
		fmt.Fprintf(w, "  rows of %d positions\t%s are cut, %s lose a mention\n", c.Length, share(c.Shortened, c.Sentences), share(c.LostOne+c.LostBoth, c.Sentences))
	}
}

// counted returns a line of names with their counts.
func counted(counts map[string]int) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, fmt.Sprintf("%s %d", name, counts[name]))
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}
