package heads

import (
	"errors"
	"fmt"
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

// Relation is a classifier over an encoded sentence. Its zero value is not useful; see DefaultRelation.
type Relation struct {
	// Pooling selects the classifier's input: "cls" (the tanh pooler over [CLS], the baseline), "cls_raw"
	// (h_CLS itself), or a summary of the last layer: "attention", "lstm", "bilstm", "mean", "mention".
	Pooling string `toml:"pooling"`
	// WithCLS puts h_CLS, raw, before the summary: [h_CLS ; O]. Without it the classifier sees O alone.
	WithCLS bool `toml:"with_cls"`
	// Mask says which positions a summary runs over: "tokens", those between [CLS] and [SEP], as the paper
	// describes, or "positions", all from the second to the last but one, padding included, as its released code
	// does. The pooling "mention" ignores it.
	Mask string `toml:"sll_mask"`
	// Layers, for "cls_raw" only, selects the layers whose h_CLS are concatenated: 0 is the embeddings, -1 the
	// last layer. Empty means the last layer.
	Layers []int `toml:"layers"`
	// HardSigmoid makes the gates of the LSTMs piecewise linear, as Keras's were by default: clip(0.2x+0.5, 0, 1).
	HardSigmoid bool `toml:"hard_sigmoid"`
	// Classes is C.
	Classes int `toml:"-"`
}

// DefaultRelation is the paper's baseline with its settings for the summaries, once a pooling is chosen.
func DefaultRelation() Relation { return Relation{Pooling: "cls", WithCLS: true, Mask: "tokens"} }

// poolings holds the summaries of the last layer, [B,...], and their widths in multiples of H. The poolings cls and
// cls_raw are not summaries.
var poolings = map[string]struct {
	width     int
	summarise func(r Relation, s *model.Scope, in RelationInput) (summary, weights *Node)
}{
	"attention": {1, Relation.attention},
	"mean":      {1, Relation.mean},
	"mention":   {2, Relation.mention},
	"lstm":      {1, Relation.lstm},
	"bilstm":    {2, Relation.bilstm},
}

// Validate lists every fault at once.
func (r Relation) Validate() error {
	var faults []error
	if known := append(poolingNames(), "cls", "cls_raw"); !slices.Contains(known, r.Pooling) {
		slices.Sort(known)
		faults = append(faults, fmt.Errorf("pooling %q, want one of %s", r.Pooling, strings.Join(known, ", ")))
	}
	if r.Mask != "tokens" && r.Mask != "positions" {
		faults = append(faults, fmt.Errorf("sll_mask %q, want tokens or positions", r.Mask))
	}
	if len(r.Layers) > 0 && r.Pooling != "cls_raw" {
		faults = append(faults, fmt.Errorf("layers %v with pooling %q, want pooling cls_raw", r.Layers, r.Pooling))
	}
	if !r.Summarises() && !r.WithCLS {
		faults = append(faults, fmt.Errorf("with_cls false with pooling %q, which uses only [CLS]", r.Pooling))
	}
	if r.Classes < 2 {
		faults = append(faults, fmt.Errorf("%d classes, want at least 2", r.Classes))
	}
	return errors.Join(faults...)
}

func poolingNames() []string {
	var names []string
	for name := range poolings {
		names = append(names, name)
	}
	return names
}

// Parameters lists the parameters of the classifier and its pooling, without the encoder's.
func (r Relation) Parameters(c bert.Config) []weights.Parameter {
	var ps []weights.Parameter
	switch r.Pooling {
	case "cls":
		ps = bert.PoolerParameters(c)
	case "attention":
		ps = append(ps, weights.Matrix("sll.attention", 1, c.HiddenSize, c.InitializerRange))
	case "lstm":
		ps = lstmParameters(c.HiddenSize, "")
	case "bilstm":
		ps = append(lstmParameters(c.HiddenSize, ""), lstmParameters(c.HiddenSize, backward)...)
	}
	return append(ps, weights.Dense("classifier", r.features(c.HiddenSize), r.Classes, c.InitializerRange)...)
}

// Summarises reports whether the pooling is a summary of the last layer, and not only [CLS].
func (r Relation) Summarises() bool {
	_, summary := poolings[r.Pooling]
	return summary
}

// features is the width of the classifier's input.
func (r Relation) features(hidden int) int {
	pooling, summary := poolings[r.Pooling]
	width := max(1, len(r.Layers))
	if summary {
		width = pooling.width
		if r.WithCLS {
			width++
		}
	}
	return width * hidden
}

// RelationInput is an encoded batch.
type RelationInput struct {
	Hidden  []*Node // every layer [B,S,H], as bert.Output has them (the last at Positions); only "layers" needs more than the last
	Lengths *Node   // [B] int32, with [CLS] and [SEP]; for the mask "tokens"
	Spans   *Node   // [B,2,2] int32: half-open spans of the two mentions, in positions; for "mention"
}

// last is the last layer.
func (in RelationInput) last() *Node { return in.Hidden[len(in.Hidden)-1] }

// Positions selects the last-layer positions that the pooling needs, for bert.Input: that of [CLS], [B,1], or nil for
// all of ids [B,S].
func (r Relation) Positions(ids *Node) *Node {
	if r.Summarises() {
		return nil
	}
	return bert.AtCLS(ids)
}

// Logits is the classifier's output [B,C] float32, and the attention weights [B,S] float32 where the pooling has
// them (else nil). Dropout at the config's hidden rate is applied to the classifier's input. Panics if r is not
// valid, shapes disagree, an input that the pooling needs is nil, or a variable is missing or has another shape.
func (r Relation) Logits(s *model.Scope, c bert.Config, o bert.Options, in RelationInput) (logits, attention *Node) {
	if err := r.Validate(); err != nil {
		exceptions.Panicf("heads: relation: %v", err)
	}
	features, attention := r.pool(s, c, in)
	features = o.Dropout.Apply(features, c.HiddenDropout, "classifier")
	return ConvertDType(bert.Dense(s.At("classifier"), features, r.Classes), dtypes.Float32), attention
}

// pool is the classifier's input, [B, features].
func (r Relation) pool(s *model.Scope, c bert.Config, in RelationInput) (features, attention *Node) {
	switch r.Pooling {
	case "cls":
		return bert.Pool(s, c, in.last()), nil
	case "cls_raw":
		return r.layersCLS(in), nil
	}
	summary, attention := poolings[r.Pooling].summarise(r, s.At("sll"), in)
	if r.WithCLS {
		summary = Concatenate([]*Node{bert.First(in.last()), summary}, -1)
	}
	return summary, attention
}

// layersCLS concatenates h_CLS of the selected layers.
func (r Relation) layersCLS(in RelationInput) *Node {
	if len(r.Layers) == 0 {
		return bert.First(in.last())
	}
	var firsts []*Node
	for _, l := range r.Layers {
		at := l
		if l < 0 {
			at += len(in.Hidden)
		}
		if at < 0 || at >= len(in.Hidden) {
			exceptions.Panicf("heads: layer %d, want 0 to %d", l, len(in.Hidden)-1)
		}
		firsts = append(firsts, bert.First(in.Hidden[at]))
	}
	return Concatenate(firsts, -1)
}

// mask is 1 at the positions that a summary runs over: [B,S] float32.
func (r Relation) mask(in RelationInput) *Node {
	x := in.last()
	dims := x.Shape().Dimensions[:2]
	position := Iota(x.Graph(), shapes.Make(dtypes.Int32, dims...), 1)
	end := Const(x.Graph(), int32(dims[1]-1))
	if r.Mask == "tokens" {
		if in.Lengths == nil {
			exceptions.Panicf("heads: pooling %s over tokens needs lengths", r.Pooling)
		}
		end = InsertAxes(AddScalar(in.Lengths, -1), -1) // where [SEP] is
	}
	inside := LogicalAnd(GreaterThan(position, ScalarZero(x.Graph(), dtypes.Int32)), LessThan(position, end))
	return ConvertDType(inside, dtypes.Float32)
}

// attention is O = sum a_i h_i with a = softmax(h K) over the masked positions. Without masked positions O
// is 0.
func (r Relation) attention(s *model.Scope, in RelationInput) (summary, attention *Node) {
	x, mask := in.last(), r.mask(in)
	k := bert.Weight(s.At("attention"), x.Graph(), x.DType(), "weight", 1, x.Shape().Dim(-1))
	scores := Squeeze(bert.Product32("bsh,oh->bso", x, k), -1) // [B,S]
	scores = Add(scores, MulScalar(OneMinus(mask), -1e9))
	attention = Mul(Softmax(scores), mask)
	return weightedSum(attention, x), attention
}

// weightedSum is sum over s of w[b,s]·x[b,s,h].
func weightedSum(w, x *Node) *Node {
	return Squeeze(bert.Product("bos,bsh->boh", InsertAxes(ConvertDType(w, x.DType()), 1), x), 1)
}

// mean is the average of the masked positions, 0 where there are none.
func (r Relation) mean(_ *model.Scope, in RelationInput) (summary, _ *Node) {
	return weightedSum(share(r.mask(in)), in.last()), nil
}

// share divides each entry of a mask by the number of ones along the last axis.
func share(mask *Node) *Node {
	return Div(mask, MaxScalar(ReduceAndKeep(mask, ReduceSum, -1), 1))
}

// mention concatenates the averages over the two mentions; the average of a mention that was cut off is 0.
func (r Relation) mention(_ *model.Scope, in RelationInput) (summary, _ *Node) {
	x := in.last()
	dims := x.Shape().Dimensions
	if in.Spans == nil || !slices.Equal(in.Spans.Shape().Dimensions, []int{dims[0], 2, 2}) {
		exceptions.Panicf("heads: pooling mention needs spans [%d,2,2]", dims[0])
	}
	position := Iota(x.Graph(), shapes.Make(dtypes.Int32, dims[0], 2, dims[1]), 2)
	start, end := Slice(in.Spans, AxisRange(), AxisRange(), AxisElem(0)), Slice(in.Spans, AxisRange(), AxisRange(), AxisElem(1))
	inside := ConvertDType(LogicalAnd(GreaterOrEqual(position, start), LessThan(position, end)), dtypes.Float32)
	pooled := bert.Product("bms,bsh->bmh", ConvertDType(share(inside), x.DType()), x) // [B,2,H]
	return Reshape(pooled, dims[0], 2*dims[2]), nil
}
