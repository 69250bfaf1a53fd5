package bert

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
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

// TestGELU: value and slope are those of the exact function to float32's digits, in the tails, too.
func TestGELU(t *testing.T) {
	const n = 4001
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i-n/2) / 200 // -10 to 10
	}
	got := parity.Run(t, parity.Store(t, nil), golden.Tensors{"x": golden.Floats(x, n)}, func(_ *model.Scope, in parity.Nodes) parity.Nodes {
		y, slope := geluAndSlope(in["x"])
		return parity.Nodes{"y": y, "slope": slope}
	})
	for i, f := range x {
		x := float64(f)
		below := math.Erfc(-x/math.Sqrt2) / 2
		slope := below + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
		if y := float64(got["y"].Floats[i]); math.Abs(y-x*below) > 5e-7 {
			t.Errorf("GELU(%g) = %g, want %g", x, y, x*below)
		}
		if s := float64(got["slope"].Floats[i]); math.Abs(s-slope) > 5e-7 {
			t.Errorf("GELU'(%g) = %g, want %g", x, s, slope)
		}
	}
}
