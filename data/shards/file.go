package shards

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

const (
	magic       = "subbert\x01" // at both ends of a file
	groupSize   = 16            // documents between two entries of the index
	groupBytes  = 16
	trailerSize = 56
	maxIDBits   = 31
)

// trailer is the end of a file. It determines the place of all other parts.
type trailer struct {
	documents, sentences, tokens int64
	lengthBytes                  int64
	idBits                       uint32
	sumOfSums                    uint32
}

func (t *trailer) groups() int64 { return (t.documents+groupSize-1)/groupSize + 1 }

func (t *trailer) lengthsAt() int64 { return int64(len(magic)) + (t.tokens*int64(t.idBits)+7)/8 }
func (t *trailer) groupsAt() int64  { return t.lengthsAt() + t.lengthBytes }
func (t *trailer) sumsAt() int64    { return t.groupsAt() + t.groups()*groupBytes }
func (t *trailer) blocks() int64    { return (t.sumsAt() + blockSize - 1) / blockSize }
func (t *trailer) size() int64      { return t.sumsAt() + 4*t.blocks() + trailerSize }

// append appends t as the last bytes of a file. The final CRC-32C identifies the whole file.
func (t *trailer) append(dst []byte) []byte {
	from := len(dst)
	for _, n := range []int64{t.documents, t.sentences, t.tokens, t.lengthBytes} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, t.idBits)
	dst = binary.LittleEndian.AppendUint32(dst, t.sumOfSums)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
}

// parseTrailer reads and checks the trailer of a file of size bytes.
func parseTrailer(p []byte, size int64) (trailer, error) {
	if string(p[40:48]) != magic {
		return trailer{}, errors.New("not a shard file, or truncated")
	}
	if sum := crc32.Checksum(p[:52], castagnoli); sum != binary.LittleEndian.Uint32(p[52:]) {
		return trailer{}, errors.New("trailer damaged; make the shards again")
	}
	var n [4]int64
	for i := range n {
		u := binary.LittleEndian.Uint64(p[8*i:])
		if u > 8*uint64(size) {
			return trailer{}, fmt.Errorf("trailer: %d is too large for a file of %d bytes", u, size)
		}
		n[i] = int64(u)
	}
	t := trailer{documents: n[0], sentences: n[1], tokens: n[2], lengthBytes: n[3],
		idBits: binary.LittleEndian.Uint32(p[32:]), sumOfSums: binary.LittleEndian.Uint32(p[36:])}
	if t.idBits < 1 || t.idBits > maxIDBits {
		return trailer{}, fmt.Errorf("%d bits per id, want 1 to %d", t.idBits, maxIDBits)
	}
	if t.size() != size {
		return trailer{}, fmt.Errorf("%d bytes, want %d; the file is truncated or damaged", size, t.size())
	}
	return t, nil
}

// file is one shard, open for reading.
type file struct {
	trailer
	blocks *blocks
	groups []group
	raw    sync.Pool // of *[]byte
}

// group is an entry of the index: the start of every 16th document.
type group struct {
	token  int64 // number of its first token in the file
	length int64 // offset of its lengths in the part of lengths
}

