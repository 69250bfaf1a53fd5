package adjoint

import (
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"
)

// TestAttach gives x·y+z three wrong but recognisable gradients, with inputs that also have an ordinary path.
func TestAttach(t *testing.T) {
	backend, err := compute.NewWithConfig("go:parallelism=-1")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	tests := []struct {
		name string
		loss func(x, y, z *Node) *Node
		want [][]float32 // value, dx [2], dy [2,2], dz scalar
	}{
		{"attached alone", func(x, y, z *Node) *Node {
			value := attach(x, y, z)
			return ReduceAllSum(MulScalar(value, 3))
		}, [][]float32{{57}, {6, 6}, {12, 12, 12, 12}, {60}}},
		{"beside an ordinary path", func(x, y, z *Node) *Node {
			return Add(ReduceAllSum(attach(x, y, z)), Add(ReduceAllSum(Square(x)), z))
		}, [][]float32{{19 + 5 + 1}, {2 + 2, 2 + 4}, {4, 4, 4, 4}, {20 + 1}}},
		{"downstream of another operation", func(x, y, z *Node) *Node {
			return ReduceAllSum(attach(MulScalar(x, 10), y, z))
		}, [][]float32{{172}, {20, 20}, {4, 4, 4, 4}, {20}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := CallOnceN(backend, func(x, y, z *Node) []*Node {
				loss := test.loss(x, y, z)
				return append([]*Node{loss}, Gradient(loss, x, y, z)...)
			}, []float32{1, 2}, [][]float32{{1, 2}, {3, 4}}, float32(1))
			if err != nil {
				t.Fatal(err)
			}
			var flat [][]float32
			for _, tensor := range got {
				flat = append(flat, tensors.MustCopyFlatData[float32](tensor))
			}
			if diff := cmp.Diff(test.want, flat); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

// attach is x·y+z [2] with adjoints 2v summed in place of dx, 4 v_j in dy, and 10 times the sum of v in dz.
func attach(x, y, z *Node) *Node {
	value := Add(Einsum("i,ij->j", x, y), z)
	return Attach(value, []*Node{x, y, z}, func(v *Node) []*Node {
		return []*Node{MulScalar(v, 2), MulScalar(BroadcastToShape(v, y.Shape()), 4), MulScalar(ReduceAllSum(v), 10)}
	})
}
