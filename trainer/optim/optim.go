// Package optim turns gradients into new parameter values, inside the compiled step.
//
// Three optimizers: BERT's own Adam, Adam with decoupled decay as in torch, and LAMB. Each is a function of one
// parameter; operations that span parameters (the global norm) are separate. Learning rate and step are graph inputs,
// so that a schedule costs no recompilation and resuming needs no state but the moments.
//
// Sources: google-research/bert optimization.py (AdamWeightDecayOptimizer), torch.optim.AdamW, You et al. 2020 (LAMB).
package optim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Names of the optimizers.
const (
	BERTAdamW = "bert_adamw" // Google's: no bias correction; the learning rate multiplies the decay too
	AdamW     = "adamw"      // Loshchilov & Hutter as in torch: bias corrected
	LAMB      = "lamb"       // layer-wise trust ratio over bias-corrected Adam
)

// Names lists every optimizer.
func Names() []string { return []string{BERTAdamW, AdamW, LAMB} }

// Config is the [optimizer] table of a run.
type Config struct {
	Name         string  `toml:"name"`
	LearningRate float64 `toml:"learning_rate"` // at the peak of the schedule
	Beta1        float64 `toml:"beta1"`
	Beta2        float64 `toml:"beta2"`
	Epsilon      float64 `toml:"epsilon"`
	WeightDecay  float64 `toml:"weight_decay"` // not on LayerNorm and biases
	ClipNorm     float64 `toml:"clip_norm"`    // of the global gradient norm; 0 is off

	// FirstMoment is the type of the running mean of gradients, "float32" or "bfloat16". The mean moves by a tenth a
	// step, for which eight bits are enough; they are not for the second moment, which moves by a thousandth: its
	// changes would be rounded away.
	FirstMoment string `toml:"first_moment"`
}

// The types of a moment.
const (
	Float32  = "float32"
	BFloat16 = "bfloat16"
)

// FirstMomentDType is that of c.FirstMoment.
func (c Config) FirstMomentDType() dtypes.DType {
	if c.FirstMoment == BFloat16 {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// Default is the paper's optimizer: Google's Adam with its settings.
func Default() Config {
	return Config{Name: BERTAdamW, LearningRate: 2e-5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-6, WeightDecay: 0.01, ClipNorm: 1, FirstMoment: Float32}
}

// Validate returns every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("optimizer."+format, args...))
	}
	if !slices.Contains(Names(), c.Name) {
		fault("name: unknown %q, want one of %s", c.Name, strings.Join(Names(), ", "))
	}
	if c.FirstMoment != Float32 && c.FirstMoment != BFloat16 {
		fault("first_moment: unknown %q, want %s or %s", c.FirstMoment, Float32, BFloat16)
	}
	for _, f := range []struct {
		key   string
		value float64
		below float64
	}{
		{"learning_rate", c.LearningRate, math.Inf(1)}, {"beta1", c.Beta1, 1}, {"beta2", c.Beta2, 1},
		{"epsilon", c.Epsilon, math.Inf(1)}, {"weight_decay", c.WeightDecay, math.Inf(1)}, {"clip_norm", c.ClipNorm, math.Inf(1)},
	} {
		if !(f.value >= 0 && f.value < f.below) {
			fault("%s = %g: want a number in [0, %g)", f.key, f.value, f.below)
		}
	}
	return errors.Join(faults...)
}

// Decays reports whether weight decay applies to the parameter with the given Hugging Face name: Google's code
// excludes every name that contains LayerNorm, layer_norm or bias.
func Decays(name string) bool {
	for _, part := range []string{"LayerNorm", "layer_norm", "bias"} {
		if strings.Contains(name, part) {
			return false
		}
	}
	return true
}

// State is one parameter as an update sees it. The nodes share a shape and are float32. M and V, the moments, are kept beside
// the parameter and are zero at the start.
type State struct {
	Name            string // as in Hugging Face files
	Value, Gradient *Node
	M, V            *Node
}

// Moment is when an update happens.
type Moment struct {
	LearningRate *Node // scalar
	Step         *Node // scalar float32; the first update is at step 0
}

// Update builds the new value and moments of p. Panics if c's name is unknown, which Validate reports.
func (c Config) Update(p State, at Moment) (value, m, v *Node) {
	m = Add(MulScalar(p.M, c.Beta1), MulScalar(p.Gradient, 1-c.Beta1))
	v = Add(MulScalar(p.V, c.Beta2), MulScalar(Square(p.Gradient), 1-c.Beta2))
	decay := c.WeightDecay
	if !Decays(p.Name) {
		decay = 0
	}
	switch c.Name {
	case BERTAdamW:
		update := Div(m, AddScalar(Sqrt(v), c.Epsilon))
		if decay > 0 {
			update = Add(update, MulScalar(p.Value, decay))
		}
		value = Sub(p.Value, Mul(at.LearningRate, update))
	case AdamW:
		update := c.corrected(m, v, at.Step)
		if decay > 0 {
			update = Add(update, MulScalar(p.Value, decay))
		}
		value = Sub(p.Value, Mul(at.LearningRate, update))
	case LAMB:
		update := c.corrected(m, v, at.Step)
		if Decays(p.Name) { // as in other LAMBs: parameters without decay are not adapted either
			update = Add(update, MulScalar(p.Value, decay))
			update = Mul(trustRatio(p.Value, update), update)
		}
		value = Sub(p.Value, Mul(at.LearningRate, update))
	default:
		panic(fmt.Errorf("optim: unknown optimizer %q", c.Name))
	}
	return value, m, v
}

// corrected is Adam's step with bias correction: m/(1-beta1^t) / (sqrt(v/(1-beta2^t)) + eps), t counted from 1.
func (c Config) corrected(m, v, step *Node) *Node {
	t := AddScalar(step, 1)
	correction := func(beta float64) *Node {
		// -expm1(t log beta) keeps its digits where beta^t is close to one.
		return Neg(Expm1(MulScalar(t, math.Log(beta))))
	}
	mHat := Div(m, correction(c.Beta1))
	vHat := Div(v, correction(c.Beta2))
	return Div(mHat, AddScalar(Sqrt(vHat), c.Epsilon))
}

// trustRatio is |value| / |update|, and 1 where either norm is 0.
func trustRatio(value, update *Node) *Node {
	w := Sqrt(ReduceAllSum(Square(value)))
	u := Sqrt(ReduceAllSum(Square(update)))
	one := OnesLike(w)
	zero := ZerosLike(w)
	defined := LogicalAnd(GreaterThan(w, zero), GreaterThan(u, zero))
	return Where(defined, Div(w, Where(defined, u, one)), one)
}

// Clip scales gradients so that their global norm is at most c.ClipNorm; norm is their norm before clipping. The
// devices of mesh share the work on the norm; nil means one device.
func (c Config) Clip(gradients []*Node, mesh *distributed.DeviceMesh) (clipped []*Node, norm *Node) {
	norm = GlobalNorm(gradients, mesh)
	if c.ClipNorm == 0 {
		return gradients, norm
	}
	limit := Const(norm.Graph(), float32(c.ClipNorm))
	scale := Div(limit, Max(norm, limit))
	clipped = make([]*Node, len(gradients))
	for i, g := range gradients {
		clipped[i] = Mul(g, scale)
	}
	return clipped, norm
}
