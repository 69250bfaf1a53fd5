package host

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math"
)

// directoryEntry is the maximum average size in bytes of a file's entry in an archive's directory.
const directoryEntry = 256

// OpenZip opens a zip archive of at most files files. The standard library's reader takes half a kilobyte of memory for
// each file of the directory, without a limit, so OpenZip bounds the directory's size while it is read.
func OpenZip(r io.ReaderAt, size int64, files int) (*zip.Reader, error) {
	b := &bounded{r: r, left: int64(files)*directoryEntry + 1<<17}
	z, err := zip.NewReader(b, size)
	if b.left < 0 || err == nil && len(z.File) > files {
		return nil, fmt.Errorf("zip archive: more than %d files, or names that are too long", files)
	}
	b.left = math.MaxInt64 // the files themselves
	return z, err
}

// bounded reads a number of bytes and then fails.
type bounded struct {
	r    io.ReaderAt
	left int64
}

func (b *bounded) ReadAt(p []byte, offset int64) (int, error) {
	if b.left == math.MaxInt64 {
		return b.r.ReadAt(p, offset)
	}
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("the directory of the archive is too large")
	}
	return b.r.ReadAt(p, offset)
}
