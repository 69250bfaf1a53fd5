package heads

import (
	"fmt"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/weights"
)

// unrolled is the recurrence step by step without a loop, differentiated by gomlx: the oracle.
func unrolled(z, u, mask *Node, hard, reverse bool) *Node {
	steps, b, hidden := z.Shape().Dim(0), z.Shape().Dim(1), z.Shape().Dim(2)/4
	h, c := zeros(z.Graph(), b, hidden), zeros(z.Graph(), b, hidden)
	squash := Sigmoid
	if hard {
		squash = func(x *Node) *Node { return ClipScalar(AddScalar(MulScalar(x, 0.2), 0.5), 0, 1) }
	}
	for t := range steps {
		if reverse {
			t = steps - 1 - t
		}
		gates := Add(Squeeze(Slice(z, AxisElem(t)), 0), Einsum("bh,gh->bg", h, u))
		gate := func(k int) *Node { return Slice(gates, AxisRange(), AxisRange(k*hidden, (k+1)*hidden)) }
		next := Add(Mul(squash(gate(1)), c), Mul(squash(gate(0)), Tanh(gate(2))))
		m := Squeeze(Slice(mask, AxisElem(t)), 0)
		h = Add(Mul(m, Mul(squash(gate(3)), Tanh(next))), Mul(OneMinus(m), h))
		c = Add(Mul(m, next), Mul(OneMinus(m), c))
	}
	return h
}

// TestRecurrence compares the loop and its hand-written gradient with the unrolled oracle, for both kinds of gate and
// directions, with rows of different lengths, one of them empty.
func TestRecurrence(t *testing.T) {
	const steps, b, hidden = 7, 3, 4
	random := func(name string, spread float64, dims ...int) golden.Tensor {
		return golden.Floats(weights.Initialize(4, weights.Parameter{Name: name, Shape: dims, Init: weights.Uniform, Spread: spread}), dims...)
	}
	mask := golden.Tensor{Shape: []int{steps, b, 1}}
	for step := range steps {
		for _, length := range []int{7, 4, 0} {
			mask.Floats = append(mask.Floats, map[bool]float32{true: 1}[step < length])
		}
	}
	// gates spread beyond 2.5, where hard ones saturate
	inputs := golden.Tensors{"z": random("z", 4, steps, b, 4*hidden), "u": random("u", 1, 4*hidden, hidden), "mask": mask, "v": random("v", 1, b, hidden)}
	for _, hard := range []bool{false, true} {
		for _, reverse := range []bool{false, true} {
			t.Run(fmt.Sprintf("hard %v reverse %v", hard, reverse), func(t *testing.T) {
				run := func(loop func(in parity.Nodes) *Node) golden.Tensors {
					return parity.Run(t, model.NewStore(), inputs, func(_ *model.Scope, in parity.Nodes) parity.Nodes {
						h := loop(in)
						grads := Gradient(ReduceAllSum(Mul(h, in["v"])), in["z"], in["u"])
						return parity.Nodes{"h": h, "dz": grads[0], "du": grads[1]}
					})
				}
				want := run(func(in parity.Nodes) *Node { return unrolled(in["z"], in["u"], in["mask"], hard, reverse) })
				got := run(func(in parity.Nodes) *Node {
					return recurrence{z: in["z"], u: in["u"], mask: in["mask"], hard: hard, reverse: reverse}.run()
				})
				// the same operations in float32, summed in another order over seven steps
				for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 2e-6}) {
					t.Error(fault)
				}
			})
		}
	}
}
