package bert

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/adjoint"
)

// attend is self-attention with its output projection. Weights are stored [H,H] and reshaped to heads inside the
// graph, so that the products put heads before positions themselves and nothing is moved afterwards.
func (e encoder) attend(s *model.Scope, x *Node, site string) (y, probabilities *Node) {
	self := s.At("self")
	q := MulScalar(e.heads(self.At("query"), x), 1/math.Sqrt(float64(e.HeadSize()))) // [B,N,S,D]
	k, v := e.heads(self.At("key"), x), e.heads(self.At("value"), x)
	context, probabilities := e.mix(q, k, v, site+"attention.probs")

	s = s.At("output").At("dense")
	w := Weight(s, x.Graph(), x.DType(), "weight", e.HiddenSize, e.HiddenSize)
	y = Product("bnsd,hnd->bsh", context, split(w, e.HiddenSize, e.NumAttentionHeads, e.HeadSize()))
	return Add(y, alignLast(Weight(s, x.Graph(), x.DType(), "bias", e.HiddenSize), y)), probabilities
}

// heads projects x to one vector per head: [B,S,H] -> [B,N,S,D].
func (e encoder) heads(s *model.Scope, x *Node) *Node {
	g, n, d := x.Graph(), e.NumAttentionHeads, e.HeadSize()
	w := split(Weight(s, g, x.DType(), "weight", e.HiddenSize, e.HiddenSize), n, d, e.HiddenSize)
	b := Reshape(Weight(s, g, x.DType(), "bias", e.HiddenSize), 1, n, 1, d)
	return Add(Product("bsh,ndh->bnsd", x, w), b)
}

// split is w with other dimensions. XLA would move the reshape of its gradient past the update's first operations, and
// make two passes of the update; a barrier keeps it where it is. (Of two values, since go-xla leaves out a barrier of
// one.)
func split(w *Node, dims ...int) *Node {
	w = IdentityWithCustomGradient(w, func(_, d *Node) *Node { return OptimizationBarriers(d, ScalarZero(d.Graph(), d.DType()))[0] })
	return Reshape(w, dims...)
}

// mix is softmax(q·k + bias)·v with dropout between the two, [B,N,S,D] each, and its probabilities [B,N,S,S] in
// float32, before dropout and without a gradient; nothing computes them unless they are asked for.
//
// The arrays [B,N,S,S] are what attention costs, so each pass over one counts. The softmax's sum divides the result
// instead of every probability. The gradient is written out: probabilities are computed again from the scores and the
// logarithm of their sum, and the sum over a row of probabilities times their gradients, which the softmax wants, is
// that of the result times its gradient, D numbers in place of S, with or without dropout (Dao et al. 2022).
func (e encoder) mix(q, k, v *Node, site string) (context, probabilities *Node) {
	dtype := q.DType()
	scores := plainProduct("bnsd", "bntd", "bnst", q, k, dtypes.Float32)
	if e.bias != nil {
		scores = Add(scores, e.bias)
	}
	top := ReduceAndKeep(scores, ReduceMax, -1)
	odds := Exp(Sub(scores, top))
	sum := ReduceAndKeep(odds, ReduceSum, -1) // [B,N,S,1]
	drop := e.Dropout.Mask(scores, e.AttentionDropout, site)
	context = ConvertDType(Div(plainProduct("bnst", "bntd", "bnsd", ConvertDType(drop(odds), dtype), v, dtypes.Float32), sum), dtype)

	attached := adjoint.Attach(context, []*Node{q, k, v}, func(d *Node) []*Node {
		p := Exp(Sub(scores, Add(top, Log(sum))))
		toV := plainProduct("bnst", "bnsd", "bntd", ConvertDType(drop(p), dtype), d, dtype)
		toP := drop(plainProduct("bnsd", "bntd", "bnst", d, v, dtypes.Float32))
		mean := ReduceAndKeep(Mul(ConvertDType(d, dtypes.Float32), ConvertDType(context, dtypes.Float32)), ReduceSum, -1)
		toScores := ConvertDType(Mul(p, Sub(toP, mean)), dtype)
		return []*Node{
			plainProduct("bnst", "bntd", "bnsd", toScores, k, dtype), plainProduct("bnst", "bnsd", "bntd", toScores, q, dtype), toV,
		}
	})
	return attached, StopGradient(Div(odds, sum))
}
