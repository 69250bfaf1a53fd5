package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

type scoreCmd struct {
	Level    string `default:"pair" enum:"pair,document" help:"What is counted: pair (labels of pairs of mentions) or document (pairs of identifiers in an article, as BioCreative V counts)."`
	Task     string `default:"" enum:"ddi,chemprot,ppi," placeholder:"TASK" help:"pair: whose labels: ddi (advise, effect, int, mechanism, false), chemprot (CPR:3, 4, 5, 6, 9, false) or ppi (1, 0). Without it those of the gold file."`
	Gold     string `required:"" placeholder:"FILE" help:"The right answers. pair: one label a line, or a TSV with a column label or gold; document: PubTator text with relations."`
	Pred     string `required:"" placeholder:"FILE" help:"What was predicted. pair: one label a line, or a TSV with a column predicted or label; document: the rows that extract writes, as TSV."`
	Negative string `placeholder:"LABEL" help:"The label that means no relation, in place of the task's own (false, or 0 for ppi). Without a task, words such as false, 0, none and no_relation mean that."`
	JSON     bool   `name:"json" help:"Print the scores as JSON."`
}

func (v *scoreCmd) Help() string {
	return `Compares predicted labels with the right ones, line by line. Micro and macro go over the labels other than the negative one; figures are in percent. Labels are compared without regard to case (files say False and false), and ddi takes BLUE's DDI-effect for effect; any other label is an error. Without --task the labels are those of the gold file; a predicted label that it lacks counts as wrong, with a warning.

With --level document, pairs of identifiers are counted in place of pairs of mentions. An article has a pair if any pair of its mentions has another label than the negative one; the most probable of these gives the label. A mention of several concepts (D1|D2) stands for each of them, one without an identifier (-1) for none. Which identifier is first says nothing. Micro figures go over the pairs of all articles, first whatever the labels, then with them. Pairs with a more general disease than another pair (hypernyms) are kept. Rows of articles that the gold file does not have are left out and counted.`
}

func (v *scoreCmd) Run(c *console) error {
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
	switch {
	case v.Level == "document" && v.Task != "":
		return misusef("--task %s: --level document counts pairs of identifiers and has no task", v.Task)
	case v.Level == "document":
		return v.scoreArticles(c)
	}
	return v.scorePairs(c)
}

func (v *scoreCmd) scorePairs(c *console) error {
	meter := newMeter(c)
	defer meter.end()
	gold, goldIndex, err := relations.Column(v.Gold, relations.Options{Context: c.ctx, Read: meter.reading(v.Gold)}, "gold", "label", "labels")
	if err != nil {
		return err
	}
	pred, predIndex, err := relations.Column(v.Pred, relations.Options{Context: c.ctx, Read: meter.reading(v.Pred)}, "predicted", "label", "labels")
	if err != nil {
		return err
	}
	meter.end()
	if len(gold) != len(pred) {
		return fmt.Errorf("%s has %d labels and %s has %d; they must be of the same pairs, in the same order", v.Gold, len(gold), v.Pred, len(pred))
	}
	if err := v.sameOrder(goldIndex, predIndex); err != nil {
		return err
	}
	task, err := v.task(c, gold, pred)
	if err != nil {
		return err
	}
	if err := canonical(c.ctx, task, v.Gold, gold); err != nil {
		return err
	}
	if err := canonical(c.ctx, task, v.Pred, pred); err != nil {
		return err
	}
	report, err := evaluate.Score(gold, pred, task.Labels, task.Negative)
	if err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(report)
	}
	return printScores(c.out, report)
}

// task returns the task of that name or, if there is none, the task whose labels are those of the gold file and of the
// predictions.
func (v *scoreCmd) task(c *console, gold, pred []string) (relations.Task, error) {
	tasks := relations.Tasks()
	if i := slices.IndexFunc(tasks, func(t relations.Task) bool { return t.Name == v.Task }); i >= 0 {
		return tasks[i].WithNegative(v.Negative), nil
	}
	labels := map[string]int{}
	for _, l := range gold {
		labels[l]++
	}
	all := slices.Sorted(maps.Keys(labels))
	task, err := relations.TaskOf(all, v.Negative)
	if none := new(relations.NegativeError); errors.As(err, &none) {
		return task, misusef("%s: %w; --negative names the one that does", v.Gold, err)
	}
	if err != nil {
		return task, err
	}
	counts := map[string]int{} // predicted labels that the gold file lacks
	for _, l := range pred {
		if _, known := task.Canonical(l); !known {
			counts[l]++
		}
	}
	for _, l := range slices.Sorted(maps.Keys(counts)) {
		c.log.Warn(fmt.Sprintf("%s: label %q of %s is in no row of %s; it counts as wrong", v.Pred, l, plural(counts[l], "row", "s"), v.Gold))
	}
	return relations.TaskOf(append(all, slices.Sorted(maps.Keys(counts))...), v.Negative)
}

// sameOrder compares the index columns, if both files have one.
func (v *scoreCmd) sameOrder(gold, pred []string) error {
	if gold == nil || pred == nil {
		return nil
	}
	for i := range gold {
		if gold[i] != pred[i] {
			return fmt.Errorf("row %d is pair %s in %s and pair %s in %s; the files must be in the same order", i+1, gold[i], v.Gold, pred[i], v.Pred)
		}
	}
	return nil
}

// canonical replaces labels by the spelling of task.
func canonical(ctx context.Context, task relations.Task, file string, labels []string) error {
	var unknown []string
	first := 0 // row of the first unknown label
	for i, l := range labels {
		if err := ctx.Err(); err != nil {
			return err
		}
		known, ok := task.Canonical(l)
		if !ok && !slices.Contains(unknown, l) {
			unknown = append(unknown, l)
			first = min(cmp.Or(first, i+1), i+1)
		}
		labels[i] = known
	}
	if unknown == nil {
		return nil
	}
	err := &evaluate.UnknownLabelsError{Unknown: unknown, Labels: task.Labels}
	return fmt.Errorf("%s: row %d: %w (--negative names another negative label; without --task the labels are those of the gold file)", file, first, err)
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
