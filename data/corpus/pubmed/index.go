package pubmed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/subbert/subbert/data/corpus/pmid"
)

// Index lists the citations of a file, in order, and its deletions: four bytes each. It is built while the file is
// read, and is sufficient to determine which records of the other files still count.
type Index struct {
	order []uint32          // PMIDs; deleted ones have their highest bit set
	later map[uint32]uint16 // the version of order[i], if it is not 1
}

const deletedBit = 1 << 31

// Add adds the next record of the file.
func (x *Index) Add(c *Citation) {
	if c.Version != 1 {
		if x.later == nil {
			x.later = map[uint32]uint16{}
		}
		x.later[uint32(len(x.order))] = c.Version
	}
	entry := c.PMID
	if c.Deleted {
		entry |= deletedBit
	}
	x.order = append(x.order, entry)
}

// Len is the number of records, deletions included.
func (x *Index) Len() int { return len(x.order) }

func (x *Index) at(i int) (id ID, deleted bool) {
	id = ID{PMID: x.order[i] &^ deletedBit, Version: 1}
	if v, ok := x.later[uint32(i)]; ok {
		id.Version = v
	}
	return id, x.order[i]&deletedBit != 0
}

// AppendBinary appends the index as bytes: the number of records, the records, and the positions and versions of
// those that are not version 1.
func (x *Index) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(len(x.order)))
	for _, entry := range x.order {
		b = binary.LittleEndian.AppendUint32(b, entry)
	}
	for i := range x.order {
		if v, ok := x.later[uint32(i)]; ok {
			b = binary.LittleEndian.AppendUint32(b, uint32(i))
			b = binary.LittleEndian.AppendUint16(b, v)
		}
	}
	return b, nil
}

// UnmarshalBinary reads what AppendBinary wrote.
func (x *Index) UnmarshalBinary(b []byte) error {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size)/4 {
		return errors.New("pubmed index: too short")
	}
	b = b[size:]
	*x = Index{order: make([]uint32, n)}
	for i := range x.order {
		x.order[i] = binary.LittleEndian.Uint32(b[4*i:])
		if id := x.order[i] &^ deletedBit; id == 0 || id > pmid.Max {
			return fmt.Errorf("pubmed index: record %d: PMID %d, want 1 to %d", i, id, pmid.Max)
		}
	}
	b = b[4*n:]
	if len(b)%6 != 0 {
		return fmt.Errorf("pubmed index: %d bytes of versions, want a multiple of 6", len(b))
	}
	for ; len(b) > 0; b = b[6:] {
		i, v := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:])
		if uint64(i) >= n || v < 2 {
			return fmt.Errorf("pubmed index: record %d of %d has version %d", i, n, v)
		}
		if x.later == nil {
			x.later = map[uint32]uint16{}
		}
		x.later[i] = v
	}
	return nil
}

// Kept is a set of records of one file, by their position among all its good records.
type Kept []uint64

// Has reports whether the i-th record is in the set.
func (k Kept) Has(i int) bool { return k[i/64]>>(i%64)&1 != 0 }

func (k Kept) remove(i int) { k[i/64] &^= 1 << (i % 64) }

// Resolve determines which records of n files count, given the index of each file in the order of Sort. Of the
// records with the same PMID and version the last one counts, unless it is a deletion; of the remaining versions of a
// PMID the highest counts. Each index is loaded three times, one at a time; memory is one bit for each record and
// PMID.
func Resolve(n int, load func(i int) (*Index, error)) ([]Kept, error) {
	kept := make([]Kept, n)
	later, first := seen{}, seen{}
	highest := map[uint32]uint16{}
	err := backwards(n, load, func(file int, x *Index) error {
		kept[file] = make(Kept, (x.Len()+63)/64)
		return x.lastOnes(kept[file], &later, false, func(id ID) { highest[id.PMID] = max(highest[id.PMID], id.Version) })
	})
	if err != nil {
		return nil, err
	}
	err = backwards(n, load, func(file int, x *Index) error {
		return x.lastOnes(kept[file], &first, true, func(ID) {})
	})
	if err != nil || len(highest) == 0 {
		return kept, err
	}
	err = backwards(n, load, func(file int, x *Index) error {
		for i := range x.Len() {
			if id, _ := x.at(i); id.Version < highest[id.PMID] {
				kept[file].remove(i)
			}
		}
		return nil
	})
	return kept, err
}

func backwards(n int, load func(i int) (*Index, error), visit func(file int, x *Index) error) error {
	for file := n - 1; file >= 0; file-- {
		x, err := load(file)
		if err != nil {
			return err
		}
		if err := visit(file, x); err != nil {
			return err
		}
	}
	return nil
}

// lastOnes adds to kept the citations whose ID has not been seen in a later record: those of version 1 if first,
// else those of other versions.
func (x *Index) lastOnes(kept Kept, seen *seen, first bool, found func(ID)) error {
	for i := x.Len() - 1; i >= 0; i-- {
		id, deleted := x.at(i)
		if (id.Version == 1) != first {
			continue
		}
		again, err := seen.add(id)
		if err != nil {
			return err
		}
		if !again && !deleted {
			kept[i/64] |= 1 << (i % 64)
			found(id)
		}
	}
	return nil
}

// Current reads the citations of baseline and update files that count, in the order of Sort. Each file is read twice:
// for its index, then for the citations. The last item is the first error, if any. Options.Fault is called in the
// first reading only.
func Current(paths []string, o Options) iter.Seq2[*Citation, error] {
	return func(yield func(*Citation, error) bool) {
		paths = append([]string(nil), paths...)
		kept, err := resolveFiles(paths, o)
		if err != nil {
			yield(nil, err)
			return
		}
		o.Fault = nil
		for file, path := range paths {
			i := 0
			for c, err := range Open(path, o) {
				if err == nil && i >= 64*len(kept[file]) {
					err = fmt.Errorf("%s: the file grew while it was read", path)
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if kept[file].Has(i) && !yield(c, nil) {
					return
				}
				i++
			}
		}
	}
}

// resolveFiles sorts the files, reads the index of each and resolves them.
func resolveFiles(paths []string, o Options) ([]Kept, error) {
	if err := Sort(paths); err != nil {
		return nil, err
	}
	indexes := make([]Index, len(paths))
	for file, path := range paths {
		for c, err := range Open(path, o) {
			if err != nil {
				return nil, err
			}
			indexes[file].Add(c)
		}
	}
	return Resolve(len(paths), func(i int) (*Index, error) { return &indexes[i], nil })
}
