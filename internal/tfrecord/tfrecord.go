// Package tfrecord reads and writes TensorFlow's record files: a sequence of byte strings with checksums.
//
// A record is its length (8 bytes, little endian), a checksum of the length (4), the bytes, and a checksum of
// the bytes (4). The checksum is CRC-32C (Castagnoli), rotated right by 15 bits with a constant added, so that
// the checksum of data which holds checksums stays useful. What the bytes mean is the caller's affair.
package tfrecord

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	headerSize = 12 // length and its checksum
	footerSize = 4  // checksum of the data
	maskDelta  = 0xa282ead8

	// maxRecord is far above any record we know. A length beyond it with a valid checksum is a hostile file.
	maxRecord = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the masked CRC-32C of b.
func checksum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + maskDelta
}

// Writer writes records to an underlying writer, each with one Write call, so that a reader of a growing file
// seldom sees part of one. It is not for concurrent use.
type Writer struct {
	w   io.Writer
	buf []byte
}

// NewWriter returns a Writer on w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one record. It does not keep data.
func (w *Writer) Write(data []byte) error {
	w.buf = binary.LittleEndian.AppendUint64(w.buf[:0], uint64(len(data)))
	w.buf = binary.LittleEndian.AppendUint32(w.buf, checksum(w.buf))
	w.buf = append(w.buf, data...)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, checksum(data))
	if _, err := w.w.Write(w.buf); err != nil {
		return fmt.Errorf("tfrecord: %w", err)
	}
	return nil
}

// Reader reads records one after the other. It is not for concurrent use.
type Reader struct {
	r      *bufio.Reader
	offset int64 // of the next record
}

// NewReader returns a Reader on r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReader(r)} }

// Next returns the next record, which is the caller's to keep, or io.EOF at the end of the file. A record that
// is cut short is io.ErrUnexpectedEOF; errors name the offset of the record.
func (r *Reader) Next() ([]byte, error) {
	var header [headerSize]byte
	if n, err := io.ReadFull(r.r, header[:]); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, r.fail(err)
	}
	size := binary.LittleEndian.Uint64(header[:])
	if got, want := checksum(header[:8]), binary.LittleEndian.Uint32(header[8:]); got != want {
		return nil, r.fail(fmt.Errorf("length has checksum %08x, want %08x", got, want))
	}
	if size > maxRecord {
		return nil, r.fail(fmt.Errorf("length is %d, want at most %d", size, maxRecord))
	}
	return r.data(int(size))
}

// data reads what follows the header. It grows with what is there, not with what the header says.
func (r *Reader) data(size int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.r, int64(size)+footerSize))
	if err != nil {
		return nil, r.fail(err)
	}
	if len(body) < size+footerSize {
		return nil, r.fail(io.ErrUnexpectedEOF)
	}
	data := body[:size:size]
	if got, want := checksum(data), binary.LittleEndian.Uint32(body[size:]); got != want {
		return nil, r.fail(fmt.Errorf("data has checksum %08x, want %08x", got, want))
	}
	r.offset += headerSize + int64(size) + footerSize
	return data, nil
}

func (r *Reader) fail(err error) error {
	return fmt.Errorf("tfrecord: record at byte %d: %w", r.offset, err)
}
