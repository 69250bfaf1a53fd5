package extract

import (
	"slices"
	"strings"

	"github.com/subbert/subbert/data/relations"
)

// statedRelation is a predicted relation of a document: of two concepts, or of two annotations if one of them has no
// concept.
type statedRelation struct {
	label       string
	concepts    [2]string
	annotations [2]string // as the ids of pairs name them; empty for a relation of two concepts
}

// stated holds the relations of a document, each once, in the order in which they were first predicted.
type stated struct {
	order       []statedRelation
	probability map[statedRelation]float32 // the greatest over all pairs of mentions with that relation
}

// add adds the relation that p predicts.
func (s *stated) add(r statedRelation, p Prediction, labels []string) {
	if s.probability == nil {
		s.probability = map[statedRelation]float32{}
	}
	if _, known := s.probability[r]; !known {
		s.order = append(s.order, r)
	}
	s.probability[r] = max(s.probability[r], p.Probabilities[slices.Index(labels, p.Label)])
}

// annotationsOf returns the names of the two annotations of e, which are at the end of its id; false if the id does not
// tell them apart.
func annotationsOf(e relations.Example) (names [2]string, ok bool) {
	a, b, ok := strings.Cut(strings.TrimPrefix(e.ID, e.Document+"."), ".")
	return [2]string{a, b}, ok && !strings.Contains(b, ".")
}
