// Package tfrecord writes TensorFlow's record files: a sequence of byte strings with checksums.
//
// A record is its length (8 bytes, little endian), a checksum of the length (4), the bytes, and a checksum of
// the bytes (4). The checksum is CRC-32C (Castagnoli), rotated right by 15 bits with a constant added, because
// the CRC of data that contains CRCs is weak. The caller defines the meaning of the bytes.
package tfrecord

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

const maskDelta = 0xa282ead8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the masked CRC-32C of b.
func checksum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + maskDelta
}

// Writer writes records to an underlying writer, each with one Write call, so that readers of a growing file
// rarely see part of a record. It is not for concurrent use.
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
