package tbevents

import (
	"encoding/binary"
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

// records writes TensorFlow's record files, a sequence of byte strings with checksums. A record is its length (8 bytes,
// little endian), a checksum of the length (4), the bytes, and a checksum of the bytes (4). The checksum is CRC-32C
// (Castagnoli), rotated right by 15 bits with a constant added, because the CRC of data that contains CRCs is weak.
//
// Each record is one call of Write, so that readers of a growing file rarely see part of a record.
type records struct {
	w   io.Writer
	buf []byte
}

// write writes one record. It does not keep data.
func (w *records) write(data []byte) error {
	w.buf = binary.LittleEndian.AppendUint64(w.buf[:0], uint64(len(data)))
	w.buf = binary.LittleEndian.AppendUint32(w.buf, checksum(w.buf))
	w.buf = append(w.buf, data...)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, checksum(data))
	_, err := w.w.Write(w.buf)
	return err
}
