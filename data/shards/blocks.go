package shards

import (
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
)

// blockSize is the number of bytes under one checksum.
const blockSize = 64 << 10

// castagnoli is the table of CRC-32C, which processors compute in hardware. It does not change.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// summer is a writer that computes the checksum of each block.
type summer struct {
	w    io.Writer
	n    int64
	sum  uint32 // checksum of the current block
	sums []uint32
}

func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	for rest := p[:n]; len(rest) > 0; {
		k := min(len(rest), blockSize-int(s.n%blockSize))
		s.sum = crc32.Update(s.sum, castagnoli, rest[:k])
		s.n += int64(k)
		rest = rest[k:]
		if s.n%blockSize == 0 {
			s.finish()
		}
	}
	return n, err
}

func (s *summer) finish() {
	s.sums = append(s.sums, s.sum)
	s.sum = 0
}

// all returns the checksums, including that of the current block.
func (s *summer) all() []uint32 {
	if s.n%blockSize != 0 {
		s.finish()
	}
	return s.sums
}

// blocks reads a file in blocks with checksums. It checks a block when it first reads from it. It is safe for concurrent
// use.
type blocks struct {
	r       io.ReaderAt
	size    int64 // bytes that the checksums cover
	sums    []uint32
	checked []atomic.Bool
	buffers sync.Pool // of *[]byte of blockSize
}

func newBlocks(r io.ReaderAt, size int64, sums []uint32) *blocks {
	b := &blocks{r: r, size: size, sums: sums, checked: make([]atomic.Bool, len(sums))}
	b.buffers.New = func() any { p := make([]byte, blockSize); return &p }
	return b
}

// read fills p with the bytes from off on.
func (b *blocks) read(p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	if off < 0 || off+int64(len(p)) > b.size {
		return fmt.Errorf("bytes %d-%d are outside a file of %d; the index is damaged", off, off+int64(len(p)), b.size)
	}
	for k := off / blockSize; k <= (off+int64(len(p))-1)/blockSize; k++ {
		if !b.checked[k].Load() {
			if err := b.check(k); err != nil {
				return err
			}
		}
	}
	return readFull(b.r, p, off)
}

// check checks the checksum of block k.
func (b *blocks) check(k int64) error {
	buffer := b.buffers.Get().(*[]byte)
	defer b.buffers.Put(buffer)
	from := k * blockSize
	p := (*buffer)[:min(blockSize, b.size-from)]
	if err := readFull(b.r, p, from); err != nil {
		return err
	}
	if sum := crc32.Checksum(p, castagnoli); sum != b.sums[k] {
		return fmt.Errorf("bytes %d-%d: checksum %08x, want %08x; the file is damaged; make the shards again",
			from, from+int64(len(p)), sum, b.sums[k])
	}
	b.checked[k].Store(true)
	return nil
}

// readFull fills p with the bytes from off on. It returns an error if the file ends before p is full.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
