package report

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

// Case is a pair that only one of two models gets right, in its sentence.
type Case struct {
	compare.Case
	Parts []Span
}

// Span is a part of a sentence. Mention is "a", "b" or "ab" if the span is a mention or stands for both. Mark is the
// text that the models see in its place, if that differs.
type Span struct{ Mention, Text, Mark string }

func (Case) block() string { return "case" }

// vote is the prediction of a model, for the template.
type vote struct {
	compare.Vote
	Who string
}

// Sure returns the probability of the label; empty if it is not known.
func (v vote) Sure() string {
	if v.Probability == 0 {
		return ""
	}
	return fixed(v.Probability, 2)
}

// Kinds of errors, of the model that is wrong.
const (
	missed   = "a relation is missed"
	spurious = "a relation is made up"
	mistaken = "the wrong relation"
)

// Errors returns the page of the pairs that only one of two models gets right. sentences has their sentences by the ID
// of the example.
func Errors(c *compare.Comparison, sentences map[string]relations.Example) (*Page, error) {
	page := &Page{Title: "Where two models differ", Verdict: DifferenceVerdict(c), Lead: []Block{
		Facts{Facts: []Fact{{"A", modelText(c.A, c.RunsA)}, {"B", modelText(c.B, c.RunsB)}, {"pairs", differText(c)}}},
	}}
	items := Choice{What: "pairs"}
	var labels []string
	for _, e := range c.Cases {
		x, ok := sentences[e.Index]
		if !ok {
			return nil, fmt.Errorf("--errors: no sentence for pair %s", e.Index)
		}
		right, wrong := "A", e.B
		if e.B.IsRight() {
			right, wrong = "B", e.A
		}
		if !slices.Contains(labels, e.Gold) {
			labels = append(labels, e.Gold)
		}
		items.Items = append(items.Items, Item{Values: []string{right, e.Gold, kindOf(e.Gold, wrong.Predicted, c.Negative)}, Block: Case{e, spansOf(x)}})
	}
	slices.Sort(labels)
	items.Facets = []Facet{{"right is", []string{"A", "B"}}, {"gold label", labels}, {"the error", []string{missed, spurious, mistaken}}}
	page.Sections = []Section{{Title: "Pairs", Blocks: []Block{items}}, {Title: "Tests", Folded: true, Blocks: []Block{testTable(c)}}}
	return page, nil
}

// WriteErrors writes the page of Errors to path, unless ctx has ended.
func WriteErrors(ctx context.Context, path string, c *compare.Comparison, sentences map[string]relations.Example) error {
	page, err := Errors(c, sentences)
	if err != nil {
		return err
	}
	return Write(ctx, path, page)
}

// kindOf returns the kind of error of a prediction.
func kindOf(gold, predicted, negative string) string {
	switch negative {
	case predicted:
		return missed
	case gold:
		return spurious
	}
	return mistaken
}

func modelText(name string, runs int) string {
	if swept := sweptName(name); swept != "" {
		name = swept + ", " + name
	}
	if runs == 1 {
		return isolated(name)
	}
	return fmt.Sprintf("%s (%d runs; right means right in more than half of them)", isolated(name), runs)
}

func differText(c *compare.Comparison) string {
	return fmt.Sprintf("%s; only A is right on %s, only B on %s", count(c.Instances), count(c.OnlyA), count(c.OnlyB))
}

// DifferenceVerdict says in sentences which of the models is better, as far as the tests show, and what is wrong with
// them.
func DifferenceVerdict(c *compare.Comparison) []string {
	var out []string
	if text := betterText(c); text != "" {
		out = append(out, text)
	}
	for _, f := range c.Findings {
		out = append(out, capital(f.Text)+".")
	}
	return out
}

// betterText says which of the models is better; empty if the tests do not show it.
func betterText(c *compare.Comparison) string {
	if len(c.Tests) == 0 || c.Tests[0].Low == nil {
		return ""
	}
	d := c.Tests[0]
	scores := fmt.Sprintf("micro F1 %s of A and %s of B", percent(d.A), percent(d.B))
	bounds := fmt.Sprintf("(95 %% interval of A above B: %s to %s)", signed(*d.Low), signed(*d.High))
	switch {
	case *d.Low > 0:
		return fmt.Sprintf("A is better by %s points: %s %s.", percent(d.Delta), scores, bounds)
	case *d.High < 0:
		return fmt.Sprintf("B is better by %s points: %s %s.", percent(-d.Delta), scores, bounds)
	}
	return fmt.Sprintf("Neither is significantly better: %s %s.", scores, bounds)
}

// testTable returns a table of the tests of a comparison.
func testTable(c *compare.Comparison) Table {
	t := Table{Caption: "Tests of the difference", Columns: append([]Column{{Name: "test"}}, numeric("A", "B", "A above B", "95 % interval", "p")...), Cards: true}
	for _, d := range c.Tests {
		bounds := noValue
		if d.Low != nil {
			bounds = signed(*d.Low) + rangeMark + signed(*d.High)
		}
		t.Rows = append(t.Rows, Row{Cells: []string{testName(d), percent(d.A), percent(d.B), signed(d.Delta), bounds, fixed(d.P, 4)}})
	}
	return t
}

func testName(d evaluate.Difference) string {
	how := fmt.Sprintf("%s samples", count(d.Samples))
	if d.Exact {
		how = fmt.Sprintf("all %s permutations", count(d.Samples))
	}
	return fmt.Sprintf("%s over %s %s, %s", d.Test, count(d.N), d.Over, how)
}

// spansOf splits a sentence at its two mentions and replaces the marks that stand for them by their names.
func spansOf(e relations.Example) []Span {
	in := func(m relations.Mention, at int) bool { return m.Found() && m.Hull().Start <= at && at < m.Hull().End }
	class := func(at int) (name string) {
		if in(e.A, at) {
			name = "a"
		}
		if in(e.B, at) {
			name += "b"
		}
		return name
	}
	cuts := []int{0, e.A.Hull().Start, e.A.Hull().End, e.B.Hull().Start, e.B.Hull().End, len(e.Text)}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []Span
	for i, start := range cuts[:len(cuts)-1] {
		s := Span{Mention: class(start), Text: e.Text[start:cuts[i+1]]}
		switch {
		case s.Mention == "":
		case s.Mention == "ab":
			s = withNames(s, e.A.Surface, e.B.Surface)
		case s.Mention == "a":
			s = withNames(s, e.A.Surface)
		default:
			s = withNames(s, e.B.Surface)
		}
		out = append(out, s)
	}
	return out
}

// withNames replaces the mark that stands for the mentions by their names.
func withNames(s Span, names ...string) Span {
	shown := unmarked(s.Text)
	if isTag(s.Text) {
		names = slices.DeleteFunc(slices.Compact(slices.Clone(names)), func(n string) bool { return n == "" || isTag(n) })
		if len(names) > 0 {
			shown = strings.Join(names, " / ")
		}
	}
	if shown == s.Text {
		return s
	}
	return Span{s.Mention, shown, s.Text}
}

// isTag reports whether text is a mark that replaces a mention.
func isTag(text string) bool {
	marks := relations.Marks([]relations.Example{{Text: text}})
	return len(marks) == 1 && marks[0] == text && !strings.HasPrefix(text, "<")
}
