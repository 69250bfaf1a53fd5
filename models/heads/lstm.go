package heads

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/subbert/subbert/models/adjoint"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
)

// An LSTM summarises a row by its state after the last position, reading forwards or backwards. Its parameters are
// named, shaped and ordered (gates input, forget, cell, output) as those of torch.nn.LSTM with one layer.
//
// The loop is a While with a gradient of our own: gomlx has none for While, and an unrolled loop takes 15 GB for
// S=128. The forward pass keeps the states before each step, [S,B,H] twice; the backward pass computes the gates
// again from them. Memory is linear in the sequence. In this file time is the first axis, with T of the S positions;
// the axis "4H" holds the four gates.

// backward is what torch appends to the names of the direction that reads from the end.
const backward = "_reverse"

// lstmParameters lists the parameters of one direction, drawn as torch does: uniform within 1/sqrt(H).
func lstmParameters(hidden int, direction string) []weights.Parameter {
	bound := 1 / math.Sqrt(float64(hidden))
	var ps []weights.Parameter
	for _, p := range []struct {
		name  string
		shape []int
	}{
		{"weight_ih_l0", []int{4 * hidden, hidden}}, {"weight_hh_l0", []int{4 * hidden, hidden}},
		{"bias_ih_l0", []int{4 * hidden}}, {"bias_hh_l0", []int{4 * hidden}},
	} {
		ps = append(ps, weights.Parameter{Name: "sll.lstm." + p.name + direction, Shape: p.shape,
			Init: weights.Uniform, Spread: bound})
	}
	return ps
}

// lstm is the last forward state [B,H].
func (r Relation) lstm(s *model.Scope, in RelationInput) (summary, _ *Node) {
	return r.lastState(s.At("lstm"), in, ""), nil
}

// bilstm is the last forward state, then the last backward state, which is the one at the first position:
// [B,2H].
func (r Relation) bilstm(s *model.Scope, in RelationInput) (summary, _ *Node) {
	s = s.At("lstm")
	return Concatenate([]*Node{r.lastState(s, in, ""), r.lastState(s, in, backward)}, -1), nil
}

// lastState runs one direction over the masked positions, which never include the first and the last of the
// sequence.
func (r Relation) lastState(s *model.Scope, in RelationInput, direction string) *Node {
	x := in.last()
	length, hidden := x.Shape().Dim(1), x.Shape().Dim(2)
	if length < 3 {
		exceptions.Panicf("heads: pooling %s over %s: want at least one position between the first and the last", r.Pooling, x.Shape())
	}
	inner := AxisRange(1, length-1)
	x, mask := Slice(x, AxisRange(), inner), Slice(r.mask(in), AxisRange(), inner)
	variable := func(name string, dtype dtypes.DType, dims ...int) *Node {
		return bert.Weight(s, x.Graph(), dtype, name+direction, dims...)
	}
	z := bert.Product32("bth,gh->tbg", x, variable("weight_ih_l0", x.DType(), 4*hidden, hidden)) // [T,B,4H]
	bias := Add(variable("bias_ih_l0", dtypes.Float32, 4*hidden), variable("bias_hh_l0", dtypes.Float32, 4*hidden))
	z = Add(z, ExpandLeftToRank(bias, 3))
	loop := recurrence{
		z: z, u: variable("weight_hh_l0", dtypes.Float32, 4*hidden, hidden),
		mask: InsertAxes(TransposeAllAxes(mask, 1, 0), -1), hard: r.HardSigmoid, reverse: direction == backward,
	}
	return ConvertDType(loop.run(), x.DType())
}

// recurrence is one direction of an LSTM whose input is projected already.
type recurrence struct {
	z             *Node // [T,B,4H] float32: input and biases of every step
	u             *Node // [4H,H] float32
	mask          *Node // [T,B,1] float32: 1 where the step counts, 0 where the state passes it unchanged
	hard, reverse bool
}

