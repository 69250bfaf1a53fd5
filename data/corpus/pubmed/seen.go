package pubmed

import "fmt"

// bits is a set of numbers up to MaxPMID: 12.5 MB at most.
type bits []uint64

func (b bits) has(i uint32) bool { return int(i/64) < len(b) && b[i/64]>>(i%64)&1 != 0 }

func (b *bits) add(i uint32) {
	if need := int(i/64) + 1; need > len(*b) {
		*b = append(*b, make([]uint64, need-len(*b))...)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

// maxLater bounds how many citations of a second or later version are remembered.
const maxLater = 1 << 20

// seen is a set of IDs. Nearly all are of version 1.
type seen struct {
	first bits
	later map[ID]struct{}
}

func (s *seen) has(id ID) bool {
	if id.Version == 1 {
		return s.first.has(id.PMID)
	}
	_, ok := s.later[id]
	return ok
}

// add adds an ID and tells whether it was there.
func (s *seen) add(id ID) (bool, error) {
	if s.has(id) {
		return true, nil
	}
	if id.Version == 1 {
		s.first.add(id.PMID)
		return false, nil
	}
	if s.later == nil {
		s.later = map[ID]struct{}{}
	}
	if len(s.later) >= maxLater {
		return false, fmt.Errorf("more than %d citations of a second or later version; this is not PubMed", maxLater)
	}
	s.later[id] = struct{}{}
	return false, nil
}
