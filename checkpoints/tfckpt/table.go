package tfckpt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/snappy"
)

const (
	footerSize  = 48
	trailerSize = 5 // compression and checksum of a block
	tableMagic  = 0xdb4775248b80fb57
	plainBlock  = 0
	snappyBlock = 1

	maxBlock = 32 << 20 // bytes of a block that was compressed; TensorFlow begins a new one after 256 KiB
	maxKey   = 1024     // bytes of a name
	// maxNames bounds all names together as a multiple of the index: an entry takes some 20 bytes beyond
	// the part of its name that differs from the one before, and names of variables are well below 200.
	maxNames = 16
)

var errBlock = errors.New("a block is damaged")

// readTable calls each with every key and value of a table, in ascending order of keys.
func readTable(data []byte, each func(key string, value []byte) error) error {
	if len(data) < footerSize {
		return fmt.Errorf("%d bytes, too few for the index of a checkpoint", len(data))
	}
	footer := data[len(data)-footerSize:]
	if binary.LittleEndian.Uint64(footer[footerSize-8:]) != tableMagic {
		return errors.New("not the index of a TensorFlow checkpoint, or truncated")
	}
	_, n, err := readHandle(footer) // of the meta index, which is empty
	if err != nil {
		return err
	}
	top, _, err := readHandle(footer[n:])
	if err != nil {
		return err
	}
	r := &tableReader{data: data[:len(data)-footerSize], each: each, first: true, budget: maxNames*len(data) + maxKey}
	index, err := r.block(top)
	if err != nil {
		return fmt.Errorf("block index: %w", err)
	}
	if err := r.entries(index, r.dataBlock); err != nil {
		return err
	}
	if r.first {
		return errors.New("no entries")
	}
	return nil
}

// tableReader walks over the blocks of a table.
type tableReader struct {
	data   []byte // without the footer
	each   func(key string, value []byte) error
	last   string
	first  bool
	end    int // of the last data block
	budget int // bytes of names still allowed
}

// handle is the place of a block.
type handle struct{ offset, size int }

// readHandle reads two varints and returns the number of bytes they took.
func readHandle(b []byte) (handle, int, error) {
	offset, n := binary.Uvarint(b)
	if n <= 0 {
		return handle{}, 0, errBlock
	}
	size, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return handle{}, 0, errBlock
	}
	o, errOffset := fits(offset)
	s, errSize := fits(size)
	return handle{o, s}, n + m, errors.Join(errOffset, errSize)
}

// block returns the content of a block after checking it.
func (r *tableReader) block(h handle) ([]byte, error) {
	if h.size > len(r.data)-trailerSize || h.offset > len(r.data)-trailerSize-h.size {
		return nil, fmt.Errorf("block of %d bytes at %d in an index of %d: truncated", h.size, h.offset, len(r.data))
	}
	sealed := r.data[h.offset : h.offset+h.size+1] // content and kind of compression
	want := binary.LittleEndian.Uint32(r.data[h.offset+h.size+1:])
	if got := maskedCRC(sealed); got != want {
		return nil, fmt.Errorf("block at %d: checksum %08x, want %08x: damaged", h.offset, got, want)
	}
	content := sealed[:h.size]
	switch kind := sealed[h.size]; kind {
	case plainBlock:
		return content, nil
	case snappyBlock:
		// Snappy copies at most 64 bytes for three of its own, so a larger claim is false.
		if n, err := snappy.DecodedLen(content); err != nil || n > 22*len(content)+64 || n > maxBlock {
			return nil, fmt.Errorf("block at %d: %w", h.offset, errBlock)
		}
		return snappy.Decode(nil, content)
	default:
		return nil, fmt.Errorf("block at %d: compression %d, want none or snappy", h.offset, kind)
	}
}

// dataBlock reads the block that an entry of the index points to. Blocks must not overlap, so that a file cannot
// repeat one without bound.
func (r *tableReader) dataBlock(_ string, value []byte) error {
	h, _, err := readHandle(value)
	if err != nil {
		return err
	}
	if h.offset < r.end {
		return fmt.Errorf("block at %d overlaps the one before: %w", h.offset, errBlock)
	}
	block, err := r.block(h)
	if err != nil {
		return err
	}
	r.end = h.offset + h.size
	return r.entries(block, func(key string, value []byte) error {
		if !r.first && key <= r.last {
			return fmt.Errorf("key %q follows %q: %w", key, r.last, errBlock)
		}
		r.last, r.first = key, false
		return r.each(key, value)
	})
}

// entries decodes a block: entries that share the start of their key with the one before, then the restart points.
func (r *tableReader) entries(block []byte, each func(key string, value []byte) error) error {
	if len(block) < 4 {
		return errBlock
	}
	restarts := int(binary.LittleEndian.Uint32(block[len(block)-4:]))
	if restarts > (len(block)-4)/4 {
		return errBlock
	}
	rest := block[:len(block)-4-4*restarts]
	var key []byte
	for len(rest) > 0 {
		var n [3]int // shared with the key before, further bytes of the key, bytes of the value
		for i := range n {
			v, width := binary.Uvarint(rest)
			if width <= 0 || v > uint64(len(block)) && i > 0 || v > maxKey && i == 0 {
				return errBlock
			}
			n[i], rest = int(v), rest[width:]
		}
		if n[0] > len(key) || n[1]+n[2] > len(rest) {
			return errBlock
		}
		key = append(key[:n[0]], rest[:n[1]]...)
		if r.budget -= len(key); len(key) > maxKey || r.budget < 0 {
			return fmt.Errorf("names are too long: %w", errBlock)
		}
		if err := each(string(key), rest[n[1]:n[1]+n[2]]); err != nil {
			return err
		}
		rest = rest[n[1]+n[2]:]
	}
	return nil
}

// maskedCRC is the CRC-32C as LevelDB and TensorFlow store it: rotated and shifted, because the CRC of data that
// contains CRCs is weak.
func maskedCRC(b []byte) uint32 {
	crc := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (crc>>15 | crc<<17) + 0xa282ead8
}