// run is the state after all steps, [B,H], from zero.
func (r recurrence) run() *Node {
	last, hs, cs := r.forward()
	return adjoint.Attach(last, []*Node{r.z, r.u}, func(v *Node) []*Node {
		dz := r.backward(v, hs, cs)
		return []*Node{dz, Einsum("tbg,tbh->gh", dz, hs)}
	})
}

// sizes are T, B and H.
func (r recurrence) sizes() (t, b, h int) {
	dims := r.z.Shape().Dimensions
	return dims[0], dims[1], dims[2] / 4
}

// forward returns the last state and the states h and c before each step, [T,B,H]; the steps are the positions of z
// in the direction of reading.
func (r recurrence) forward() (last, hs, cs *Node) {
	g := r.z.Graph()
	steps, b, h := r.sizes()
	state, states := zeros(g, b, h), zeros(g, steps, b, h)
	body := func(t *Node, fixed, in []*Node) []*Node {
		r, h, c, hs, cs := r.with(fixed), in[0], in[1], in[2], in[3]
		at := r.position(t)
		cell := r.cell(at, h, c)
		keep := complement(cell.mask)
		return []*Node{
			Add(Mul(cell.mask, cell.hidden()), Mul(keep, h)), Add(Mul(cell.mask, cell.c), Mul(keep, c)),
			write(hs, at, h), write(cs, at, c),
		}
	}
	out := countedLoop(g, steps, []*Node{r.z, r.u, r.mask}, []*Node{state, state, states, states}, body)
	return out[0], out[2], out[3]
}

// backward is the gradient with respect to z [T,B,4H], given the gradient v with respect to the last state.
func (r recurrence) backward(v, hs, cs *Node) *Node {
	g := r.z.Graph()
	steps, b, h := r.sizes()
	body := func(t *Node, fixed, in []*Node) []*Node {
		r, hs, cs, dh, dc, dz := r.with(fixed), fixed[3], fixed[4], in[0], in[1], in[2]
		at := r.position(Sub(Const(g, int32(steps-1)), t))
		cell := r.cell(at, Gather(hs, at), Gather(cs, at))
		gates, dcPrevious := cell.gradients(Mul(cell.mask, dh), Mul(cell.mask, dc))
		keep := complement(cell.mask)
		return []*Node{
			Add(Einsum("bg,gh->bh", gates, r.u), Mul(keep, dh)), Add(dcPrevious, Mul(keep, dc)), write(dz, at, gates),
		}
	}
	fixed := []*Node{r.z, r.u, r.mask, hs, cs}
	return countedLoop(g, steps, fixed, []*Node{v, zeros(g, b, h), zeros(g, steps, b, 4*h)}, body)[2]
}

// with is r inside a loop's body, with the body's own z, u and mask.
func (r recurrence) with(fixed []*Node) recurrence {
	r.z, r.u, r.mask = fixed[0], fixed[1], fixed[2]
	return r
}

// position is the position that step t reads: t from the start, or from the end.
func (r recurrence) position(t *Node) *Node {
	if r.reverse {
		steps, _, _ := r.sizes()
		return Sub(Const(t.Graph(), int32(steps-1)), t)
	}
	return t
}

// cell is the result of one step.
type cell struct {
	i, f, g, o  *Node // gates after their functions, [B,H]
	previous, c *Node // the cell's state before and after
	mask        *Node // [B,1]
	derivative  func(gate *Node) *Node
}

// cell computes the step at position at from the states before it.
func (r recurrence) cell(at, h, c *Node) cell {
	gates := Add(Gather(r.z, at), Einsum("bh,gh->bg", h, r.u)) // [B,4H]
	gate := func(k int) *Node {
		n := h.Shape().Dim(-1)
		return Slice(gates, AxisRange(), AxisRange(k*n, (k+1)*n))
	}
	squash, derivative := Logistic, func(y *Node) *Node { return Mul(y, complement(y)) }
	if r.hard {
		squash, derivative = hardSigmoid, hardSigmoidDerivative
	}
	out := cell{
		i: squash(gate(0)), f: squash(gate(1)), g: Tanh(gate(2)), o: squash(gate(3)),
		previous: c, mask: Gather(r.mask, at), derivative: derivative,
	}
	out.c = Add(Mul(out.f, c), Mul(out.i, out.g))
	return out
}

