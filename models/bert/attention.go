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

// attend is self-attention with its output projection: the selected positions [B,P,H] attend to x [B,S,H]. Weights are
// stored [H,H] and reshaped to heads inside the graph, so that the products themselves put heads before positions and
// no transposition follows.
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
	return addBias(y, alignLast(Weight(s, x.Graph(), x.DType(), "bias", e.HiddenSize), y)), probabilities
}

// heads projects x to one vector per head: [B,S,H] -> [B,N,S,D].
func (e encoder) heads(s *model.Scope, x *Node) *Node {
	g, n, d := x.Graph(), e.NumAttentionHeads, e.HeadSize()
	w := e.perHead(s, x, n, d, e.HiddenSize)
	b := Reshape(Weight(s, g, x.DType(), "bias", e.HiddenSize), 1, n, 1, d)
	return addBias(Product("bsh,ndh->bnsd", x, w), b)
}

// perHead is the "weight" [H,H] of s reshaped to dims, in the precision of x. It is rounded last, so that XLA fuses the
// rounding into the product. XLA would move the reshape of the gradient past the first operations of the update, and
// split the update into two passes; a barrier prevents that.
func (e encoder) perHead(s *model.Scope, x *Node, dims ...int) *Node {
	w := Weight(s, x.Graph(), dtypes.Float32, "weight", e.HiddenSize, e.HiddenSize)
	y := ConvertDType(keep(Reshape(w, dims...)), x.DType())
	return adjoint.Attach(y, []*Node{w}, func(d *Node) []*Node {
		return []*Node{ConvertDType(keep(Reshape(d, w.Shape().Dimensions...)), dtypes.Float32)}
	})
}

// mix is softmax(q·k + bias)·v with dropout after the softmax, where q, k and v are [B,N,S,D] (q may have P positions).
// It also returns the probabilities [B,N,S,S] in float32, before dropout and without a gradient; they are computed only
// if a caller uses them.
//
// The arrays [B,N,S,S] dominate the cost of attention, so each pass over one counts, and each operation on it. The
// factors that are constant over a row, the softmax's sum and dropout's scale, multiply the result and its gradient: D
// numbers, not S. The gradient is written by hand. Where products read the exponentials rounded, they are kept (in
// float32 reading them costs as much as computing them again). The softmax's gradient needs the sum over a row of
// probabilities times their gradients, which equals the sum of the result times its gradient, with or without dropout
// (Dao et al. 2022).
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

// FusedAttention names the obstacle to attention as one fused operation, or returns "" if there is none. cuDNN has that
// operation for bfloat16 on one GPU, without attention dropout and without access to the probabilities. dropout says
// whether the graph drops, devices on how many devices it runs.
func FusedAttention(c Config, o Options, dropout bool, devices int) (obstacle string) {
	switch {
	case o.DType() != dtypes.BFloat16:
		return "it requires bfloat16"
	case dropout && c.AttentionDropout > 0:
		return fmt.Sprintf("attention_probs_dropout_prob is %g, and its dropout masks differ from those of other devices", c.AttentionDropout)
	case o.Attentions:
		return "it does not return attention probabilities"
	case c.HeadSize()%8 != 0:
		return fmt.Sprintf("the head size %d is not a multiple of 8", c.HeadSize())
	case devices > 1:
		return "it runs on one device only"
	}
	return ""
}

// fuse computes the result of mix by the backend's fused operation. It returns nil if the backend has none, if
// FusedAttention names an obstacle, or for a few queries, which cost little.
//
// As in mix, the queries of padding are computed too, because cuDNN does not document the content of rows that it
// skips. A row without words attends to its first position; nothing uses that result.
func (e encoder) fuse(q, k, v *Node) *Node {
	g := q.Graph()
	has := g.Backend().Capabilities().Operations
	if !e.CuDNN || q.Shape().Dim(2) != k.Shape().Dim(2) || FusedAttention(e.Config, e.Options, e.Dropout != nil, g.NumDevices()) != "" || (e.bias != nil && e.lengths == nil) ||
		!has[compute.OpTypeFusedScaledDotProductAttention] || !has[compute.OpTypeFusedScaledDotProductAttentionVJP] {
		return nil
	}
	o := &compute.ScaledDotProductAttentionConfig{Scale: 1} // the queries are scaled already
	if e.lengths != nil {
		all := BroadcastToDims(Scalar(g, dtypes.Int32, q.Shape().Dim(2)), q.Shape().Dim(0))
		o.QuerySeqLen = InternalBackendOutputs(all)[0]
		o.KeyValueSeqLen = InternalBackendOutputs(MaxScalar(e.lengths, 1))[0]
	}
	context, _ := BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBHSD, o)
	return context
}
