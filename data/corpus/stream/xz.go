package stream

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ulikunitz/xz"
)

// openXZ refuses what wants a larger window than is granted.
func openXZ(raw *bufio.Reader) (io.Reader, error) {
	head, _ := raw.Peek(xzHead) // a short file is the reader's to refuse
	if window := xzWindow(head); window > maxWindow {
		return nil, fmt.Errorf("xz: wants a window of %d MiB, at most %d are granted; compress it again with xz -9 or less", window>>20, maxWindow>>20)
	}
	return xz.NewReader(raw)
}

// xzHead is how much of an xz file tells its window: the stream header and what may come before the window's size in
// the header of the first block.
const xzHead = 12 + 2 + 9 + 9 + 3

// xzWindow returns the window that the first block of an xz file asks for, or 0 if head does not tell. The reader would
// reserve up to 4 GiB without asking.
func xzWindow(head []byte) int64 {
	if len(head) < xzHead {
		return 0
	}
	flags, at := head[13], 14
	for _, size := range []byte{0x40, 0x80} { // sizes of the block, if given
		if flags&size != 0 {
			_, n := binary.Uvarint(head[at:])
			at += max(n, 0)
		}
	}
	const lzma2 = 0x21
	if head[at] != lzma2 || head[at+1] != 1 {
		return 0
	}
	bits := int64(head[at+2] & 0x3f)
	return (2 | bits&1) << (bits/2 + 11)
}
