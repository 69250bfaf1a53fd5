// Package activations stores the activations of a frozen encoder for examples on disk, so that the encoder runs once for
// any number of probes.
//
// A file holds N examples of [L+1,P,H] numbers: every layer from the embeddings up, P positions, hidden size H. The numbers
// are float32, or float16, which halves the file and rounds each number by at most 1/2048 of itself. The name of a file
// contains its key (model, data, dimensions and type), so that activations of other weights or sentences are never read.
//
//	magic, a JSON header padded to 4096 bytes, N rows, a CRC-32C of each row
//
// Numbers are little endian. A file gets its name only when it is complete. Reading maps it into memory, so that a row
// costs only its decoding and several processes share the file.
package activations

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/edsrzf/mmap-go"
	"github.com/gomlx/compute/dtypes/float16"
)

const (
	magic      = "subbert activations 1\n"
	headerSize = 4096
	sumSize    = 4
)

// Types of the numbers on disk.
const (
	Float16 = "float16"
	Float32 = "float32"
)

// ErrNone reports that no file with the given header exists.
var ErrNone = errors.New("no activations of this model and these examples")

// Header describes the content of a file.
type Header struct {
	Model     string `json:"model"`     // hash of the encoder's parameters
	Data      string `json:"data"`      // hash of the examples, as the encoder saw them
	Type      string `json:"type"`      // Float16 or Float32
	Examples  int    `json:"examples"`  // N
	Layers    int    `json:"layers"`    // L+1
	Positions int    `json:"positions"` // P
	Hidden    int    `json:"hidden"`    // H
}

// RowLen returns the number of numbers of an example.
func (h Header) RowLen() int { return h.Layers * h.Positions * h.Hidden }

// rowBytes returns the size of an example on disk.
func (h Header) rowBytes() int {
	if h.Type == Float16 {
		return 2 * h.RowLen()
	}
	return 4 * h.RowLen()
}

// Bytes returns the size of the file, which need not exist.
func (h Header) Bytes() int64 {
	return headerSize + int64(h.Examples)*int64(h.rowBytes()+sumSize)
}

// Path returns the path of the file in dir.
func (h Header) Path(dir string) string {
	short := func(hash string) string { return hash[:min(16, len(hash))] }
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%dx%dx%d-%s.act", short(h.Model), short(h.Data), h.Layers, h.Positions, h.Hidden, h.Type))
}

// Validate returns the first fault of h.
func (h Header) Validate() error {
	if h.Type != Float16 && h.Type != Float32 {
		return fmt.Errorf("activations: type %q, want %s or %s", h.Type, Float16, Float32)
	}
	if h.Examples < 1 || h.Layers < 1 || h.Positions < 1 || h.Hidden < 1 {
		return fmt.Errorf("activations: %d examples of %d layers, %d positions, hidden size %d: want at least one of each", h.Examples, h.Layers, h.Positions, h.Hidden)
	}
	return nil
}

// Writer writes a file row by row. It is not safe for concurrent use.
type Writer struct {
	header Header
	dir    string
	file   *os.File
	row    []byte
	sums   []byte
}

