package evaluate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// models draws gold labels and the predictions of two models that are right with the given probabilities.
func models(seed uint64, n int, rightA, rightB float64) (gold, a, b []string) {
	r := rand.New(rand.NewPCG(seed, 1))
	labels := []string{"false", "effect", "int"}
	draw := func(truth string, right float64) string {
		if r.Float64() < right {
			return truth
		}
		return labels[r.IntN(len(labels))]
	}
	for range n {
		g := labels[r.IntN(len(labels))]
		gold, a, b = append(gold, g), append(a, draw(g, rightA)), append(b, draw(g, rightB))
	}
	return gold, a, b
}

func both(t *testing.T, gold, a, b []string, samples int, seed uint64) (boot, swap Difference) {
	t.Helper()
	boot, err := Bootstrap(t.Context(), gold, [][]string{a}, [][]string{b}, "false", Draws{Samples: samples, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	if swap, err = Randomise(t.Context(), gold, [][]string{a}, [][]string{b}, "false", Draws{Samples: samples, Seed: seed}); err != nil {
		t.Fatal(err)
	}
	return boot, swap
}

func TestPairedScoresAreScore(t *testing.T) {
	gold, a, b := models(1, 500, 0.7, 0.6)
	boot, swap := both(t, gold, a, b, 100, 1)
	want, err := Score(gold, a, []string{"false", "effect", "int"}, "false")
	if err != nil {
		t.Fatal(err)
	}
	if boot.A != want.Micro.F1 || swap.A != want.Micro.F1 {
		t.Errorf("A scores %v and %v, want micro F1 %v", boot.A, swap.A, want.Micro.F1)
	}
}

func TestSameModelDoesNotDiffer(t *testing.T) {
	gold, a, _ := models(2, 300, 0.7, 0.7)
	boot, swap := both(t, gold, a, a, 200, 1)
	if boot.P != 1 || swap.P != 1 || *boot.Low != 0 || *boot.High != 0 {
		t.Errorf("a model against itself: bootstrap p %v in %v..%v, randomisation p %v; want 1, 0..0, 1", boot.P, *boot.Low, *boot.High, swap.P)
	}
}

func TestMuchBetterModelDiffers(t *testing.T) {
	gold, a, b := models(3, 800, 0.9, 0.5)
	boot, swap := both(t, gold, a, b, 999, 1)
	if swap.P != 0.001 { // no sample of 999 reaches it: (0+1)/(999+1)
		t.Errorf("randomisation p %v, want 0.001", swap.P)
	}
	if boot.P != 0.002 || *boot.Low <= 0 || *boot.Low > boot.Delta || *boot.High < boot.Delta {
		t.Errorf("bootstrap p %v, interval %v..%v around %v; want p 0.002 and an interval above 0 that holds the difference", boot.P, *boot.Low, *boot.High, boot.Delta)
	}
	back, _ := both(t, gold, b, a, 999, 1)
	if back.Delta != -boot.Delta || math.Abs(*back.Low+*boot.High) > 1e-9 || back.P != boot.P {
		t.Errorf("exchanged models: %+v, want the mirror of %+v", back, boot)
	}
}

// Under the null hypothesis p is uniform: of 200 pairs of equally good models about a tenth fall below 0.1. The
// bounds are four standard deviations of a binomial with n=200, p=0.1.
// TestBootstrapP: A is right where B is wrong in one of ten instances, and they agree in the rest. A sample without that
// instance, (9/10)^10 = 0.349 of them, has no difference, no sample has one the other way, and p counts both sides.
func TestBootstrapP(t *testing.T) {
	gold := []string{"int", "int", "int", "int", "int", "int", "int", "int", "int", "int"}
	b := append([]string{"false"}, gold[1:]...)
	boot, err := Bootstrap(t.Context(), gold, [][]string{gold}, [][]string{b}, "false", Draws{Samples: 20_000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	const want, deviation = 2 * 0.3487, 2 * 0.0034 // binomial, of 20,000 samples
	if math.Abs(boot.P-want) > 4*deviation {
		t.Errorf("p %.4f, want %.4f", boot.P, want)
	}
}

func TestPIsUniformForEqualModels(t *testing.T) {
	below := map[string]int{}
	for s := range uint64(200) {
		gold, a, b := models(100+s, 200, 0.6, 0.6)
		boot, swap := both(t, gold, a, b, 199, s)
		for _, d := range []Difference{boot, swap} {
			if d.P <= 0.1 {
				below[d.Test]++
			}
		}
	}
	for _, test := range []string{"paired bootstrap", "approximate randomisation"} {
		if n := below[test]; n < 3 || n > 37 {
			t.Errorf("%s: p <= 0.1 in %d of 200 comparisons of equal models, want about 20", test, n)
		}
	}
}

func TestSeedMakesSamples(t *testing.T) {
	gold, a, b := models(4, 300, 0.6, 0.57)
	b1, s1 := both(t, gold, a, b, 300, 7)
	b2, s2 := both(t, gold, a, b, 300, 7)
	b3, _ := both(t, gold, a, b, 300, 8)
	if b1.P != b2.P || *b1.Low != *b2.Low || s1.P != s2.P {
		t.Error("one seed gave two results")
	}
	if *b1.Low == *b3.Low {
		t.Error("two seeds gave one interval")
	}
}

// TestRunsAreOfTheSameInstances repeats each model's predictions as if other seeds had given the same: nothing was
// learned about other instances, so p and interval stay.
func TestRunsAreOfTheSameInstances(t *testing.T) {
	gold, a, b := models(6, 300, 0.65, 0.6)
	boot, swap := both(t, gold, a, b, 300, 7)
	boot3, err := Bootstrap(t.Context(), gold, [][]string{a, a, a}, [][]string{b, b}, "false", Draws{Samples: 300, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	swap2, err := Randomise(t.Context(), gold, [][]string{a, a}, [][]string{b, b}, "false", Draws{Samples: 300, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	if boot3.P != boot.P || math.Abs(*boot3.Low-*boot.Low) > 1e-9 || swap2.P != swap.P || math.Abs(boot3.Delta-boot.Delta) > 1e-9 {
		t.Errorf("repeated runs: bootstrap p %v from %v, randomisation p %v; once: %v from %v, %v", boot3.P, *boot3.Low, swap2.P, boot.P, *boot.Low, swap.P)
	}
	if _, err := Randomise(t.Context(), gold, [][]string{a, a}, [][]string{b}, "false", Draws{Samples: 10, Seed: 1}); err == nil {
		t.Error("two runs were exchanged with one")
	}
	if _, err := Bootstrap(t.Context(), gold, [][]string{a, a[1:]}, [][]string{b}, "false", Draws{Samples: 10, Seed: 1}); err == nil {
		t.Error("a run of other instances was accepted")
	}
}

func TestRandomiseSeeds(t *testing.T) {
	tests := []struct {
		name    string
		a, b    []float64
		samples int
		exact   bool
		p       float64
	}{
		// 10 choices of 5 are 252; only the observed one and its mirror are as extreme.
		{"apart, all choices", []float64{80, 81, 82, 83, 84}, []float64{70, 71, 72, 73, 74}, 1000, true, 2.0 / 252},
		{"equal", []float64{80, 80}, []float64{80, 80}, 1000, true, 1},
		{"unequal numbers", []float64{90, 91}, []float64{10, 11, 12}, 1000, true, 1.0 / 10},
		{"sampled", []float64{80, 81, 82, 83, 84}, []float64{80, 81, 82, 83, 84}, 50, false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := RandomiseSeeds(t.Context(), tt.a, tt.b, Draws{Samples: tt.samples, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if d.Exact != tt.exact || math.Abs(d.P-tt.p) > 1e-12 {
				t.Errorf("p %v, exact %v, want %v, %v", d.P, d.Exact, tt.p, tt.exact)
			}
		})
	}
	if _, err := RandomiseSeeds(t.Context(), []float64{1}, []float64{1, 2}, Draws{Samples: 10, Seed: 1}); err == nil {
		t.Error("one seed was enough")
	}
}

func BenchmarkBootstrap(b *testing.B) {
	gold, x, y := models(5, 5716, 0.8, 0.79)
	for b.Loop() {
		if _, err := Bootstrap(b.Context(), gold, [][]string{x}, [][]string{y}, "false", Draws{Samples: 100, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDifferenceString(t *testing.T) {
	low, high := -1., 4.
	for _, test := range []struct {
		d    Difference
		want string
	}{
		{Difference{Test: "paired bootstrap", Over: "instances", N: 6, Samples: 200, Seed: 1, Delta: 1.5, P: 0.25, Low: &low, High: &high},
			"paired bootstrap over 6 instances, 200 samples, seed 1: A-B +1.50, p = 0.2500, 95 % interval -1.00 to +4.00"},
		{Difference{Test: "permutation of means", Over: "seeds", N: 4, Samples: 6, Exact: true, P: 1}, "permutation of means over 4 seeds, all 6 permutations: A-B +0.00, p = 1.0000"},
	} {
		if got := test.d.String(); got != test.want {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
}
