package survey

import (
	"slices"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/data/relations"
)

// Set is a named set of examples: a file, a split or a fold.
type Set struct {
	Name     string
	Examples []relations.Example
}

// Survey describes several sets.
type Survey struct {
	Sets   []Facts  `json:"sets"`
	Shared []Shared `json:"shared"` // between the first set and each of the others
}

// Facts describes one set.
type Facts struct {
	Name          string         `json:"name"`
	Rows          int            `json:"rows"`
	Labels        map[string]int `json:"labels"` // rows by label; "" counts rows without a label
	Documents     int            `json:"documents,omitempty"`
	Repeated      int            `json:"repeated"`      // rows with the same text as an earlier row
	Contradictory int            `json:"contradictory"` // repeated rows with a label other than that of the first such row
	Unmarked      int            `json:"unmarked"`      // rows without marks of both mentions
	Marks         map[string]int `json:"marks"`         // rows by mark
	Types         map[string]int `json:"types"`         // rows by pair of mention types, such as CHEMICAL-GENE
	Lengths       *Lengths       `json:"lengths,omitempty"`
}

// Lengths describes a set that is tokenized with a vocabulary.
type Lengths struct {
	Pieces  int       `json:"pieces"`
	Unknown int       `json:"unknown"` // pieces that are [UNK]
	Median  int       `json:"median"`  // median length of a row in positions, including [CLS] and [SEP]
	Longest int       `json:"longest"`
	Cuts    []Cutting `json:"cuts"`
}

// Cutting counts the losses of rows of a length that are cut at their end.
type Cutting struct {
	Length int `json:"length"` // positions
	marked.Cut
}

// Shared counts the rows of set B that have something in common with set A.
type Shared struct {
	A          string `json:"a"`
	B          string `json:"b"`
	Rows       int    `json:"rows"`        // rows with a text that is also in A
	OtherLabel int    `json:"other_label"` // those of Rows with another label in A
	Alike      int    `json:"alike"`       // rows that differ from a row of A only in names, as other pairs of its sentence do
	Documents  int    `json:"documents"`   // rows of documents that are also in A, if the index names documents
}

// Of surveys sets. The first is the training set.
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

// factsOf describes one set.
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

// hasDocument reports whether the index of a row names its document, not only the row.
func hasDocument(e relations.Example) bool { return e.Document != "" && e.Document != e.ID }

// Measure adds the Lengths of the sets: it tokenizes them with e and counts the losses in rows of each of lengths.
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