// Create starts the file of h in dir and creates dir if necessary. The caller must call Close or Abort at the end.
func Create(dir string, h Header) (*Writer, error) {
	if err := h.Validate(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".activations-*")
	if err != nil {
		return nil, err
	}
	w := &Writer{header: h, dir: dir, file: f, row: make([]byte, h.rowBytes())}
	head := make([]byte, headerSize)
	copy(head[copy(head, magic):], text)
	_, err = f.Write(head)
	if err = errors.Join(err, f.Chmod(0o644)); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return w, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append writes the next example's numbers, [L+1,P,H]. A number that float16 cannot hold is an error.
func (w *Writer) Append(row []float32) error {
	if len(row) != w.header.RowLen() {
		return fmt.Errorf("activations: row %d has %d numbers, want %d", w.written(), len(row), w.header.RowLen())
	}
	if w.written() == w.header.Examples {
		return fmt.Errorf("activations: more than %d rows", w.header.Examples)
	}
	for i, x := range row {
		if w.header.Type == Float32 {
			binary.LittleEndian.PutUint32(w.row[4*i:], math.Float32bits(x))
			continue
		}
		half := float16.FromFloat32(x)
		if math.IsInf(float64(half.Float32()), 0) {
			return fmt.Errorf("activations: row %d has the value %g, out of the range of float16; use %s", w.written(), x, Float32)
		}
		binary.LittleEndian.PutUint16(w.row[2*i:], half.Bits())
	}
	if _, err := w.file.Write(w.row); err != nil {
		return err
	}
	w.sums = binary.LittleEndian.AppendUint32(w.sums, crc32.Checksum(w.row, castagnoli))
	return nil
}

// written returns the number of rows so far.
func (w *Writer) written() int { return len(w.sums) / sumSize }

// Close completes the file and gives it its name. If rows are missing it removes the file and returns an error.
func (w *Writer) Close() error {
	if w.written() != w.header.Examples {
		return errors.Join(fmt.Errorf("activations: %d rows, want %d", w.written(), w.header.Examples), w.Abort())
	}
	_, err := w.file.Write(w.sums)
	if err = errors.Join(err, w.file.Sync()); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.file.Close(); err != nil {
		return errors.Join(err, os.Remove(w.file.Name()))
	}
	return os.Rename(w.file.Name(), w.header.Path(w.dir))
}

// Abort closes and removes the file.
func (w *Writer) Abort() error { return errors.Join(w.file.Close(), os.Remove(w.file.Name())) }

// Cache is a file open for reading. It is safe for concurrent use until it is closed.
type Cache struct {
	header Header
	path   string
	data   mmap.MMap
}

// Open maps the file of h in dir. It returns ErrNone if the file does not exist.
func Open(dir string, h Header) (*Cache, error) {
	path := h.Path(dir)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	if stat, err := f.Stat(); err != nil {
		return nil, err
	} else if stat.Size() != h.Bytes() {
		return nil, fmt.Errorf("%s: %d bytes, want %d; remove the file to compute it again", path, stat.Size(), h.Bytes())
	}
	data, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := &Cache{header: h, path: path, data: data}
	if err := c.check(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// check compares the header in the file with the expected one.
func (c *Cache) check() error {
	text, ok := bytes.CutPrefix(c.data[:headerSize], []byte(magic))
	if !ok {
		return fmt.Errorf("%s: not a file of activations", c.path)
	}
	var h Header
	if err := json.Unmarshal(bytes.TrimRight(text, "\x00"), &h); err != nil {
		return fmt.Errorf("%s: header: %w", c.path, err)
	}
	if h != c.header {
		return fmt.Errorf("%s: has %+v, want %+v", c.path, h, c.header)
	}
	return nil
}

// ReadRows decodes the rows with the given numbers into dst, one after the other.
func (c *Cache) ReadRows(rows []int, dst []float32) error {
	n := c.header.RowLen()
	for k, i := range rows {
		if err := c.read(i, dst[k*n:(k+1)*n]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) read(i int, dst []float32) error {
	size := c.header.rowBytes()
	row := c.data[headerSize+i*size:][:size]
	sums := c.data[headerSize+c.header.Examples*size:]
	if crc32.Checksum(row, castagnoli) != binary.LittleEndian.Uint32(sums[i*sumSize:]) {
		return fmt.Errorf("%s: row %d is damaged; remove the file to compute it again", c.path, i)
	}
	for j := range dst {
		if c.header.Type == Float32 {
			dst[j] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*j:]))
		} else {
			dst[j] = float16.FromBits(binary.LittleEndian.Uint16(row[2*j:])).Float32()
		}
	}
	return nil
}

// Close unmaps the file.
func (c *Cache) Close() error { return c.data.Unmap() }
