package relation

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute/gobackend"
	"gonum.org/v1/gonum/mat"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
)

// TestFitSoftmax checks that classes that are linear in the features are found, and other classes only by chance.
func TestFitSoftmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	make := func(n int, learnable bool) (*mat.Dense, []int) {
		x, y := mat.NewDense(n, 4, nil), slices.Repeat([]int{0}, n)
		for i := range n {
			row := x.RawRowView(i)
			for j := range 3 {
				row[j] = 100 + 7*rng.NormFloat64()
			}
			row[3] = 1
			y[i] = rng.IntN(3)
			if learnable {
				y[i] = slices.Index(row[:3], slices.Max(row[:3]))
			}
		}
		return x, y
	}
	for _, learnable := range []bool{true, false} {
		x, y := make(400, learnable)
		scale := standardize(x)
		w, err := fitSoftmax(x, y, 3)
		if err != nil {
			t.Fatal(err)
		}
		tests, want := make(400, learnable)
		scale(tests)
		right := 0
		for i, c := range classes(tests, w) {
			if c == want[i] {
				right++
			}
		}
		if learnable && right < 370 || !learnable && (right < 90 || right > 180) {
			t.Errorf("learnable %t: %d of 400 right", learnable, right)
		}
	}
}

// TestLinearReadsTheEncoder checks that features of a random encoder show which of two word pieces starts a sentence, that
// the measurement is repeatable, and that it does not change the parameters.
func TestLinearReadsTheEncoder(t *testing.T) {
	config := Default()
	config.Sequence = 16
	encoder := nano()
	encoder.VocabSize = 60
	r, err := New(encoder, bert.Options{}, config, 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(6, 0))
	examples := func(n int) []marked.Row {
		out := make([]marked.Row, n)
		for i := range out {
			label := int32(i % 2)
			out[i] = marked.Row{IDs: []int32{2, 20 + label, 10 + rng.Int32N(4), 15 + rng.Int32N(4), 3}, Label: label}
		}
		return out
	}
	store, err := tasks.Create(r.Parameters(), 1)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string, inputs int, build trainer.Build) (*trainer.Forward, error) {
		return trainer.NewForward(backend, store, 1, name, inputs, build)
	}
	l, err := NewLinear(r, open, examples(102), examples(50), []string{"false", "yes"}, "false")
	if err != nil {
		t.Fatal(err)
	}
	first, err := l.Measure(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Measure(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 1 || first[0].Name != "probe_f1" || first[0].Value < 95 || !slices.Equal(first, again) {
		t.Errorf("got %v, then %v; want probe_f1 near 100, twice the same", first, again)
	}
}

func TestDownstreamFaults(t *testing.T) {
	for _, d := range []Downstream{{Train: "x"}, {Test: "x"}, {EverySteps: -1}} {
		if d.Validate() == nil {
			t.Errorf("%+v: no fault", d)
		}
	}
}
