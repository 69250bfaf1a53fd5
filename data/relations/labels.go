package relations

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// NegativeError reports that no label is known to mean no relation.
type NegativeError struct {
	Asked  string // the label that the caller named, or empty
	Labels []string
}

func (e *NegativeError) Error() string {
	if e.Asked != "" {
		return fmt.Sprintf("negative label %q is not among the labels %s", e.Asked, strings.Join(e.Labels, ", "))
	}
	return fmt.Sprintf("cannot tell which of the labels %s means no relation, such as false, 0, none or no_relation", strings.Join(e.Labels, ", "))
}

// TaskOf returns the task with the labels found in data. Labels that differ only in case become one label with the
// first spelling. negative names the label that means no relation. If it is empty, words such as false, 0, none and
// no_relation have this meaning, and all of them in labels become one label. If no label means no relation, the error
// is a *NegativeError.
func TaskOf(labels []string, negative string) (Task, error) {
	var t Task
	for _, l := range labels {
		switch {
		case slices.ContainsFunc(t.Labels, func(known string) bool { return strings.EqualFold(known, l) }):
		case negative == "" && meansNone(l):
			if t.Negative == "" {
				t.Negative = l
				t.Labels = append(t.Labels, l)
			}
		default:
			t.Labels = append(t.Labels, l)
			if negative != "" && strings.EqualFold(l, negative) {
				t.Negative = l
			}
		}
	}
	slices.Sort(t.Labels)
	if t.Negative == "" {
		return Task{}, &NegativeError{negative, t.Labels}
	}
	last := slices.Index(t.Labels, t.Negative)
	t.Labels = append(slices.Delete(t.Labels, last, last+1), t.Negative)
	return t, nil
}

// meansNone reports whether label is a word that label sets use for pairs without a relation. BLUE writes DDI-false.
func meansNone(label string) bool {
	words := strings.FieldsFunc(strings.ToLower(label), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 || strings.HasPrefix(label, "-") {
		return false
	}
	if words[len(words)-1] == "false" {
		return true
	}
	known := []string{"0", "none", "no", "na", "null", "negative", "norelation", "nointeraction"}
	return slices.Contains(known, strings.Join(words, ""))
}
