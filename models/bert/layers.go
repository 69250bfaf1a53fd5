package bert

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/subbert/subbert/models/adjoint"
	"github.com/subbert/subbert/models/dropout"
)

// Options says how a graph computes. Apart from dropout, the options change results only by rounding. The zero
// value is float32 without dropout.
type Options struct {
	// Precision is that of activations and products: Float32 (also the zero value) or BFloat16. Variables stay
	// float32 and are rounded where they are used; softmax, normalisation, activation functions and losses are
	// computed in float32 either way, and products accumulate in it.
	Precision dtypes.DType
	// Dropout draws the masks; nil drops nothing.
	Dropout *dropout.Source
	// Attentions requests the attention probabilities of every layer.
	Attentions bool
	// CuDNN requests fused attention on a GPU where FusedAttention allows it. Otherwise it has no effect.
	CuDNN bool
}

// DType is the precision of o. Panics if it is neither Float32 nor BFloat16.
func (o Options) DType() dtypes.DType {
	switch o.Precision {
	case dtypes.InvalidDType, dtypes.Float32:
		return dtypes.Float32
	case dtypes.BFloat16:
		return dtypes.BFloat16
	}
	exceptions.Panicf("bert: precision %s, want float32 or bfloat16", o.Precision)
	return dtypes.InvalidDType
}

// Weight is the value of the variable called name in scope s, rounded to dtype. Panics if the variable is missing,
// or has another shape than dims.
func Weight(s *model.Scope, g *Graph, dtype dtypes.DType, name string, dims ...int) *Node {
	v := s.GetVariable(name)
	if v == nil {
		exceptions.Panicf("bert: variable %q is missing: create or load it before the graph is built",
			model.JoinPath(s.Scope(), name))
	}
	if got := v.Shape(); got.DType != dtypes.Float32 || !slices.Equal(got.Dimensions, dims) {
		exceptions.Panicf("bert: variable %q is %s, want float32 %v", v.Path(), got, dims)
	}
	return ConvertDType(v.NodeValue(g), dtype)
}

// Dense is x·Wᵀ+b with the "weight" [out,in] and "bias" [out] of s: [...,in] -> [...,out]. Panics if the variables
// do not have these shapes.
func Dense(s *model.Scope, x *Node, out int) *Node {
	g, in, axes := x.Graph(), x.Shape().Dim(-1), "abcdefg"[:x.Rank()-1]
	w := Weight(s, g, x.DType(), "weight", out, in)
	y := Product(axes+"i,oi->"+axes+"o", x, w)
	return addBias(y, alignLast(Weight(s, g, x.DType(), "bias", out), y))
}

// alignLast gives a vector the rank of x, as its last axis.
func alignLast(vector, x *Node) *Node { return ExpandLeftToRank(vector, x.Rank()) }

// Norm normalises x over its last axis with the "weight" and "bias" of s. The variance is E[x²]-E[x]², which takes
// one pass over x for both moments; BERT's activations are centred well enough for that. The gradient is written by
// hand and takes one pass for both of its means. Panics if the variables do not have x's last dimension.
func Norm(s *model.Scope, c Config, x *Node) *Node {
	g, size := x.Graph(), x.Shape().Dim(-1)
	x32 := ConvertDType(x, dtypes.Float32)
	gamma := alignLast(Weight(s, g, dtypes.Float32, "weight", size), x)
	beta := alignLast(Weight(s, g, dtypes.Float32, "bias", size), x)
	mean := ReduceAndKeep(x32, ReduceMean, -1)
	variance := MaxScalar(Sub(ReduceAndKeep(Square(x32), ReduceMean, -1), Square(mean)), 0.0)
	rate := Rsqrt(AddScalar(variance, c.LayerNormEps))
	normal := Mul(Sub(x32, mean), rate)
	y := ConvertDType(Add(Mul(normal, gamma), beta), x.DType())
	return adjoint.Attach(y, []*Node{x, gamma, beta}, func(d *Node) []*Node {
		d = ConvertDType(d, dtypes.Float32)
		d2 := Mul(d, gamma)
		along := Add(ReduceAndKeep(d2, ReduceMean, -1), Mul(normal, ReduceAndKeep(Mul(d2, normal), ReduceMean, -1)))
		return []*Node{
			ConvertDType(Mul(rate, Sub(d2, along)), x.DType()),
			sumTo(gamma, Mul(d, normal)), sumTo(beta, d),
		}
	})
}

// activations are the functions that config.json may name. Hugging Face's "gelu" is the exact one by erf; Google's
// code computes the tanh form under the same name, which Hugging Face calls gelu_new or gelu_pytorch_tanh.
var activations = map[string]struct {
	exact func(x *Node) *Node
	// rounded computes the function and its slope for a float32 x, exactly enough for results in bfloat16.
	rounded func(x *Node) (y, slope *Node)
}{
	"gelu":              {activation.Gelu, gelu},
	"gelu_new":          {tanhGelu, tanhGeluAndSlope},
	"gelu_pytorch_tanh": {tanhGelu, tanhGeluAndSlope},
	"relu":              {activation.Relu, reluAndSlope},
}

