package parquet

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// What a page may hold, lest a few bytes ask for all memory.
const (
	mostPage   = 256 << 20 // bytes
	mostValues = 1 << 24
	mostHeader = 1 << 16 // bytes
)

// values are values of a column: texts, or numbers. A float64 holds every INT32 and FLOAT.
type values struct {
	texts   []string
	numbers []float64
}

func (v values) len() int { return len(v.texts) + len(v.numbers) }

// chunk is a column of a row group. It holds a page at a time.
type chunk struct {
	in         *bufio.Reader
	codec      int64
	zstd       *zstd.Decoder
	column     readColumn
	left       int64 // values of the pages to come
	dictionary values
	page       values
	at         int // the next value of page
}

func (f *File) openChunk(meta message, column readColumn) (*chunk, error) {
	start, size := meta.int(9), meta.int(7)
	if d := meta.int(11); d > 0 {
		start = min(start, d)
	}
	if start < 0 || size < 0 || start > f.size || size > f.size-start {
		return nil, fmt.Errorf("bytes %d to %d of a file of %d", start, start+size, f.size)
	}
	if meta.int(1) != column.physical {
		return nil, fmt.Errorf("has type %s, the schema says %s", physicalName(meta.int(1)), physicalName(column.physical))
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f.r, start, size), mostHeader)
	return &chunk{in: in, codec: meta.int(4), zstd: f.zstd, column: column, left: meta.int(5)}, nil
}

// next stores the next value.
func (c *chunk) next(into any) error {
	for c.at == c.page.len() {
		if c.left <= 0 {
			return errors.New("has fewer values than there are rows")
		}
		if err := c.readPage(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	switch v := into.(type) {
	case *string:
		*v = c.page.texts[c.at]
	case *int32:
		n := c.page.numbers[c.at]
		if n != float64(int32(n)) {
			return fmt.Errorf("value %v, want a whole number of 32 bits", n)
		}
		*v = int32(n)
	case *float32:
		*v = float32(c.page.numbers[c.at])
	}
	c.at++
	return nil
}

// readPage reads the next page: a dictionary, or values.
func (c *chunk) readPage() error {
	peeked, err := c.in.Peek(mostHeader)
	if len(peeked) == 0 {
		return err
	}
	header, n, err := parseMessage(peeked)
	if err != nil {
		return err
	}
	c.in.Discard(n) // has been peeked
	packed, size := header.int(3), header.int(2)
	if packed < 0 || size < 0 || packed > mostPage || size > mostPage {
		return fmt.Errorf("a page of %d bytes, %d uncompressed; want at most %d", packed, size, mostPage)
	}
	body := make([]byte, packed)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return err
	}
	switch kind := header.int(1); kind {
	case dictionaryPage:
		return c.readDictionary(header.message(7), body, int(size))
	case dataPage:
		return c.readData(header.message(5), body, int(size))
	case dataPageV2:
		return c.readDataV2(header.message(8), body, int(size))
	}
	return nil // a page of an index
}

func countOf(header message) (int, error) {
	n := header.int(1)
	if n < 0 || n > mostValues {
		return 0, fmt.Errorf("a page of %d values, want at most %d", n, mostValues)
	}
	return int(n), nil
}

func (c *chunk) readDictionary(header message, body []byte, size int) error {
	n, err := countOf(header)
	if err != nil {
		return err
	}
	if body, err = decompress(c.codec, c.zstd, body, size); err != nil {
		return err
	}
	c.dictionary, err = plainValues(c.column.physical, body, n)
	return err
}

func (c *chunk) readData(header message, body []byte, size int) error {
	n, err := countOf(header)
	if err != nil {
		return err
	}
	if body, err = decompress(c.codec, c.zstd, body, size); err != nil {
		return err
	}
	var levels []byte
	if c.column.optional {
		if levels, body, err = prefixed(body); err != nil {
			return err
		}
	}
	return c.take(n, header.int(2), levels, body)
}

func (c *chunk) readDataV2(header message, body []byte, size int) error {
	n, err := countOf(header)
	if err != nil {
		return err
	}
	defined, repeated := header.int(5), header.int(6)
	if defined < 0 || repeated != 0 || defined > int64(len(body)) || defined > int64(size) {
		return fmt.Errorf("levels of %d and %d bytes in a page of %d", defined, repeated, len(body))
	}
	levels, body := body[:defined], body[defined:]
	if packed, ok := header[7].(bool); packed || !ok {
		if body, err = decompress(c.codec, c.zstd, body, size-int(defined)); err != nil {
			return err
		}
	}
	return c.take(n, header.int(4), levels, body)
}

// take makes the n values in body the current page. levels say which are missing.
func (c *chunk) take(n int, encoding int64, levels, body []byte) error {
	c.at, c.left = 0, c.left-int64(n)
	var present []int32
	there := n
	if c.column.optional {
		var err error
		if present, err = hybrid(levels, 1, n); err != nil {
			return err
		}
		there = 0
		for _, p := range present {
			there += int(p)
		}
	}
	v, err := c.decode(encoding, body, there)
	if err == nil && there < n {
		v = spread(v, present, c.column.physical == physicalByteArray)
	}
	c.page = v
	return err
}

// decode returns the n values in body.
func (c *chunk) decode(encoding int64, body []byte, n int) (values, error) {
	text := c.column.physical == physicalByteArray
	switch {
	case encoding == plain:
		return plainValues(c.column.physical, body, n)
	case encoding == plainDictionary || encoding == runDictionary:
		return c.lookUp(body, n)
	case encoding == deltaNumbers && !text:
		return deltaValues(c.column.physical, body, n)
	case (encoding == deltaLengths || encoding == deltaPrefixes) && text:
		return deltaTexts(body, n, encoding == deltaPrefixes)
	}
	return values{}, fmt.Errorf("its values have encoding %d; only plain values, dictionaries and differences are read", encoding)
}

// lookUp returns the n values of the dictionary whose places body has.
func (c *chunk) lookUp(body []byte, n int) (values, error) {
	if n == 0 {
		return values{}, nil
	}
	if len(body) == 0 {
		return values{}, io.ErrUnexpectedEOF
	}
	places, err := hybrid(body[1:], int(body[0]), n)
	if err != nil {
		return values{}, err
	}
	var out values
	for _, p := range places {
		if p < 0 || int(p) >= c.dictionary.len() {
			return values{}, fmt.Errorf("place %d of a dictionary of %d values", p, c.dictionary.len())
		}
		if c.column.physical == physicalByteArray {
			out.texts = append(out.texts, c.dictionary.texts[p])
		} else {
			out.numbers = append(out.numbers, c.dictionary.numbers[p])
		}
	}
	return out, nil
}

// spread puts a zero value in v, which holds texts or numbers, wherever present is 0.
func spread(v values, present []int32, texts bool) values {
	return values{spreadOver(v.texts, present, texts), spreadOver(v.numbers, present, !texts)}
}

func spreadOver[T any](list []T, present []int32, used bool) []T {
	if !used {
		return nil
	}
	out := make([]T, len(present))
	for i, p := range present {
		if p == 1 {
			out[i], list = list[0], list[1:]
		}
	}
	return out
}
