package tasks

import (
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
)

// FLOPs is what an update costs in floating point operations, forward and backward: the matrix products that the losses
// need, a multiplication and an addition each, three times over for the two gradients; of the last layer those at the
// positions that a loss looks at. What the implementation does beside (picking positions, dropout, the update) does not
// count.
func (p *Pretraining) FLOPs(rows int) float64 {
	h := float64(p.bert.HiddenSize)
	row := encoderFLOPs(p.bert, p.length, p.asked()) + 2*float64(p.masked)*(h*h+h*float64(p.bert.VocabSize))
	if p.nsp {
		row += 2 * (h*h + 2*h)
	}
	return 3 * float64(rows) * row
}

// FLOPs is likewise what an update of rows of the greatest length costs. The weights of a summary of the last layer are used
// at each position, those of pooler and classifier once a row.
func (r *Relation) FLOPs(rows int) float64 {
	head := 0
	for _, p := range r.head.Parameters(r.bert) {
		switch {
		case len(p.Shape) < 2:
		case strings.HasPrefix(p.Name, "sll."):
			head += r.sequence() * p.Size()
		default:
			head += p.Size()
		}
	}
	return 3 * float64(rows) * (encoderFLOPs(r.bert, r.sequence(), r.asked()) + 2*float64(head))
}

// asked is how many positions of a row the losses look at.
func (p *Pretraining) asked() int {
	if p.nsp {
		return p.masked + 1
	}
	return p.masked
}

func (r *Relation) asked() int {
	if r.head.Summarises() {
		return r.sequence()
	}
	return 1
}

// encoderFLOPs are those of the encoder's products for one row, forward, with the last layer at asked positions.
func encoderFLOPs(c bert.Config, length, asked int) float64 {
	h, f, s := float64(c.HiddenSize), float64(c.IntermediateSize), float64(length)
	layer := func(p float64) float64 { return 2*(2*s+2*p)*h*h + 4*p*h*f + 4*p*s*h }
	return float64(c.NumHiddenLayers-1)*layer(s) + layer(float64(asked))
}

// ActivationBytes estimates what a forward pass of rows rows keeps for the backward pass, with elements of size bytes:
// the encoder's, and the logits twice. Compilers do better by computing again, and worse by laying out in tiles.
func (p *Pretraining) ActivationBytes(rows, size int) int64 {
	return encoderBytes(p.bert, rows, p.length, p.asked(), size) + 4*2*int64(rows)*int64(p.masked)*int64(p.bert.VocabSize)
}

// ActivationBytes is the same estimate for rows of the greatest length; the head is small beside the encoder.
func (r *Relation) ActivationBytes(rows, size int) int64 {
	return encoderBytes(r.bert, rows, r.sequence(), r.asked(), size)
}

// encoderBytes is what the encoder keeps: of each layer its input, keys and values, and at each position it is asked for
// the query, context, the outputs before and after both normalisations, two arrays between the dense layers, and scores
// and probabilities.
func encoderBytes(c bert.Config, rows, length, asked, size int) int64 {
	b, s, h := int64(rows), int64(length), int64(c.HiddenSize)
	layer := func(p int64) int64 {
		return b*(3*s*h+p*(7*h+2*int64(c.IntermediateSize))) + 2*b*int64(c.NumAttentionHeads)*p*s
	}
	return int64(size) * (int64(c.NumHiddenLayers-1)*layer(s) + layer(int64(asked)) + 2*b*s*h)
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
