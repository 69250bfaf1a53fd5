package relations

import (
	"slices"
	"strings"
)

// Task is a label set with its negative label.
type Task struct {
	Name     string
	Labels   []string // the negative label is last
	Negative string
}

// The paper's tasks.
var (
	DDI      = Task{"ddi", []string{"advise", "effect", "int", "mechanism", "false"}, "false"}
	ChemProt = Task{"chemprot", []string{"CPR:3", "CPR:4", "CPR:5", "CPR:6", "CPR:9", "false"}, "false"}
	PPI      = Task{"ppi", []string{"1", "0"}, "0"}
)

// Tasks returns the paper's tasks.
func Tasks() []Task { return []Task{DDI, ChemProt, PPI} }

// Canonical returns label in the spelling of t. It accepts another case (False) and, for DDI, BLUE's prefix
// (DDI-effect), as published files have them. A task made by TaskOf also accepts any word for no relation as its
// negative label. For every other label ok is false.
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

// WithNegative returns t with label as its negative label; an empty label changes nothing.
func (t Task) WithNegative(label string) Task {
	if label == "" || label == t.Negative {
		return t
	}
	labels := slices.DeleteFunc(slices.Clone(t.Labels), func(l string) bool { return l == t.Negative || l == label })
	return Task{t.Name, append(labels, label), label}
}
