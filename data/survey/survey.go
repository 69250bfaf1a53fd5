package survey

import (
	"slices"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
)

// Set is examples under a name: a file, a split or a fold.
type Set struct {
	Name     string
	Examples []relations.Example
}

// Survey is what sets are like.
type Survey struct {
	Sets   []Facts  `json:"sets"`
	Shared []Shared `json:"shared"` // between the first set and each of the others
}

// Facts are what a set is like by itself.
type Facts struct {
	Name          string         `json:"name"`
	Rows          int            `json:"rows"`
	Labels        map[string]int `json:"labels"` // rows of each; "" stands for those without one
	Documents     int            `json:"documents,omitempty"`
	Repeated      int            `json:"repeated"`      // rows whose text stands in a row before
	Contradictory int            `json:"contradictory"` // of those, the rows with another label than the row before
	Unmarked      int            `json:"unmarked"`      // rows that do not show both mentions
	Marks         map[string]int `json:"marks"`         // rows that have each mark
	Types         map[string]int `json:"types"`         // rows of each two types of mentions, such as CHEMICAL-GENE
	Lengths       *Lengths       `json:"lengths,omitempty"`
}

// Lengths are what a vocabulary makes of a set.
type Lengths struct {
	Pieces  int       `json:"pieces"`
	Unknown int       `json:"unknown"` // pieces that are [UNK]
	Median  int       `json:"median"`  // positions of a row, [CLS] and [SEP] included
	Longest int       `json:"longest"`
	Cuts    []Cutting `json:"cuts"`
}

// Cutting is what rows of a length lose when they are cut at their end.
type Cutting struct {
	Length int `json:"length"` // positions
	marked.Cut
}

// Shared says what the set B has in common with the set A. Counts are rows of B.
type Shared struct {
	A          string `json:"a"`
	B          string `json:"b"`
	Rows       int    `json:"rows"`        // whose text stands in A
	OtherLabel int    `json:"other_label"` // of those, the rows that have another label in A
	Alike      int    `json:"alike"`       // that differ from a row of A in names alone, as other pairs of its sentence do
	Documents  int    `json:"documents"`   // of documents that A has rows of, where the index names them
}

// Of surveys sets. The first is the one to learn from.
func Of(sets ...Set) *Survey {
	s := &Survey{Shared: []Shared{}}
	for _, set := range sets {
		s.Sets = append(s.Sets, factsOf(set))
	}
	if len(sets) < 2 {
		return s
	}
	learned := newKnown(sets[0].Examples)
	for _, set := range sets[1:] {
		s.Shared = append(s.Shared, learned.share(sets[0].Name, set))
	}
	return s
}

// factsOf says what a set is like by itself.
func factsOf(set Set) Facts {
	f := Facts{Name: set.Name, Rows: len(set.Examples), Labels: map[string]int{}, Marks: map[string]int{}, Types: map[string]int{}}
	seen, documents := map[string]string{}, map[string]bool{}
	for _, e := range set.Examples {
		f.Labels[e.Label]++
		if hasDocument(e) {
			documents[e.Document] = true
		}
		if label, ok := seen[e.Text]; ok {
			f.Repeated++
			if label != e.Label {
				f.Contradictory++
			}
		} else {
			seen[e.Text] = e.Label
		}
		for _, m := range relations.Marks([]relations.Example{e}) {
			f.Marks[m]++
		}
		if !e.A.Found() || !e.B.Found() {
			f.Unmarked++
		}
		if e.A.Type != "" && e.B.Type != "" {
			f.Types[e.A.Type+"-"+e.B.Type]++
		}
	}
	f.Documents = len(documents)
	return f
}

// hasDocument says whether the index of a row names its document and not the row alone.
func hasDocument(e relations.Example) bool { return e.Document != "" && e.Document != e.ID }

// Measure adds what the pieces of e's vocabulary make of the sets, in rows of each of lengths.
func (s *Survey) Measure(e *marked.Encoder, lengths []int, sets ...Set) {
	for i, set := range sets {
		sizes := make([]marked.Size, len(set.Examples))
		positions := make([]int, len(set.Examples))
		l := &Lengths{}
		for j, x := range set.Examples {
			sizes[j] = e.Size(x)
			positions[j] = sizes[j].Pieces + 2
			l.Pieces += sizes[j].Pieces
			l.Unknown += sizes[j].Unknown
		}
		if slices.Sort(positions); len(positions) > 0 {
			l.Median, l.Longest = positions[len(positions)/2], positions[len(positions)-1]
		}
		for _, n := range lengths {
			l.Cuts = append(l.Cuts, Cutting{n, marked.CutAt(sizes, n)})
		}
		s.Sets[i].Lengths = l
	}
}
