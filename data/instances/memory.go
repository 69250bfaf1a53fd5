package instances

import "fmt"

// Memory is a Source in memory.
type Memory struct {
	documents [][][]int32
	starts    []int64 // position of each document's first token
	tokens    []int32
}

// NewMemory returns a source of documents. documents[i][j] holds the ids of sentence j of document i.
func NewMemory(documents [][][]int32) (*Memory, error) {
	m := &Memory{documents: documents}
	for i, d := range documents {
		if len(d) == 0 {
			return nil, fmt.Errorf("instances: document %d has no sentence", i)
		}
		m.starts = append(m.starts, int64(len(m.tokens)))
		for j, sentence := range d {
			if len(sentence) == 0 {
				return nil, fmt.Errorf("instances: document %d: sentence %d has no token", i, j)
			}
			m.tokens = append(m.tokens, sentence...)
		}
	}
	return m, nil
}

// NumDocuments implements Source.
func (m *Memory) NumDocuments() int { return len(m.documents) }

// Lengths implements Source.
func (m *Memory) Lengths(dst []int32, first, last int) (_ []int32, at int64, err error) {
	for _, d := range m.documents[first:last] {
		dst = append(dst, int32(len(d)))
		for _, sentence := range d {
			dst = append(dst, int32(len(sentence)))
		}
	}
	return dst, m.starts[first], nil
}

// Tokens implements Source.
func (m *Memory) Tokens(dst []int32, at int64) error {
	copy(dst, m.tokens[at:])
	return nil
}
