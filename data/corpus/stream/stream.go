// Package stream opens the large files of public corpora: plain or compressed with gzip, xz or zstd, with or without an
// .md5 beside them.
//
// Reading a File returns the decompressed bytes. Memory is bounded by maxWindow, whatever the file's headers say. At
// the end of the data the checksum of the compression is compared and, if there is a file of the same name with .md5
// added, that of the whole file; a difference is an error instead of io.EOF. The bytes on the disk are counted for
// progress, and hashed for records of the input.
package stream

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/flate"
	fastgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the window that a compressed stream may require, in bytes; xz -9 requires 64 MiB.
const maxWindow = 128 << 20

// ErrTruncated says that compressed data ends too early.
var ErrTruncated = errors.New("the compressed data ends too early; the file is truncated")

// ErrDamaged says that compressed data contradicts its own checksum or cannot be decompressed.
var ErrDamaged = errors.New("the compressed data is damaged")

// SumError says that a file differs from its .md5.
type SumError struct {
	Got, Want string // hexadecimal
}

func (e *SumError) Error() string {
	return fmt.Sprintf("md5 is %s, but the .md5 file has %s; download the file again", e.Got, e.Want)
}

// File is an open file. It is not for concurrent use, except for BytesRead.
type File struct {
	path  string
	file  *os.File
	size  int64
	raw   counter
	data  io.Reader // decompressed
	done  func()    // releases the decompressor
	want  string    // md5 in hexadecimal, or empty
	state error     // what Read returns from now on, once not nil
}

// Open opens a file. It fails if the file is empty, if its name contradicts its compression, or if the .md5 beside it
// has no checksum.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, file: file, done: func() {}}
	f.raw = counter{r: file, sha: sha256.New()}
	if err := f.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return f, nil
}

func (f *File) prepare() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("is a directory, want a file")
	}
	f.size = info.Size()
	if f.want, err = readSum(f.path + ".md5"); err != nil {
		return err
	}
	if f.want != "" {
		f.raw.md5 = md5.New()
	}
	f.data, f.done, err = decompress(&f.raw, f.path)
	return err
}

// Unpack returns the content of r, a file of that name, decompressed if it is compressed. Close releases memory and
// leaves r open.
func Unpack(r io.Reader, name string) (io.ReadCloser, error) {
	data, done, err := decompress(r, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &unpacked{data, done}, nil
}

type unpacked struct {
	data io.Reader
	done func()
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.data.Read(p)
	return n, plainly(err)
}

func (u *unpacked) Close() error {
	u.done()
	return nil
}

// decompress returns the decompressed content of r, and a function that releases the decompressor.
func decompress(r io.Reader, name string) (data io.Reader, done func(), err error) {
	raw := bufio.NewReaderSize(r, 1<<16)
	head, err := raw.Peek(6)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if len(head) == 0 {
		return nil, nil, errors.New("empty file")
	}
	compression := compressionOf(head)
	if ext := strings.TrimPrefix(filepath.Ext(name), "."); ext != compression && (ext == "gz" || ext == "xz" || ext == "zst") {
		return nil, nil, fmt.Errorf("named .%s, but its content is not %[1]s", ext)
	}
	data, done, err = raw, func() {}, nil
	switch compression {
	case "gz":
		data, err = fastgzip.NewReader(raw)
	case "xz":
		data, err = openXZ(raw)
	case "zst":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			data, done = z, z.Close
		}
	}
	return data, done, plainly(err)
}

func compressionOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "gz"
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return "xz"
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return "zst"
	}
	return ""
}

// readSum returns the checksum an .md5 file names, "MD5(name)= sum" or "sum  name"; empty if there is no such file.
func readSum(path string) (string, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(file, 4096))
	if err := errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	for _, word := range strings.FieldsFunc(string(text), notHex) {
		if sum, err := hex.DecodeString(word); err == nil && len(sum) == md5.Size {
			return strings.ToLower(word), nil
		}
	}
	return "", fmt.Errorf("%s: no md5 checksum, want 32 hexadecimal digits", filepath.Base(path))
}

func notHex(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// Read reads decompressed bytes. An error other than io.EOF says that the file cannot be trusted as a whole.
func (f *File) Read(p []byte) (int, error) {
	if f.state != nil {
		return 0, f.state
	}
	n, err := f.data.Read(p)
	if err != nil {
		f.state = f.finish(plainly(err))
	}
	return n, f.state
}

// finish compares the md5 of the whole file once its data has ended, or failed with err.
func (f *File) finish(err error) error {
	if f.want == "" {
		return err
	}
	if _, err := io.Copy(io.Discard, &f.raw); err != nil {
		return err
	}
	got := hex.EncodeToString(f.raw.md5.Sum(nil))
	if got == f.want {
		return err
	}
	sum := &SumError{Got: got, Want: f.want}
	if err == io.EOF {
		return sum
	}
	return fmt.Errorf("%w (%w)", err, sum)
}

// Path is the name the file was opened by.
func (f *File) Path() string { return f.path }

// Size is the number of bytes of the file on the disk. BytesRead is the number of bytes that have been read; it
// may be called while another goroutine reads.
func (f *File) Size() int64      { return f.size }
func (f *File) BytesRead() int64 { return f.raw.n.Load() }

// Sum is the sha256 of the file on the disk. It reads the rest of the file.
func (f *File) Sum() ([sha256.Size]byte, error) {
	if _, err := io.Copy(io.Discard, &f.raw); err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("%s: %w", f.path, err)
	}
	return [sha256.Size]byte(f.raw.sha.Sum(nil)), nil
}

// Close closes the file.
func (f *File) Close() error {
	f.done()
	return f.file.Close()
}

// plainly replaces the errors of decompressors by clearer ones.
func plainly(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTruncated
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, fastgzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return fmt.Errorf("%w: checksum differs", ErrDamaged)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, fastgzip.ErrHeader), errors.As(err, &corrupt):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// counter counts and hashes the bytes that are read through it.
type counter struct {
	r        io.Reader
	n        atomic.Int64
	sha, md5 hash.Hash // md5 is nil if there is nothing to compare it with
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	c.sha.Write(p[:n])
	if c.md5 != nil {
		c.md5.Write(p[:n])
	}
	return n, err
}
