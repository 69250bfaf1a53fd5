package checkpoints

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report says for each part which tensors of a model were loaded.
type Report struct {
	Source  string       `json:"source"`
	Kind    Kind         `json:"kind"`
	Parts   []PartReport `json:"parts"`
	Padding int          `json:"padding,omitempty"` // rows of the word embedding beyond the vocabulary
	Ignored []Ignored    `json:"ignored,omitempty"` // tensors that are not parameters, such as optimizer state
}

// PartReport lists names of parameters of one part. Loaded, Tied, Fresh and Differs are wanted parameters, Unused are
// parameters of the file.
type PartReport struct {
	Part       Part        `json:"part"`
	Parameters int64       `json:"parameters"` // elements wanted
	Loaded     []string    `json:"loaded,omitempty"`
	Tied       []string    `json:"tied,omitempty"`    // stored once, used twice
	Fresh      []string    `json:"missing,omitempty"` // wanted, and missing in the file or requested as fresh
	Unused     []string    `json:"unexpected,omitempty"`
	Differs    []ShapeDiff `json:"shape_differs,omitempty"`
}

// ShapeDiff is a parameter whose shape in the file is not the one wanted.
type ShapeDiff struct {
	Name string `json:"name"`
	Got  []int  `json:"got"`
	Want []int  `json:"want"`
}

// part finds or adds the report on p, keeping the order of Parts.
func (r *Report) part(p Part) *PartReport {
	order := Parts()
	at, found := slices.BinarySearchFunc(r.Parts, p, func(have PartReport, want Part) int {
		return slices.Index(order, have.Part) - slices.Index(order, want)
	})
	if !found {
		r.Parts = slices.Insert(r.Parts, at, PartReport{Part: p})
	}
	return &r.Parts[at]
}

// mismatch is the report's *MismatchError, nil if only parts in fresh are missing.
func (r *Report) mismatch(fresh Fresh) error {
	e := &MismatchError{Source: r.Source, Kind: r.Kind}
	for _, p := range r.Parts {
		if len(p.Fresh) > 0 && !slices.Contains(fresh, p.Part) {
			e.Missing = append(e.Missing, p)
		}
		e.Differs = append(e.Differs, p.Differs...)
	}
	if len(e.Missing) == 0 && len(e.Differs) == 0 {
		return nil
	}
	return e
}

// MismatchError says that a model's weights do not match the wanted parameters.
type MismatchError struct {
	Source  string
	Kind    Kind
	Missing []PartReport // parts that lack weights and may not start from random values
	Differs []ShapeDiff
}

// Error names the parts, an example each, and both shapes.
func (e *MismatchError) Error() string {
	var faults []string
	for _, p := range e.Missing {
		what := fmt.Sprintf("no weights for the %s part", p.Part)
		if len(p.Loaded)+len(p.Tied)+len(p.Differs) > 0 {
			what = fmt.Sprintf("the %s part lacks %d of %d weights", p.Part, len(p.Fresh), len(p.Fresh)+len(p.Loaded)+len(p.Tied)+len(p.Differs))
		}
		faults = append(faults, what+" ("+firstOf(p.Fresh)+")")
	}
	for i, d := range e.Differs {
		if i == 3 {
			faults = append(faults, fmt.Sprintf("and %d more shapes", len(e.Differs)-i))
			break
		}
		faults = append(faults, fmt.Sprintf("%s has shape %v, want %v", d.Name, d.Got, d.Want))
	}
	return e.Source + ": " + strings.Join(faults, "; ")
}

// Hint says how to let missing parts start from random values, or how to find the cause.
func (e *MismatchError) Hint() string {
	head := func(d ShapeDiff) bool { return PartOf(d.Name) == Classifier || PartOf(d.Name) == SLL }
	if len(e.Differs) > 0 && !slices.ContainsFunc(e.Differs, func(d ShapeDiff) bool { return !head(d) }) {
		return `the classifier in the file has other labels or another pooling; to train a new one, set fresh = ["classifier", "sll"] under [model], or --fresh classifier,sll`
	}
	if len(e.Differs) > 0 {
		return "the weights have another architecture or vocabulary; compare config.json and vocab.txt with the files published with the weights"
	}
	var parts []Part
	for _, p := range e.Missing {
		parts = append(parts, p.Part)
	}
	if slices.Contains(parts, Encoder) && e.Kind != KindNone {
		return "list the tensors of the file with: subbert model inspect " + e.Source
	}
	return fmt.Sprintf("to start this part from random values, set fresh = [\"%s\"] under [model], or --fresh %s", join(parts, `", "`), join(parts, ","))
}

// firstOf names the first of names and counts the rest.
func firstOf(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}

// String is a table for people, with a line for each part and one for each reason to ignore tensors.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "weights from %s (%s)\n", r.Source, r.Kind)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range r.Parts {
		fmt.Fprintf(w, "  %s\t%s\n", p.Part, p.summary())
	}
	if err := w.Flush(); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	if r.Padding > 0 {
		fmt.Fprintf(&b, "  %s\n", paddingLine(r.Padding))
	}
	for _, line := range IgnoredLines(r.Ignored) {
		fmt.Fprintf(&b, "  ignored: %s\n", line)
	}
	return b.String()
}

// paddingLine describes the rows of the word embedding beyond the vocabulary.
func paddingLine(rows int) string {
	if rows == 1 {
		return "the word embedding has 1 row more than the vocabulary: padding, kept"
	}
	return fmt.Sprintf("the word embedding has %d rows more than the vocabulary: padding, kept", rows)
}

func (p PartReport) summary() string {
	var says []string
	if n := len(p.Loaded); n > 0 {
		says = append(says, fmt.Sprintf("%d loaded", n))
	}
	if n := len(p.Tied); n > 0 {
		says = append(says, fmt.Sprintf("%d tied", n))
	}
	if n := len(p.Fresh); n > 0 {
		says = append(says, fmt.Sprintf("%d FRESH, from random values (%s)", n, firstOf(p.Fresh)))
	}
	for _, d := range p.Differs {
		says = append(says, fmt.Sprintf("%s has shape %v, want %v", d.Name, d.Got, d.Want))
	}
	if n := len(p.Unused); n > 0 {
		says = append(says, fmt.Sprintf("%d in the file, unused (%s)", n, firstOf(p.Unused)))
	}
	return strings.Join(says, ", ")
}
