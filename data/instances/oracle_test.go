package instances

import (
	"math"
	"slices"
)

// This file repeats, with lists of tokens as in Google's create_pretraining_data, the algorithm that the package runs on
// lengths. It draws from the same streams in the same order, so that results must be equal.

// literal returns the instances of one document, in order.
func literal(documents [][][]int32, index int, d *Drawer, draw uint64) []Instance {
	c := d.config
	document := documents[index]
	rng := stream(child(key(c.Seed, forChunks, draw), uint64(index)))
	instanceKey := child(key(c.Seed, forInstance, draw), uint64(index))
	maxTokens := c.Sequence - 3
	target := maxTokens
	if rng.chance(c.ShortRate) {
		target = 2 + rng.below(maxTokens-1)
	}
	var out []Instance
	var chunk [][]int32
	length := 0
	for i := 0; i < len(document); i++ {
		chunk = append(chunk, document[i])
		length += len(document[i])
		if i != len(document)-1 && length < target {
			continue
		}
		aEnd := 1
		if len(chunk) >= 2 {
			aEnd = 1 + rng.below(len(chunk)-1)
		}
		tokensA := slices.Concat(chunk[:aEnd]...)
		own := stream(child(instanceKey, uint64(len(out))))
		randomNext := len(chunk) == 1 || rng.chance(0.5)
		var tokensB []int32
		if randomNext {
			other := index
			for try := 0; try < 10; try++ {
				other = own.below(len(documents))
				if other != index {
					break
				}
			}
			start := own.below(len(documents[other]))
			for _, sentence := range documents[other][start:] {
				tokensB = append(tokensB, sentence...)
				if len(tokensB) >= target-len(tokensA) {
					break
				}
			}
			i -= len(chunk) - aEnd
		} else {
			tokensB = slices.Concat(chunk[aEnd:]...)
		}
		out = append(out, literalPair(tokensA, tokensB, randomNext, d, &own))
		chunk, length = nil, 0
	}
	return out
}

func literalPair(a, b []int32, randomNext bool, d *Drawer, rng *stream) Instance {
	for len(a)+len(b) > d.config.Sequence-3 {
		longer := &b
		if len(a) > len(b) {
			longer = &a
		}
		if rng.chance(0.5) {
			*longer = (*longer)[1:]
		} else {
			*longer = (*longer)[:len(*longer)-1]
		}
	}
	s := d.special
	tokens := slices.Concat([]int32{s.CLS}, a, []int32{s.SEP}, b, []int32{s.SEP})
	types := make([]int32, len(tokens))
	for i := len(a) + 2; i < len(types); i++ {
		types[i] = 1
	}
	in := Instance{Length: len(tokens), TokenTypeIDs: types}
	if randomNext {
		in.NextSentenceLabel = 1
	}
	literalMask(&in, tokens, d, rng)
	for len(in.InputIDs) < d.config.Sequence {
		in.InputIDs = append(in.InputIDs, s.Pad)
		in.TokenTypeIDs = append(in.TokenTypeIDs, 0)
	}
	for len(in.MaskedIDs) < d.config.MaxPredictions {
		in.MaskedPositions = append(in.MaskedPositions, 0)
		in.MaskedIDs = append(in.MaskedIDs, 0)
		in.MaskKinds = append(in.MaskKinds, 0)
	}
	return in
}

func literalMask(in *Instance, tokens []int32, d *Drawer, rng *stream) {
	var candidates [][]int
	for i, token := range tokens {
		switch {
		case token == d.special.CLS || token == d.special.SEP:
		case d.config.Masking == WholeWord && len(candidates) >= 1 && d.continues[token]:
			candidates[len(candidates)-1] = append(candidates[len(candidates)-1], i)
		default:
			candidates = append(candidates, []int{i})
		}
	}
	number := min(d.config.MaxPredictions, max(1, int(math.RoundToEven(float64(len(tokens))*d.config.MaskRate))))
	type lm struct {
		index int
		label int32
		kind  uint8
	}
	output := slices.Clone(tokens)
	var masked []lm
	for k := range candidates {
		if len(masked) >= number {
			break
		}
		j := k + rng.below(len(candidates)-k) // a partial shuffle
		candidates[k], candidates[j] = candidates[j], candidates[k]
		if len(masked)+len(candidates[k]) > number {
			continue
		}
		for _, index := range candidates[k] {
			kind := Masked
			switch u := rng.unit(); {
			case u < 0.8:
				output[index] = d.special.Mask
			case u < 0.9:
				kind = Kept
			default:
				kind = Replaced
				output[index] = int32(rng.below(len(d.continues)))
			}
			masked = append(masked, lm{index, tokens[index], kind})
		}
	}
	slices.SortFunc(masked, func(a, b lm) int { return a.index - b.index })
	for _, m := range masked {
		in.MaskedPositions = append(in.MaskedPositions, int32(m.index))
		in.MaskedIDs = append(in.MaskedIDs, m.label)
		in.MaskKinds = append(in.MaskKinds, m.kind)
	}
	in.InputIDs, in.NumMasked = output, len(masked)
}
