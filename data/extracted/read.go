package extracted

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/text"
)

// Read yields the rows of a file in order. The extension of its name or its content determines the form. At the first
// error Read yields it and ends. A file with columns needs pmid and label; the others are optional, and further columns
// and any order are allowed.
func Read(path string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var err error
		if strings.HasSuffix(strings.ToLower(path), ".parquet") {
			err = readParquet(path, yield)
		} else {
			err = readLines(path, yield)
		}
		if err != nil && err != errStopped {
			yield(Row{}, err)
		}
	}
}

var errStopped = errors.New("the consumer stopped")

func readParquet(path string, yield func(Row, error) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	info, err := f.Stat()
	if err != nil {
		return err
	}
	in, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range []string{"pmid", "label"} {
		if _, ok := in.Schema().Lookup(name); !ok {
			return fmt.Errorf("%s: no column %s; want a table written by subbert extract", path, name)
		}
	}
	r := parquet.NewGenericReader[Row](in)
	defer r.Close() // only read from
	rows := make([]Row, rowBatch)
	for {
		n, err := r.Read(rows)
		for _, row := range rows[:n] {
			if !yield(row, nil) {
				return errStopped
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

func readLines(path string, yield func(Row, error) bool) error {
	f, err := stream.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	lines := text.NewLines(f)
	var columns []int // places of the columns of a TSV
	for {
		read, err := lines.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, lines.Number(), err)
		}
		line := string(read)
		var row Row
		switch {
		case line == "":
			continue
		case columns == nil && line[0] == '{':
			err = json.Unmarshal(read, &row)
		case columns == nil:
			if columns, err = header(line); err == nil {
				continue
			}
		default:
			row, err = parseTSV(line, columns)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, lines.Number(), err)
		}
		if !yield(row, nil) {
			return errStopped
		}
	}
}

// header returns the place of each of Columns in the header of a TSV, -1 if it is missing.
func header(line string) ([]int, error) {
	names := strings.Split(line, "\t")
	at := make([]int, len(Columns()))
	for i, want := range Columns() {
		at[i] = slices.Index(names, want)
	}
	for _, needed := range []string{"pmid", "label"} {
		if !slices.Contains(names, needed) {
			return nil, fmt.Errorf("no column %s in the header %.60q; want a table written by subbert extract", needed, line)
		}
	}
	return at, nil
}
