package preparation

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/data/splitmix"
	"github.com/subbert/subbert/data/staging"
)

// buckets is the number of equal ranges of keys: the documents of one range must fit in memory.
const buckets = 1024

// keyOf is the sort key of a document in the shards: the seed chooses a permutation of the documents. It applies
// SplitMix64's mixing to the seed, the file and the number of the document in the file.
func keyOf(seed uint64, file, number int) uint64 {
	return next(next(next(seed)+uint64(file)) + uint64(number))
}

// next is SplitMix64's output after the state z.
func next(z uint64) uint64 { return splitmix.Mix(z + splitmix.Golden) }

// Spooled is the manifest of a file's first pass.
type Spooled struct {
	Input shards.Input
	Empty int64 // documents without text
	Piece string
	Bytes int64
	Runs  [][]int64 // for each sorted run of documents: the offsets of its buckets in Piece, and of the end of the last one
}

// spool writes the documents of one file in the first pass. It sorts as many at a time as fit in memory.
type spool struct {
	piece   *staging.Piece
	limit   int // bytes in memory
	entries []entry
	data    []byte
	runs    [][]int64
}

// entry is the key and place of an encoded document.
type entry struct {
	key          uint64
	file, number int
	start, end   int // offsets in the data
	heldOut      bool
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.file, b.file), cmp.Compare(a.number, b.number))
}

// add adds a document.
func (s *spool) add(key uint64, number int, heldOut bool, d *shards.Document) error {
	start := len(s.data)
	s.data = appendDocument(s.data, key, number, heldOut, d)
	s.entries = append(s.entries, entry{key: key, number: number, start: start, end: len(s.data)})
	if len(s.data) < s.limit {
		return nil
	}
	return s.flush()
}

// flush writes a run.
func (s *spool) flush() error {
	slices.SortFunc(s.entries, compareEntries)
	run := make([]int64, 0, buckets+1)
	for _, e := range s.entries {
		for len(run) <= bucketOf(e.key) {
			run = append(run, s.piece.Size())
		}
		if _, err := s.piece.Write(s.data[e.start:e.end]); err != nil {
			return err
		}
	}
	for len(run) <= buckets {
		run = append(run, s.piece.Size())
	}
	s.runs = append(s.runs, run)
	s.entries, s.data = s.entries[:0], s.data[:0]
	return nil
}

func bucketOf(key uint64) int { return int(key >> 54) }

// appendDocument appends d: its length, key, number, side, counts, the lengths of its sentences and its ids.
func appendDocument(dst []byte, key uint64, number int, heldOut bool, d *shards.Document) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, key)
	dst = binary.AppendUvarint(dst, uint64(number))
	side := byte(0)
	if heldOut {
		side = 1
	}
	dst = append(dst, side)
	for _, n := range []int{d.Words, d.TextBytes, d.Unknown, len(d.Lengths)} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	for _, n := range d.Lengths {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	for _, id := range d.IDs {
		dst = binary.AppendUvarint(dst, uint64(id))
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	return dst
}

var errSpool = errors.New("a piece of the first pass is damaged; remove the .work directory and start again")

// appendEntries appends entries for the documents in data from start on.
func appendEntries(dst []entry, data []byte, start, file int) ([]entry, error) {
	for start < len(data) {
		if len(data)-start < 14 {
			return nil, errSpool
		}
		end := start + int(binary.LittleEndian.Uint32(data[start:]))
		if end < start+14 || end > len(data) {
			return nil, errSpool
		}
		number, n := binary.Uvarint(data[start+12 : end])
		at := start + 12 + n
		if n <= 0 || at >= end {
			return nil, errSpool
		}
		dst = append(dst, entry{key: binary.LittleEndian.Uint64(data[start+4:]), file: file, number: int(number), heldOut: data[at] == 1,
			start: at + 1, end: end})
		start = end
	}
	return dst, nil
}

// decode sets d to the document in data, reusing its slices.
func decode(d *shards.Document, data []byte) error {
	good := true
	next := func() int {
		v, n := binary.Uvarint(data)
		if good = good && n > 0; !good {
			return 0
		}
		data = data[n:]
		return int(v)
	}
	*d = shards.Document{Words: next(), TextBytes: next(), Unknown: next(), Lengths: d.Lengths[:0], IDs: d.IDs[:0]}
	sentences := next()
	for range min(sentences, len(data)) {
		d.Lengths = append(d.Lengths, int32(next()))
	}
	for len(data) > 0 && good {
		d.IDs = append(d.IDs, int32(next()))
	}
	if !good || len(d.Lengths) != sentences {
		return errSpool
	}
	return nil
}

// block is a range of buckets of all files, sorted, to be written next.
type block struct {
	data    []byte
	entries []entry
}

// load reads the buckets [from, to) of all pieces.
func (b *block) load(work *staging.Work, files []Spooled, from, to int) error {
	b.data, b.entries = b.data[:0], b.entries[:0]
	for i := range files {
		if err := b.loadFile(work, &files[i], i, from, to); err != nil {
			return err
		}
	}
	slices.SortFunc(b.entries, compareEntries)
	return nil
}

func (b *block) loadFile(work *staging.Work, s *Spooled, file, from, to int) error {
	f, err := os.Open(work.Path(s.Piece))
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	for _, run := range s.Runs {
		start, n := len(b.data), int(run[to]-run[from])
		b.data = slices.Grow(b.data, n)[:start+n]
		if _, err := f.ReadAt(b.data[start:], run[from]); err != nil && !(err == io.EOF && n == 0) {
			return err
		}
		if b.entries, err = appendEntries(b.entries, b.data, start, file); err != nil {
			return err
		}
	}
	return nil
}
