// Package adjoint gives a computed value a gradient written by hand.
//
// gomlx differentiates operation by operation. That fails for While, and elsewhere costs more than a gradient
// derived by hand. gomlx offers two mechanisms: IdentityWithCustomGradient, which takes one input and has its
// shape, and the alternative outputs through which gradients of fused operations flow. Attach combines them for
// any inputs.
package adjoint

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Attach returns value with gradients that come from adjoints instead of the operations that made it: given the
// gradient v of the loss with respect to value, adjoints returns the gradients with respect to each of inputs, in
// their shapes and types. Other inputs get none. The forward computation does no extra work: the nodes that Attach
// adds serve differentiation only, and are dead code otherwise. Operations that gomlx can see must lead from the
// inputs to value: a node captured by a closure gets a gradient of zero.
//
// Panics if gomlx's fusion is switched off (GOMLX_FUSION=0): the alternative outputs are part of it.
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
		exceptions.Panicf("adjoint: GOMLX_FUSION turns fusion off; unset it")
	}
	return attached
}

// route is a node of value's shape that passes its gradient to every input's adjoint. An addition passes its
// gradient to each operand unchanged, and each operand passes it on to an identity of one input.
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