// Activate applies the config's hidden_act in float32. Panics if it is unknown.
//
// In bfloat16 the gradient keeps the slope, behind a barrier, instead of x: otherwise XLA would compute erf and an
// exponential again in the backward product, which then waits for them. In float32 keeping the slope would take too
// much memory.
func Activate(c Config, x *Node) *Node {
	f, known := activations[c.HiddenAct]
	if !known {
		exceptions.Panicf("bert: hidden_act %q is unknown", c.HiddenAct)
	}
	if x.DType() == dtypes.Float32 {
		return exactly(c, x, f.exact(x))
	}
	y, slope := f.rounded(ConvertDType(x, dtypes.Float32))
	return adjoint.Attach(ConvertDType(y, x.DType()), []*Node{x}, func(d *Node) []*Node {
		return []*Node{Mul(d, keep(ConvertDType(slope, x.DType())))}
	})
}

// exactly returns y, the activation of x in float32. Where the backend has GELU as one operation, the slope takes Φ(x)
// from y/x, which costs less than erf and is off by one or two units in the last place.
func exactly(c Config, x, y *Node) *Node {
	if c.HiddenAct != "gelu" || !x.Graph().Backend().Capabilities().Operations[compute.OpTypeFusedGelu] {
		return y
	}
	return adjoint.Attach(y, []*Node{x}, func(d *Node) []*Node {
		const tiny = 1e-20 // below it Φ(x) is 1/2
		below := Where(LessThan(Abs(x), Scalar(x.Graph(), x.DType(), tiny)), Scalar(x.Graph(), x.DType(), 0.5), Div(y, x))
		density := Exp(AddScalar(MulScalar(Square(x), -0.5), -math.Log(2*math.Pi)/2))
		return []*Node{Mul(d, Add(below, Mul(x, density)))}
	})
}

// gelu is x·Φ(x), with Φ the normal distribution, and its slope Φ(x) + x·φ(x), for results that are rounded to
// bfloat16. Every operation counts: a TPU core applies each one to nine million numbers.
//
// Φ is (1+tanh(p))/2 as in the tanh form of GELU, with one more term in p. The terms minimise the greatest error of x·Φ
// in units of bfloat16's rounding: it is 0.37 of half a step, or 1.6e-6 where that is more, and the error of the slope
// is 8e-5 (those of the tanh form are 50 half steps and 9e-4). x² is limited to 36 in p, which would turn back beyond
// |x| = 6, where Φ is 0 or 1 to bfloat16's precision.
func gelu(x *Node) (y, slope *Node) {
	square := MinScalar(Square(x), 36.0)
	p := AddScalar(MulScalar(square, -3.90065306e-4), 3.72607817e-2)
	p = Mul(x, AddScalar(Mul(square, p), 0.79730862))
	if onXLACPU(x.Graph()) {
		// There tanh and exp take long, and one exp is enough: (1+tanh(p))/2 is 1/(1+exp(-2p)), and the slope is that of y as it is
		// computed here. It is off by up to 2.1e-4, a tenth of bfloat16's rounding.
		below := Inverse(AddScalar(Exp(MulScalar(p, -2)), 1))
		rate := AddScalar(MulScalar(square, -2*5*3.90065306e-4), 2*3*3.72607817e-2) // twice the slope of p
		rate = AddScalar(Mul(square, rate), 2*0.79730862)
		y = Mul(x, below)
		return y, Add(below, Mul(Mul(y, OneMinus(below)), rate))
	}
	below := AddScalar(MulScalar(Tanh(p), 0.5), 0.5)
	density := Exp(AddScalar(MulScalar(square, -0.5), -math.Log(2*math.Pi)/2))
	return Mul(x, below), Add(below, Mul(x, density))
}

// keep makes XLA compute x once, instead of again for each use. (The barrier takes two values, since go-xla leaves out
// a barrier of one.)
func keep(x *Node) *Node { return OptimizationBarriers(x, ScalarZero(x.Graph(), x.DType()))[0] }

// Stored returns x and prevents XLA from computing it again where it is used: it is computed once, in the forward
// graph.
func Stored(x *Node) *Node {
	return adjoint.Attach(keep(x), []*Node{x}, func(d *Node) []*Node { return []*Node{d} })
}

// tanhTerm is the factor of x³ in the tanh form of GELU, and tanhRate is the factor of the sum: √(2/π).
const (
	tanhTerm = 0.044715
	tanhRate = math.Sqrt2 / math.SqrtPi
)

// tanhPart is tanh(√(2/π)·(x+0.044715x³)), given x and its square.
func tanhPart(x, square *Node) *Node {
	return Tanh(Mul(x, AddScalar(MulScalar(square, tanhTerm*tanhRate), tanhRate)))
}

// tanhGelu is x·(1+tanh(√(2/π)·(x+0.044715x³)))/2.
func tanhGelu(x *Node) *Node { return Mul(MulScalar(x, 0.5), OnePlus(tanhPart(x, Square(x)))) }

// tanhGeluAndSlope is tanhGelu and its derivative.
func tanhGeluAndSlope(x *Node) (y, slope *Node) {
	square := Square(x)
	t := tanhPart(x, square)
	below := AddScalar(MulScalar(t, 0.5), 0.5)
	y = Mul(x, below)
	return y, Add(below, Mul(Mul(y, OneMinus(t)), AddScalar(MulScalar(square, 3*tanhTerm*tanhRate), tanhRate)))
}

// reluAndSlope is max(x,0) and its derivative.
func reluAndSlope(x *Node) (y, slope *Node) {
	return activation.Relu(x), ConvertDType(GreaterThan(x, ScalarZero(x.Graph(), x.DType())), x.DType())
}
