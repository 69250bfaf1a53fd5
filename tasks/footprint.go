package tasks

import (
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/weights"
)

// ActivationBytes estimates what a forward pass of rows rows keeps for the backward pass, with elements of size bytes: of
// each layer its input, queries, keys, values, context, the outputs before and after both normalisations, two
// arrays between the dense layers, and scores and probabilities; and the logits, twice. Compilers do better by
// computing again, and worse by laying out in tiles.
func (p *Pretraining) ActivationBytes(rows, size int) int64 {
	b, s, h := int64(rows), int64(p.length), int64(p.bert.HiddenSize)
	layer := b*s*(10*h+2*int64(p.bert.IntermediateSize)) + 2*b*int64(p.bert.NumAttentionHeads)*s*s
	logits := 2 * b * int64(p.masked) * int64(p.bert.VocabSize)
	return int64(size)*(int64(p.bert.NumHiddenLayers)*layer+2*b*s*h) + 4*logits
}

// Shapes is Create with zeros: for building graphs that will not run.
func Shapes(wanted []weights.Parameter) (*model.Store, error) {
	store := model.NewStore()
	for _, p := range wanted {
		if err := weights.Create(store, p, make([]float32, p.Size())); err != nil {
			return nil, err
		}
	}
	return store, nil
}
