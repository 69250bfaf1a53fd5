package tasks

import (
	"slices"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
)

// FLOPs is what an update costs in floating point operations, forward and backward: the matrix products of the model,
// a multiplication and an addition each, three times over for the two gradients. What the implementation does beside
// (picking positions, dropout, the update) does not count.
func (p *Pretraining) FLOPs(rows int) float64 {
	h := float64(p.bert.HiddenSize)
	row := encoderFLOPs(p.bert, p.length) + 2*float64(p.masked)*(h*h+h*float64(p.bert.VocabSize))
	if p.nsp {
		row += 2 * (h*h + 2*h)
	}
	return 3 * float64(rows) * row
}

// FLOPs is likewise what an update of rows of the greatest length costs. The weights of a head that sums up positions
// are used at each of them, those of another once a row.
func (r *Relation) FLOPs(rows int) float64 {
	times, head := 1, 0
	if slices.Contains([]string{"attention", "lstm", "bilstm"}, r.head.Pooling) {
		times = r.sequence()
	}
	for _, p := range r.head.Parameters(r.bert) {
		head += p.Size()
	}
	return 3 * float64(rows) * (encoderFLOPs(r.bert, r.sequence()) + 2*float64(times*head))
}

// encoderFLOPs are those of the encoder's products for one row, forward.
func encoderFLOPs(c bert.Config, length int) float64 {
	h, f, s := float64(c.HiddenSize), float64(c.IntermediateSize), float64(length)
	return float64(c.NumHiddenLayers) * (2*s*(4*h*h+2*h*f) + 4*s*s*h)
}

// ActivationBytes estimates what a forward pass of rows rows keeps for the backward pass, with elements of size bytes:
// the encoder's, and the logits twice. Compilers do better by computing again, and worse by laying out in tiles.
func (p *Pretraining) ActivationBytes(rows, size int) int64 {
	return encoderBytes(p.bert, rows, p.length, size) + 4*2*int64(rows)*int64(p.masked)*int64(p.bert.VocabSize)
}

// ActivationBytes is the same estimate for rows of the greatest length; the head is small beside the encoder.
func (r *Relation) ActivationBytes(rows, size int) int64 {
	return encoderBytes(r.bert, rows, r.sequence(), size)
}

// encoderBytes is what the encoder keeps: of each layer its input, queries, keys, values, context, the outputs before
// and after both normalisations, two arrays between the dense layers, and scores and probabilities.
func encoderBytes(c bert.Config, rows, length, size int) int64 {
	b, s, h := int64(rows), int64(length), int64(c.HiddenSize)
	layer := b*s*(10*h+2*int64(c.IntermediateSize)) + 2*b*int64(c.NumAttentionHeads)*s*s
	return int64(size) * (int64(c.NumHiddenLayers)*layer + 2*b*s*h)
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
