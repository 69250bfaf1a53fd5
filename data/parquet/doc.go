// Package parquet writes and reads flat tables in the Parquet format: columns of texts and numbers, a row at a time.
//
// It holds the part of the format that such tables need, since a library for all of it brings more code than the rest of
// the data packages together. Writer writes plain values compressed with zstd. Reader reads what pandas, polars, DuckDB
// and Arrow write for such columns by default: plain values, dictionaries and differences, data pages of both versions, missing values,
// and pages that are uncompressed or compressed with zstd, Snappy or gzip. It refuses what it cannot read by name.
package parquet

// Column is a column of a table.
type Column struct {
	Name string
	Kind Kind
}

// Kind is the type of the values of a column.
type Kind int

// The kinds of columns. A row holds a *string, *int32 or *float32 for them.
const (
	Text Kind = iota
	Int32
	Float32
)

const magic = "PAR1"

// The physical types of the format.
const (
	physicalInt32     = 1
	physicalInt64     = 2
	physicalFloat     = 4
	physicalDouble    = 5
	physicalByteArray = 6
)

// The kinds of pages.
const (
	dataPage       = 0
	dictionaryPage = 2
	dataPageV2     = 3
)

// The encodings of values.
const (
	plain           = 0
	plainDictionary = 2
	runLengths      = 3
	deltaNumbers    = 5
	deltaLengths    = 6
	deltaPrefixes   = 7
	runDictionary   = 8
)

// The compressions of pages.
const (
	uncompressed = 0
	snappyCodec  = 1
	gzipCodec    = 2
	zstdCodec    = 6
)
