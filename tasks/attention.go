package tasks

import (
	"fmt"
	"iter"
	"slices"
	"unicode"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/data/wordpiece"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/trainer"
)

// Word is a word of an encoded sentence, or a mark of punctuation. A mention is one word however many pieces it has.
type Word struct {
	Span    text.Span // in the sentence
	Weight  float64   // of its pieces together
	Mention bool
	Letters bool // it is made of letters alone
	Apart   int  // words between it and the nearest mention, itself included; 0 for a mention; -1 if there is none
}

// Words puts the pieces of row e together again and adds up their weights, by position. E has spans. Pieces that v says
// continue a word belong to it, and those of a mention to the mention. Punctuation does not count as a word between.
func Words(v *wordpiece.Vocabulary, text string, e Example, weights []float32) []Word {
	var words []Word
	last := -1 // the mention that the piece before belongs to
	for i, span := range e.Spans {
		if span.Start == span.End {
			continue // [CLS] or [SEP]
		}
		mention := slices.IndexFunc(e.Mentions[:], func(m wordpiece.Span) bool { return m.Start <= i && i < m.End })
		joins := len(words) > 0 && (mention >= 0 && mention == last || mention < 0 && last < 0 && v.Continues(e.IDs[i]))
		last = mention
		if joins {
			w := &words[len(words)-1]
			w.Span.End = span.End
			w.Weight += float64(weights[i])
			continue
		}
		words = append(words, Word{Span: span, Weight: float64(weights[i]), Mention: mention >= 0})
	}
	count := make([]int, len(words)) // words up to each, itself included
	n := 0
	for i := range words {
		w := &words[i]
		inside := []rune(text[w.Span.Start:w.Span.End])
		w.Letters = !slices.ContainsFunc(inside, func(r rune) bool { return !unicode.IsLetter(r) })
		if w.Mention || slices.ContainsFunc(inside, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			n++
		}
		count[i] = n
	}
	for i := range words {
		words[i].Apart = apart(words, count, i)
	}
	return words
}

// apart is how many words word i is from the nearest mention.
func apart(words []Word, count []int, i int) int {
	best := -1
	for k, m := range words {
		if d := max(count[i]-count[k], count[k]-count[i]); m.Mention && (best < 0 || d < best) {
			best = d
		}
	}
	return best
}

// Where the attention of a head is looked at from.
const (
	FromCLS      = "cls"
	FromMentions = "mentions" // mean over the positions of both
)

// HeadAttention reads the attention weights of a head of an encoder.
type HeadAttention struct {
	forward *trainer.Forward
	from    string
	rows    int // B
	length  int // S
}

// NewHeadAttention prepares to read head (from 1; 0 is the mean of all) of layer (from 1) of the encoder in store, as
// seen from [CLS] or from the mentions, rows rows of at most length positions at a time.
func NewHeadAttention(backend compute.Backend, store *model.Store, c bert.Config, layer, head int, from string, rows, length int) (*HeadAttention, error) {
	if layer < 1 || layer > c.NumHiddenLayers || head < 0 || head > c.NumAttentionHeads {
		return nil, fmt.Errorf("layer %d, head %d: this encoder has layers 1 to %d and heads 1 to %d, or 0 for their mean", layer, head, c.NumHiddenLayers, c.NumAttentionHeads)
	}
	build := func(s *model.Scope, in []*graph.Node) []*graph.Node {
		encoded := bert.Encode(s, c, bert.Input{InputIDs: in[0], Lengths: in[1]}, bert.Options{Attentions: true})
		weights := encoded.Attentions[layer-1] // [B,N,S,S]
		if head > 0 {
			weights = graph.Slice(weights, graph.AxisRange(), graph.AxisElem(head-1))
		}
		weights = graph.ReduceMean(weights, 1)                                                    // [B,S,S]
		return []*graph.Node{graph.ReduceSum(graph.Mul(weights, graph.InsertAxes(in[2], -1)), 1)} // [B,S]
	}
	forward, err := trainer.NewForward(backend, store, 1, "attention", 3, build)
	return &HeadAttention{forward: forward, from: from, rows: rows, length: length}, err
}

// Weights yields the weights of each example's positions, in order. An example whose mentions were cut off is looked at
// from [CLS].
func (h *HeadAttention) Weights(examples []Example) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for part := range slices.Chunk(examples, h.rows) {
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

func (h *HeadAttention) tensors(part []Example) []*tensors.Tensor {
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

// viewpoint spreads one over the positions that e is looked at from.
func (h *HeadAttention) viewpoint(e Example, share []float32) {
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
