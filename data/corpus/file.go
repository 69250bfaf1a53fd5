package corpus

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	fastgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Format is how documents are written in a file.
type Format string

const (
	Detect Format = ""      // by the name, .jsonl or .txt, else by the first character
	Plain  Format = "text"  // one document per block of lines, blocks separated by blank lines
	JSONL  Format = "jsonl" // one JSON object a line
)

// maxWindow bounds what a compressed stream may ask a reader to remember, in bytes; xz -9 asks for 64 MiB.
const maxWindow = 128 << 20

// Open reads the documents of a file in the format its name and content suggest. The last item is the first error,
// if there was one.
func Open(path string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		f, err := OpenFile(path, Detect)
		if err != nil {
			yield(Document{}, err)
			return
		}
		for d, err := range f.Documents() {
			if !yield(d, err) {
				break
			}
		}
		if err := f.Close(); err != nil {
			yield(Document{}, err)
		}
	}
}

// File is an open file of documents that knows how much of it has been read.
type File struct {
	path   string
	file   *os.File
	size   int64
	raw    counter
	text   *bufio.Reader // decompressed
	closer func()
	format Format
	broken func(error) // or nil
}

// PassOver makes Documents pass over lines that are broken by themselves, telling tell of each, in place of ending there.
func (f *File) PassOver(tell func(error)) { f.broken = tell }

// OpenFile opens a file of documents. It fails if the file is empty, or compressed otherwise than its name says.
func OpenFile(path string, format Format) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, file: file, raw: counter{r: file, hash: sha256.New()}, closer: func() {}}
	if err := f.prepare(format); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return f, nil
}

func (f *File) prepare(format Format) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("is a directory, want a file of documents")
	}
	f.size = info.Size()
	if err := f.decompress(); err != nil {
		return err
	}
	f.format = format
	if format == Detect {
		f.format = detect(f.path, f.text)
	}
	return nil
}

// decompress sets f.text according to the first bytes of the file.
func (f *File) decompress() error {
	raw := bufio.NewReaderSize(&f.raw, 1<<16)
	head, err := raw.Peek(6)
	if err != nil && err != io.EOF {
		return err
	}
	if len(head) == 0 {
		return errors.New("empty file")
	}
	compression := compressionOf(head)
	if want := strings.TrimPrefix(filepath.Ext(f.path), "."); want != compression && (want == "gz" || want == "xz" || want == "zst") {
		return fmt.Errorf("named .%s, but its content is not %[1]s", want)
	}
	r, err := f.decompressor(raw, compression)
	if err != nil {
		return fmt.Errorf("%s: %w", compression, plainly(err))
	}
	f.text = bufio.NewReaderSize(r, 1<<18)
	return nil
}

func (f *File) decompressor(raw *bufio.Reader, compression string) (io.Reader, error) {
	switch compression {
	case "gz":
		return fastgzip.NewReader(raw)
	case "xz":
		head, _ := raw.Peek(xzHead) // a short file is the reader's to refuse
		if window := xzWindow(head); window > maxWindow {
			return nil, fmt.Errorf("wants a window of %d MiB, at most %d are granted; compress it again with xz -9 or less", window>>20, maxWindow>>20)
		}
		return xz.NewReader(raw)
	case "zst":
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		f.closer = z.Close
		return z, nil
	}
	return raw, nil
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

// detect names the format of a file from its name, or from the first character of its text.
func detect(path string, text *bufio.Reader) Format {
	name := strings.ToLower(path)
	for _, ext := range []string{".gz", ".xz", ".zst"} {
		name = strings.TrimSuffix(name, ext)
	}
	switch filepath.Ext(name) {
	case ".jsonl":
		return JSONL
	case ".txt":
		return Plain
	}
	head, _ := text.Peek(64) // an error shows up again when the text is read
	if bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) {
		return JSONL
	}
	return Plain
}

// Documents reads the documents from the start; it may be called once. The last item is the first error, if any; a
// file without a document is one.
func (f *File) Documents() iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		lines := &lines{r: f.text}
		next := plainReader(lines)
		if f.format == JSONL {
			next = jsonReader(lines)
		}
		for n := 0; ; n++ {
			d, err := next()
			if err == io.EOF && n > 0 {
				return
			}
			if err == io.EOF {
				err = errors.New("no document in it")
			} else if err != nil {
				err = f.fault(lines.number, err)
				if err == nil {
					continue
				}
			}
			if err != nil {
				yield(Document{}, fmt.Errorf("%s: %w", f.path, err))
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// fault words what is wrong at a line. It returns nil if the line was passed over.
func (f *File) fault(line int, err error) error {
	wrong := fmt.Errorf("line %d: %w", line, plainly(err))
	var one lineFault
	if f.broken == nil || !errors.As(err, &one) {
		return wrong
	}
	f.broken(fmt.Errorf("%s: %w", f.path, wrong))
	return nil
}

// Size is the number of bytes of the file as it lies on the disk, Read how many of them have been read so far; Read
// may be called while another goroutine reads.
func (f *File) Size() int64 { return f.size }
func (f *File) Read() int64 { return f.raw.n.Load() }

// Sum is the sha256 of the file. It reads what was left unread.
func (f *File) Sum() ([sha256.Size]byte, error) {
	if _, err := io.Copy(io.Discard, &f.raw); err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("%s: %w", f.path, err)
	}
	return [sha256.Size]byte(f.raw.hash.Sum(nil)), nil
}

// Close closes the file.
func (f *File) Close() error {
	f.closer()
	return f.file.Close()
}

// plainly says in words what the decompressors leave to be guessed.
func plainly(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the compressed data ends too early; the file is truncated")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, fastgzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return errors.New("the compressed data is damaged: checksum differs")
	}
	return err
}

// counter counts and hashes what passes through it.
type counter struct {
	r    io.Reader
	n    atomic.Int64
	hash hash.Hash
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	c.hash.Write(p[:n])
	return n, err
}

// Format is how the documents are written, once detected.
func (f *File) Format() Format { return f.format }
