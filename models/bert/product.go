package bert

import (
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/subbert/subbert/models/adjoint"
)

// Product sums lhs·rhs over the axes that are missing in the equation's result, as in "bsh,oh->bso". Every axis is
// in two or all three of lhs, rhs and the result, so that each gradient is such a product too and is built as one.
//
// gomlx's own gradient of a product transposes the result afterwards. In bfloat16 it also requests float32
// accumulation explicitly (a dot_algorithm), which libtpu and the CUDA plugin reject, on operands converted to
// float32, which keeps a GPU from using its bfloat16 units. Here products of bfloat16 operands are plain ones,
// forward and backward, and matrix units accumulate them in float32 by themselves.
func Product(equation string, lhs, rhs *Node) *Node { return product(equation, lhs, rhs, lhs.DType()) }

// Product32 is Product with the sums left in float32, for results whose digits matter more than their bytes. A
// float32 rhs is rounded to lhs's precision for the product alone: its gradient is float32, too.
func Product32(equation string, lhs, rhs *Node) *Node {
	return product(equation, lhs, rhs, dtypes.Float32)
}

func product(equation string, lhs, rhs *Node, into dtypes.DType) *Node {
	inputs, out, _ := strings.Cut(equation, "->")
	l, r, _ := strings.Cut(inputs, ",")
	rounded := ConvertDType(rhs, lhs.DType())
	return adjoint.Attach(plainProduct(l, r, out, lhs, rounded, into), []*Node{lhs, rhs}, func(v *Node) []*Node {
		v = ConvertDType(v, lhs.DType())
		return []*Node{plainProduct(out, r, l, v, rounded, v.DType()), plainProduct(l, out, r, lhs, v, rhs.DType())}
	})
}

// plainProduct is the product with the axes out, without a precision for its accumulation. The result of a product
// has the axes of the first operand before those of the second; the operands are swapped if that saves a
// transposition. Adjacent axes that are summed over are merged into one: XLA:CPU reads operands with one such axis in
// place, but first copies operands with several, element by element. In bfloat16 it has to copy: where the first operand
// is summed over its first axis, XLA:CPU converts both to float32 and multiplies those, which takes longer.
func plainProduct(l, r, out string, lhs, rhs *Node, into dtypes.DType) *Node {
	order, swapped := natural(l, r, out), natural(r, l, out)
	if order != out && swapped == out {
		l, r, lhs, rhs, order = r, l, rhs, lhs, swapped
	}
	var lSum, rSum, lBatch, rBatch []int
	for i, axis := range l {
		switch j := strings.IndexRune(r, axis); {
		case j < 0:
		case strings.ContainsRune(out, axis):
			lBatch, rBatch = append(lBatch, i), append(rBatch, j)
		default:
			lSum, rSum = append(lSum, i), append(rSum, j)
		}
	}
	copies := lhs.DType() != dtypes.Float32 && onXLACPU(lhs.Graph())
	if n := len(lSum); n > 1 && !copies && len(lBatch) == 0 && adjacent(lSum) && adjacent(rSum) {
		lhs, rhs = merge(lhs, lSum[0], n), merge(rhs, rSum[0], n)
		lSum, rSum = lSum[:1], rSum[:1]
	}
	dot := Dot(lhs, rhs).WithAccumulatorDType(dtypes.InvalidDType)
	if into != lhs.DType() {
		dot = dot.WithOutputDType(into)
	}
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

// adjacent reports whether the axes are consecutive.
func adjacent(axes []int) bool {
	for i := range axes {
		if axes[i] != axes[0]+i {
			return false
		}
	}
	return true
}

// merge merges n axes, from first on, into one.
func merge(x *Node, first, n int) *Node {
	dims := x.Shape().Dimensions
	return Reshape(x, slices.Concat(dims[:first], []int{-1}, dims[first+n:])...)
}

// natural is the order of axes in a product's result: the axes of both operands, then those of l alone, then
// those of r alone.
func natural(l, r, out string) string {
	var both, left, right string
	for _, axis := range l {
		switch {
		case !strings.ContainsRune(r, axis):
			left += string(axis)
		case strings.ContainsRune(out, axis):
			both += string(axis)
		}
	}
	for _, axis := range r {
		if !strings.ContainsRune(l, axis) {
			right += string(axis)
		}
	}
	return both + left + right
}
