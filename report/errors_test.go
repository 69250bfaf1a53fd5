package report

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/evaluate"
)

// made returns a marked example with two names.
func made(id, before, a, between, b, after string) relations.Example {
	e := relations.Example{ID: id, Text: before + "@PROTEIN$" + between + "@PROTEIN$" + after}
	first := len(before)
	second := first + len("@PROTEIN$") + len(between)
	e.A = relations.Mention{Spans: []text.Span{{Start: first, End: first + 9}}, Type: "PROTEIN", Surface: a}
	e.B = relations.Mention{Spans: []text.Span{{Start: second, End: second + 9}}, Type: "PROTEIN", Surface: b}
	return e
}

// comparison returns a synthetic comparison of n pairs, with their sentences.
func comparison(n int) (*compare.Comparison, map[string]relations.Example) {
	rng := rand.New(rand.NewPCG(1, 1))
	low, high := 0.4, 5.1
	c := &compare.Comparison{
		A: "runs/attention", B: "runs/cls", Negative: "false", Instances: 1200, RunsA: 3, RunsB: 1,
		Tests: []evaluate.Difference{
			{Test: "paired bootstrap", Over: "instances", N: 1200, Samples: 10000, A: 64.1, B: 61.3, Delta: 2.8, P: 0.021, Low: &low, High: &high},
			{Test: "approximate randomisation", Over: "instances", N: 1200, Samples: 10000, A: 64.1, B: 61.3, Delta: 2.8, P: 0.024},
		},
	}
	labels := []string{"advise", "effect", "false", "mechanism"}
	sentences := map[string]relations.Example{}
	for i := range n {
		gold := labels[rng.IntN(len(labels))]
		wrong := labels[rng.IntN(len(labels))]
		for wrong == gold {
			wrong = labels[rng.IntN(len(labels))]
		}
		e := compare.Case{Index: fmt.Sprintf("made.up.p%d", i), Gold: gold,
			A: compare.Vote{Predicted: gold, Right: 3, Runs: 3, Probability: 0.5 + rng.Float64()/2}, B: compare.Vote{Predicted: wrong, Runs: 1, Probability: 0.5 + rng.Float64()/2}}
		if i%3 == 0 {
			e.A, e.B = compare.Vote{Predicted: wrong, Right: 1, Runs: 3, Probability: e.A.Probability}, compare.Vote{Predicted: gold, Right: 1, Runs: 1}
			c.OnlyB++
		} else {
			c.OnlyA++
		}
		c.Cases = append(c.Cases, e)
		sentences[e.Index] = made(e.Index, "We find that ", "interleukin-6", " binds the receptor of ", "gp130 <x>", " in cells that were treated for two days, although the effect was small.")
	}
	return c, sentences
}

func errorsPage(t testing.TB) *Page {
	t.Helper()
	c, sentences := comparison(40)
	page, err := Errors(c, sentences)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// Names replace the marks, with the mark beside; if the example does not know the name, the mark stays.
func TestNamesOfMentions(t *testing.T) {
	overlap := relations.Example{Text: "the @DRUG-DRUG$ pair"}
	overlap.A = relations.Mention{Spans: []text.Span{{Start: 4, End: 15}}, Surface: "beta blocker"}
	overlap.B = relations.Mention{Spans: []text.Span{{Start: 4, End: 15}}, Surface: "blocker"}
	typed := relations.Example{Text: "<e1:DRUG> a b </e1:DRUG> x"}
	typed.A = relations.Mention{Spans: []text.Span{{Start: 0, End: 24}}, Surface: "<e1:DRUG> a b </e1:DRUG>"}
	plain := relations.Example{Text: "a b"}
	plain.A = relations.Mention{Spans: []text.Span{{Start: 0, End: 1}}, Surface: "something else"}
	for _, tt := range []struct {
		name string
		of   relations.Example
		want []Span
	}{
		{"tags", made("", "x ", "IL-6", " y ", "gp130", ""), []Span{{"", "x ", ""}, {"a", "IL-6", "@PROTEIN$"}, {"", " y ", ""}, {"b", "gp130", "@PROTEIN$"}}},
		{"unknown names", made("", "", "", " y ", "@PROTEIN$", "."), []Span{{"a", "@PROTEIN$", ""}, {"", " y ", ""}, {"b", "@PROTEIN$", ""}, {"", ".", ""}}},
		{"one tag for both", overlap, []Span{{"", "the ", ""}, {"ab", "beta blocker / blocker", "@DRUG-DRUG$"}, {"", " pair", ""}}},
		{"marks around", typed, []Span{{"a", "a b", "<e1:DRUG> a b </e1:DRUG>"}, {"", " x", ""}}},
		{"no marks", plain, []Span{{"a", "a", ""}, {"", " b", ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, spansOf(tt.of)); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKindsOfErrors(t *testing.T) {
	for _, tt := range []struct{ gold, predicted, want string }{{"effect", "false", missed}, {"false", "effect", spurious}, {"effect", "advise", mistaken}} {
		if got := kindOf(tt.gold, tt.predicted, "false"); got != tt.want {
			t.Errorf("gold %s, predicted %s: got %q, want %q", tt.gold, tt.predicted, got, tt.want)
		}
	}
}

// The page has every pair once, counts that add up, and says which model is better.
func TestErrorsPage(t *testing.T) {
	c, sentences := comparison(40)
	path := filepath.Join(t.TempDir(), "errors.html")
	if err := WriteErrors(t.Context(), path, c, sentences); err != nil {
		t.Fatal(err)
	}
	html := read(t, path)
	if n := strings.Count(html, `<article class="case">`); n != 40 {
		t.Errorf("the page has %d pairs, want 40", n)
	}
	for _, want := range []string{
		"A is better by 2.8 points: micro F1 64.1 of A and 61.3 of B (95 % interval of A above B: &#43;0.4 to &#43;5.1).",
		`title="the models see @PROTEIN$"><bdi>interleukin-6</bdi></mark>`, "gp130 &lt;x&gt;", "a relation is missed", "3 of 3 right",
		fmt.Sprintf(`<bdi>all</bdi> <span class="count">%d</span>`, 40), "<b><bdi>advise</bdi></b> 0.",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	delete(sentences, "made.up.p7")
	if err := WriteErrors(t.Context(), path, c, sentences); err == nil || !strings.Contains(err.Error(), "no sentence for pair made.up.p7") {
		t.Errorf("got error %v, want one that names the pair", err)
	}
}
