package evaluate

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTemperature: probabilities that are t times too sure are found out, and what is drawn from them is calibrated after.
func TestTemperature(t *testing.T) {
	for _, want := range []float64{0.5, 1, 3} {
		rng := rand.New(rand.NewPCG(1, 2))
		var rows [][]float64
		var gold []int
		for range 20000 {
			truth := scale([]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}, 1)
			rows = append(rows, AtTemperature(truth, 1/want)) // want times as sure
			at, class := rng.Float64(), 0
			for at > truth[class] && class < 2 {
				at -= truth[class]
				class++
			}
			gold = append(gold, class)
		}
		got, err := Temperature(rows, gold)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got-want) > 0.05*want {
			t.Errorf("temperature %g, want %g", got, want)
		}
	}
}

func TestTemperatureBounds(t *testing.T) {
	for _, tt := range []struct {
		name string
		rows [][]float64
		gold []int
		want float64
	}{
		{"all right", [][]float64{{0.9, 0.1}, {0.4, 0.6}}, []int{0, 1}, coldest},
		{"all wrong", [][]float64{{0.9, 0.1}, {0.4, 0.6}}, []int{1, 0}, hottest},
		{"no number for it", [][]float64{{1, 0}, {0, 1}, {1, 0}}, []int{0, 1, 1}, hottest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Temperature(tt.rows, tt.gold)
			if err != nil || math.Abs(got-tt.want) > 1e-6*tt.want {
				t.Errorf("temperature %g (%v), want %g", got, err, tt.want)
			}
		})
	}
	if _, err := Temperature([][]float64{{1, 0}}, []int{2}); err == nil {
		t.Error("no error for a class that is not there")
	}
	if d := cmp.Diff([]float64{0.25, 0.75}, AtTemperature([]float64{0.1, 0.9}, 2), near); d != "" {
		t.Errorf("at temperature 2 (-want +got):\n%s", d)
	}
}

// TestHolm holds the adjustment against the textbook's example and against R's p.adjust(p, "holm").
func TestHolm(t *testing.T) {
	for _, tt := range []struct {
		name    string
		p, want []float64
	}{
		{"one", []float64{0.04}, []float64{0.04}},
		{"four", []float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{"at most 1", []float64{0.6, 0.9}, []float64{1, 1}},
		{"none", nil, []float64{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, Holm(tt.p), near); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestBootstrapF1: the bounds hold the score, narrow with more instances, and two runs that agree say what one does.
func TestBootstrapF1(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var gold, pred []string
	label := map[bool]string{true: "1", false: "0"}
	for range 1000 {
		is := rng.Float64() < 0.3
		gold, pred = append(gold, label[is]), append(pred, label[is != (rng.Float64() < 0.15)])
	}
	few, err := BootstrapF1(context.Background(), gold[:100], [][]string{pred[:100]}, "0", 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	many, err := BootstrapF1(context.Background(), gold, [][]string{pred}, "0", 1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !(many.Low < many.Mean && many.Mean < many.High) || many.N != 1000 || many.High-many.Low >= few.High-few.Low {
		t.Errorf("of 1000 instances %+v, of 100 %+v", many, few)
	}
	// Of a proportion near 0.76 of 300 and more the half width is about 3.5 points.
	if width := many.High - many.Low; width < 5 || width > 10 {
		t.Errorf("width %g, want 5 to 10", width)
	}
	twice, err := BootstrapF1(context.Background(), gold, [][]string{pred, pred}, "0", 1000, 1)
	if d := cmp.Diff(many, twice, near); err != nil || d != "" {
		t.Errorf("two runs that agree (%v, -one +two):\n%s", err, d)
	}
	if _, err := BootstrapF1(context.Background(), gold, nil, "0", 10, 1); err == nil {
		t.Error("no error without a run")
	}
}

// TestPRCurveOfLabels: the curve of labels counts the right ones, and recall is of all that there is to find.
func TestPRCurveOfLabels(t *testing.T) {
	curve, err := PRCurve([]bool{true, false, true, false}, []float64{0.9, 0.8, 0.4, 0.4}, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := []PRPoint{{0.4, 0.5, 0.5}, {0.8, 0.5, 0.25}, {0.9, 1, 0.25}}
	if d := cmp.Diff(want, curve, near); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestThin(t *testing.T) {
	var curve []PRPoint
	for i := range 1000 {
		curve = append(curve, PRPoint{float64(i) / 1000, 0.5, 1 - float64(i)/1000})
	}
	got := Thin(curve, 11)
	if len(got) != 11 || got[0] != curve[0] || got[10] != curve[999] {
		t.Errorf("%d points, first %v, last %v", len(got), got[0], got[len(got)-1])
	}
	for i := 1; i < len(got); i++ {
		if gap := got[i-1].R - got[i].R; gap < 0.09 || gap > 0.11 {
			t.Errorf("recall falls by %g from point %d, want 0.1", gap, i-1)
		}
	}
	if d := cmp.Diff(curve[:5], Thin(curve[:5], 11)); d != "" {
		t.Errorf("a short curve (-want +got):\n%s", d)
	}
}

// TestPoolCalibrations: pooling parts says what all instances together say.
func TestPoolCalibrations(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var right []bool
	var p []float64
	for range 500 {
		x := rng.Float64()
		right, p = append(right, rng.Float64() < x*x), append(p, x)
	}
	all, err := Calibrate(right, p, 10)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Calibrate(right[:200], p[:200], 10)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Calibrate(right[200:], p[200:], 10)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(all, PoolCalibrations(a, b), near); d != "" {
		t.Errorf("(-all +pooled):\n%s", d)
	}
}
