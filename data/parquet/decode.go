package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// decompress returns the size bytes that body was before its compression.
func decompress(codec int64, z *zstd.Decoder, body []byte, size int) ([]byte, error) {
	var err error
	switch codec {
	case uncompressed:
	case snappyCodec:
		n, lengthErr := snappy.DecodedLen(body)
		if lengthErr != nil || n != size {
			return nil, fmt.Errorf("a page of %d bytes, want %d: %w", n, size, snappy.ErrCorrupt)
		}
		body, err = snappy.Decode(nil, body)
	case gzipCodec:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(io.LimitReader(z, int64(size)+1))
		}
	case zstdCodec:
		body, err = z.DecodeAll(body, make([]byte, 0, min(size, 4*len(body))))
	default:
		return nil, fmt.Errorf("is compressed with %s; write it with zstd, snappy, gzip or none", codecName(codec))
	}
	if err != nil {
		return nil, err
	}
	if len(body) != size {
		return nil, fmt.Errorf("a page of %d bytes, its header says %d", len(body), size)
	}
	return body, nil
}

func codecName(codec int64) string {
	switch codec {
	case 3:
		return "lzo"
	case 4:
		return "brotli"
	case 5, 7:
		return "lz4"
	}
	return fmt.Sprint("codec ", codec)
}

// prefixed splits body into the part whose length is in its first four bytes, and the rest.
func prefixed(body []byte) (part, rest []byte, err error) {
	if len(body) < 4 {
		return nil, nil, io.ErrUnexpectedEOF
	}
	n, body := binary.LittleEndian.Uint32(body), body[4:]
	if uint64(n) > uint64(len(body)) {
		return nil, nil, io.ErrUnexpectedEOF
	}
	return body[:n], body[n:], nil
}

// plainValues returns the n plain values in body.
func plainValues(physical int64, body []byte, n int) (values, error) {
	width, number := 4, func([]byte) float64 { return 0 }
	switch physical {
	case physicalByteArray:
		return plainTexts(body, n)
	case physicalInt32:
		number = func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }
	case physicalFloat:
		number = func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }
	case physicalInt64:
		width, number = 8, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }
	case physicalDouble:
		width, number = 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }
	default:
		return values{}, fmt.Errorf("has type %s, want texts or numbers", physicalName(physical))
	}
	if len(body)/width < n {
		return values{}, io.ErrUnexpectedEOF
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = number(body[i*width:])
	}
	return values{numbers: out}, nil
}

func plainTexts(body []byte, n int) (values, error) {
	if len(body)/4 < n {
		return values{}, io.ErrUnexpectedEOF
	}
	out := make([]string, n)
	for i := range out {
		text, rest, err := prefixed(body)
		if err != nil {
			return values{}, err
		}
		out[i], body = string(text), rest
	}
	return values{texts: out}, nil
}
