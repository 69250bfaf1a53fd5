package parquet

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

const (
	groupRows = 100_000 // rows of a row group
	pageBytes = 1 << 20 // of plain values
)

// Writer writes a table. It holds a row group in memory, compressed.
type Writer struct {
	out     io.Writer
	zstd    *zstd.Encoder
	columns []*writtenColumn
	offset  int64 // bytes written
	rows    int   // of the row group that is being filled
	total   int64 // rows of the row groups written
	groups  []structure
	started bool
}

// writtenColumn is a column of the row group that is being filled.
type writtenColumn struct {
	Column
	values       []byte // plain values of the page that is being filled
	count        int    // of values
	pages        []byte // complete pages
	uncompressed int    // length of the pages without compression
}

// NewWriter returns a Writer that writes a table with these columns to w.
func NewWriter(w io.Writer, columns []Column) (*Writer, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	out := &Writer{out: w, zstd: z}
	for _, c := range columns {
		out.columns = append(out.columns, &writtenColumn{Column: c})
	}
	return out, nil
}

// Write writes a row: a pointer to the value of each column, in order.
func (w *Writer) Write(row []any) error {
	for i, c := range w.columns {
		c.add(row[i])
		if len(c.values) >= pageBytes {
			c.endPage(w.zstd)
		}
	}
	if w.rows++; w.rows == groupRows {
		return w.endGroup()
	}
	return nil
}

func (c *writtenColumn) add(value any) {
	c.count++
	switch v := value.(type) {
	case *string:
		c.values = binary.LittleEndian.AppendUint32(c.values, uint32(len(*v)))
		c.values = append(c.values, *v...)
	case *int32:
		c.values = binary.LittleEndian.AppendUint32(c.values, uint32(*v))
	case *float32:
		c.values = binary.LittleEndian.AppendUint32(c.values, math.Float32bits(*v))
	}
}

// endPage adds the values as a page to the pages.
func (c *writtenColumn) endPage(z *zstd.Encoder) {
	packed := z.EncodeAll(c.values, nil)
	header := structure{
		{1, int32(dataPage)},
		{2, int32(len(c.values))},
		{3, int32(len(packed))},
		{5, structure{{1, int32(c.count)}, {2, int32(plain)}, {3, int32(runLengths)}, {4, int32(runLengths)}}},
	}.append(nil)
	c.pages = append(append(c.pages, header...), packed...)
	c.uncompressed += len(header) + len(c.values)
	c.values, c.count = c.values[:0], 0
}

func (w *Writer) write(b []byte) error {
	n, err := w.out.Write(b)
	w.offset += int64(n)
	return err
}

func (w *Writer) start() error {
	if w.started {
		return nil
	}
	w.started = true
	return w.write([]byte(magic))
}

// endGroup writes the row group that is being filled.
func (w *Writer) endGroup() error {
	if w.rows == 0 {
		return nil
	}
	if err := w.start(); err != nil {
		return err
	}
	var chunks []structure
	var size int64
	for _, c := range w.columns {
		if c.count > 0 {
			c.endPage(w.zstd)
		}
		chunks = append(chunks, c.chunk(w.offset, int64(w.rows)))
		size += int64(c.uncompressed)
		if err := w.write(c.pages); err != nil {
			return err
		}
		c.pages, c.uncompressed = c.pages[:0], 0
	}
	w.groups = append(w.groups, structure{{1, chunks}, {2, size}, {3, int64(w.rows)}})
	w.total += int64(w.rows)
	w.rows = 0
	return nil
}

// chunk describes the pages of the column, which start at offset of the file.
func (c *writtenColumn) chunk(offset, rows int64) structure {
	return structure{{2, int64(0)}, {3, structure{
		{1, c.Kind.physical()},
		{2, []int32{plain, runLengths}},
		{3, []string{c.Name}},
		{4, int32(zstdCodec)},
		{5, rows},
		{6, int64(c.uncompressed)},
		{7, int64(len(c.pages))},
		{9, offset},
	}}}
}

func (k Kind) physical() int32 {
	return [...]int32{Text: physicalByteArray, Int32: physicalInt32, Float32: physicalFloat}[k]
}

// Close completes the table. It does not close the underlying writer.
func (w *Writer) Close() error {
	if err := w.endGroup(); err != nil {
		return err
	}
	if err := w.start(); err != nil {
		return err
	}
	schema := []structure{{{4, "rows"}, {5, int32(len(w.columns))}}}
	for _, c := range w.columns {
		leaf := structure{{1, c.Kind.physical()}, {3, int32(0)}, {4, c.Name}}
		if c.Kind == Text {
			leaf = append(leaf, field{6, int32(0)}, field{10, structure{{1, structure{}}}}) // UTF-8, in the old way and the new
		}
		schema = append(schema, leaf)
	}
	groups := w.groups
	if groups == nil {
		groups = []structure{}
	}
	footer := structure{{1, int32(1)}, {2, schema}, {3, w.total}, {4, groups}, {6, "subbert"}}.append(nil)
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	return w.write(append(footer, magic...))
}