// hidden is the state h after the step.
func (c cell) hidden() *Node { return Mul(c.o, Tanh(c.c)) }

// gradients turns the gradients of the step's h and c into those of its gates before their functions [B,4H]
// and of the previous cell state.
func (c cell) gradients(dh, dc *Node) (gates, dPrevious *Node) {
	y := Tanh(c.c)
	dc = Add(dc, Mul(Mul(dh, c.o), complement(Mul(y, y))))
	gates = Concatenate([]*Node{
		Mul(Mul(dc, c.g), c.derivative(c.i)),
		Mul(Mul(dc, c.previous), c.derivative(c.f)),
		Mul(Mul(dc, c.i), complement(Mul(c.g, c.g))),
		Mul(Mul(dh, y), c.derivative(c.o)),
	}, -1)
	return gates, Mul(dc, c.f)
}

// The functions below also serve inside loops, where every constant must be new: gomlx caches scalars for
// reuse, and a scalar made inside a loop's body is not valid outside of it.

func constant(g *Graph, value float32) *Node { return Const(g, value) }

func zeros(g *Graph, dims ...int) *Node { return BroadcastToDims(constant(g, 0), dims...) }

func complement(x *Node) *Node { return Sub(constant(x.Graph(), 1), x) }

// hardSigmoid is Keras's: 0.2x+0.5 between 0 and 1.
func hardSigmoid(x *Node) *Node {
	g := x.Graph()
	line := Add(Mul(x, constant(g, 0.2)), constant(g, 0.5))
	return Min(Max(line, constant(g, 0)), constant(g, 1))
}

// hardSigmoidDerivative is the derivative with respect to x, given the value y: 0.2 on the slope, 0 on
// either plateau.
func hardSigmoidDerivative(y *Node) *Node {
	g := y.Graph()
	sloped := LogicalAnd(GreaterThan(y, constant(g, 0)), LessThan(y, constant(g, 1)))
	return Where(sloped, constant(g, 0.2), constant(g, 0))
}

// write stores row [...] at index at of rows [T,...], which is zero there. On the pure-Go backend write adds the
// row, the only operation that backend has. go-xla has one summing function per graph and type, and rejects it
// inside a loop when it is also used outside, so on XLA the row overwrites its place.
func write(rows, at, row *Node) *Node {
	g := rows.Graph()
	row = InsertAxes(row, 0)
	if !g.Backend().Capabilities().Operations[compute.OpTypeDynamicUpdateSlice] {
		return ScatterSum(rows, Reshape(at, 1, 1), row, false, true)
	}
	start := []*Node{at}
	for range rows.Rank() - 1 {
		start = append(start, Const(g, int32(0)))
	}
	return DynamicUpdateSlice(rows, row, start)
}

// countedLoop runs body for t = 0..steps-1 over the state and returns the final state. The loop's body sees only its
// parameters: fixed holds the values that it reads but does not change.
func countedLoop(g *Graph, steps int, fixed, state []*Node, body func(t *Node, fixed, state []*Node) []*Node) []*Node {
	initial := slices.Concat([]*Node{Const(g, int32(0))}, fixed, state)
	parameters := func(g *Graph) []*Node {
		var ps []*Node
		for i, n := range initial {
			ps = append(ps, Parameter(g, fmt.Sprint("p", i), n.Shape()))
		}
		return ps
	}
	unfinished := NewClosure(g, func(g *Graph) []*Node {
		return []*Node{LessThan(parameters(g)[0], Const(g, int32(steps)))}
	})
	once := NewClosure(g, func(g *Graph) []*Node {
		ps := parameters(g)
		t, kept, current := ps[0], ps[1:1+len(fixed)], ps[1+len(fixed):]
		return slices.Concat([]*Node{Add(t, Const(g, int32(1)))}, kept, body(t, kept, current))
	})
	return While(unfinished, once, initial...)[1+len(fixed):]
}
