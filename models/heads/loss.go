package heads

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/subbert/subbert/models/adjoint"
)

// Sums are a loss and an accuracy before the division: float32 scalars.
type Sums struct {
	Loss    *Node // weighted sum of the losses, nats
	Correct *Node // weighted count of predictions whose label has the highest logit, shared or not
	Weight  *Node // sum of the weights: the number of real predictions when weights are 0 and 1
}

// Mean is the loss per prediction; without any it is 0.
func (s Sums) Mean() *Node { return Div(s.Loss, MaxScalar(s.Weight, 1)) }

// Accuracy is the share of correct predictions; without any it is 0.
func (s Sums) Accuracy() *Node { return Div(s.Correct, MaxScalar(s.Weight, 1)) }

// Add is the sums of both.
func (s Sums) Add(other Sums) Sums {
	return Sums{Add(s.Loss, other.Loss), Add(s.Correct, other.Correct), Add(s.Weight, other.Weight)}
}

// CrossEntropy compares logits [...,C] with labels [...] int32. Weights [...] float32 weight each prediction; nil:
// all are 1. With smoothing e the target is 1-e on the label plus e/C everywhere. Panics if shapes disagree or
// smoothing is not in [0,1).
func CrossEntropy(logits, labels, weights *Node, smoothing float64) Sums {
	dims := logits.Shape().Dimensions
	if !slices.Equal(labels.Shape().Dimensions, dims[:len(dims)-1]) {
		exceptions.Panicf("heads: labels are %s for logits %s", labels.Shape(), logits.Shape())
	}
	if weights == nil {
		weights = Ones(logits.Graph(), shapes.Make(dtypes.Float32, labels.Shape().Dimensions...))
	}
	if !slices.Equal(weights.Shape().Dimensions, labels.Shape().Dimensions) {
		exceptions.Panicf("heads: weights are %s for labels %s", weights.Shape(), labels.Shape())
	}
	if smoothing < 0 || smoothing >= 1 {
		exceptions.Panicf("heads: label smoothing %g, want 0 or more and below 1", smoothing)
	}
	logits, weights = ConvertDType(logits, dtypes.Float32), ConvertDType(weights, dtypes.Float32)
	losses, right := nats(logits, labels, smoothing)
	return Sums{
		Loss:    ReduceAllSum(Mul(losses, weights)),
		Correct: ReduceAllSum(Mul(StopGradient(right), weights)),
		Weight:  ReduceAllSum(weights),
	}
}

// nats is the loss of each prediction and whether it is right (1 or 0), both [...]. The gradient is written by
// hand, softmax minus target, because the logits [B,P,V] are the largest array of a step: one pass computes their
// maximum, and a second pass the rest.
func nats(logits, labels *Node, smoothing float64) (losses, right *Node) {
	top := ReduceAndKeep(logits, ReduceMax, -1)
	total := Add(top, Log(ReduceAndKeep(Exp(Sub(logits, top)), ReduceSum, -1)))
	index := Iota(logits.Graph(), shapes.Make(dtypes.Int32, logits.Shape().Dimensions...), -1)
	isLabel := Equal(index, InsertAxes(labels, -1)) // [...,C]
	ofLabel := ReduceAndKeep(Where(isLabel, logits, ScalarZero(logits.Graph(), logits.DType())), ReduceSum, -1)
	target, spread := ofLabel, smoothing/float64(logits.Shape().Dim(-1))
	if smoothing > 0 {
		target = Add(MulScalar(ofLabel, 1-smoothing), MulScalar(ReduceAndKeep(logits, ReduceSum, -1), spread))
	}
	loss := adjoint.Attach(Sub(total, target), []*Node{logits}, func(v *Node) []*Node {
		p := Exp(Sub(logits, total))
		if smoothing > 0 {
			p = AddScalar(p, -spread)
		}
		return []*Node{Mul(v, Where(isLabel, AddScalar(p, smoothing-1), p))}
	})
	return Squeeze(loss, -1), Squeeze(ConvertDType(GreaterOrEqual(ofLabel, top), dtypes.Float32), -1)
}
