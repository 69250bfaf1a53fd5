package stream

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ulikunitz/xz"
)

// openXZ rejects blocks that require too large a window. The xz reader itself would allocate up to 4 GiB for each
// block.
func openXZ(raw io.Reader) (io.Reader, error) { return xz.NewReader(newWindowGuard(raw)) }

// windowGuard passes on an xz file and fails before the header of a block that requires too large a window. It follows
// the blocks by the sizes of their chunks (the .xz file format 1.2.1, and LZMA2), and leaves other faults to the
// reader.
type windowGuard struct {
	r     io.Reader
	next  func(part []byte) error // receives part once it is complete, and sets need and next
	part  []byte
	need  int   // bytes of part
	skip  int64 // bytes to pass on unexamined, before part
	data  int64 // bytes of the block's chunks
	check int64 // bytes of the check that follows a block
	err   error
}

func newWindowGuard(r io.Reader) *windowGuard {
	g := &windowGuard{r: r}
	g.expect(4, g.stream)
	return g
}

// expect waits for the n bytes that follow.
func (g *windowGuard) expect(n int, next func([]byte) error) {
	g.part, g.need, g.next = g.part[:0], n, next
}

func (g *windowGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.r.Read(p)
	if g.err = g.follow(p[:n]); g.err != nil {
		return 0, g.err
	}
	return n, err
}

// follow examines the next bytes of the file.
func (g *windowGuard) follow(b []byte) error {
	for len(b) > 0 && g.next != nil {
		if g.skip > 0 {
			n := min(g.skip, int64(len(b)))
			g.skip, b = g.skip-n, b[n:]
			continue
		}
		n := min(g.need-len(g.part), len(b))
		g.part, b = append(g.part, b[:n]...), b[n:]
		if len(g.part) == g.need {
			if err := g.next(g.part); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost gives up: the rest is not an xz file, which the reader will report.
func (g *windowGuard) lost() error {
	g.next = nil
	return nil
}

// stream receives four bytes: padding between streams, or the beginning of one.
func (g *windowGuard) stream(b []byte) error {
	if binary.LittleEndian.Uint32(b) == 0 {
		g.expect(4, g.stream)
	} else {
		g.expect(8, g.streamHeader)
	}
	return nil
}

// streamHeader receives the rest of a stream's header.
func (g *windowGuard) streamHeader(b []byte) error {
	sizes := [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}
	g.check = sizes[b[3]&15]
	g.expect(1, g.block)
	return nil
}

// block receives the first byte of a block or of the index of the blocks.
func (g *windowGuard) block(b []byte) error {
	if b[0] == 0 {
		g.data = 1 // bytes of the index
		g.expect(1, g.number(func(records uint64) error { return g.records(2 * records) }))
		return nil
	}
	g.expect(int(b[0])*4+3, g.blockHeader)
	return nil
}

// blockHeader receives the rest of a block's header.
func (g *windowGuard) blockHeader(b []byte) error {
	if window := blockWindow(b); window > maxWindow {
		return fmt.Errorf("xz: needs a window of %d MiB, want at most %d; compress the file again with xz -9 or less", window>>20, maxWindow>>20)
	}
	g.data = 0
	g.expect(1, g.chunk)
	return nil
}

// blockWindow is the largest window in bytes that the header of a block requires, or 0. b is the header from its flags
// on.
func blockWindow(b []byte) (window int64) {
	flags, at := b[0], 1
	number := func() int {
		v, n := binary.Uvarint(b[at:])
		at += max(n, 0)
		return int(min(v, 1<<20))
	}
	for _, size := range []byte{0x40, 0x80} { // sizes of the block, if given
		if flags&size != 0 {
			number()
		}
	}
	const lzma2 = 0x21
	for range flags&3 + 1 {
		id, size := number(), number()
		if id == lzma2 && size == 1 && at < len(b) {
			bits := int64(b[at] & 0x3f)
			window = max(window, (2|bits&1)<<(bits/2+11))
		}
		if at += size; at >= len(b) {
			break
		}
	}
	return window
}

// chunk receives the first byte of a chunk of LZMA2, or the byte that ends a block.
func (g *windowGuard) chunk(b []byte) error {
	g.data++
	switch {
	case b[0] == 0:
		g.skip = -g.data&3 + g.check
		g.expect(1, g.block)
	case b[0] <= 2:
		g.expect(2, func(size []byte) error { return g.chunkData(2, int64(binary.BigEndian.Uint16(size))+1) })
	case b[0] >= 0x80:
		properties := int64(0)
		if b[0] >= 0xc0 {
			properties = 1
		}
		g.expect(4, func(sizes []byte) error {
			return g.chunkData(4, int64(binary.BigEndian.Uint16(sizes[2:]))+1+properties)
		})
	default:
		return g.lost()
	}
	return nil
}

// chunkData skips the data of a chunk after n bytes of its header.
func (g *windowGuard) chunkData(n, size int64) error {
	g.data += n + size
	g.skip = size
	g.expect(1, g.chunk)
	return nil
}

// number reads a number of the index, byte by byte, and passes it to then.
func (g *windowGuard) number(then func(uint64) error) func([]byte) error {
	var value uint64
	var shift uint
	var next func(b []byte) error
	next = func(b []byte) error {
		g.data++
		value |= uint64(b[0]&0x7f) << shift
		if shift += 7; b[0]&0x80 == 0 {
			return then(value)
		}
		if shift > 63 {
			return g.lost()
		}
		g.expect(1, next)
		return nil
	}
	return next
}

// records skips the rest of the index, n numbers, and the footer of the stream.
func (g *windowGuard) records(n uint64) error {
	if n == 0 {
		const crc, footer = 4, 12
		g.skip = -g.data&3 + crc + footer
		g.expect(4, g.stream)
		return nil
	}
	g.expect(1, g.number(func(uint64) error { return g.records(n - 1) }))
	return nil
}
