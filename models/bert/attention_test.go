package bert

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/dropout"
)

// plainMix is attention as the papers have it, softmax with the greatest score taken off, differentiated by gomlx.
func plainMix(e encoder, q, k, v *Node, site string) *Node {
	scores := Einsum("bnsd,bntd->bnst", q, k)
	if e.bias != nil {
		scores = Add(scores, e.bias)
	}
	return Einsum("bnst,bntd->bnsd", e.Dropout.Apply(Softmax(scores, -1), e.AttentionDropout, site), v)
}

// TestMix: attention's result and gradients are those of the plain form, with dropout and padding, also for scores of
// hundreds of either sign, as small encoders at a high rate come to.
func TestMix(t *testing.T) {
	const b, n, s, d = 3, 2, 5, 4
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(scale float64) golden.Tensor {
		x := make([]float32, b*n*s*d)
		for i := range x {
			x[i] = float32(rng.NormFloat64() * scale)
		}
		return golden.Floats(x, b, n, s, d)
	}
	for _, scale := range []float64{0.1, 1, 4, 12} {
		t.Run(fmt.Sprint(scale), func(t *testing.T) {
			inputs := golden.Tensors{"q": draw(scale), "k": draw(scale), "v": draw(1), "to": draw(1), "lengths": {Shape: []int{b}, Ints: []int32{5, 3, 1}}}
			run := func(f func(e encoder, q, k, v *Node, site string) *Node) golden.Tensors {
				return parity.Run(t, parity.Store(t, nil), inputs, func(_ *model.Scope, in parity.Nodes) parity.Nodes {
					g := in["q"].Graph()
					e := encoder{Config: nano(), Options: Options{Dropout: dropout.New(Const(g, uint32(3)), Const(g, uint32(4)), nil)}}
					e.bias = Input{InputIDs: Zeros(g, shapes.Make(dtypes.Int32, b, s)), Lengths: in["lengths"]}.bias()
					y := f(e, in["q"], in["k"], in["v"], "here")
					grads := Gradient(ReduceAllSum(Mul(y, in["to"])), in["q"], in["k"], in["v"])
					return parity.Nodes{"context": y, "to q": grads[0], "to k": grads[1], "to v": grads[2]}
				})
			}
			want := run(plainMix)
			got := run(func(e encoder, q, k, v *Node, site string) *Node {
				y, _ := e.mix(q, k, v, site)
				return y
			})
			// A score of 500 in float32 is off by 3e-5, and so is its exponential. Where one key takes all, the true gradients are zero,
			// and ours the rounding of a difference of about one, times a key.
			tol := golden.Tolerance{Relative: 2e-6 * max(1, scale*scale), Absolute: 1e-6 * scale}
			for _, fault := range golden.Diff(want, got, tol) {
				t.Error(fault)
			}
		})
	}
}

// TestActivations: below float32, value and slope are those of the function to less than half of bfloat16's rounding, in
// the tails and far out, too, on the Go backend and on XLA:CPU.
func TestActivations(t *testing.T) {
	var x []float32
	for i := -2400; i <= 2400; i++ {
		x = append(x, float32(i)/200) // -12 to 12
	}
	x = append(x, -1e4, -100, -30, 30, 100, 1e4)
	tanhForm := func(x float64) float64 {
		return x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) / 2
	}
	type allowed struct{ value, slope float64 } // where rounding is finer; XLA:CPU's tanh(p) is 1 from p = 8 on
	for name, c := range map[string]struct {
		value, slope  func(x float64) float64
		off, offOnCPU allowed
	}{
		"gelu": {
			func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 },
			func(x float64) float64 {
				return math.Erfc(-x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
			},
			allowed{1.6e-6, 8.1e-5}, allowed{1.6e-6, 2.1e-4},
		},
		"gelu_new": {tanhForm, func(x float64) float64 { return (tanhForm(x+1e-5) - tanhForm(x-1e-5)) / 2e-5 }, allowed{1e-6, 1e-6}, allowed{1e-6, 4e-6}},
		"relu": {
			func(x float64) float64 { return max(x, 0) },
			func(x float64) float64 { return map[bool]float64{true: 1}[x > 0] }, allowed{}, allowed{},
		},
	} {
		check := func(t *testing.T, on compute.Backend, off allowed) {
			got, err := CallOnceN(on, func(x *Node) []*Node {
				y, slope := activations[name].rounded(x)
				return []*Node{y, slope}
			}, x)
			if err != nil {
				t.Fatal(err)
			}
			values, slopes := tensors.MustCopyFlatData[float32](got[0]), tensors.MustCopyFlatData[float32](got[1])
			const halfStep = 1.0 / (1 << 9) // at least, of a number in bfloat16
			for i, f := range x {
				x := float64(f)
				want := c.value(x)
				if y := float64(values[i]); !(math.Abs(y-want) <= max(0.38*halfStep*math.Abs(want), off.value)) {
					t.Errorf("f(%g) = %g, want %g", x, y, want)
				}
				if s, want := float64(slopes[i]), c.slope(x); !(math.Abs(s-want) <= off.slope) {
					t.Errorf("f'(%g) = %g, want %g", x, s, want)
				}
			}
		}
		t.Run(name, func(t *testing.T) {
			ours, err := parity.Backend()
			if err != nil {
				t.Fatal(err)
			}
			check(t, ours, c.off)
		})
		t.Run(name+" on XLA:CPU", func(t *testing.T) { check(t, openCPU(t), c.offOnCPU) })
	}
}
