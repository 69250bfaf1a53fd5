package backend

import (
	"cmp"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// The Go backend has kernels for [B,M,K]·[B,K,N] and [B,M,K]·[B,N,K], and moves the axes of both operands, number by
// number, where a product is neither. Here as few numbers are moved as will do.

// smallProduct is the number of multiplications below which it takes a simple kernel. That for [B,N,K] takes several times
// as long as that for [B,K,N].
const smallProduct = 4 << 20

// fewLines is how many lines of either operand are too few for that to matter.
const fewLines = 16

// operand is one side of a product, and what its axes are for.
type operand struct {
	value             compute.Value
	dims              []int
	batch, free, sums []int
}

func newOperand(v compute.Value, s shapes.Shape, sums, batch []int) operand {
	o := operand{v, s.Dimensions, batch, nil, sums}
	for i := range o.dims {
		if !slices.Contains(sums, i) && !slices.Contains(batch, i) {
			o.free = append(o.free, i)
		}
	}
	return o
}

// size is the product of the dimensions of axes.
func (o operand) size(axes []int) int {
	n := 1
	for _, a := range axes {
		n *= o.dims[a]
	}
	return n
}

// of are the dimensions of axes.
func (o operand) of(axes []int) []int {
	dims := make([]int, len(axes))
	for i, a := range axes {
		dims[i] = o.dims[a]
	}
	return dims
}

// summedLast and summedFirst are the orders of axes that the kernels want.
func (o operand) summedLast() []int  { return slices.Concat(o.batch, o.free, o.sums) }
func (o operand) summedFirst() []int { return slices.Concat(o.batch, o.sums, o.free) }

// DotGeneral is part of compute.Function.
func (f goFunction) DotGeneral(lhs compute.Value, lhsSum, lhsBatch []int, rhs compute.Value, rhsSum, rhsBatch []int, o compute.DotGeneralConfig) (compute.Value, error) {
	l, errL := f.Shape(lhs)
	r, errR := f.Shape(rhs)
	if errL != nil || errR != nil || l.DType != dtypes.Float32 || r.DType != dtypes.Float32 || !static(l) || !static(r) || l.Size()*r.Size() < fewNumbers*fewNumbers {
		return f.Function.DotGeneral(lhs, lhsSum, lhsBatch, rhs, rhsSum, rhsBatch, o)
	}
	left, right := newOperand(lhs, l, lhsSum, lhsBatch), newOperand(rhs, r, rhsSum, rhsBatch)
	out := slices.Concat(left.of(left.batch), left.of(left.free), right.of(right.free))
	lines, columns, summed := left.size(left.free), right.size(right.free), left.size(left.sums)
	if len(lhsBatch) == 0 && slices.IsSorted(left.summedFirst()) && slices.IsSorted(right.summedFirst()) && columns*(summed+lines) < lines*summed {
		turned := f.multiply(right, left, o) // [N,M]; moving it and rhs is less than moving lhs
		if turned.err != nil {
			return nil, turned.err
		}
		return f.arrange(turned.value, []int{1, 0}, out...).take()
	}
	result := f.multiply(left, right, o)
	if result.err != nil {
		return nil, result.err
	}
	return f.Function.Reshape(result.value, out...)
}

// multiply is the product [B,M,N], or [M,N] without batch axes.
func (f goFunction) multiply(left, right operand, o compute.DotGeneralConfig) made {
	batch := []int{left.size(left.batch)}
	lines, columns, summed := left.size(left.free), right.size(right.free), left.size(left.sums)
	small := batch[0]*lines*columns*summed < smallProduct && min(lines, columns) >= fewLines
	axes := []int{0}
	if len(left.batch) == 0 {
		batch, axes = nil, nil
	}
	n := len(axes)
	order, sum, dims := right.summedFirst(), n, []int{summed, columns}
	if last := right.summedLast(); slices.IsSorted(last) && !small {
		order, sum, dims = last, n+1, []int{columns, summed}
	}
	x := f.arrange(left.value, left.summedLast(), append(slices.Clone(batch), lines, summed)...)
	y := f.arrange(right.value, order, append(slices.Clone(batch), dims...)...)
	if err := cmp.Or(x.err, y.err); err != nil {
		return made{nil, err}
	}
	value, err := f.Function.DotGeneral(x.value, []int{n + 1}, axes, y.value, []int{sum}, axes, o)
	return made{value, err}
}

// arrange is v with its axes in the given order and then of other dimensions.
func (f goFunction) arrange(v compute.Value, order []int, dims ...int) made {
	if !slices.IsSorted(order) {
		var err error
		if v, err = f.Transpose(v, order...); err != nil {
			return made{nil, err}
		}
	}
	return f.reshape(v, dims...)
}
