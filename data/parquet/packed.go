package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
)

// hybrid returns n numbers of width bits each: runs of one number, and groups of eight that are packed.
func hybrid(data []byte, width, n int) ([]int32, error) {
	if width < 0 || width > 31 {
		return nil, fmt.Errorf("numbers of %d bits", width)
	}
	out := make([]int32, 0, n)
	for len(out) < n {
		head, size := binary.Uvarint(data)
		if size <= 0 {
			return nil, io.ErrUnexpectedEOF
		}
		data = data[size:]
		count, bytes := head>>1, uint64(width+7)/8
		if head&1 == 1 { // count groups of eight
			bytes = count * uint64(width)
		}
		if head == 0 || count > mostValues || bytes > uint64(len(data)) {
			return nil, io.ErrUnexpectedEOF
		}
		if head&1 == 1 {
			for i := range min(int(count)*8, n-len(out)) {
				out = append(out, int32(bitsAt(data, i*width, width)))
			}
		} else {
			var value [4]byte
			copy(value[:], data[:bytes])
			for range min(int(count), n-len(out)) {
				out = append(out, int32(binary.LittleEndian.Uint32(value[:])))
			}
		}
		data = data[bytes:]
	}
	return out, nil
}

// bitsAt returns the number of width bits, at most 64, that starts at a bit of data. The lowest bits come first.
func bitsAt(data []byte, bit, width int) uint64 {
	var v uint64
	for got := 0; got < width; {
		at, shift := (bit+got)/8, (bit+got)%8
		n := min(8-shift, width-got)
		v |= uint64(data[at]>>shift&(1<<n-1)) << got
		got += n
	}
	return v
}

// deltas returns the n numbers that are written as differences in blocks, and what follows them in data.
func deltas(data []byte, n int) (out []int64, rest []byte, err error) {
	var header [3]uint64 // values of a block, parts of a block, values
	for i := range header {
		var size int
		if header[i], size = binary.Uvarint(data); size <= 0 {
			return nil, nil, io.ErrUnexpectedEOF
		}
		data = data[size:]
	}
	value, size := binary.Varint(data)
	block, parts := header[0], header[1]
	if size <= 0 || header[2] < uint64(n) || parts == 0 || parts > block || block > mostValues || block%parts != 0 {
		return nil, nil, fmt.Errorf("%d differences in blocks of %d in %d parts, want %d", header[2], block, parts, n)
	}
	data = data[size:]
	if n == 0 {
		return nil, data, nil
	}
	out = append(out, value)
	for len(out) < n {
		if out, data, err = deltaBlock(out, data, int(parts), int(block/parts), n); err != nil {
			return nil, nil, err
		}
	}
	return out, data, nil
}

// deltaBlock appends the numbers of a block to out, at most n in all.
func deltaBlock(out []int64, data []byte, parts, each, n int) ([]int64, []byte, error) {
	least, size := binary.Varint(data)
	if size <= 0 || len(data)-size < parts {
		return nil, nil, io.ErrUnexpectedEOF
	}
	widths, data := data[size:size+parts], data[size+parts:]
	for _, w := range widths {
		if len(out) == n {
			break // the last block lacks the parts that it does not need
		}
		width := int(w)
		bytes := (width*each + 7) / 8
		if width > 64 || bytes > len(data) {
			return nil, nil, io.ErrUnexpectedEOF
		}
		for i := range min(each, n-len(out)) {
			out = append(out, out[len(out)-1]+least+int64(bitsAt(data, i*width, width)))
		}
		data = data[bytes:]
	}
	return out, data, nil
}

// deltaValues returns n numbers that are written as differences.
func deltaValues(physical int64, body []byte, n int) (values, error) {
	numbers, _, err := deltas(body, n)
	out := make([]float64, len(numbers))
	for i, v := range numbers {
		if physical == physicalInt32 {
			v = int64(int32(v)) // differences wrap
		}
		out[i] = float64(v)
	}
	return values{numbers: out}, err
}

// deltaTexts returns n texts. Their lengths come first. With prefixes, each text starts with as much of the one before
// it as a number before the lengths says.
func deltaTexts(body []byte, n int, prefixes bool) (values, error) {
	shared := make([]int64, n)
	var err error
	if prefixes {
		if shared, body, err = deltas(body, n); err != nil {
			return values{}, err
		}
	}
	lengths, body, err := deltas(body, n)
	if err != nil {
		return values{}, err
	}
	out := make([]string, n)
	before := ""
	for i, length := range lengths {
		if length < 0 || length > int64(len(body)) || shared[i] < 0 || shared[i] > int64(len(before)) {
			return values{}, io.ErrUnexpectedEOF
		}
		out[i] = before[:shared[i]] + string(body[:length])
		before, body = out[i], body[length:]
	}
	return values{texts: out}, nil
}
