package bert

// FLOPs is the cost of the encoder's matrix products in the forward pass of one row of length positions, in floating
// point operations: a multiplication and an addition count as two. The last layer is computed only at asked of the
// positions.
func FLOPs(c Config, length, asked int) float64 {
	h, f, s := float64(c.HiddenSize), float64(c.IntermediateSize), float64(length)
	layer := func(p float64) float64 { return 2*(2*s+2*p)*h*h + 4*p*h*f + 4*p*s*h }
	return float64(c.NumHiddenLayers-1)*layer(s) + layer(float64(asked))
}

// ActivationBytes estimates the memory that the encoder keeps for the backward pass of rows rows, with elements of size
// bytes. Each layer keeps its input, keys and values and, at each selected position, the query, the context, the
// outputs before and after both normalisations, two arrays between the dense layers, and scores and probabilities.
func ActivationBytes(c Config, rows, length, asked, size int) int64 {
	b, s, h := int64(rows), int64(length), int64(c.HiddenSize)
	layer := func(p int64) int64 {
		return b*(3*s*h+p*(7*h+2*int64(c.IntermediateSize))) + 2*b*int64(c.NumAttentionHeads)*p*s
	}
	return int64(size) * (int64(c.NumHiddenLayers-1)*layer(s) + layer(int64(asked)) + 2*b*s*h)
}