// openFile reads the trailer, the checksums and the index of a shard.
func openFile(r io.ReaderAt, size int64) (*file, error) {
	if size < trailerSize {
		return nil, fmt.Errorf("%d bytes: not a shard file, or truncated", size)
	}
	end := make([]byte, trailerSize)
	if err := readFull(r, end, size-trailerSize); err != nil {
		return nil, err
	}
	t, err := parseTrailer(end, size)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 4*t.blocks())
	if err := readFull(r, raw, t.sumsAt()); err != nil {
		return nil, err
	}
	if sum := crc32.Checksum(raw, castagnoli); sum != t.sumOfSums {
		return nil, errors.New("checksums damaged; make the shards again")
	}
	sums := make([]uint32, t.blocks())
	for i := range sums {
		sums[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	f := &file{trailer: t, blocks: newBlocks(r, t.sumsAt(), sums)}
	f.raw.New = func() any { return new([]byte) }
	return f, f.readGroups()
}

func (f *file) readGroups() error {
	raw := make([]byte, f.trailer.groups()*groupBytes)
	if err := f.blocks.read(raw, f.groupsAt()); err != nil {
		return err
	}
	f.groups = make([]group, f.trailer.groups())
	var last group
	for i := range f.groups {
		g := group{int64(binary.LittleEndian.Uint64(raw[groupBytes*i:])), int64(binary.LittleEndian.Uint64(raw[groupBytes*i+8:]))}
		if g.token < last.token || g.length < last.length || i == 0 && g != last {
			return fmt.Errorf("index entry %d is less than the entry before", i)
		}
		f.groups[i], last = g, g
	}
	if last != (group{f.tokens, f.lengthBytes}) {
		return errors.New("index does not end at the end of the data")
	}
	return nil
}

// lengths appends, for each of the documents [first, last), its number of sentences and then the tokens of each
// sentence. at is the number of the first token of document first.
func (f *file) lengths(dst []int32, first, last int64) (_ []int32, at int64, err error) {
	if first >= last {
		return dst, 0, nil
	}
	from, to := first/groupSize, (last+groupSize-1)/groupSize
	at = f.groups[from].token
	raw, done := f.buffer(int(f.groups[to].length - f.groups[from].length))
	defer done()
	if err := f.blocks.read(raw, f.lengthsAt()+f.groups[from].length); err != nil {
		return dst, 0, err
	}
	for doc := from * groupSize; doc < last; doc++ {
		before := len(dst)
		var tokens int64
		if dst, tokens, raw, err = appendDocument(dst, raw); err != nil {
			return dst, 0, fmt.Errorf("document %d: %w", doc, err)
		}
		if doc < first {
			dst = dst[:before]
			at += tokens
		}
	}
	return dst, at, nil
}

var errLengths = errors.New("sentence lengths damaged")

// appendDocument decodes the lengths of one document from raw and returns their sum.
func appendDocument(dst []int32, raw []byte) ([]int32, int64, []byte, error) {
	sentences, raw, err := length(raw)
	if err != nil {
		return dst, 0, raw, err
	}
	dst = append(dst, sentences)
	tokens := int64(0)
	for range sentences {
		var n int32
		if n, raw, err = length(raw); err != nil {
			return dst, 0, raw, err
		}
		dst = append(dst, n)
		tokens += int64(n)
	}
	return dst, tokens, raw, nil
}

// length decodes a positive number.
func length(raw []byte) (int32, []byte, error) {
	if len(raw) > 0 && raw[0] < 0x80 && raw[0] > 0 {
		return int32(raw[0]), raw[1:], nil
	}
	u, n := binary.Uvarint(raw)
	if n <= 0 || u == 0 || u > 1<<31-1 {
		return 0, raw, errLengths
	}
	return int32(u), raw[n:], nil
}

// read fills dst with the tokens from number at on.
func (f *file) read(dst []int32, at int64) error {
	width := int64(f.idBits)
	from, to := at*width/8, ((at+int64(len(dst)))*width+7)/8
	raw, done := f.buffer(int(to-from) + 8) // an id is read from the 8 bytes that start with its first bit
	defer done()
	if err := f.blocks.read(raw[:to-from], int64(len(magic))+from); err != nil {
		return err
	}
	bit, mask := uint64(at*width-8*from), uint64(1)<<width-1
	for i := range dst {
		dst[i] = int32(binary.LittleEndian.Uint64(raw[bit>>3:]) >> (bit & 7) & mask)
		bit += uint64(width)
	}
	return nil
}

// buffer lends n bytes until done is called.
func (f *file) buffer(n int) (p []byte, done func()) {
	b := f.raw.Get().(*[]byte)
	if cap(*b) < n {
		*b = make([]byte, n)
	}
	return (*b)[:n], func() { f.raw.Put(b) }
}
