package bert

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/internal/plugintest"
)

// TestSumInSteps sums over axes of every kind of length: one step, several, a prime number, one position.
func TestSumInSteps(t *testing.T) {
	backend, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 31, 32, 33, 37, 64, 74, 96, 1000, 1024, 1369, 4096} {
		x := make([]float32, 2*n*3)
		for i := range x {
			x[i] = float32(i % 17) // sums of small whole numbers are exact in any order
		}
		got, err := CallOnceN(backend, func(x *Node) []*Node {
			x = Reshape(x, 2, n, 3)
			return []*Node{sumInSteps(x, 1), ReduceAndKeep(x, ReduceSum, 1)}
		}, x)
		if err != nil {
			t.Fatal(err)
		}
		if !got[0].Equal(got[1]) {
			t.Errorf("%d positions: got %s, want %s", n, got[0].GoStr(), got[1].GoStr())
		}
	}
}

// TestFormsOfXLACPU compares gradients of the forms that are for XLA:CPU alone with those of the Go backend.
func TestFormsOfXLACPU(t *testing.T) {
	cpu := openCPU(t)
	ours, err := parity.Backend()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = random.Float32() - 0.5
		}
		return x
	}
	forms := []struct {
		name  string
		sizes [3]int // of x, y and z
		value func(x, y, z *Node) *Node
	}{
		{"bias", [3]int{3 * 74 * 8, 8, 3 * 74 * 8}, func(x, y, z *Node) *Node {
			return Mul(addBias(Reshape(x, 3, 74, 8), Reshape(y, 1, 1, 8)), Reshape(z, 3, 74, 8))
		}},
		{"bias of heads", [3]int{40 * 2 * 64 * 4, 8, 40 * 2 * 64 * 4}, func(x, y, z *Node) *Node {
			return Mul(addBias(Reshape(x, 40, 2, 64, 4), Reshape(y, 1, 2, 1, 4)), Reshape(z, 40, 2, 64, 4))
		}},
		{"product", [3]int{2 * 64 * 8, 6 * 8, 2 * 64 * 6}, func(x, y, z *Node) *Node {
			return Mul(Product("bsh,oh->bso", Reshape(x, 2, 64, 8), Reshape(y, 6, 8)), Reshape(z, 2, 64, 6))
		}},
	}
	for _, precision := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		for _, form := range forms {
			t.Run(fmt.Sprint(precision, " ", form.name), func(t *testing.T) {
				x, y, z := draw(form.sizes[0]), draw(form.sizes[1]), draw(form.sizes[2])
				gradients := func(on compute.Backend) [][]float32 {
					got, err := CallOnceN(on, func(x, y, z *Node) []*Node {
						if is := onXLACPU(x.Graph()); is != (on != ours) {
							t.Errorf("onXLACPU is %t for %s", is, on.Description())
						}
						value := form.value(ConvertDType(x, precision), ConvertDType(y, precision), ConvertDType(z, precision))
						return Gradient(ReduceAllSum(ConvertDType(value, dtypes.Float32)), x, y)
					}, x, y, z)
					if err != nil {
						t.Fatal(err)
					}
					return [][]float32{tensors.MustCopyFlatData[float32](got[0]), tensors.MustCopyFlatData[float32](got[1])}
				}
				tolerance := 2e-6
				if precision == dtypes.BFloat16 {
					tolerance = 1.0 / 128 // a step of bfloat16
				}
				got, want := gradients(cpu), gradients(ours)
				for i := range want {
					var greatest, fault float64
					for j := range want[i] {
						greatest = max(greatest, math.Abs(float64(want[i][j])))
						fault = max(fault, math.Abs(float64(got[i][j]-want[i][j])))
					}
					if fault > tolerance*greatest || greatest == 0 {
						t.Errorf("gradient %d is off by %g, where the greatest is %g", i, fault, greatest)
					}
				}
			})
		}
	}
}

// openCPU opens XLA:CPU, and skips the test where there is none.
func openCPU(t *testing.T) compute.Backend {
	t.Helper()
	if !pjrt.Linked {
		t.Skip("built without cgo")
	}
	client, err := pjrt.Open("cpu", plugintest.Need(t, "cpu"), pjrt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client.Backend()
}
