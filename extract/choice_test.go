package extract

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/runs/result"
)

// TestChoice checks that sentences of different words are shown, of every gold label, in the order of the data.
func TestChoice(t *testing.T) {
	attended := func(id, label, words string) Attended {
		a := Attended{Prediction: Prediction{Example: relations.Example{ID: id, Label: label, Text: words}}}
		from := 0
		for i, r := range words + " " {
			if r == ' ' {
				a.Words = append(a.Words, marked.Word{Span: text.Span{Start: from, End: i}})
				from = i + 1
			}
		}
		return a
	}
	data := []Attended{
		attended("1", "false", "A raises B and OTHER"), attended("2", "false", "A raises OTHER and B"), attended("3", "false", "A and B"),
		attended("4", "false", "A or B"), attended("5", "effect", "A spoils B"), attended("6", "mechanism", "A eases B"), attended("7", "effect", "A lifts B"),
	}
	for _, test := range []struct {
		name string
		most int
		all  bool
		want []string
	}{
		{"few", 2, false, []string{"5", "6"}},
		{"each label in turn", 4, false, []string{"1", "5", "6", "7"}},
		{"as many as there are", 10, false, []string{"1", "3", "4", "5", "6", "7"}},
		{"none", 0, false, nil},
		{"named", 1, true, []string{"1", "2", "3", "4", "5", "6", "7"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := choice{most: test.most, all: test.all, seen: map[string]bool{}, byLabel: map[string][]candidate{}}
			for i, a := range data {
				if c.wants(a) {
					c.add(i, result.Sentence{Index: a.Example.ID, Gold: a.Example.Label})
				}
			}
			var got []string
			for s := range slices.Values(c.sentences("false")) {
				got = append(got, s.Index)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
