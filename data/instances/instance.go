package instances

import "fmt"

// Instance is a masked pair, or a masked segment. Padding is [PAD] in InputIDs and 0 elsewhere.
type Instance struct {
	InputIDs     []int32 // [S]
	TokenTypeIDs []int32 // [S] 0 in [CLS] A [SEP], 1 in B [SEP]
	Length       int     // without padding

	MaskedPositions []int32 // [P] ascending
	MaskedIDs       []int32 // [P] the original ids
	MaskKinds       []uint8 // [P] Masked, Kept or Replaced
	NumMasked       int     // without padding

	NextSentenceLabel int32 // 0 if B follows A or there is no B; 1 if B is random
}

// reset sizes the slices of dst and clears them.
func (d *Drawer) reset(dst *Instance) {
	S, P := d.config.Sequence, d.config.MaxPredictions
	dst.InputIDs, dst.TokenTypeIDs = sized(dst.InputIDs, S), sized(dst.TokenTypeIDs, S)
	dst.MaskedPositions, dst.MaskedIDs, dst.MaskKinds = sized(dst.MaskedPositions, P), sized(dst.MaskedIDs, P), sized(dst.MaskKinds, P)
	dst.Length, dst.NumMasked, dst.NextSentenceLabel = 0, 0, 0
	if d.special.Pad != 0 {
		for i := range dst.InputIDs {
			dst.InputIDs[i] = d.special.Pad
		}
	}
}

// sized returns n zeros, in s if its capacity allows.
func sized[T int32 | uint8](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Draw sets dst to instance i, from 0 to below Len, reusing its slices. The same seed, epoch and i give the same
// instance at any time and in any goroutine. Concurrent calls need different dst.
func (e *Epoch) Draw(i int, dst *Instance) error {
	if i < 0 || i >= e.Len() {
		return fmt.Errorf("instances: instance %d is outside an epoch of %d", i, e.Len())
	}
	d := e.d
	scratch := d.scratch.Get().(*scratch)
	defer d.scratch.Put(scratch)
	f, err := e.find(int64(e.order.at(i)), scratch)
	if err != nil {
		return err
	}
	d.reset(dst)
	s := stream(f.key)
	if err := d.fill(dst, f, &s, scratch); err != nil {
		return err
	}
	d.mask(dst, &s, scratch)
	return nil
}

// fill writes the ids of the instance before masking.
func (d *Drawer) fill(dst *Instance, f found, s *stream, scratch *scratch) error {
	a := segment{f.at + int64(f.a0), f.at + int64(f.a1)}
	if !d.config.NSP {
		return d.join(dst, a)
	}
	b := segment{a.end, f.at + int64(f.b1)}
	if f.random {
		var err error
		if b, err = d.elsewhere(f, s, scratch); err != nil {
			return err
		}
		dst.NextSentenceLabel = 1
	}
	truncate(&a, &b, d.config.room(), s)
	return d.join(dst, a, b)
}

// segment is a range of token positions.
type segment struct{ start, end int64 }

func (s segment) len() int { return int(s.end - s.start) }

// elsewhere chooses a segment B in a random document. Like Google's code it tries at most ten times to draw a document
// other than that of segment A.
func (d *Drawer) elsewhere(f found, s *stream, scratch *scratch) (segment, error) {
	doc := f.doc
	for tries := 0; tries < 10 && doc == f.doc; tries++ {
		doc = s.below(d.source.NumDocuments())
	}
	lengths, at, err := d.source.Lengths(scratch.lengths[:0], doc, doc+1)
	if err != nil {
		return segment{}, err
	}
	scratch.lengths = lengths
	first := 1 + s.below(int(lengths[0]))
	for _, n := range lengths[1:first] {
		at += int64(n)
	}
	b := segment{at, at}
	for _, n := range lengths[first:] {
		b.end += int64(n)
		if b.len() >= f.targetB {
			break
		}
	}
	return b, nil
}

// truncate removes tokens at random from the front or back of the longer segment until both fit into room.
func truncate(a, b *segment, room int, s *stream) {
	for a.len()+b.len() > room {
		longer := b
		if a.len() > b.len() {
			longer = a
		}
		if s.chance(0.5) {
			longer.start++
		} else {
			longer.end--
		}
	}
}

// join reads segments into dst as [CLS] A [SEP] B [SEP].
func (d *Drawer) join(dst *Instance, segments ...segment) error {
	dst.InputIDs[0] = d.special.CLS
	n := 1
	for k, seg := range segments {
		from := n
		if k == 0 {
			from = 0
		}
		end := n + seg.len()
		if err := d.source.Tokens(dst.InputIDs[n:end], seg.start); err != nil {
			return err
		}
		dst.InputIDs[end] = d.special.SEP
		n = end + 1
		for i := from; i < n; i++ {
			dst.TokenTypeIDs[i] = int32(k)
		}
	}
	dst.Length = n
	return d.check(dst.InputIDs[:n])
}

// check returns an error if an id is outside the vocabulary, which happens if the source has another vocabulary.
func (d *Drawer) check(ids []int32) error {
	for _, id := range ids {
		if uint32(id) >= uint32(len(d.continues)) {
			return fmt.Errorf("instances: id %d in the source is outside a vocabulary of %d", id, len(d.continues))
		}
	}
	return nil
}
