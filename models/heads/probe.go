package heads

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
)

// The inputs that a probe can take from a sentence.
const (
	ProbeSpans = "spans" // the two mentions
	ProbeAll   = "all"   // every position side by side, padding as zeros: the paper's formula as printed
	ProbeCLS   = "cls"   // [CLS]
)

// Probe is an edge probe on a frozen encoder: a scalar mix of layers 0 to l, of which Input selects the positions,
// and a perceptron of two layers with tanh between them (Tenney et al. 2019; Su & Vijay-Shanker 2022, section on
// probing).
//
// Probes of several l have separate parameters, "probe.l.", and may share a graph: their losses add up, and none
// changes another's gradient.
type Probe struct {
	// Input is ProbeSpans, ProbeAll or ProbeCLS.
	Input string `toml:"input"`
	// Projection is D, the width to which the states of a mention are projected before self-attention pools them
	// into one vector; each mention has its own weights. 0 leaves the projection out. For ProbeSpans only.
	Projection int `toml:"projection"`
	// Hidden is M, the width between the two layers.
	Hidden int `toml:"hidden"`
	// Classes is C.
	Classes int `toml:"-"`
}

// DefaultProbe is Tenney's pooling with the paper's width.
func DefaultProbe() Probe { return Probe{Input: ProbeSpans, Projection: 256, Hidden: 1024} }

// Validate lists every fault at once.
func (p Probe) Validate() error {
	var faults []error
	if !slices.Contains([]string{ProbeSpans, ProbeAll, ProbeCLS}, p.Input) {
		faults = append(faults, fmt.Errorf("input %q, want %s, %s or %s", p.Input, ProbeSpans, ProbeAll, ProbeCLS))
	}
	if p.Hidden < 1 || p.Projection < 0 {
		faults = append(faults, fmt.Errorf("hidden %d, projection %d: want at least 1 and at least 0", p.Hidden, p.Projection))
	}
	if p.Classes < 2 {
		faults = append(faults, fmt.Errorf("%d classes, want at least 2", p.Classes))
	}
	return errors.Join(faults...)
}

// mentions names the parameters of the two mentions' pooling.
var mentions = []string{"a", "b"}

// name is the prefix of the parameters of the probe of layers 0 to l.
func (p Probe) name(l int) string { return fmt.Sprintf("probe.%d", l) }

// Parameters lists the parameters of the probe of layers 0 to l, for states of the given hidden size and, for
// ProbeAll, the number of positions. Weights are drawn uniformly within 1/sqrt(inputs), as torch draws those of a
// linear layer.
func (p Probe) Parameters(l, hidden, positions int) []weights.Parameter {
	at := p.name(l)
	ps := []weights.Parameter{
		{Name: at + ".mix.alpha", Shape: []int{l + 1}, Init: weights.Zeros},
		{Name: at + ".mix.gamma", Shape: []int{1}, Init: weights.Ones},
	}
	features, size := hidden, hidden
	switch p.Input {
	case ProbeAll:
		features = positions * hidden
	case ProbeSpans:
		if p.Projection > 0 {
			size = p.Projection
		}
		for _, m := range mentions {
			if p.Projection > 0 {
				ps = append(ps, linear(at+"."+m+".projection", hidden, size)...)
			}
			ps = append(ps, linear(at+"."+m+".attention", size, 1)[:1]...)
		}
		features = 2 * size
	}
	ps = append(ps, linear(at+".hidden", features, p.Hidden)...)
	return append(ps, linear(at+".output", p.Hidden, p.Classes)...)
}

// linear is a dense layer drawn as torch does.
func linear(name string, in, out int) []weights.Parameter {
	ps := weights.Dense(name, in, out, 0)
	for i := range ps {
		ps[i].Init, ps[i].Spread = weights.Uniform, 1/math.Sqrt(float64(in))
	}
	return ps
}

// ProbeInput is a batch of activations of every layer.
type ProbeInput struct {
	// Layers [B,L+1,P,H] are the states at the positions that the probe sees: [CLS] alone for ProbeCLS (P is 1), all of
	// them for ProbeAll (P is S), and for ProbeSpans those of the first mention and then those of the second, P/2 each.
	Layers *Node
	// Lengths [B,2] int32 is the number of real positions: of each mention, or, in the first column, of the
	// sentence.
	Lengths *Node
}

