package evaluate

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestIntervalOf: scipy.stats.t.interval(0.95, 4, mean, sem) of 1, 2, 3, 4, 5 is 1.03675684 to 4.96324316.
func TestIntervalOf(t *testing.T) {
	got := IntervalOf([]float64{1, 2, 3, 4, 5})
	if got.Mean != 3 || got.N != 5 || math.Abs(got.Low-1.03675684) > 1e-7 || math.Abs(got.High-4.96324316) > 1e-7 {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff(Interval{Mean: 2, Low: 2, High: 2, N: 1}, IntervalOf([]float64{2})); diff != "" {
		t.Error(diff)
	}
}

func TestLayersOf(t *testing.T) {
	// Everything is gained at layer 2 with the first seed, half of it at 1 and half at 3 with the second; the third loses.
	got, err := LayersOf([][]float64{{10, 10, 50, 50}, {10, 30, 30, 50}, {10, 9, 8, 7}}, []int{0, 1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	means := func(in []Interval) []float64 {
		var out []float64
		for _, i := range in {
			out = append(out, math.Round(i.Mean*1000)/1000)
		}
		return out
	}
	for name, pair := range map[string][2][]float64{
		"scores":     {{10, 16.333, 29.333, 35.667}, means(got.Scores)},
		"delta":      {{6.333, 13, 6.333}, means(got.Delta)},
		"cumulative": {{6.333, 19.333, 25.667}, means(got.Cumulative)},
		"expected":   {{2}, means([]Interval{got.Expected})},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if got.Expected.N != 2 {
		t.Errorf("expected layer of %d seeds, want the 2 that gain", got.Expected.N)
	}
	if sparse, err := LayersOf([][]float64{{0, 10}}, []int{0, 12}); err != nil || sparse.Expected.Mean != 12 {
		t.Errorf("depths 0 and 12: %+v, %v", sparse.Expected, err)
	}
	if level, err := LayersOf([][]float64{{10, 12, 10}}, []int{0, 1, 2}); err != nil || level.Expected.N != 0 {
		t.Errorf("a seed that ends where it began: %+v, %v, want no expected layer", level.Expected, err)
	}
	if _, err := LayersOf([][]float64{{1, 2}}, []int{0, 1, 2}); err == nil {
		t.Error("two scores for three depths accepted")
	}
	if c := CentreOfGravity([]float64{0.5, 0.25, 0.25}); c != 0.75 {
		t.Errorf("centre of gravity %g, want 0.75", c)
	}
}

// The stop words are looked up by halves.
func TestStopWordsAreInOrder(t *testing.T) {
	if !slices.IsSorted(stopWords) || !isStopWord("a") || !isStopWord("your") || isStopWord("no") || isStopWord("inhibits") {
		t.Errorf("stop words are out of order, or not those meant: %q", stopWords)
	}
}

// Stop words are left out; negations are none.
func TestStemWeights(t *testing.T) {
	var s StemWeights
	for _, w := range []struct {
		word   string
		weight float64
	}{{"Binding", 0.4}, {"binds", 0.2}, {"binding", 0.3}, {"increase", 0.9}, {"not", 0.1}, {"not", 0.3}, {"The", 0.9}, {"with", 0.9}} {
		s.Add(w.word, w.weight, 10*w.weight)
	}
	got := s.Top(2, 2)
	for i := range got {
		got[i].Mean, got[i].Times = math.Round(got[i].Mean*1e6)/1e6, math.Round(got[i].Times*1e6)/1e6
	}
	want := []StemWeight{{Stem: "bind", Word: "binding", Mean: 0.3, Times: 3, Count: 3}, {Stem: "not", Word: "not", Mean: 0.2, Times: 2, Count: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if all := s.Top(0, 1); len(all) != 3 || all[0].Stem != "increas" {
		t.Errorf("all stems: %+v", all)
	}
}
