package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/score"
)

type scoreCmd struct {
	Level    string `default:"pair" enum:"pair,document" help:"What to count: pair (labels of pairs of mentions) or document (pairs of identifiers in an article, as BioCreative V counts)."`
	Task     string `default:"" enum:"ddi,chemprot,ppi," placeholder:"TASK" help:"pair: the task that defines the labels: ddi (advise, effect, int, mechanism, false), chemprot (CPR:3, 4, 5, 6, 9, false) or ppi (1, 0). Without it, the labels are those of the gold file."`
	Gold     string `required:"" placeholder:"FILE" help:"The right answers. pair: one label a line, or a TSV with a column label or gold; document: PubTator text with relations."`
	Pred     string `required:"" placeholder:"FILE" help:"The predictions. pair: one label a line, or a TSV with a column predicted or label; document: the rows that extract writes, as TSV."`
	Negative string `placeholder:"LABEL" help:"The label that means no relation, instead of the task's own (false, or 0 for ppi). Without a task, words such as false, 0, none and no_relation mean no relation."`
	JSON     bool   `name:"json" help:"Print the scores as JSON."`
}

func (v *scoreCmd) Help() string {
	return `Compares predicted labels with the right ones, line by line. Micro and macro scores cover the labels other than the negative one, in percent. Case is ignored in labels (False and false), and ddi reads BLUE's DDI-effect as effect; any other label is an error. Without --task, the labels are those of the gold file; a predicted label that does not occur there counts as wrong, with a warning.

With --level document, pairs of identifiers are counted instead of pairs of mentions. An article has a pair if the label of any pair of its mentions is not the negative one; the most probable of these gives the label. A mention of several concepts (D1|D2) stands for each of them, one without an identifier (-1) for none. The order of the two identifiers has no meaning. Micro scores cover the pairs of all articles, first without their labels, then with them. Pairs with a more general disease than another pair (hypernyms) are kept. Rows of articles that are not in the gold file are skipped and counted.`
}

func (v *scoreCmd) Run(c *console) error {
	if v.Level == "document" && v.Task != "" {
		return misusef("--task %s: --level document counts pairs of identifiers and has no task", v.Task)
	}
	if v.Gold == "-" && v.Pred == "-" {
		return misusef("--gold and --pred are both standard input")
	}
	for _, file := range []*string{&v.Gold, &v.Pred} {
		path, done, err := c.input(*file)
		if err != nil {
			return err
		}
		defer done()
		*file = path
	}
	meter := newMeter(c)
	files := score.Files{
		Gold: v.Gold, Pred: v.Pred, Task: v.Task, Negative: v.Negative,
		Read: func(file string, done, size int64) { meter.reading(file)(done, size) }, Warn: func(line string) { meter.end(); c.log.Warn(line) },
	}
	if v.Level == "document" {
		r, err := files.Articles(c.ctx)
		if err != nil {
			return err
		}
		return c.show(v.JSON, r, func(w io.Writer) error { return printArticles(w, r) })
	}
	r, err := files.Pairs(c.ctx)
	meter.end()
	if err != nil {
		return err
	}
	return c.show(v.JSON, r, func(w io.Writer) error { return printScores(w, r) })
}

// printScores prints a report for people.
func printScores(w io.Writer, r evaluate.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tP\tR\tF1\tgold\t\n")
	line := func(name string, s evaluate.PRF) {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t%d\t\n", name, s.P, s.R, s.F1, s.Support)
	}
	for _, l := range r.Labels {
		name := l
		if l == r.Negative {
			name += " (negative)"
		}
		line(name, r.PerClass[l])
	}
	line("micro", r.Micro)
	line("macro", r.Macro)
	line("related or not", r.Binary)
	fmt.Fprintf(t, "\naccuracy %.2f over %d pairs; micro and macro leave %q out\n\n", r.Accuracy, r.Instances, r.Negative)
	fmt.Fprintf(t, "gold \\ predicted\t%s\t\n", strings.Join(r.Labels, "\t"))
	for i, l := range r.Labels {
		fmt.Fprintf(t, "%s\t%s\t\n", l, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(r.Confusion[i])), "\t"), "[]"))
	}
	return t.Flush()
}

// printArticles prints a report on articles for people.
func printArticles(w io.Writer, r *score.ArticleReport) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tP\tR\tF1\tgold\tpredicted\tright\t\n")
	fmt.Fprintf(t, "pairs of identifiers\t%.2f\t%.2f\t%.2f\t%d\t%d\t%d\t\n", r.Micro.P, r.Micro.R, r.Micro.F1, r.Micro.Support, r.Predicted, r.Both)
	fmt.Fprintf(t, "with their labels\t%.2f\t%.2f\t%.2f\t%d\t\t\t\n", r.Labelled.P, r.Labelled.R, r.Labelled.F1, r.Labelled.Support)
	fmt.Fprintf(t, "\n%d articles, %d rows, %d of them without an identifier; hypernyms are %s\n", r.Articles, r.Rows, r.Unidentified, r.Hypernyms)
	return t.Flush()
}
