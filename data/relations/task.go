package relations

import (
	"slices"
	"strings"
)

// Task is a label set with its negative label.
type Task struct {
	Name     string
	Labels   []string // the negative label last
	Negative string
}

// The paper's tasks.
var (
	DDI      = Task{"ddi", []string{"advise", "effect", "int", "mechanism", "false"}, "false"}
	ChemProt = Task{"chemprot", []string{"CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9", "false"}, "false"}
	PPI      = Task{"ppi", []string{"1", "0"}, "0"}
)

// Tasks are the tasks by name.
func Tasks() []Task { return []Task{DDI, ChemProt, PPI} }

// Canonical is t's own spelling of label. Published files differ in case (False), and BLUE's DDI labels carry a
// prefix (DDI-effect). A task made by TaskOf also takes any word for no relation as its negative label. Nothing else is
// folded, and ok is false for labels that t does not have.
func (t Task) Canonical(label string) (canonical string, ok bool) {
	if slices.Contains(t.Labels, label) {
		return label, true
	}
	i := slices.IndexFunc(t.Labels, func(l string) bool {
		return strings.EqualFold(l, label) || t.Name == DDI.Name && strings.EqualFold("DDI-"+l, label)
	})
	switch {
	case i >= 0:
		return t.Labels[i], true
	case t.Name == "" && meansNone(label) && meansNone(t.Negative):
		return t.Negative, true
	}
	return label, false
}

// WithNegative is t with another negative label in place of its own.
func (t Task) WithNegative(label string) Task {
	if label == "" || label == t.Negative {
		return t
	}
	labels := slices.DeleteFunc(slices.Clone(t.Labels), func(l string) bool { return l == t.Negative || l == label })
	return Task{t.Name, append(labels, label), label}
}
