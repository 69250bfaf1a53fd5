// Package bert is the encoder of Devlin et al. 2019 as published: word, position and token type embeddings, layers
// of self-attention and feed-forward with the normalisation after each residual sum, and the tanh pooler over [CLS].
//
// Axes: B batch, S sequence, H hidden, N attention heads, D head size (H = N*D), F intermediate, V vocabulary.
//
// Config is the config.json of Hugging Face. Parameters are named as in its files: the parameter
// "bert.encoder.layer.0.attention.self.query.weight" [out,in] is the variable of that name with "/" for ".".
// Parameters lists them without a graph and Initialize draws them on the host, so that the same seed gives the same
// weights on every backend. Graph code only reads variables that exist; it panics if one is missing or has another
// shape, naming it. All variables are float32; Options says in what precision activations and products are computed.
//
// Every operation stays within a row of the batch or sums over rows: a graph that is split over devices along B
// needs no communication except the all-reduce of the gradients.
package bert
