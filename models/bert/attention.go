package bert

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/adjoint"
)

// attend is self-attention with its output projection, of the positions asked for, [B,P,H], over x [B,S,H]. Weights are
// stored [H,H] and reshaped to heads inside the graph, so that the products put heads before positions themselves and
// nothing is moved afterwards.
func (e encoder) attend(s *model.Scope, asked, x *Node, site string) (y, probabilities *Node) {
	self := s.At("self")
	q := MulScalar(e.heads(self.At("query"), asked), 1/math.Sqrt(float64(e.HeadSize()))) // [B,N,P,D]
	k, v := e.heads(self.At("key"), x), e.heads(self.At("value"), x)
	context := e.fuse(q, k, v)
	if context == nil {
		context, probabilities = e.mix(q, k, v, site+"attention.probs")
	}

	s = s.At("output").At("dense")
	w := e.perHead(s, x, e.HiddenSize, e.NumAttentionHeads, e.HeadSize())
	y = Product("bnsd,hnd->bsh", context, w)
	return Add(y, alignLast(Weight(s, x.Graph(), x.DType(), "bias", e.HiddenSize), y)), probabilities
}

// heads projects x to one vector per head: [B,S,H] -> [B,N,S,D].
func (e encoder) heads(s *model.Scope, x *Node) *Node {
	g, n, d := x.Graph(), e.NumAttentionHeads, e.HeadSize()
	w := e.perHead(s, x, n, d, e.HiddenSize)
	b := Reshape(Weight(s, g, x.DType(), "bias", e.HiddenSize), 1, n, 1, d)
	return Add(Product("bsh,ndh->bnsd", x, w), b)
}

// perHead is the "weight" [H,H] of s with other dimensions, in the precision of x. It is rounded last, so that XLA does it in
// the product. XLA would move the reshape of the gradient past the update's first operations, and make two passes of
// the update; a barrier keeps it where it is.
func (e encoder) perHead(s *model.Scope, x *Node, dims ...int) *Node {
	w := Weight(s, x.Graph(), dtypes.Float32, "weight", e.HiddenSize, e.HiddenSize)
	y := ConvertDType(keep(Reshape(w, dims...)), x.DType())
	return adjoint.Attach(y, []*Node{w}, func(d *Node) []*Node {
		return []*Node{ConvertDType(keep(Reshape(d, w.Shape().Dimensions...)), dtypes.Float32)}
	})
}

// mix is softmax(q·k + bias)·v with dropout between the two, [B,N,S,D] each (or P queries of them), and its probabilities
// [B,N,S,S] in float32, before dropout and without a gradient; nothing computes them unless they are asked for.
//
// The arrays [B,N,S,S] are what attention costs, so each pass over one counts, and each operation on it. What is the same
// for a row, the softmax's sum and dropout's scale, multiplies the result and what comes back: D numbers, not S. The
// gradient is written out: the exponentials are kept where products read them rounded (in float32 reading them costs what
// making them again does), and the sum over a row of probabilities times their gradients, which the softmax wants, is that of
// the result times its gradient, with or without dropout (Dao et al. 2022).
func (e encoder) mix(q, k, v *Node, site string) (context, probabilities *Node) {
	dtype := q.DType()
	scores := plainProduct("bnsd", "bntd", "bnst", q, k, dtypes.Float32)
	if e.bias != nil {
		scores = Add(scores, e.bias)
	}
	odds := Exp(Sub(scores, ReduceAndKeep(scores, ReduceMax, -1)))
	share := Inverse(ReduceAndKeep(odds, ReduceSum, -1)) // [B,N,S,1]
	kept := odds
	if dtype != dtypes.Float32 {
		kept = keep(ConvertDType(odds, dtype))
	}
	take, scale := e.Dropout.Mask(scores, e.AttentionDropout, site)
	context = ConvertDType(Mul(plainProduct("bnst", "bntd", "bnsd", take(kept), v, dtypes.Float32), MulScalar(share, scale)), dtype)

	attached := adjoint.Attach(context, []*Node{q, k, v}, func(d *Node) []*Node {
		d = ConvertDType(d, dtypes.Float32)
		mean := Mul(ReduceAndKeep(Mul(d, ConvertDType(context, dtypes.Float32)), ReduceSum, -1), share)
		d = ConvertDType(MulScalar(Mul(d, share), scale), dtype)
		toV := plainProduct("bnst", "bnsd", "bntd", take(kept), d, dtype)
		toOdds := Sub(take(plainProduct("bnsd", "bntd", "bnst", d, v, dtypes.Float32)), mean)
		toScores := ConvertDType(Mul(ConvertDType(kept, dtypes.Float32), toOdds), dtype)
		return []*Node{
			plainProduct("bnst", "bntd", "bnsd", toScores, k, dtype), plainProduct("bnst", "bnsd", "bntd", toScores, q, dtype), toV,
		}
	})
	return attached, StopGradient(Mul(odds, share))
}

// FusedAttention says what keeps a graph, with dropout or without and for so many devices, from attention as one operation,
// or nothing if that applies: cuDNN has it for bfloat16 on one GPU, without dropout in between, and shows no probabilities.
func FusedAttention(c Config, o Options, dropout bool, devices int) (obstacle string) {
	switch {
	case o.DType() != dtypes.BFloat16:
		return "it computes in bfloat16"
	case dropout && c.AttentionDropout > 0:
		return fmt.Sprintf("attention_probs_dropout_prob is %g, and its masks are not those of other devices", c.AttentionDropout)
	case o.Attentions:
		return "it has no probabilities to show"
	case c.HeadSize()%8 != 0:
		return fmt.Sprintf("heads of %d numbers are no multiple of 8", c.HeadSize())
	case devices > 1:
		return "it is for one device"
	}
	return ""
}

// fuse is what mix computes, by the backend's own operation for it, or nil where it has none or FusedAttention says no,
// and for a few queries, which cost little.
//
// All queries are asked, also those of padding, as in mix: what cuDNN leaves in rows it skips is not said anywhere. A row
// without words looks at its first position, whose result nobody uses.
func (e encoder) fuse(q, k, v *Node) *Node {
	g := q.Graph()
	has := g.Backend().Capabilities().Operations
	if !e.CuDNN || q.Shape().Dim(2) != k.Shape().Dim(2) || FusedAttention(e.Config, e.Options, e.Dropout != nil, g.NumDevices()) != "" || (e.bias != nil && e.lengths == nil) ||
		!has[compute.OpTypeFusedScaledDotProductAttention] || !has[compute.OpTypeFusedScaledDotProductAttentionVJP] {
		return nil
	}
	o := &compute.ScaledDotProductAttentionConfig{Scale: 1} // it is in the queries
	if e.lengths != nil {
		all := BroadcastToDims(Scalar(g, dtypes.Int32, q.Shape().Dim(2)), q.Shape().Dim(0))
		o.QuerySeqLen = InternalBackendOutputs(all)[0]
		o.KeyValueSeqLen = InternalBackendOutputs(MaxScalar(e.lengths, 1))[0]
	}
	context, _ := BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBHSD, o)
	return context
}
