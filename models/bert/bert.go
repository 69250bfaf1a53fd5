package bert

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"github.com/subbert/subbert/models/adjoint"
)

// Input is a batch of token ids. At most one of AttentionMask and Lengths is set; without either, every position
// takes part.
type Input struct {
	InputIDs     *Node // [B,S] int32
	TokenTypeIDs *Node // [B,S] int32; nil: all zero
	// AttentionMask [B,S] is nonzero (or true) where a position may be attended to.
	AttentionMask *Node
	// Lengths [B] int32 is the alternative to AttentionMask for rows padded at the end: the number of
	// tokens of each row.
	Lengths *Node
	// Positions [B,P] int32 selects the positions whose last-layer states are computed; nil: all. For other positions
	// the last layer computes only keys and values: with 21 of 128 positions that saves two thirds of the layer,
	// forward and backward.
	Positions *Node
}

// Output is the encoder's output, in the precision of Options.
type Output struct {
	// Hidden has L+1 entries [B,S,H]: the embeddings, then every layer. The last is [B,P,H] if positions were given.
	Hidden []*Node
	// Attentions, if Options requests them, has L entries [B,N,S,S] in float32: the probabilities before dropout.
	// The last is [B,N,P,S] if positions were given.
	Attentions []*Node
	// Words is the word table of the input's embeddings, which a tied decoder shares.
	Words WordTable
}

// Last is the last layer's output [B,S,H], or [B,P,H] at the positions given.
func (o Output) Last() *Node { return o.Hidden[len(o.Hidden)-1] }

// maskedScore is added to the score of a position that may not be attended to. The softmax turns it into zero,
// while a row in which every position is masked (it fills up a batch) stays finite.
const maskedScore = -1e9

// encoder carries what every layer needs.
type encoder struct {
	Config
	Options
	bias    *Node // [B,1,1,S] float32, or nil
	lengths *Node // [B] int32, or nil; the same mask as bias
}

// Encode runs the encoder over the variables below s, the root of the model's names. Panics if shapes disagree, the
// sequence is longer than max_position_embeddings, or a variable is missing or has the wrong shape.
func Encode(s *model.Scope, c Config, in Input, o Options) Output {
	if dims := in.InputIDs.Shape().Dimensions; len(dims) != 2 || dims[1] > c.MaxPositionEmbeddings {
		exceptions.Panicf("bert: input_ids are %s, want [B,S] with S at most max_position_embeddings %d",
			in.InputIDs.Shape(), c.MaxPositionEmbeddings)
	}
	words := Words(s, c, in.InputIDs.Graph())
	s = s.At("bert")
	e := encoder{Config: c, Options: o, bias: in.bias(), lengths: in.Lengths}
	x := e.embed(s.At("embeddings"), words, in)
	out := Output{Hidden: []*Node{x}, Words: words}
	for l := range c.NumHiddenLayers {
		asked := x
		if l == c.NumHiddenLayers-1 && in.Positions != nil {
			asked = Pick(x, in.Positions)
		}
		y, probabilities := e.layer(s.At("encoder").At("layer").At("%d", l), asked, x, fmt.Sprintf("layer.%d.", l))
		x = y
		out.Hidden = append(out.Hidden, x)
		if o.Attentions {
			out.Attentions = append(out.Attentions, probabilities)
		}
	}
	return out
}

// Pool is the pooler: tanh of a dense layer over [CLS], the first of [B,S,H] -> [B,H]. Panics as Encode.
func Pool(s *model.Scope, c Config, last *Node) *Node {
	y := Dense(s.At("bert").At("pooler").At("dense"), First(last), c.HiddenSize)
	return ConvertDType(Tanh(ConvertDType(y, dtypes.Float32)), last.DType())
}

// First is the vector at position 0, where [CLS] is: [B,S,H] -> [B,H].
func First(x *Node) *Node {
	return Squeeze(Slice(x, AxisRange(), AxisElem(0)), 1)
}

// AtCLS is the position of [CLS] in each row of x [B,...]: [B,1] int32, for [Input].Positions.
func AtCLS(x *Node) *Node {
	return Zeros(x.Graph(), shapes.Make(dtypes.Int32, x.Shape().Dim(0), 1))
}

