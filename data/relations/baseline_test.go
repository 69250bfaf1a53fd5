package relations

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/subbert/subbert/data/text"
)

// TestBaselines gives each method sentences with an obvious prediction.
func TestBaselines(t *testing.T) {
	train := []Example{
		{Text: "@DRUG$ spoils @DRUG$ badly", Label: "effect"},
		{Text: "@DRUG$ spoils nothing of @DRUG$", Label: "effect"},
		{Text: "@DRUG$ and @DRUG$ were given", Label: "false"},
		{Text: "@DRUG$ or @DRUG$ were taken", Label: "false"},
		{Text: "we gave @DRUG$ and then @DRUG$", Label: "false"},
	}
	test := []Example{
		{Text: "@DRUG$ badly SPOILS @DRUG$."}, // the words of the first, in another order and case
		{Text: "@DRUG$ and @DRUG$ were taken"},
		{Text: "entirely unheard"}, // nothing shared: the first of equals, and the most frequent label
	}
	got, err := WordOverlap(t.Context(), train, test)
	if diff := cmp.Diff([]string{"effect", "false", "effect"}, got); diff != "" || err != nil {
		t.Error("word overlap (-want +got)\n" + diff)
	}
	got, err = BagOfWords(t.Context(), train, test)
	if diff := cmp.Diff([]string{"effect", "false", "false"}, got); diff != "" || err != nil {
		t.Error("bag of words (-want +got)\n" + diff)
	}
}

// TestShownAndMarks marks a pair in each way and finds the marks again.
func TestShownAndMarks(t *testing.T) {
	e := Example{ID: "x", Text: "Zalor and brim, or tol.", Fold: NoFold,
		A: Mention{Spans: []text.Span{{Start: 0, End: 5}}, Type: "DRUG"}, B: Mention{Spans: []text.Span{{Start: 10, End: 14}}, Type: "FOOD"}}
	e.Mentions = []Mention{e.A, e.B, {Spans: []text.Span{{Start: 19, End: 22}}, Type: "DRUG"}}
	tests := []struct {
		marking Marking
		text    string
		marks   []string
	}{
		{Tag, "@DRUG$ and @FOOD$, or tol.", []string{"@DRUG$", "@FOOD$"}},
		{EntityMask, "@DRUG$ and @FOOD$, or @OTHER$.", []string{"@DRUG$", "@FOOD$", "@OTHER$"}},
		{TypedMarker, "<e1:DRUG>Zalor</e1:DRUG> and <e2:FOOD>brim</e2:FOOD>, or tol.", []string{"</e1:DRUG>", "</e2:FOOD>", "<e1:DRUG>", "<e2:FOOD>"}},
		{Unmarked, "Zalor and brim, or tol.", nil},
	}
	for _, test := range tests {
		t.Run(string(test.marking), func(t *testing.T) {
			shown := test.marking.Shown(e)
			marks := Marks([]Example{shown, shown})
			if shown.Text != test.text || !cmp.Equal(marks, test.marks) {
				t.Errorf("%q with %q, want %q with %q", shown.Text, marks, test.text, test.marks)
			}
			if MarkingOf(marks) != test.marking {
				t.Errorf("taken for %q", MarkingOf(marks))
			}
			row := RowOf(e, test.marking)
			if row.Sentence != shown.Text {
				t.Errorf("shown %q, written %q", shown.Text, row.Sentence)
			}
			if a := shown.A.Under(shown.Text); test.marking == Tag && a != "@DRUG$" {
				t.Errorf("mention a is at %q", a)
			}
		})
	}
	if e.Text != "Zalor and brim, or tol." || e.A.Spans[0] != (text.Span{Start: 0, End: 5}) {
		t.Error("the example itself changed")
	}
}

// TestJSONL reads two sentences with a discontinuous mention, an emoji and a combining mark before the spans.
func TestJSONL(t *testing.T) {
	file := t.TempDir() + "/train.jsonl"
	if err := os.WriteFile(file, []byte(`{"id":"d","text":"😀 Ze\u0301l and brim or tol. Veltic eases.","mentions":[{"id":"m1","type":"drug","start":2,"end":6},{"id":"m2","type":"drug","spans":[[19,22],[11,15]]},{"type":"drug","start":24,"end":30}],"relations":[{"label":"int","a":"m2","b":"m1"}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	sentences := func(s string) []text.Span { return []text.Span{{End: 27}, {Start: 28, End: len(s)}} }
	got, err := Collect(Read("jsonl", file, Options{Sentences: sentences}))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("%d pairs, want 1: mentions of two sentences make none", len(got))
	}
	e := got[0]
	if e.ID != "d.m1.m2" || e.Label != "int" || e.Split != "train" || e.A.Under(e.Text) != "Ze\u0301l" || e.B.Under(e.Text) != "brim tol" {
		t.Errorf("got %+v", e)
	}
}