// Logits is the output [B,C] of the probe of layers 0 to l. Panics if p is not valid, shapes disagree, or a variable
// is missing.
func (p Probe) Logits(s *model.Scope, in ProbeInput, l int) *Node {
	if err := p.Validate(); err != nil {
		exceptions.Panicf("heads: probe: %v", err)
	}
	if dims := in.Layers.Shape().Dimensions; len(dims) != 4 || l < 0 || l >= dims[1] {
		exceptions.Panicf("heads: probe of layer %d on activations %s, want [B,L+1,P,H]", l, in.Layers.Shape())
	}
	for part := range strings.SplitSeq(p.name(l), ".") {
		s = s.At("%s", part)
	}
	features := p.features(s, Mix(s.At("mix"), in.Layers, l), in.Lengths)
	return bert.Dense(s.At("output"), Tanh(bert.Dense(s.At("hidden"), features, p.Hidden)), p.Classes)
}

// Mix is the scalar mix gamma · sum of softmax(alpha)_k h^k over layers 0 to l: layers [B,L+1,P,H] -> [B,P,H].
func Mix(s *model.Scope, layers *Node, l int) *Node {
	g, dims := layers.Graph(), layers.Shape().Dimensions
	share := Softmax(bert.Weight(s, g, dtypes.Float32, "alpha", l+1))
	gamma := bert.Weight(s, g, dtypes.Float32, "gamma", 1)
	below := Slice(layers, AxisRange(), AxisRange(0, l+1))
	mixed := ReduceSum(Mul(below, Reshape(share, 1, l+1, 1, 1)), 1)
	return Reshape(Mul(mixed, Reshape(gamma, 1, 1, 1)), dims[0], dims[2], dims[3])
}

// features is the perceptron's input, made from the mix.
func (p Probe) features(s *model.Scope, mixed, lengths *Node) *Node {
	dims := mixed.Shape().Dimensions
	switch p.Input {
	case ProbeCLS:
		return bert.First(mixed)
	case ProbeAll:
		inside := within(Slice(lengths, AxisRange(), AxisElem(0)), dims[1])
		return Reshape(Mul(mixed, InsertAxes(inside, -1)), dims[0], dims[1]*dims[2])
	}
	if dims[1]%2 != 0 {
		exceptions.Panicf("heads: probe of two mentions on %d positions, want an even number", dims[1])
	}
	width := dims[1] / 2
	var pooled []*Node
	for i, m := range mentions {
		states := Slice(mixed, AxisRange(), AxisRange(i*width, (i+1)*width))
		pooled = append(pooled, p.pool(s.At("%s", m), states, Slice(lengths, AxisRange(), AxisElem(i))))
	}
	return Concatenate(pooled, -1)
}

// pool is the self-attentive pooling of one mention: x [B,W,H], lengths [B,1]. A mention that was cut off and has no
// positions is pooled to zero.
func (p Probe) pool(s *model.Scope, x, lengths *Node) *Node {
	if p.Projection > 0 {
		x = bert.Dense(s.At("projection"), x, p.Projection)
	}
	w := bert.Weight(s.At("attention"), x.Graph(), x.DType(), "weight", 1, x.Shape().Dim(-1))
	inside := within(lengths, x.Shape().Dim(1))
	scores := Squeeze(bert.Product("bsh,oh->bso", x, w), -1)
	share := Mul(Softmax(Add(scores, MulScalar(OneMinus(inside), -1e9))), inside)
	return weightedSum(share, x)
}

// within is 1 at the positions below lengths [B,1]: [B,n] float32.
func within(lengths *Node, n int) *Node {
	position := Iota(lengths.Graph(), shapes.Make(dtypes.Int32, lengths.Shape().Dim(0), n), 1)
	return ConvertDType(LessThan(position, lengths), dtypes.Float32)
}

// ProbeActivations selects a probe's input from encoded sentences: the states of the L+1 layers hidden [B,S,H] at
// positions [B,P] int32, where -1 stands for none. The result is [B,L+1,P,H] float32, zero at positions -1.
// ProbeAll needs no positions, and its P is S.
func ProbeActivations(hidden []*Node, positions *Node) *Node {
	layers := make([]*Node, len(hidden))
	for k, h := range hidden {
		h = ConvertDType(h, dtypes.Float32)
		if positions != nil {
			chosen := OneHot(positions, h.Shape().Dim(1), dtypes.Float32) // [B,P,S]; a row of zeros for -1
			h = bert.Product("bps,bsh->bph", chosen, h)
		}
		layers[k] = InsertAxes(h, 1)
	}
	return Concatenate(layers, 1)
}
