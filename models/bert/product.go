package bert

import (
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/subbert/subbert/models/adjoint"
)

// Product sums lhs·rhs over the axes that equation leaves out, as in "bsh,oh->bso". Every axis is in exactly two of
// the three places or in all of them.
//
// In float32 it is gomlx's Einsum. In bfloat16 the products, forward and backward, are plain ones of bfloat16
// operands, which matrix units accumulate in float32 by themselves. gomlx asks for that accumulation in words (a
// dot_algorithm), which libtpu and the CUDA plugin refuse for bfloat16, and computes the gradient from operands
// converted to float32, which keeps a GPU from its bfloat16 units.
func Product(equation string, lhs, rhs *Node) *Node {
	if lhs.DType() != dtypes.BFloat16 {
		return Einsum(equation, lhs, rhs)
	}
	return half(equation, lhs, rhs, dtypes.BFloat16)
}

// Product32 is Product with the sums left in float32, for results whose digits matter more than their bytes.
func Product32(equation string, lhs, rhs *Node) *Node {
	if lhs.DType() != dtypes.BFloat16 {
		return Einsum(equation, lhs, rhs)
	}
	return half(equation, lhs, rhs, dtypes.Float32)
}

// half is the product of bfloat16 operands with sums of type into, and bfloat16 gradients.
func half(equation string, lhs, rhs *Node, into dtypes.DType) *Node {
	inputs, out, _ := strings.Cut(equation, "->")
	l, r, _ := strings.Cut(inputs, ",")
	value := plainProduct(l, r, out, lhs, rhs, into)
	return adjoint.Attach(value, []*Node{lhs, rhs}, func(v *Node) []*Node {
		v = ConvertDType(v, dtypes.BFloat16)
		return []*Node{plainProduct(out, r, l, v, rhs, v.DType()), plainProduct(l, out, r, lhs, v, v.DType())}
	})
}

// plainProduct is the product without a word about accumulation, transposed to the axes out.
func plainProduct(l, r, out string, lhs, rhs *Node, into dtypes.DType) *Node {
	var lSum, rSum, lBatch, rBatch []int
	var order, crossed string // axes of the product as computed
	for i, axis := range l {
		j := strings.IndexRune(r, axis)
		switch {
		case j < 0:
			crossed += string(axis)
		case strings.ContainsRune(out, axis):
			lBatch, rBatch, order = append(lBatch, i), append(rBatch, j), order+string(axis)
		default:
			lSum, rSum = append(lSum, i), append(rSum, j)
		}
	}
	for _, axis := range r {
		if !strings.ContainsRune(l, axis) {
			crossed += string(axis)
		}
	}
	order += crossed
	dot := Dot(lhs, rhs).WithAccumulatorDType(dtypes.InvalidDType).WithOutputDType(into)
	product := dot.General(lSum, lBatch, rSum, rBatch)
	if order == out {
		return product
	}
	permutation := make([]int, len(out))
	for i := range out {
		permutation[i] = strings.IndexByte(order, out[i])
	}
	return TransposeAllAxes(product, permutation...)
}
