package bert

import (
	"fmt"

	"github.com/subbert/subbert/models/weights"
)

// Parameters lists the encoder's parameters, embeddings first, without the pooler.
func Parameters(c Config) []weights.Parameter {
	ps := []weights.Parameter{
		weights.Matrix("bert.embeddings.word_embeddings", c.VocabSize, c.HiddenSize, c.InitializerRange),
		weights.Matrix("bert.embeddings.position_embeddings", c.MaxPositionEmbeddings, c.HiddenSize, c.InitializerRange),
		weights.Matrix("bert.embeddings.token_type_embeddings", c.TypeVocabSize, c.HiddenSize, c.InitializerRange),
	}
	ps = append(ps, weights.Norm("bert.embeddings.LayerNorm", c.HiddenSize)...)
	for l := range c.NumHiddenLayers {
		layer := fmt.Sprintf("bert.encoder.layer.%d.", l)
		for _, name := range []string{"query", "key", "value"} {
			ps = append(ps, weights.Dense(layer+"attention.self."+name, c.HiddenSize, c.HiddenSize, c.InitializerRange)...)
		}
		ps = append(ps, weights.Dense(layer+"attention.output.dense", c.HiddenSize, c.HiddenSize, c.InitializerRange)...)
		ps = append(ps, weights.Norm(layer+"attention.output.LayerNorm", c.HiddenSize)...)
		ps = append(ps, weights.Dense(layer+"intermediate.dense", c.HiddenSize, c.IntermediateSize, c.InitializerRange)...)
		ps = append(ps, weights.Dense(layer+"output.dense", c.IntermediateSize, c.HiddenSize, c.InitializerRange)...)
		ps = append(ps, weights.Norm(layer+"output.LayerNorm", c.HiddenSize)...)
	}
	return ps
}

// PoolerParameters lists the parameters of Pool.
func PoolerParameters(c Config) []weights.Parameter {
	return weights.Dense("bert.pooler.dense", c.HiddenSize, c.HiddenSize, c.InitializerRange)
}
