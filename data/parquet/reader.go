package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// File is a table to read.
type File struct {
	r       io.ReaderAt
	size    int64
	zstd    *zstd.Decoder
	columns map[string]readColumn
	groups  []message
}

// readColumn is a column of a file.
type readColumn struct {
	at       int // among the columns of a row group
	physical int64
	optional bool
}

// Open returns the table of size bytes in r.
func Open(r io.ReaderAt, size int64) (*File, error) {
	tail := make([]byte, 8)
	if size < 12 {
		return nil, fmt.Errorf("%d bytes are no Parquet file", size)
	}
	if _, err := r.ReadAt(tail, size-8); err != nil && err != io.EOF {
		return nil, err
	}
	if string(tail[4:]) != magic {
		return nil, errors.New("does not end as a Parquet file does; it is none, or cut off")
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if length > size-12 {
		return nil, fmt.Errorf("its metadata has %d bytes, more than the file", length)
	}
	footer := make([]byte, length)
	if _, err := r.ReadAt(footer, size-8-length); err != nil && err != io.EOF {
		return nil, err
	}
	meta, _, err := parseMessage(footer)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostPage))
	if err != nil {
		return nil, err
	}
	f := &File{r: r, size: size, zstd: z, columns: leaves(meta.list(2))}
	for _, g := range meta.list(4) {
		group, _ := g.(message)
		f.groups = append(f.groups, group)
	}
	return f, nil
}

// leaves returns the columns of a schema that are neither nested nor repeated.
func leaves(schema []any) map[string]readColumn {
	out := map[string]readColumn{}
	leaf := 0
	var walk func(i, depth int) int // returns the element after element i
	walk = func(i, depth int) int {
		if i >= len(schema) || depth > deepest {
			return len(schema)
		}
		e, _ := schema[i].(message)
		children := e.int(5)
		if children == 0 && depth > 0 {
			if repetition := e.int(3); depth == 1 && repetition < 2 {
				out[e.text(4)] = readColumn{at: leaf, physical: e.int(1), optional: repetition == 1}
			}
			leaf++
		}
		next := i + 1
		for ; children > 0 && next < len(schema); children-- {
			next = walk(next, depth+1)
		}
		return next
	}
	walk(0, 0)
	return out
}

// Has says whether the table has a flat column of that name.
func (f *File) Has(name string) bool {
	_, ok := f.columns[name]
	return ok
}

// Reader reads the rows of a table.
type Reader struct {
	file    *File
	columns []Column
	chunks  []*chunk // of the current row group; nil for a column that the file lacks
	rows    int64    // left of the current row group
	group   int      // the next row group
}

// Rows returns a Reader of these columns. Values of a column that the file lacks, and missing values, are left as zero.
func (f *File) Rows(columns []Column) (*Reader, error) {
	for _, c := range columns {
		in, ok := f.columns[c.Name]
		if ok && (c.Kind == Text) != (in.physical == physicalByteArray) {
			return nil, fmt.Errorf("column %s: has type %s, want %s", c.Name, physicalName(in.physical), physicalName(int64(c.Kind.physical())))
		}
	}
	return &Reader{file: f, columns: columns}, nil
}

func physicalName(t int64) string {
	names := []string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}
	if t < 0 || t >= int64(len(names)) {
		return fmt.Sprint("type ", t)
	}
	return names[t]
}

// Next reads the next row into row: a pointer for the value of each column, in order. It returns io.EOF after the last.
func (r *Reader) Next(row []any) error {
	for r.rows == 0 {
		if r.group == len(r.file.groups) {
			return io.EOF
		}
		if err := r.open(r.file.groups[r.group]); err != nil {
			return fmt.Errorf("row group %d: %w", r.group+1, err)
		}
		r.group++
	}
	r.rows--
	for i, c := range r.chunks {
		if c == nil {
			continue
		}
		if err := c.next(row[i]); err != nil {
			return fmt.Errorf("row group %d: column %s: %w", r.group, r.columns[i].Name, err)
		}
	}
	return nil
}

// open makes group the current row group.
func (r *Reader) open(group message) error {
	listed := group.list(1)
	r.rows, r.chunks = group.int(3), make([]*chunk, len(r.columns))
	if r.rows < 0 {
		return fmt.Errorf("%d rows", r.rows)
	}
	if !slices.ContainsFunc(r.columns, func(c Column) bool { return r.file.Has(c.Name) }) {
		return errors.New("no column that is wanted")
	}
	for i, c := range r.columns {
		in, ok := r.file.columns[c.Name]
		if !ok {
			continue
		}
		if in.at >= len(listed) {
			return fmt.Errorf("column %s: not listed", c.Name)
		}
		listing, _ := listed[in.at].(message)
		var err error
		if r.chunks[i], err = r.file.openChunk(listing.message(3), in); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return nil
}
