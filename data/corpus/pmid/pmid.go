// Package pmid holds sets of PubMed's identifiers, such as those that have been seen, are excluded, or mention a
// gene.
//
// A set takes one bit for each identifier up to the greatest: 5 MB for all of PubMed, 12.5 MB at most.
package pmid

import (
	"fmt"
	"math/bits"
)

// Max is the greatest PMID: they have at most eight digits.
const Max = 99_999_999

// Parse reads a PMID: digits alone, 1 to Max.
func Parse(s string) (uint32, error) {
	n := uint32(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > Max/10 {
			n = 0
			break
		}
		n = n*10 + uint32(s[i]-'0')
	}
	if n == 0 || n > Max {
		return 0, fmt.Errorf("PMID %.20q, want a number up to %d", s, Max)
	}
	return n, nil
}

// Set is a set of PMIDs. The zero value is empty.
type Set struct{ words []uint64 }

// Has reports whether a PMID is in the set.
func (s *Set) Has(pmid uint32) bool {
	i := int(pmid / 64)
	return i < len(s.words) && s.words[i]>>(pmid%64)&1 != 0
}

// Add adds a PMID. It panics if pmid is greater than Max.
func (s *Set) Add(pmid uint32) {
	if pmid > Max {
		panic(fmt.Sprintf("pmid: %d, want at most %d", pmid, Max))
	}
	if need := int(pmid/64) + 1; need > len(s.words) {
		s.words = append(s.words, make([]uint64, need-len(s.words))...)
	}
	s.words[pmid/64] |= 1 << (pmid % 64)
}

// Len is the number of PMIDs in the set.
func (s *Set) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}
