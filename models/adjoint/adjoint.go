// Package adjoint gives a computed value a gradient written by hand.
//
// gomlx differentiates operation by operation. That fails for While, and elsewhere costs more than the formula on
// paper. gomlx offers two means: IdentityWithCustomGradient, which takes one input and has its shape, and the
// alternate route that fused operations take when gradients flow back. Attach combines them for any inputs.
package adjoint

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Attach returns value with gradients takes from adjoints instead of from the operations that made it: given the
// gradient v of the loss with respect to value, adjoints returns those with respect to each of inputs, in their
// shapes and types. Inputs not listed get none. The forward computation gains no work: what Attach adds is only
// there to be differentiated, and dead otherwise. The graph must lead from the inputs to value by operations gomlx
// can see: what a closure captures is no path, and gets a gradient of zero.
//
// Panics if gomlx's fusion is switched off (GOMLX_FUSION=0), which the alternate route is part of.
func Attach(value *Node, inputs []*Node, adjoints func(v *Node) []*Node) *Node {
	var seen *Node // adjoints are asked for once per input, with the same v: build them once
	var built []*Node
	once := func(v *Node) []*Node {
		if v != seen {
			seen, built = v, adjoints(v)
		}
		return built
	}
	attached, replaced := InternalFusedOpCaller(
		func() *Node { return Identity(value) },
		func() *Node { return route(value, inputs, once) },
		true)
	if !replaced {
		exceptions.Panicf("adjoint: gomlx's fusion is switched off: unset GOMLX_FUSION")
	}
	return attached
}

// route is a node of value's shape that hands a gradient arriving at it to every input's adjoint. An addition
// passes its gradient to each operand unchanged, and each operand passes it on to an identity of one input.
func route(value *Node, inputs []*Node, adjoints func(v *Node) []*Node) *Node {
	var sum *Node
	for i, input := range inputs {
		operand, _ := InternalFusedOpCaller(
			func() *Node { return Zeros(value.Graph(), value.Shape()) },
			func() *Node {
				return IdentityWithCustomGradient(input, func(_, v *Node) *Node { return adjoints(v)[i] })
			},
			true)
		if sum == nil {
			sum = operand
		} else {
			sum = Add(sum, operand)
		}
	}
	return sum
}
