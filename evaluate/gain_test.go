package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/subbert/subbert/evaluate"
)

// madeUp are runs of two models on n instances: each is right with a probability that differs from seed to seed by sd, the
// second with gain more on average.
func madeUp(r *rand.Rand, n, seeds int, sd, gain float64) (gold []string, a, b [][]string) {
	hard := make([]float64, n)
	for i := range n {
		gold = append(gold, []string{"no", "no", "yes"}[r.IntN(3)])
		hard[i] = r.Float64()
	}
	run := func(right float64) []string {
		var out []string
		for i, g := range gold {
			if hard[i] > right {
				g = map[string]string{"no": "yes", "yes": "no"}[g]
			}
			out = append(out, g)
		}
		return out
	}
	for range seeds {
		b = append(b, run(0.8+sd*r.NormFloat64()))
		a = append(a, run(0.8+gain+sd*r.NormFloat64()))
	}
	return gold, a, b
}

// TestGainCovers: where there is no gain, about one interval in twenty says that there is one, whether seeds or instances
// make the noise. An interval over seeds or instances alone does so far more often.
func TestGainCovers(t *testing.T) {
	for _, c := range []struct {
		seeds, instances int
		sd               float64
	}{{3, 400, 0.02}, {3, 1000, 0.05}, {5, 200, 0.01}} {
		t.Run(fmt.Sprintf("%d seeds, %d instances, sd %g", c.seeds, c.instances, c.sd), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(c.seeds)))
			const trials = 120
			missed := 0
			for range trials {
				gold, a, b := madeUp(r, c.instances, c.seeds, c.sd, 0)
				g, err := evaluate.GainOf(t.Context(), gold, a, b, "no", 1)
				if err != nil {
					t.Fatal(err)
				}
				if g.Low > 0 || g.High < 0 {
					missed++
				}
			}
			if missed > trials/10 {
				t.Errorf("%d of %d intervals leave 0 out, want about one in twenty", missed, trials)
			}
		})
	}
}

func TestGainOf(t *testing.T) {
	gold, a, b := madeUp(rand.New(rand.NewPCG(2, 3)), 2000, 5, 0.01, 0.06)
	g, err := evaluate.GainOf(t.Context(), gold, a, b, "no", 1)
	if err != nil {
		t.Fatal(err)
	}
	if g.N != 5 || g.Instances != 2000 || g.Low <= 0 || g.Mean < 3 || g.Mean > 12 || math.Abs(g.High+g.Low-2*g.Mean) > 1e-9 {
		t.Errorf("%+v, want a gain of several points whose interval leaves 0 out", g)
	}
	few, err := g.SeedsFor(6)
	if err != nil || few < 2 || few > 5 {
		t.Errorf("%d seeds (%v) for 6 points, want a few", few, err)
	}
	if more, err := g.SeedsFor(3); err != nil || more < few {
		t.Errorf("%d seeds (%v) for 3 points, want no fewer than the %d for 6", more, err, few)
	}
	for _, size := range []float64{0, 0.01} {
		if n, err := g.SeedsFor(size); !errors.Is(err, evaluate.ErrTestSet) {
			t.Errorf("%d seeds (%v) for %g points, want ErrTestSet", n, err, size)
		}
	}
	same, err := evaluate.GainOf(t.Context(), gold, a, a, "no", 1)
	if err != nil || same.Mean != 0 || same.Low != 0 || same.High != 0 {
		t.Errorf("against itself: %+v (%v), want nothing", same, err)
	}
	if _, err := evaluate.GainOf(t.Context(), gold, a[:1], b[:1], "no", 1); err == nil {
		t.Error("one run of each passed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := evaluate.GainOf(ctx, gold, a, b, "no", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
