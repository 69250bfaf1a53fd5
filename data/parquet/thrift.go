package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftInt16  = 4
	thriftInt32  = 5
	thriftInt64  = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12
)

// field is a numbered field of a structure to write. The value is an int32, int64, string, structure, []int32, []string
// or []structure. Fields are in the order of their numbers.
type field struct {
	id    int
	value any
}

type structure []field

func (s structure) append(dst []byte) []byte {
	last := 0
	for _, f := range s {
		dst = append(dst, byte(f.id-last)<<4|typeOf(f.value))
		dst = appendValue(dst, f.value)
		last = f.id
	}
	return append(dst, 0)
}

func typeOf(v any) byte {
	switch v.(type) {
	case int32:
		return thriftInt32
	case int64:
		return thriftInt64
	case string:
		return thriftBinary
	case structure:
		return thriftStruct
	}
	return thriftList
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case int32:
		return binary.AppendVarint(dst, int64(v))
	case int64:
		return binary.AppendVarint(dst, v)
	case string:
		return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	case structure:
		return v.append(dst)
	case []int32:
		return appendList(dst, v, thriftInt32)
	case []string:
		return appendList(dst, v, thriftBinary)
	case []structure:
		return appendList(dst, v, thriftStruct)
	}
	panic(fmt.Sprintf("parquet: no Thrift type for %T", v))
}

func appendList[T any](dst []byte, list []T, kind byte) []byte {
	if len(list) < 15 {
		dst = append(dst, byte(len(list))<<4|kind)
	} else {
		dst = binary.AppendUvarint(append(dst, 15<<4|kind), uint64(len(list)))
	}
	for _, v := range list {
		dst = appendValue(dst, v)
	}
	return dst
}

// message is a structure as read: its values by number. A value is an int64, bool, string, message or []any.
type message map[int64]any

func (m message) int(id int64) int64       { v, _ := m[id].(int64); return v }
func (m message) text(id int64) string     { v, _ := m[id].(string); return v }
func (m message) message(id int64) message { v, _ := m[id].(message); return v }
func (m message) list(id int64) []any      { v, _ := m[id].([]any); return v }

var errThrift = errors.New("its metadata is no Thrift structure")

// thriftReader reads Thrift's compact protocol. What it allocates is bounded by the bytes that it is given.
type thriftReader struct {
	data []byte
	err  error
}

// parseMessage returns the structure at the start of data and its length in bytes.
func parseMessage(data []byte) (message, int, error) {
	r := &thriftReader{data: data}
	m := r.message(0)
	return m, len(data) - len(r.data), r.err
}

func (r *thriftReader) fail() { r.data, r.err = nil, errThrift }

func (r *thriftReader) byte() byte {
	if len(r.data) == 0 {
		r.fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *thriftReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *thriftReader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *thriftReader) take(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

const deepest = 16 // structures within structures; the format has fewer

func (r *thriftReader) message(depth int) message {
	m := message{}
	if depth > deepest {
		r.fail()
	}
	for id := int64(0); r.err == nil; {
		head := r.byte()
		if head == 0 {
			break
		}
		if delta := head >> 4; delta != 0 {
			id += int64(delta)
		} else {
			id = r.varint()
		}
		switch kind := head & 15; kind {
		case thriftTrue, thriftFalse:
			m[id] = kind == thriftTrue
		default:
			m[id] = r.value(kind, depth)
		}
	}
	return m
}

func (r *thriftReader) value(kind byte, depth int) any {
	switch kind {
	case thriftTrue, thriftFalse: // of a list
		return r.byte() == thriftTrue
	case thriftByte:
		return int64(int8(r.byte()))
	case thriftInt16, thriftInt32, thriftInt64:
		return r.varint()
	case thriftDouble:
		r.take(8)
		return nil
	case thriftBinary:
		return string(r.take(r.uvarint()))
	case thriftList, thriftSet:
		return r.list(depth)
	case thriftStruct:
		return r.message(depth + 1)
	}
	r.fail() // the format has no maps
	return nil
}

func (r *thriftReader) list(depth int) []any {
	if depth > deepest {
		r.fail()
	}
	head := r.byte()
	n := uint64(head >> 4)
	if n == 15 {
		n = r.uvarint()
	}
	if n > uint64(len(r.data)) { // each takes a byte at least
		r.fail()
		return nil
	}
	out := make([]any, 0, n)
	for range n {
		if r.err != nil {
			return nil
		}
		out = append(out, r.value(head&15, depth+1))
	}
	return out
}