// Pick takes the vectors at positions [B,P] int32 of x [B,S,H], row by row: [B,P,H]. In bfloat16 it is a product with
// one-hot vectors, whose cost on a TPU is predictable. In float32 a TPU would round the operands of a product, so Pick
// is a gather. Its indices include the row number, so that the partitioner sees that each device reads its own rows;
// its gradient is that of the product, not a scatter. Panics if the dimensions disagree.
func Pick(x, positions *Node) *Node {
	if positions.Rank() != 2 || x.Rank() != 3 || positions.Shape().Dim(0) != x.Shape().Dim(0) {
		exceptions.Panicf("bert: positions are %s, want [B,P] for %s", positions.Shape(), x.Shape())
	}
	chosen := OneHot(positions, x.Shape().Dim(1), x.DType()) // [B,P,S]
	if x.DType() == dtypes.BFloat16 {
		return Product("bps,bsh->bph", chosen, x)
	}
	at := InsertAxes(positions, -1)
	at = Concatenate([]*Node{Iota(x.Graph(), at.Shape(), 0), at}, -1) // [B,P,2]
	return adjoint.Attach(Gather(x, at), []*Node{x}, func(d *Node) []*Node {
		return []*Node{plainProduct("bps", "bph", "bsh", chosen, d, x.DType())}
	})
}

// Mask is true where a position takes part: [B,S], or nil if all do. Panics if shapes disagree.
func (in Input) Mask() *Node {
	switch {
	case in.AttentionMask != nil && in.Lengths != nil:
		exceptions.Panicf("bert: both an attention mask and lengths are given")
	case in.AttentionMask != nil:
		if !in.AttentionMask.Shape().EqualDimensions(in.InputIDs.Shape()) {
			exceptions.Panicf("bert: attention mask is %s, want the dimensions of input_ids %s",
				in.AttentionMask.Shape(), in.InputIDs.Shape())
		}
		return ConvertDType(in.AttentionMask, dtypes.Bool)
	case in.Lengths != nil:
		position := Iota(in.InputIDs.Graph(), shapes.Make(dtypes.Int32, in.InputIDs.Shape().Dimensions...), 1)
		return LessThan(position, InsertAxes(in.Lengths, -1))
	}
	return nil
}

// bias is the bias [B,1,1,S] of attention scores [B,N,S,S], or nil.
func (in Input) bias() *Node {
	mask := in.Mask()
	if mask == nil {
		return nil
	}
	absent := OneMinus(ConvertDType(mask, dtypes.Float32))
	return InsertAxes(MulScalar(absent, maskedScore), 1, 1)
}

// embed turns ids [B,S] into embeddings [B,S,H]. It gathers rows of the word table. The few token types are looked
// up by a product with one-hot vectors, whose gradient is a product too and not a scatter of B*S rows onto two.
func (e encoder) embed(s *model.Scope, words WordTable, in Input) *Node {
	g, dtype, length := in.InputIDs.Graph(), e.DType(), in.InputIDs.Shape().Dim(1)
	x := ConvertDType(words.Lookup(in.InputIDs), dtype)
	positions := Weight(s.At("position_embeddings"), g, dtype, "weight", e.MaxPositionEmbeddings, e.HiddenSize)
	x = Add(x, InsertAxes(Slice(positions, AxisRange(0, length)), 0))
	kinds := in.TokenTypeIDs
	if kinds == nil {
		kinds = ZerosLike(in.InputIDs)
	}
	types := Weight(s.At("token_type_embeddings"), g, dtype, "weight", e.TypeVocabSize, e.HiddenSize)
	x = Add(x, Product("bst,th->bsh", OneHot(kinds, e.TypeVocabSize, dtype), types))
	return e.Dropout.Apply(Norm(s.At("LayerNorm"), e.Config, x), e.HiddenDropout, "embeddings")
}

// layer is one encoder layer for the selected positions [B,P,H] of x [B,S,H]: it returns their new states [B,P,H] and
// the attention probabilities [B,N,P,S].
func (e encoder) layer(s *model.Scope, asked, x *Node, site string) (y, probabilities *Node) {
	a, probabilities := e.attend(s.At("attention"), asked, x, site)
	a = e.Dropout.Apply(a, e.HiddenDropout, site+"attention.output")
	x = Norm(s.At("attention").At("output").At("LayerNorm"), e.Config, Add(asked, a))
	f := Activate(e.Config, Dense(s.At("intermediate").At("dense"), x, e.IntermediateSize)) // [B,S,F]
	f = e.Dropout.Apply(Dense(s.At("output").At("dense"), f, e.HiddenSize), e.HiddenDropout, site+"output")
	return Norm(s.At("output").At("LayerNorm"), e.Config, Add(x, f)), probabilities
}
