package pubmed

import (
	"fmt"

	"github.com/subbert/subbert/data/corpus/pmid"
)

// maxLater bounds the number of citations of a second or later version in a seen.
const maxLater = 1 << 20

// seen is a set of IDs. Nearly all are of version 1.
type seen struct {
	first pmid.Set
	later map[ID]struct{}
}

func (s *seen) has(id ID) bool {
	if id.Version == 1 {
		return s.first.Has(id.PMID)
	}
	_, ok := s.later[id]
	return ok
}

// add adds an ID and reports whether it was there.
func (s *seen) add(id ID) (bool, error) {
	if s.has(id) {
		return true, nil
	}
	if id.Version == 1 {
		s.first.Add(id.PMID)
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
