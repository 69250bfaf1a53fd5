package relations

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// made returns n examples in documents of three; every fifth is positive.
func made(n int) []Example {
	out := make([]Example, n)
	for i := range out {
		out[i] = Example{ID: fmt.Sprint("p", i), Document: fmt.Sprint("d", i/3), Fold: NoFold, Label: "0"}
		if i%5 == 0 {
			out[i].Label = "1"
		}
	}
	return out
}

func ids(examples []Example) (out []string) {
	for _, e := range examples {
		out = append(out, e.ID)
	}
	return out
}

func TestHold(t *testing.T) {
	all := made(27792)
	for _, unit := range []Unit{ByPair, ByDocument} {
		t.Run(string(unit), func(t *testing.T) {
			rest, held, err := Hold(all, unit, 0.2, 1)
			if err != nil {
				t.Fatal(err)
			}
			// The paper's split of DDI: 22,233 and 5,559. By documents of three the number is the next multiple of 3, which is 5,559, too.
			if len(rest) != 22233 || len(held) != 5559 {
				t.Errorf("%d and %d, want 22233 and 5559", len(rest), len(held))
			}
			both := slices.Concat(rest, held)
			slices.SortFunc(both, func(a, b Example) int { return strings.Compare(a.ID, b.ID) })
			want := ids(all)
			slices.Sort(want)
			if !slices.Equal(ids(both), want) {
				t.Error("the two parts are not all the examples")
			}
			again, _, err := Hold(all, unit, 0.2, 1)
			if err != nil || !slices.Equal(ids(again), ids(rest)) {
				t.Errorf("one seed made two splits (%v)", err)
			}
			other, _, err := Hold(all, unit, 0.2, 2)
			if err != nil || slices.Equal(ids(other), ids(rest)) {
				t.Errorf("two seeds made one split (%v)", err)
			}
		})
	}
	rest, held, err := Hold(made(100), ByDocument, 0.3, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range held {
		if slices.ContainsFunc(rest, func(r Example) bool { return r.Document == e.Document }) {
			t.Errorf("document %s is on both sides", e.Document)
		}
	}
	for _, f := range []float64{0, 1, -1} {
		if _, _, err := Hold(all, ByPair, f, 1); err == nil {
			t.Errorf("fraction %v was accepted", f)
		}
	}
}

func TestHoldKeepsOrder(t *testing.T) {
	all := made(200)
	at := map[string]int{}
	for i, e := range all {
		at[e.ID] = i
	}
	rest, held, err := Hold(all, ByPair, 0.4, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]Example{rest, held} {
		if !slices.IsSortedFunc(part, func(a, b Example) int { return at[a.ID] - at[b.ID] }) {
			t.Error("a part is not in the order of the corpus")
		}
	}
}

// TestSample pins the chosen examples: runs are compared with runs of other versions.
func TestSample(t *testing.T) {
	if d := cmp.Diff([]string{"p5", "p19", "p41", "p66", "p79"}, ids(Sample(made(100), 5))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, n := range []int{0, 10, 11} {
		if got := Sample(made(10), n); len(got) != 10 {
			t.Errorf("%d of 10 are %d", n, len(got))
		}
	}
}

func TestFolds(t *testing.T) {
	dealt, err := AssignFolds(made(220*3), ByDocument, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	documents := map[int]map[string]bool{}
	for _, e := range dealt {
		if documents[e.Fold] == nil {
			documents[e.Fold] = map[string]bool{}
		}
		documents[e.Fold][e.Document] = true
	}
	for f := range 10 {
		if len(documents[f]) != 22 {
			t.Errorf("fold %d has %d documents, want 22", f, len(documents[f]))
		}
	}
	if err := CheckFolds(dealt, "0"); err != nil {
		t.Error(err)
	}
	if _, err := AssignFolds(made(9), ByDocument, 4, 1); err == nil {
		t.Error("4 folds were made of 3 documents")
	}
}

func TestCheckFolds(t *testing.T) {
	set := func(change func([]Example)) []Example {
		e, err := AssignFolds(made(60), ByDocument, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		change(e)
		return e
	}
	tests := []struct {
		name, want string
		examples   []Example
	}{
		{"none", "in no fold", set(func(e []Example) { e[0].Fold = NoFold })},
		{"empty", "fold 1: empty", set(func(e []Example) {
			for i := range e {
				e[i].Fold *= 2
			}
		})},
		{"no positive", "pairs is positive", set(func(e []Example) {
			for i := range e {
				if e[i].Fold == 1 {
					e[i].Label = "0"
				}
			}
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := CheckFolds(tt.examples, "0"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestPick(t *testing.T) {
	kept, unmet := Pick(made(9), []string{"d1", "p8", "p0", "gone"})
	if d := cmp.Diff([]string{"p0", "p3", "p4", "p5", "p8"}, ids(kept)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"gone"}, unmet); d != "" {
		t.Error(d)
	}
}
