package backend

import (
	"cmp"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// The Go backend repeats numbers, and sums them over some axes, with an index computed for each of them; its products of
// matrices use vector instructions. So broadcasts and sums of float32 become products with ones, which take a quarter of
// the time or less. A broadcast is exact; a sum is added up in another order.

// goBackend is the Go backend with such products.
type goBackend struct{ compute.Backend }

// Parts is the number of parts in which a graph should process a batch (see trainer). The Go backend computes independent
// nodes at the same time, but the nodes of a BERT wait for each other, and most use one core.
func (goBackend) Parts() int { return 2 }

// Builder is part of compute.Backend.
func (b goBackend) Builder(name string) compute.Builder { return goBuilder{b.Backend.Builder(name), b} }

// BufferFromFlatData is part of compute.Backend.
func (b goBackend) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	buffer, err := b.Backend.BufferFromFlatData(device, flat, shape)
	return b.own(buffer), err
}

// NewSharedBuffer is part of compute.Backend.
func (b goBackend) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	buffer, flat, err := b.Backend.NewSharedBuffer(device, shape)
	return b.own(buffer), flat, err
}

// own says that a buffer is b's.
func (b goBackend) own(buffer compute.Buffer) compute.Buffer {
	if buffer == nil {
		return nil
	}
	return goBuffer{buffer, b}
}

type goBuffer struct {
	compute.Buffer
	backend goBackend
}

// Backend is part of compute.Buffer.
func (b goBuffer) Backend() compute.Backend { return b.backend }

// CopyToDevice is part of compute.Buffer.
func (b goBuffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	buffer, err := b.Buffer.CopyToDevice(device)
	return b.backend.own(buffer), err
}

type goExecutable struct {
	compute.Executable
	backend goBackend
}

// Execute is part of compute.Executable.
func (e goExecutable) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	theirs := make([]compute.Buffer, len(inputs))
	for i, in := range inputs {
		theirs[i] = in
		if own, ok := in.(goBuffer); ok {
			theirs[i] = own.Buffer
		}
	}
	outputs, err := e.Executable.Execute(theirs, donate, device)
	for i, out := range outputs {
		outputs[i] = e.backend.own(out)
	}
	return outputs, err
}

type goBuilder struct {
	compute.Builder
	backend goBackend
}

// Compile is part of compute.Builder.
func (b goBuilder) Compile() (compute.Executable, error) {
	e, err := b.Builder.Compile()
	if err != nil {
		return nil, err
	}
	return goExecutable{e, b.backend}, nil
}

// Main is part of compute.Builder.
func (b goBuilder) Main() compute.Function { return goFunction{b.Builder.Main()} }

// NewFunction is part of compute.Builder.
func (b goBuilder) NewFunction(name string) (compute.Function, error) {
	f, err := b.Builder.NewFunction(name)
	return goFunction{f}, err
}

type goFunction struct{ compute.Function }

// plain is f as the Go backend knows it.
func plain(f compute.Function) compute.Function {
	if wrapped, ok := f.(goFunction); ok {
		return wrapped.Function
	}
	return f
}

// Closure is part of compute.Function.
func (f goFunction) Closure() (compute.Function, error) {
	inner, err := f.Function.Closure()
	return goFunction{inner}, err
}

// Call is part of compute.Function.
func (f goFunction) Call(of compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	return f.Function.Call(plain(of), inputs...)
}

// Sort is part of compute.Function.
func (f goFunction) Sort(comparator compute.Function, axis int, isStable bool, inputs ...compute.Value) ([]compute.Value, error) {
	return f.Function.Sort(plain(comparator), axis, isStable, inputs...)
}

// While is part of compute.Function.
func (f goFunction) While(cond, body compute.Function, initialState ...compute.Value) ([]compute.Value, error) {
	return f.Function.While(plain(cond), plain(body), initialState...)
}

// If is part of compute.Function.
func (f goFunction) If(pred compute.Value, trueBranch, falseBranch compute.Function) ([]compute.Value, error) {
	return f.Function.If(pred, plain(trueBranch), plain(falseBranch))
}

// Add is part of compute.Function.
func (f goFunction) Add(lhs, rhs compute.Value) (compute.Value, error) {
	return f.spread(lhs, rhs, f.Function.Add)
}

// Sub is part of compute.Function.
func (f goFunction) Sub(lhs, rhs compute.Value) (compute.Value, error) {
	return f.spread(lhs, rhs, f.Function.Sub)
}

// Mul is part of compute.Function.
func (f goFunction) Mul(lhs, rhs compute.Value) (compute.Value, error) {
	return f.spread(lhs, rhs, f.Function.Mul)
}

// Div is part of compute.Function.
func (f goFunction) Div(lhs, rhs compute.Value) (compute.Value, error) {
	return f.spread(lhs, rhs, f.Function.Div)
}

// fewNumbers is how many an array may have to be left alone: there the operations themselves take longer.
const fewNumbers = 1024

