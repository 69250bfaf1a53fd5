package relation

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/trainer"
)

// Positions from which the attention of a head is read.
const (
	FromCLS      = "cls"
	FromMentions = "mentions" // mean over the positions of both mentions
)

// HeadAttention reads the attention weights of a head of an encoder.
type HeadAttention struct {
	forward *trainer.Forward
	from    string
	rows    int // B
	length  int // S
}

// NewHeadAttention prepares to read the attention of a head of the encoder in store, in batches of rows rows of at most
// length positions. layer counts from 1. head counts from 1; 0 means the mean of all heads. from is FromCLS or
// FromMentions. o holds the options of the encoder.
func NewHeadAttention(backend compute.Backend, store *model.Store, c bert.Config, o bert.Options, layer, head int, from string, rows, length int) (*HeadAttention, error) {
	if layer < 1 || layer > c.NumHiddenLayers || head < 0 || head > c.NumAttentionHeads {
		return nil, fmt.Errorf("layer %d, head %d: this encoder has layers 1 to %d and heads 1 to %d, or 0 for their mean", layer, head, c.NumHiddenLayers, c.NumAttentionHeads)
	}
	o.Attentions = true
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		encoded := bert.Encode(s, c, bert.Input{InputIDs: in[0], Lengths: in[1]}, o)
		weights := graph.ConvertDType(encoded.Attentions[layer-1], dtypes.Float32) // [B,N,S,S]
		if head > 0 {
			weights = graph.Slice(weights, graph.AxisRange(), graph.AxisElem(head-1))
		}
		weights = graph.ReduceMean(weights, 1)                                                    // [B,S,S]
		return []*graph.Node{graph.ReduceSum(graph.Mul(weights, graph.InsertAxes(in[2], -1)), 1)} // [B,S]
	}
	forward, err := trainer.NewForward(backend, store, 1, "attention", 3, build)
	return &HeadAttention{forward: forward, from: from, rows: rows, length: length}, err
}

// Weights yields the attention weights of the positions of each example, in order. For an example without mentions left
// after a cut, it reads the attention from [CLS]. It fails with the error of ctx when ctx ends.
func (h *HeadAttention) Weights(ctx context.Context, examples []marked.Row) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for part := range slices.Chunk(examples, h.rows) {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			out, err := h.forward.Call(h.tensors(part))
			var flat []float32
			if err == nil {
				flat, err = tensors.CopyFlatData[float32](out[0])
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i, e := range part {
				if !yield(flat[i*h.length:][:len(e.IDs)], nil) {
					return
				}
			}
		}
	}
}

func (h *HeadAttention) tensors(part []marked.Row) []*tensors.Tensor {
	ids, lengths, from := make([]int32, h.rows*h.length), slices.Repeat([]int32{1}, h.rows), make([]float32, h.rows*h.length)
	for i, e := range part {
		copy(ids[i*h.length:(i+1)*h.length], e.IDs)
		lengths[i] = int32(len(e.IDs))
		h.viewpoint(e, from[i*h.length:(i+1)*h.length])
	}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(ids, h.rows, h.length), tensors.FromFlatDataAndDimensions(lengths, h.rows),
		tensors.FromFlatDataAndDimensions(from, h.rows, h.length),
	}
}

// viewpoint sets the weights of the positions from which the attention of e is read. They sum to one.
func (h *HeadAttention) viewpoint(e marked.Row, share []float32) {
	n := e.Mentions[0].End - e.Mentions[0].Start + e.Mentions[1].End - e.Mentions[1].Start
	if h.from == FromCLS || n == 0 {
		share[0] = 1
		return
	}
	for _, m := range e.Mentions {
		for i := m.Start; i < m.End; i++ {
			share[i] += 1 / float32(n)
		}
	}
}
