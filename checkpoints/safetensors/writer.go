package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/subbert/subbert/checkpoints/host"
)

// alignment of the first tensor, in bytes from the start of the file: a cache line, so that computations can
// use a memory-mapped file in place. The reference implementation requires 8.
const alignment = 64

// PyTorch is the metadata that transformers requires in a file.
func PyTorch() map[string]string { return map[string]string{"format": "pt"} }

// Write writes c, with metadata if there is any. Equal contents give equal bytes: tensors are ordered by element
// size, largest first, then by name. One tensor at a time is held in memory.
func Write(w io.Writer, c host.Container, metadata map[string]string) error {
	infos := slices.SortedFunc(slices.Values(c.Tensors()), func(a, b host.Info) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.Name, b.Name))
	})
	header, err := encodeHeader(infos, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	var buffer []byte
	for _, info := range infos {
		if n := info.Bytes(); cap(buffer) < n {
			buffer = make([]byte, n)
		}
		data := buffer[:info.Bytes()]
		if err := c.Read(info.Name, data); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return fmt.Errorf("tensor %q: %w", info.Name, err)
		}
	}
	return nil
}

// entry is the header's description of one tensor.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// encodeHeader returns the length, the JSON and the spaces that align the data.
func encodeHeader(infos []host.Info, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8)) // the length, filled in below
	b.WriteByte('{')
	if metadata != nil {
		if err := encodeField(&b, "__metadata__", metadata); err != nil {
			return nil, err
		}
	}
	var offset int64
	for _, info := range infos {
		if err := info.Check(); err != nil {
			return nil, err
		}
		if info.Name == "__metadata__" {
			return nil, fmt.Errorf("tensor %q: the format reserves that name", info.Name)
		}
		end := offset + int64(info.Bytes())
		shape := info.Shape
		if shape == nil {
			shape = []int{} // not null
		}
		if err := encodeField(&b, info.Name, entry{DType: info.DType.String(), Shape: shape, Offsets: [2]int64{offset, end}}); err != nil {
			return nil, err
		}
		offset = end
	}
	b.WriteByte('}')
	for b.Len()%alignment != 0 {
		b.WriteByte(' ')
	}
	header := b.Bytes()
	if len(header)-8 > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, want at most %d", len(header)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

// encodeField appends one "key":value, after a comma unless it is the first.
func encodeField(b *bytes.Buffer, key string, value any) error {
	if b.Bytes()[b.Len()-1] != '{' {
		b.WriteByte(',')
	}
	k, err := json.Marshal(key)
	if err != nil {
		return err
	}
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	b.Write(k)
	b.WriteByte(':')
	b.Write(v)
	return nil
}