// spread calls op with both operands broadcast to the dimensions of its result.
func (f goFunction) spread(lhs, rhs compute.Value, op func(lhs, rhs compute.Value) (compute.Value, error)) (compute.Value, error) {
	l, errL := f.Shape(lhs)
	r, errR := f.Shape(rhs)
	if errL != nil || errR != nil || l.DType != dtypes.Float32 || r.DType != dtypes.Float32 || l.Rank() != r.Rank() || l.Equal(r) || !static(l) || !static(r) {
		return op(lhs, rhs)
	}
	out := make([]int, l.Rank())
	for i := range out {
		out[i] = max(l.Dimensions[i], r.Dimensions[i])
	}
	var err error
	if lhs, err = f.broadcast(lhs, l, out); err != nil {
		return nil, err
	}
	if rhs, err = f.broadcast(rhs, r, out); err != nil {
		return nil, err
	}
	return op(lhs, rhs)
}

// broadcast is v, of dimensions [p..., 1..., q...], repeated to [p..., m..., q...]; or v itself where its dimensions are
// others, or it is a single number.
func (f goFunction) broadcast(v compute.Value, shape shapes.Shape, out []int) (compute.Value, error) {
	dims := shape.Dimensions
	first := 0
	for first < len(out) && dims[first] == out[first] {
		first++
	}
	end := len(out)
	for end > first && dims[end-1] == out[end-1] {
		end--
	}
	p, m, q := product(out[:first]), product(out[first:end]), product(out[end:])
	if m == 1 || p*q == 1 || p*m*q < fewNumbers || product(dims[first:end]) != 1 {
		return v, nil
	}
	var spread compute.Value
	var err error
	if p == 1 || q == 1 { // [m,1]·[1,q] or [p,1]·[1,m]
		column, row := f.ones(m, 1), f.reshape(v, 1, q)
		if q == 1 {
			column, row = f.reshape(v, p, 1), f.ones(1, m)
		}
		spread, err = f.dot(column, row, nil)
	} else { // p times [m,1]·[1,q]
		spread, err = f.dot(f.ones(p, m, 1), f.reshape(v, p, 1, q), []int{0})
	}
	if err != nil {
		return nil, err
	}
	return f.Function.Reshape(spread, out...)
}

// ReduceSum is part of compute.Function.
func (f goFunction) ReduceSum(x compute.Value, axes ...int) (compute.Value, error) {
	shape, err := f.Shape(x)
	if err != nil || shape.DType != dtypes.Float32 || !static(shape) || shape.Size() < fewNumbers || shape.Rank() < 2 {
		return f.Function.ReduceSum(x, axes...)
	}
	n, rank := len(axes), shape.Rank()
	if n == 0 || n == rank { // the lines first
		lines := f.sumFirst(x, shape.Dimensions, rank-1)
		if lines.err != nil {
			return nil, lines.err
		}
		return f.Function.ReduceSum(lines.value)
	}
	axes = slices.Sorted(slices.Values(axes))
	switch first, adjacent := axes[0], axes[n-1]-axes[0] == n-1; {
	case adjacent && first == 0:
		return f.sumFirst(x, shape.Dimensions, n).take()
	case adjacent && axes[n-1] == rank-1:
		return f.sumLast(x, shape.Dimensions, n).take()
	}
	return f.Function.ReduceSum(x, axes...)
}

// sumFirst adds up the first n axes of x.
func (f goFunction) sumFirst(x compute.Value, dims []int, n int) made {
	summed, left := product(dims[:n]), product(dims[n:])
	sum, err := f.dot(f.ones(1, summed), f.reshape(x, summed, left), nil)
	if err != nil {
		return made{nil, err}
	}
	return f.reshape(sum, dims[n:]...)
}

// sumLast adds up the last n axes of x.
func (f goFunction) sumLast(x compute.Value, dims []int, n int) made {
	at := len(dims) - n
	left, summed := product(dims[:at]), product(dims[at:])
	lines, ones := f.reshape(x, left, summed), f.ones(1, summed)
	if err := cmp.Or(lines.err, ones.err); err != nil {
		return made{nil, err}
	}
	sum, err := f.Function.DotGeneral(lines.value, []int{1}, nil, ones.value, []int{1}, nil, compute.DotGeneralConfig{})
	if err != nil {
		return made{nil, err}
	}
	return f.reshape(sum, dims[:at]...)
}

// made is an operand of a product, or why there is none.
type made struct {
	value compute.Value
	err   error
}

// dot is the product of matrices, one for each index of the batch axes.
func (f goFunction) dot(lhs, rhs made, batch []int) (compute.Value, error) {
	if lhs.err != nil {
		return nil, lhs.err
	}
	if rhs.err != nil {
		return nil, rhs.err
	}
	n := len(batch)
	return f.Function.DotGeneral(lhs.value, []int{n + 1}, batch, rhs.value, []int{n}, batch, compute.DotGeneralConfig{})
}

// take is m as two values.
func (m made) take() (compute.Value, error) { return m.value, m.err }

func (f goFunction) reshape(v compute.Value, dims ...int) made {
	value, err := f.Function.Reshape(v, dims...)
	return made{value, err}
}

func (f goFunction) ones(dims ...int) made {
	value, err := f.Function.Constant(slices.Repeat([]float32{1}, product(dims)), dims...)
	return made{value, err}
}

// static says that an array is not empty and that its size does not change from run to run.
func static(s shapes.Shape) bool {
	return !slices.ContainsFunc(s.Dimensions, func(d int) bool { return d < 1 })
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
