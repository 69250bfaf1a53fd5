package heads

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
)

// plainLoss is the cross entropy as written in a textbook, and its gradient, in float64.
func plainLoss(logits []float32, classes int, labels []int32, weights []float32, smoothing float64) (sums [3]float64, grad []float32) {
	for i, label := range labels {
		row := logits[i*classes : (i+1)*classes]
		z, best := 0.0, 0
		for c, x := range row {
			z += math.Exp(float64(x))
			if x > row[best] {
				best = c
			}
		}
		w := float64(weights[i])
		for c, x := range row {
			p, target := math.Exp(float64(x))/z, smoothing/float64(classes)
			if int32(c) == label {
				target += 1 - smoothing
			}
			sums[0] -= w * target * math.Log(p)
			grad = append(grad, float32(w*(p-target)))
		}
		if int32(best) == label {
			sums[1] += w
		}
		sums[2] += w
	}
	return sums, grad
}

// TestCrossEntropy compares with the textbook, with padded predictions, real-valued weights and label smoothing.
func TestCrossEntropy(t *testing.T) {
	logits := []float32{1, 2, 3, 0, -4, 0.5, 12, -12, 0, 0.1, 0.2, -0.3}
	labels := []int32{2, 0, 1, 2}
	for _, test := range []struct {
		name      string
		weights   []float32
		smoothing float64
	}{
		{"plain", []float32{1, 1, 1, 1}, 0},
		{"padded", []float32{1, 0, 1, 0}, 0},
		{"weighted", []float32{0.5, 2, 0, 3}, 0},
		{"smoothed", []float32{1, 1, 1, 0.5}, 0.1},
	} {
		t.Run(test.name, func(t *testing.T) {
			sums, grad := plainLoss(logits, 3, labels, test.weights, test.smoothing)
			want := golden.Tensors{
				"loss": scalar(sums[0]), "correct": scalar(sums[1]), "weight": scalar(sums[2]),
				"mean": scalar(sums[0] / sums[2]), "accuracy": scalar(sums[1] / sums[2]),
				"grad": golden.Floats(grad, 2, 2, 3),
			}
			inputs := golden.Tensors{
				"logits": golden.Floats(logits, 2, 2, 3), "labels": {Shape: []int{2, 2}, Ints: labels},
				"weights": golden.Floats(test.weights, 2, 2),
			}
			got := parity.Run(t, model.NewStore(), inputs, func(_ *model.Scope, in parity.Nodes) parity.Nodes {
				s := CrossEntropy(in["logits"], in["labels"], in["weights"], test.smoothing)
				return parity.Nodes{"loss": s.Loss, "correct": s.Correct, "weight": s.Weight, "mean": s.Mean(),
					"accuracy": s.Accuracy(), "grad": Gradient(s.Loss, in["logits"])[0]}
			})
			// float32 against float64, a handful of operations
			for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 1e-6, Absolute: 1e-7}) {
				t.Error(fault)
			}
		})
	}
}

func scalar(v float64) golden.Tensor { return golden.Floats([]float32{float32(v)}) }

// TestCrossEntropyExtremes: logits far apart neither overflow nor lose the loss, and no prediction at all is no loss.
func TestCrossEntropyExtremes(t *testing.T) {
	inputs := golden.Tensors{
		"logits": golden.Floats([]float32{-300, 300, 5, 5, 5, 5}, 3, 2), "labels": {Shape: []int{3}, Ints: []int32{0, 1, 0}},
		"none": golden.Floats([]float32{0, 0, 0}, 3),
	}
	got := parity.Run(t, model.NewStore(), inputs, func(_ *model.Scope, in parity.Nodes) parity.Nodes {
		all := CrossEntropy(in["logits"], in["labels"], nil, 0)
		none := CrossEntropy(in["logits"], in["labels"], in["none"], 0)
		both := all.Add(none)
		return parity.Nodes{"loss": all.Loss, "none": none.Mean(), "both": both.Loss, "weight": both.Weight}
	})
	want := golden.Tensors{"loss": scalar(600 + 2*math.Ln2), "none": scalar(0), "both": scalar(600 + 2*math.Ln2), "weight": scalar(3)}
	for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 1e-6}) {
		t.Error(fault)
	}
}
