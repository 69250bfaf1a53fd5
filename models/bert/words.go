package bert

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/adjoint"
)

// WordTable is the table of word embeddings in a graph. The lookup of the input reads it, and so does the decoder of
// the masked words; their gradients are a scatter of rows and a product.
//
// For the gradient alone, a graph for D devices has a copy of the table for each device, which takes no memory. The
// gradients of the copies stay apart, so that each device scatters its rows onto its own product, in place, and one
// all-reduce adds up the sums. With a single table, XLA would all-reduce the product first and the whole again; and
// keeping product and scatter apart would cost an array of zeros of V·H and an addition.
type WordTable struct {
	table  *Node // [V,H] float32
	copies *Node // [D,V,H], or nil for one device
}

// Words is the word table below s, the root of the model's names. A graph that looks up words and predicts them uses one
// WordTable for both. Panics if the variable is missing or has the wrong shape.
func Words(s *model.Scope, c Config, g *Graph) WordTable {
	s = s.At("bert").At("embeddings").At("word_embeddings")
	t := WordTable{table: Weight(s, g, dtypes.Float32, "weight", c.VocabSize, c.HiddenSize)}
	if n := g.NumDevices(); n > 1 {
		t.copies = BroadcastToDims(InsertAxes(t.table, 0), n, c.VocabSize, c.HiddenSize)
		t.table = Squeeze(Slice(t.copies, AxisRange(0, 1)), 0) // equal to the table for XLA; for gomlx it depends on the copies
	}
	return t
}

// Lookup returns the embeddings of ids [B,S] int32: [B,S,H] float32. Panics if the number of devices does
// not divide B.
func (t WordTable) Lookup(ids *Node) *Node {
	rows := Gather(t.table, InsertAxes(ids, -1))
	if t.copies == nil {
		return rows
	}
	return adjoint.Attach(rows, []*Node{t.copies}, func(v *Node) []*Node {
		at := InsertAxes(t.perDevice(ids), -1) // [D,B/D,S,1]
		at = Concatenate([]*Node{Iota(at.Graph(), at.Shape(), 0), at}, -1)
		return []*Node{Scatter(at, t.perDevice(v), t.copies.Shape(), false, false)}
	})
}

// Logits returns the product of each vector of x [B,P,H] with each word's embedding: [B,P,V] float32. Panics if the
// number of devices does not divide B.
func (t WordTable) Logits(x *Node) *Node {
	if t.copies == nil {
		return Product32("bph,vh->bpv", x, t.table)
	}
	rounded := ConvertDType(t.table, x.DType())
	return adjoint.Attach(plainProduct("bph", "vh", "bpv", x, rounded, dtypes.Float32), []*Node{x, t.copies}, func(v *Node) []*Node {
		v = ConvertDType(v, x.DType())
		return []*Node{
			plainProduct("bpv", "vh", "bph", v, rounded, x.DType()),
			plainProduct("dbpv", "dbph", "dvh", t.perDevice(v), t.perDevice(x), dtypes.Float32),
		}
	})
}

// perDevice splits the rows of x by device: [B,...] -> [D,B/D,...].
func (t WordTable) perDevice(x *Node) *Node {
	dims, n := x.Shape().Dimensions, t.copies.Shape().Dim(0)
	return Reshape(x, append([]int{n, dims[0] / n}, dims[1:]...)...)
}
