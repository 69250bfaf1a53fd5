package heads

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/weights"
)

// MaskedLMParameters lists the parameters of MaskedLM. The decoder is the word embeddings; it adds only a
// bias.
func MaskedLMParameters(c bert.Config) []weights.Parameter {
	const transform = "cls.predictions.transform."
	ps := weights.Dense(transform+"dense", c.HiddenSize, c.HiddenSize, c.InitializerRange)
	ps = append(ps, weights.Norm(transform+"LayerNorm", c.HiddenSize)...)
	return append(ps, weights.Parameter{Name: "cls.predictions.bias", Shape: []int{c.VocabSize}, Init: weights.Zeros})
}

// MaskedLM predicts the word at each vector of x, the encoder's last layer, by the transform, its normalisation and the
// decoder tied to words: [B,P,H] -> logits [B,P,V] float32. Panics if a variable is missing or has the wrong shape.
func MaskedLM(s *model.Scope, c bert.Config, words bert.WordTable, x *Node) *Node {
	head := s.At("cls").At("predictions")
	transform := head.At("transform")
	// Without Stored, XLA would compute the activations again for each of three products with the vocabulary.
	x = bert.Stored(bert.Activate(c, bert.Dense(transform.At("dense"), x, c.HiddenSize)))
	x = bert.Norm(transform.At("LayerNorm"), c, x)
	logits := words.Logits(x)
	bias := bert.Weight(head, x.Graph(), logits.DType(), "bias", c.VocabSize)
	return Add(logits, ExpandLeftToRank(bias, 3))
}

// NextSentenceParameters lists the parameters of NextSentence, without the pooler.
func NextSentenceParameters(c bert.Config) []weights.Parameter {
	return weights.Dense("cls.seq_relationship", c.HiddenSize, 2, c.InitializerRange)
}

// NextSentence predicts from the pooled output [B,H] whether segment B follows segment A: logits [B,2], class 0
// for "is next" and 1 for "random", as in Google's and Hugging Face's code.
func NextSentence(s *model.Scope, pooled *Node) *Node {
	return bert.Dense(s.At("cls").At("seq_relationship"), pooled, 2)
}
