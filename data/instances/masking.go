package instances

import "math"

// Kinds of masked positions.
const (
	Masked   uint8 = iota // the id is [MASK]
	Kept                  // the id is unchanged
	Replaced              // the id is random, and may be the same by chance
)

// mask chooses positions of dst, replaces their ids and records the original ids. The recorded positions ascend.
func (d *Drawer) mask(dst *Instance, s *stream, scratch *scratch) {
	words := d.words(dst.InputIDs[:dst.Length], scratch)
	want := min(d.config.MaxPredictions, max(1, int(math.RoundToEven(float64(dst.Length)*d.config.MaskRate))))
	for k := 0; k < len(words) && dst.NumMasked < want; k++ {
		j := k + s.below(len(words)-k)
		words[k], words[j] = words[j], words[k]
		w := words[k]
		if dst.NumMasked+int(w.end-w.start) > want {
			continue
		}
		for _, position := range scratch.positions[w.start:w.end] {
			d.maskOne(dst, s, position)
		}
	}
}

// word is a range of scratch.positions that is masked together.
type word struct{ start, end int32 }

// words lists the units that may be masked: single word pieces, or whole words.
func (d *Drawer) words(ids []int32, scratch *scratch) []word {
	scratch.positions, scratch.words = scratch.positions[:0], scratch.words[:0]
	whole := d.config.Masking == WholeWord
	for i, id := range ids {
		if id == d.special.CLS || id == d.special.SEP {
			continue
		}
		n := int32(len(scratch.positions))
		scratch.positions = append(scratch.positions, int32(i))
		if whole && n > 0 && d.continues[id] {
			scratch.words[len(scratch.words)-1].end++
			continue
		}
		scratch.words = append(scratch.words, word{n, n + 1})
	}
	return scratch.words
}

// maskOne replaces the id at position and records the original id. It keeps the recorded positions sorted.
func (d *Drawer) maskOne(dst *Instance, s *stream, position int32) {
	label, kind := dst.InputIDs[position], Masked
	switch u := s.unit(); {
	case u < 0.8:
		dst.InputIDs[position] = d.special.Mask
	case u < 0.9:
		kind = Kept
	default:
		kind = Replaced
		dst.InputIDs[position] = int32(s.below(len(d.continues)))
	}
	k := dst.NumMasked
	for ; k > 0 && dst.MaskedPositions[k-1] > position; k-- {
		dst.MaskedPositions[k] = dst.MaskedPositions[k-1]
		dst.MaskedIDs[k] = dst.MaskedIDs[k-1]
		dst.MaskKinds[k] = dst.MaskKinds[k-1]
	}
	dst.MaskedPositions[k], dst.MaskedIDs[k], dst.MaskKinds[k] = position, label, kind
	dst.NumMasked++
}
