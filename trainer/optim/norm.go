package optim

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// GlobalNorm is the Euclidean norm of all gradients together. Every device of mesh holds all gradients and reads a
// share of them; the devices all-reduce a single number. mesh is nil on one device.
//
// Deviation: TensorFlow's clip_by_global_norm sees the embedding's gradient as un-summed rows when it comes from a
// gather alone (fine-tuning), which makes its norm smaller than this, the true one.
func GlobalNorm(gradients []*Node, mesh *distributed.DeviceMesh) *Node {
	if len(gradients) == 0 {
		panic(errors.New("optim: no gradients: the loss depends on no trainable parameter"))
	}
	var devices *Node
	if mesh != nil {
		devices = onePerDevice(gradients[0].Graph(), mesh)
	}
	var shared, whole *Node
	for _, g := range gradients {
		part, rest := share(g, devices)
		if part != nil {
			shared = plus(shared, sumOfSquares(part))
		}
		if rest != nil {
			whole = plus(whole, sumOfSquares(rest))
		}
	}
	return Sqrt(plus(shared, whole))
}

func sumOfSquares(x *Node) *Node { return ReduceAllSum(Square(ConvertDType(x, dtypes.Float32))) }

// plus is a+b; either may be nil.
func plus(a, b *Node) *Node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return Add(a, b)
}

// tile is the number of rows that a TPU stores together. The sizes of shares are multiples of it, which avoids copying.
const tile = 16

// share returns a share of x's rows for each of devices, [devices, rows, ...], placed on its device, and the rows that
// are left over; either is nil if it is empty. It is a gather whose indices are split over the devices: a plain reshape
// would compute the same, but make the partitioner split x itself, and with it the update.
func share(x, devices *Node) (part, rest *Node) {
	if x.Type() == NodeTypeConvertDType && x.Inputs()[0].DType() == dtypes.BFloat16 {
		x = x.Inputs()[0] // the same numbers in half the bytes
	}
	if devices == nil || x.Rank() < 2 {
		return nil, x
	}
	n, all := devices.Shape().Size(), x.Shape().Dim(0)
	rows := all / (n * tile) * tile
	if rows == 0 {
		return nil, x
	}
	if n*rows < all {
		rest = SliceAxis(x, 0, AxisRange(n*rows, all))
	}
	return GatherSlices(x, []int{0}, MulScalar(devices, rows), []int{rows}, true), rest
}

// onePerDevice is the numbers of the devices of mesh, [devices, 1], each stored on its own device. Only a function can
// specify the sharding of its results, so the numbers pass through a function.
func onePerDevice(g *Graph, mesh *distributed.DeviceMesh) *Node {
	numbers := Iota(g, shapes.Make(dtypes.Int32, mesh.NumDevices(), 1), 0)
	f := NewFunctionWithSharding(g, "one_per_device", func(g *Graph) ([]*Node, []*distributed.ShardingSpec) {
		where, err := distributed.BuildSpec(mesh).S(mesh.AxesNames()...).R().Done()
		if err != nil {
			panic(fmt.Errorf("optim: %w", err))
		}
		return []*Node{Identity(Parameter(g, "numbers", numbers.Shape()))}, []*distributed.ShardingSpec{where}
	})
	return f.Call(numbers)[0]
}
