// Package score compares files of predicted labels with files of right ones: label by label, or article by article as
// BioCreative V counts.
package score

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/evaluate"
)

// Files are the two files to compare.
type Files struct {
	Gold string // the right answers
	Pred string // the predictions

	Task     string // name of one of relations.Tasks, for Pairs; empty: the labels are those of Gold
	Negative string // the label that means no relation; empty: the task's, or a word such as false, 0, none and no_relation

	Read func(file string, done, size int64) // receives the progress of reading; may be nil
	Warn func(line string)                   // receives what a person should know
}

// Pairs compares the labels of the two files row by row. A file has one label a line, or is a TSV with a column gold,
// predicted or label. If both have an index column, the columns must agree. A label that is not of the task is an
// *evaluate.UnknownLabelsError; without a task it counts as wrong. If no label is known to mean no relation, the error
// is a *request.Misuse.
func (f Files) Pairs(ctx context.Context) (evaluate.Report, error) {
	gold, goldIndex, err := f.column(ctx, f.Gold, "gold")
	if err != nil {
		return evaluate.Report{}, err
	}
	pred, predIndex, err := f.column(ctx, f.Pred, "predicted")
	if err != nil {
		return evaluate.Report{}, err
	}
	if len(gold) != len(pred) {
		return evaluate.Report{}, fmt.Errorf("%s has %d labels and %s has %d; they must be of the same pairs, in the same order", f.Gold, len(gold), f.Pred, len(pred))
	}
	if err := f.sameOrder(goldIndex, predIndex); err != nil {
		return evaluate.Report{}, err
	}
	task, err := f.task(gold, pred)
	if err != nil {
		return evaluate.Report{}, err
	}
	if err := canonical(ctx, task, f.Gold, gold); err != nil {
		return evaluate.Report{}, err
	}
	if err := canonical(ctx, task, f.Pred, pred); err != nil {
		return evaluate.Report{}, err
	}
	return evaluate.Score(gold, pred, task.Labels, task.Negative)
}

// column reads the labels and indexes of a file.
func (f Files) column(ctx context.Context, file, name string) (labels, index []string, err error) {
	o := relations.Options{Context: ctx}
	if f.Read != nil {
		o.Read = func(done, size int64) { f.Read(file, done, size) }
	}
	return relations.Column(file, o, name, "label", "labels")
}

// sameOrder compares the index columns, if both files have one.
func (f Files) sameOrder(gold, pred []string) error {
	if gold == nil || pred == nil {
		return nil
	}
	for i := range gold {
		if gold[i] != pred[i] {
			return fmt.Errorf("row %d is pair %s in %s and pair %s in %s; the files must be in the same order", i+1, gold[i], f.Gold, pred[i], f.Pred)
		}
	}
	return nil
}

// task returns the named task or, without a name, the task whose labels are those of the gold file and of the
// predictions.
func (f Files) task(gold, pred []string) (relations.Task, error) {
	tasks := relations.Tasks()
	if i := slices.IndexFunc(tasks, func(t relations.Task) bool { return t.Name == f.Task }); i >= 0 {
		return tasks[i].WithNegative(f.Negative), nil
	}
	all := slices.Sorted(maps.Keys(counted(gold)))
	task, err := relations.TaskOf(all, f.Negative)
	if none := new(relations.NegativeError); errors.As(err, &none) {
		return task, &request.Misuse{Err: fmt.Errorf("%s: %w; name it with --negative", f.Gold, err)}
	}
	if err != nil {
		return task, err
	}
	unknown := counted(pred)
	maps.DeleteFunc(unknown, func(l string, _ int) bool { _, known := task.Canonical(l); return known })
	for _, l := range slices.Sorted(maps.Keys(unknown)) {
		f.Warn(fmt.Sprintf("%s: label %q (rows: %d) does not occur in %s; it counts as wrong", f.Pred, l, unknown[l], f.Gold))
	}
	return relations.TaskOf(append(all, slices.Sorted(maps.Keys(unknown))...), f.Negative)
}

// counted counts the labels.
func counted(labels []string) map[string]int {
	n := map[string]int{}
	for _, l := range labels {
		n[l]++
	}
	return n
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
		if !ok && unknown == nil {
			first = i + 1
		}
		if !ok && !slices.Contains(unknown, l) {
			unknown = append(unknown, l)
		}
		labels[i] = known
	}
	if unknown == nil {
		return nil
	}
	err := &evaluate.UnknownLabelsError{Unknown: unknown, Labels: task.Labels}
	return fmt.Errorf("%s: row %d: %w (--negative names another negative label; without --task the labels are those of the gold file)", file, first, err)
}
