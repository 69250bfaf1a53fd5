package bert

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// WordTable is the word embeddings in a graph. Two things read them: the lookup of the input's rows, and the decoder of
// the masked words, whose gradients are a scatter of rows and a product.
//
// In a graph for D devices the table has a copy for each. That costs no memory, every device holds its own anyway. But
// in the gradient both parts are kept apart by device, so that a device scatters its rows onto its product, in place, and
// what is added up over the devices is the sum, once. Of one table for all, the product is added up over devices first,
// and the whole once more; and keeping product and scatter apart costs an array of zeros of V·H, and an addition.
type WordTable struct {
	table   *Node // [V,H] float32; of several devices [D,V,H]
	devices int
}

// Words is the word table below s, the root of the model's names. A graph that looks up words and predicts them uses one
// WordTable for both. Panics if the variable is missing or has the wrong shape.
func Words(s *model.Scope, c Config, g *Graph) WordTable {
	s = s.At("bert").At("embeddings").At("word_embeddings")
	table, n := Weight(s, g, dtypes.Float32, "weight", c.VocabSize, c.HiddenSize), g.NumDevices()
	if n > 1 {
		table = BroadcastToDims(InsertAxes(table, 0), n, c.VocabSize, c.HiddenSize)
	}
	return WordTable{table: table, devices: n}
}

// Lookup is the rows of ids [B,S] int32: [B,S,H] float32. Panics if the devices do not divide B.
func (t WordTable) Lookup(ids *Node) *Node {
	if t.devices == 1 {
		return Gather(t.table, InsertAxes(ids, -1))
	}
	ids = InsertAxes(t.perDevice(ids), -1) // [D,B/D,S,1]
	rows := Gather(t.table, Concatenate([]*Node{Iota(ids.Graph(), ids.Shape(), 0), ids}, -1))
	return Reshape(rows, -1, ids.Shape().Dim(2), t.table.Shape().Dim(2))
}

// Logits is how much each vector of x [B,P,H] looks like each word: [B,P,V] float32. Panics if the devices do not divide B.
func (t WordTable) Logits(x *Node) *Node {
	if t.devices == 1 {
		return Product32("bph,vh->bpv", x, t.table)
	}
	y := Product32("dbph,dvh->dbpv", t.perDevice(x), t.table)
	return Reshape(y, -1, x.Shape().Dim(1), t.table.Shape().Dim(1))
}

// perDevice splits the rows of x by device: [B,...] -> [D,B/D,...].
func (t WordTable) perDevice(x *Node) *Node {
	dims := x.Shape().Dimensions
	return Reshape(x, append([]int{t.devices, dims[0] / t.devices}, dims[1:]...)...)
}
