package runs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/tasks/relation"
)

// resolveLabels finds the labels, in the classifier's order, and the negative one, and spells the labels of all
// examples alike: data have both False and false.
func (s *Sets) resolveLabels(d relation.Data, e relation.Examples) error {
	found := e.Labels
	if len(found) == 0 {
		counts := countLabels(s.Train)
		if counts[""] > 0 {
			return fmt.Errorf("%d of %d rows have no label", counts[""], len(s.Train))
		}
		found = slices.Sorted(maps.Keys(counts))
	}
	task, err := relations.TaskOf(found, e.Negative)
	var none *relations.NegativeError
	switch {
	case len(found) < 2:
		return fmt.Errorf("got the labels %q, want at least two", found)
	case errors.As(err, &none) && e.Negative != "":
		return fmt.Errorf("task.negative = %q is not one of the labels %q", e.Negative, found)
	case err != nil:
		return fmt.Errorf("%w; set task.negative to the label that means no relation", err)
	}
	if s.Labels, s.Negative = found, task.Negative; len(e.Labels) == 0 {
		s.Labels = slices.Sorted(slices.Values(task.Labels))
	}
	if len(s.Labels) < 2 {
		return fmt.Errorf("the labels %q are spellings of one label, want at least two labels", found)
	}
	return s.spell(task, d)
}

// spell writes the labels of all examples as s.Labels spells them. It refuses labels of dev and test that train lacks;
// labels of train that s.Labels lacks are left to the encoder.
func (s *Sets) spell(task relations.Task, d relation.Data) error {
	folded := map[[2]string]int{}
	for _, part := range []struct {
		name     string
		examples *[]relations.Example
	}{{"", &s.Train}, {cmp.Or(d.Dev, "dev"), &s.Dev}, {cmp.Or(d.Test, "test"), &s.Test}} {
		unknown := map[string]int{}
		examples := slices.Clone(*part.examples)
		for i, x := range examples {
			if x.Label == "" || slices.Contains(s.Labels, x.Label) {
				continue
			}
			as, ok := task.Canonical(x.Label)
			if ok {
				folded[[2]string{x.Label, as}]++
				examples[i].Label = as
			} else {
				unknown[x.Label]++
			}
		}
		*part.examples = examples
		if len(unknown) == 0 {
			continue
		}
		if part.name == "" {
			return nil
		}
		return unknownLabels(part.name, unknown, s.Labels)
	}
	for _, k := range slices.SortedFunc(maps.Keys(folded), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		s.Folded = append(s.Folded, fmt.Sprintf("label %q of %d rows is read as %q", k[0], folded[k], k[1]))
	}
	return nil
}

// unknownLabels is the error for labels that the training examples do not have.
func unknownLabels(name string, unknown map[string]int, labels []string) error {
	var told []string
	for _, l := range slices.Sorted(maps.Keys(unknown)) {
		told = append(told, fmt.Sprintf("%q (%d rows)", l, unknown[l]))
	}
	var all []string
	for _, l := range slices.Concat(labels, slices.Sorted(maps.Keys(unknown))) {
		all = append(all, fmt.Sprintf("%q", l))
	}
	return fmt.Errorf("%s has labels that no training row has: %s; set task.labels = [%s] to accept them, although the model cannot learn them", name, strings.Join(told, ", "), strings.Join(all, ", "))
}

// checkScored refuses examples without a label that are to be scored.
func (s *Sets) checkScored(d relation.Data) error {
	for _, part := range []struct {
		file, key string
		examples  []relations.Example
	}{
		{cmp.Or(d.Dev, d.Corpus+" dev"), cmp.Or(d.Corpus, "data.dev"), s.Dev},
		{cmp.Or(d.Test, d.Corpus+" test"), cmp.Or(d.Corpus, "data.test"), s.Test},
	} {
		switch n := countLabels(part.examples)[""]; {
		case n == 0:
		case n == len(part.examples):
			return fmt.Errorf("%s has no labels; add labels, or leave %s out", part.file, part.key)
		default:
			return fmt.Errorf("%s: %d of %d rows have no label; add labels, or leave %s out", part.file, n, len(part.examples), part.key)
		}
	}
	return nil
}

// countLabels counts the examples of each label.
func countLabels(examples []relations.Example) map[string]int {
	counts := map[string]int{}
	for _, x := range examples {
		counts[x.Label]++
	}
	return counts
}
