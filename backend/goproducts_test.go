package backend

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestGoProducts holds the operations that are done by products to the Go backend's own. Broadcasts are equal; sums of up
// to 3,000 numbers of order one, in another order, are off by a few units in the last place of float32.
func TestGoProducts(t *testing.T) {
	sums := func(axes ...int) func(x, y *Node) *Node {
		return func(x, _ *Node) *Node { return ReduceSum(x, axes...) }
	}
	dot := func(lSum, lBatch, rSum, rBatch []int) func(x, y *Node) *Node {
		return func(x, y *Node) *Node { return Dot(x, y).General(lSum, lBatch, rSum, rBatch) }
	}
	is := func(axes ...int) []int { return axes }
	for _, tt := range []struct {
		name string
		x, y []int
		f    func(x, y *Node) *Node
		near float64
	}{
		{"row", is(4, 16, 32), is(1, 1, 32), Add, 0},
		{"row first", is(1, 1, 32), is(4, 16, 32), Sub, 0},
		{"column", is(4, 16, 32), is(4, 16, 1), Div, 0},
		{"columns of lines", is(4, 16, 32), is(4, 1, 1), Mul, 0},
		{"in the middle", is(4, 16, 32), is(4, 1, 32), Sub, 0},
		{"mask of attention", is(4, 2, 16, 16), is(4, 1, 1, 16), Add, 0},
		{"both", is(1, 64), is(64, 1), Mul, 0},
		{"not in one piece", is(4, 1, 16, 1, 16), is(4, 2, 16, 2, 16), Add, 0},
		{"number", is(64, 64), is(1, 1), Sub, 0},
		{"small", is(4, 4), is(1, 4), Sub, 0},
		{"sum of first axes", is(8, 16, 24), is(1), sums(0, 1), 1e-4},
		{"sum of last axes", is(8, 16, 24), is(1), sums(1, 2), 1e-4},
		{"sum of the last", is(8, 16, 24), is(1), sums(-1), 1e-4},
		{"sum of the middle", is(8, 16, 24), is(1), sums(1), 1e-4},
		{"sum of some", is(8, 16, 24), is(1), sums(0, 2), 1e-4},
		{"sum of all", is(8, 16, 24), is(1), sums(), 1e-4},
		{"product", is(40, 32), is(32, 48), dot(is(1), nil, is(0), nil), 1e-4},
		{"second summed last", is(40, 32), is(48, 32), dot(is(1), nil, is(1), nil), 1e-4},
		{"first summed first", is(32, 40), is(32, 48), dot(is(0), nil, is(0), nil), 1e-4},
		{"first summed first, the smaller moved", is(64, 80), is(64, 20), dot(is(0), nil, is(0), nil), 1e-4},
		{"scores", is(4, 2, 16, 32), is(4, 2, 24, 32), dot(is(3), is(0, 1), is(3), is(0, 1)), 1e-4},
		{"gradient of keys", is(4, 2, 16, 32), is(4, 2, 16, 24), dot(is(2), is(0, 1), is(2), is(0, 1)), 1e-4},
		{"gradient of heads", is(4, 16, 64), is(4, 2, 16, 32), dot(is(0, 1), nil, is(0, 2), nil), 1e-4},
		{"heads together", is(4, 2, 16, 32), is(64, 2, 32), dot(is(1, 3), nil, is(1, 2), nil), 1e-4},
		{"two sums, not in order", is(16, 64, 4), is(4, 16, 32), dot(is(2, 0), nil, is(0, 1), nil), 1e-4},
		{"batch axis last", is(32, 40, 4), is(32, 48, 4), dot(is(0), is(2), is(0), is(2)), 1e-4},
		{"large", is(256, 300), is(256, 300), dot(is(1), nil, is(1), nil), 1e-4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own, err := gobackend.New("")
			if err != nil {
				t.Fatal(err)
			}
			want, got := computed(t, own, tt.f, tt.x, tt.y), computed(t, goBackend{own}, tt.f, tt.x, tt.y)
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, tt.near)); diff != "" {
				t.Errorf("-Go backend +by products\n%s", diff)
			}
		})
	}
}

type result struct {
	Dims []int
	Data []float32
}

// computed is f of the same two arrays of normal numbers each time.
func computed(t *testing.T, b compute.Backend, f func(x, y *Node) *Node, x, y []int) result {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(dims []int) *tensors.Tensor {
		data := make([]float32, product(dims))
		for i := range data {
			data[i] = float32(random.NormFloat64())
		}
		return tensors.FromFlatDataAndDimensions(data, dims...)
	}
	exec, err := NewExec(b, f)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(draw(x), draw(y))
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Shape().DType != dtypes.Float32 {
		t.Fatalf("the result is %s", out[0].Shape())
	}
	data, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		t.Fatal(err)
	}
	return result{out[0].Shape().Dimensions, data}
}

// TestGoFunctions: sorting, loops and branches, whose parts are functions of their own, are the Go backend's.
func TestGoFunctions(t *testing.T) {
	own, err := gobackend.New("")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		f    func(x, y *Node) *Node
	}{
		{"sort", func(x, _ *Node) *Node { return Sort(x, -1, true) }},
		{"while", func(x, y *Node) *Node {
			state := func(g *Graph) (*Node, *Node) {
				return Parameter(g, "step", shapes.Make(dtypes.Int32)), Parameter(g, "sum", x.Shape())
			}
			cond := NewClosure(x.Graph(), func(g *Graph) []*Node {
				step, _ := state(g)
				return []*Node{LessThan(step, Const(g, int32(3)))}
			})
			body := NewClosure(x.Graph(), func(g *Graph) []*Node {
				step, sum := state(g)
				return []*Node{AddScalar(step, 1), Add(sum, y)}
			})
			return While(cond, body, Const(x.Graph(), int32(0)), x)[1]
		}},
		{"if", func(x, y *Node) *Node {
			yes := NewClosure(x.Graph(), func(*Graph) []*Node { return []*Node{Add(x, y)} })
			no := NewClosure(x.Graph(), func(*Graph) []*Node { return []*Node{x} })
			return If(GreaterThan(ReduceAllSum(x), ReduceAllSum(y)), yes, no)[0]
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, y := []int{64, 32}, []int{1, 32}
			if diff := cmp.Diff(computed(t, own, tt.f, x, y), computed(t, goBackend{own}, tt.f, x, y)); diff != "" {
				t.Errorf("-Go backend +by products\n%s", diff)
			}
		})
	}
}
