package selection

import (
	"encoding/binary"
	"os"

	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/forms"
)

// passEntries is the number of hashes that are compared at a time: some 100 MB.
const passEntries = 2 << 20

// resolve decides which matching documents are kept.
func (s *selector) resolve() error {
	if err := s.replaced(); err != nil {
		return err
	}
	sameID, err := s.duplicates(func(m *mark) [16]byte { return m.id })
	if err != nil {
		return err
	}
	sameText, err := s.duplicates(func(m *mark) [16]byte { return m.text })
	s.card.SameID, s.card.SameText = sameID, sameText
	return err
}

// replaced drops documents that a later record of PubMed replaces or deletes.
func (s *selector) replaced() error {
	var citations []*Task
	for i := range s.tasks {
		t := &s.tasks[i]
		t.Drop = make([]uint64, (t.Found.Matched+63)/64)
		if t.Format == forms.PubMedXML {
			citations = append(citations, t)
		}
	}
	kept, err := pubmed.Resolve(len(citations), func(i int) (*pubmed.Index, error) {
		content, err := os.ReadFile(s.work.Path(citations[i].Found.Index))
		if err != nil {
			return nil, err
		}
		x := &pubmed.Index{}
		return x, x.UnmarshalBinary(content)
	})
	if err != nil {
		return err
	}
	for i, t := range citations {
		err := s.marks(t, func(at int, m *mark) {
			if !kept[i].Has(int(m.number)) {
				t.Drop[at/64] |= 1 << (at % 64)
				s.card.Replaced++
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// duplicates drops documents with the hash of an earlier one, and counts them. It compares the hashes in several passes
// to bound memory.
func (s *selector) duplicates(hash func(*mark) [16]byte) (int64, error) {
	var total, dropped int64
	for i := range s.tasks {
		total += s.tasks[i].Found.Matched
	}
	passes := uint64(total/passEntries + 1)
	for pass := range passes {
		seen := make(map[[16]byte]struct{})
		for i := range s.tasks {
			t := &s.tasks[i]
			err := s.marks(t, func(at int, m *mark) {
				h := hash(m)
				if t.Drop[at/64]>>(at%64)&1 != 0 || h == [16]byte{} || binary.LittleEndian.Uint64(h[:])%passes != pass {
					return
				}
				if _, again := seen[h]; again {
					t.Drop[at/64] |= 1 << (at % 64)
					dropped++
				}
				seen[h] = struct{}{}
			})
			if err != nil {
				return 0, err
			}
		}
	}
	return dropped, nil
}

// marks calls visit with the marks of a file in order.
func (s *selector) marks(t *Task, visit func(at int, m *mark)) error {
	content, err := os.ReadFile(s.work.Path(t.Found.Marks))
	if err != nil {
		return err
	}
	for at := 0; len(content) >= markBytes; at++ {
		m := mark{number: binary.LittleEndian.Uint32(content)}
		copy(m.id[:], content[4:])
		copy(m.text[:], content[20:])
		visit(at, &m)
		content = content[markBytes:]
	}
	return nil
}
