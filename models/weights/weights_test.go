package weights

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
)

// TestInitialize: the moments of a normal distribution cut at two deviations, constants, and uniform bounds.
func TestInitialize(t *testing.T) {
	const n = 200_000
	p := Parameter{Name: "x", Shape: []int{n / 2, 2}, Init: TruncatedNormal, Spread: 0.02}
	mean, deviation, largest := moments(Initialize(1, p))
	// A normal distribution cut at two deviations has 0.8796 of its deviation left. The sample's own error is
	// deviation/sqrt(n) for the mean and less than deviation/sqrt(2n) for the deviation; five of them are allowed.
	if math.Abs(mean) > 5*0.02/math.Sqrt(n) || math.Abs(deviation/0.02-0.87963) > 5/math.Sqrt(2*n) || largest > 0.04 || largest < 0.0399 {
		t.Errorf("truncated normal: mean %g, deviation %g, largest %g", mean, deviation, largest)
	}
	p.Init, p.Spread = Uniform, 0.5
	mean, deviation, largest = moments(Initialize(1, p))
	if math.Abs(mean) > 5*0.29/math.Sqrt(n) || math.Abs(deviation-0.5/math.Sqrt(3)) > 5*0.29/math.Sqrt(2*n) || largest > 0.5 {
		t.Errorf("uniform: mean %g, deviation %g, largest %g", mean, deviation, largest)
	}
	for kind, want := range map[Init]float32{Ones: 1, Zeros: 0} {
		for _, v := range Initialize(1, Parameter{Name: "x", Shape: []int{3}, Init: kind}) {
			if v != want {
				t.Errorf("init %d: got %g, want %g", kind, v, want)
			}
		}
	}
}

func moments(values []float32) (mean, deviation, largest float64) {
	for _, v := range values {
		mean += float64(v)
		largest = max(largest, math.Abs(float64(v)))
	}
	mean /= float64(len(values))
	for _, v := range values {
		deviation += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(values))), largest
}

// TestInitializeDependsOn: seed and name, nothing else. The values are pinned: runs must start alike for ever.
func TestInitializeDependsOn(t *testing.T) {
	p := Matrix("bert.pooler.dense", 2, 2, 0.02)
	first := Initialize(1, p)
	Initialize(5, p)
	if again := Initialize(1, p); !slices.Equal(first, again) {
		t.Errorf("the same call gave %v, then %v", first, again)
	}
	q := p
	q.Name = "other"
	if slices.Equal(first, Initialize(2, p)) || slices.Equal(first, Initialize(1, q)) {
		t.Error("another seed or another name gave the same values")
	}
	want := []float32{-0.00203745, -0.0070135416, 0.0028709713, -0.006894379}
	if !slices.Equal(first, want) {
		t.Errorf("got %v, want %v", first, want)
	}
}

func TestNames(t *testing.T) {
	const name, path = "bert.encoder.layer.0.output.LayerNorm.weight", "/bert/encoder/layer/0/output/LayerNorm/weight"
	if got := Path(name); got != path {
		t.Errorf("Path(%s) = %s", name, got)
	}
	if got := Name(path); got != name {
		t.Errorf("Name(%s) = %s", path, got)
	}
}

func TestCreate(t *testing.T) {
	store := model.NewStore()
	p := Matrix("a.b", 2, 3, 1)
	if err := Create(store, p, Initialize(1, p)); err != nil {
		t.Fatal(err)
	}
	if v := store.GetVariable("/a/b/weight"); v == nil || !slices.Equal(v.Shape().Dimensions, []int{2, 3}) || !v.Trainable {
		t.Errorf("got %v", v)
	}
	for says, values := range map[string][]float32{"5 values, want 6 for shape [2 3]": make([]float32, 5), "already exists": make([]float32, 6)} {
		if err := Create(store, p, values); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
