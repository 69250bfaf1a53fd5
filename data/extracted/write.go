package extracted

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/subbert/subbert/data/corpus/stream"
)

// Form is a file format for rows.
type Form struct {
	kind   string // tsv, jsonl or parquet
	packed string // .gz, .zst or empty
}

// FormOf returns the form for the extension of a file name.
func FormOf(path string) (Form, error) {
	name, packed := strings.ToLower(path), ""
	if ext := filepath.Ext(name); ext == ".gz" || ext == ".zst" {
		name, packed = strings.TrimSuffix(name, ext), ext
	}
	for _, kind := range []string{"tsv", "jsonl", "parquet"} {
		if strings.HasSuffix(name, "."+kind) && (packed == "" || kind != "parquet") {
			return Form{kind, packed}, nil
		}
	}
	return Form{}, fmt.Errorf("%s: unknown extension, want .parquet, .tsv or .jsonl, the last two also .gz and .zst", path)
}

// Writer writes rows. Close completes the file but does not close the underlying writer.
type Writer interface {
	Write(*Row) error
	Close() error
}

// NewWriter returns a Writer that writes rows to w in form f.
func NewWriter(w io.Writer, f Form) (Writer, error) {
	if f.kind == "parquet" {
		return &parquetWriter{out: parquet.NewGenericWriter[Row](w, parquet.MaxRowsPerRowGroup(rowGroup), parquet.CreatedBy("subbert", "", ""))}, nil
	}
	z, err := stream.Pack(w, f.packed)
	if err != nil {
		return nil, err
	}
	out := &lineWriter{tsv: f.kind == "tsv", done: z.Close}
	out.out = bufio.NewWriterSize(z, 1<<16)
	if out.tsv {
		out.out.WriteString(strings.Join(Columns(), "\t") + "\n") // bufio keeps the first error for Flush
	} else {
		out.json = json.NewEncoder(out.out)
		out.json.SetEscapeHTML(false)
	}
	return out, nil
}

// Join writes the rows of files to w in form f, in the order of the files. The bytes are those of one Writer for all rows.
func Join(ctx context.Context, w io.Writer, f Form, files []string) error {
	out, err := NewWriter(w, f)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		for row, err := range Read(ctx, file) {
			if err != nil {
				return err
			}
			if err := out.Write(&row); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// lineWriter writes one line per row.
type lineWriter struct {
	tsv  bool
	out  *bufio.Writer
	json *json.Encoder
	line []byte
	done func() error
}

func (w *lineWriter) Write(r *Row) error {
	if !w.tsv {
		return w.json.Encode(r)
	}
	w.line = r.appendTSV(w.line[:0])
	_, err := w.out.Write(w.line)
	return err
}

func (w *lineWriter) Close() error { return errors.Join(w.out.Flush(), w.done()) }

// Rows of a row group of a Parquet file, and rows per call of its writer or reader.
const (
	rowGroup = 100_000
	rowBatch = 256
)

type parquetWriter struct {
	out  *parquet.GenericWriter[Row]
	held []Row
}

func (w *parquetWriter) Write(r *Row) error {
	if w.held = append(w.held, *r); len(w.held) < rowBatch {
		return nil
	}
	return w.flush()
}

func (w *parquetWriter) flush() error {
	_, err := w.out.Write(w.held)
	w.held = w.held[:0]
	return err
}

func (w *parquetWriter) Close() error { return errors.Join(w.flush(), w.out.Close()) }
