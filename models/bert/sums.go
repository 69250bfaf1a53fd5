package bert

import (
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/subbert/subbert/models/adjoint"
)

// addBias is x [B,S,H] or [B,N,S,D] plus bias, which has x's rank and is 1 where its gradient is summed.
func addBias(x, bias *Node) *Node {
	y := Add(x, bias)
	if !onXLACPU(x.Graph()) {
		return y
	}
	return adjoint.Attach(y, []*Node{x, bias}, func(d *Node) []*Node {
		return []*Node{d, ConvertDType(sumTo(bias, ConvertDType(d, dtypes.Float32)), bias.DType())}
	})
}

// sumTo sums x over the axes that are 1 in like: the gradient of a broadcast.
//
// XLA:CPU turns a sum over more than window positions of an axis into sums of windows, for accuracy. Their loop is
// slow: it took a sixth of a step in bfloat16 (docs/performance.md). Sums of at most window positions, of which each is
// computed before the next, are as accurate and are left alone.
func sumTo(like, x *Node) *Node {
	var axes []int
	for axis, n := range like.Shape().Dimensions {
		if n == 1 {
			axes = append(axes, axis)
		}
	}
	if !onXLACPU(x.Graph()) {
		return ReduceAndKeep(x, ReduceSum, axes...)
	}
	for _, axis := range slices.Backward(axes) { // the rows, which several devices may share, come last
		x = sumInSteps(x, axis)
	}
	return x
}

// window is the number of positions in the windows of XLA:CPU's sums (its pass TreeReductionRewriter).
const window = 32

// sumInSteps sums x over axis, which it keeps, in steps of at most window positions if the axis can be divided so.
func sumInSteps(x *Node, axis int) *Node {
	dims := x.Shape().Dimensions
	for n := dims[axis]; n > 1; {
		part := n // positions that this step adds up
		for k := min(window, n); k > 1; k-- {
			if n%k == 0 {
				part = k
				break
			}
		}
		n /= part
		x = keep(ReduceSum(Reshape(x, slices.Concat(dims[:axis], []int{part, n}, dims[axis+1:])...), axis))
	}
	return x
}

// onXLACPU reports whether XLA compiles g for a processor. Some forms of a computation, equal but for rounding, are
// fast there and not elsewhere.
func onXLACPU(g *Graph) bool { return strings.HasPrefix(g.Backend().Description(), "xla:/cpu/") }
