package golden

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
)

// File is a fixture: its tensors, and the metadata of the script that made it.
type File struct {
	Tensors  Tensors
	Metadata map[string]string
}

// Open reads the whole fixture at path.
func Open(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// Under returns the tensors whose names start with prefix, without the prefix.
func (f *File) Under(prefix string) Tensors {
	under := Tensors{}
	for name, t := range f.Tensors {
		if rest, found := strings.CutPrefix(name, prefix); found {
			under[rest] = t
		}
	}
	return under
}

type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

func decode(data []byte) (*File, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("%d bytes, want a safetensors file", len(data))
	}
	size := binary.LittleEndian.Uint64(data)
	if size > uint64(len(data)-8) {
		return nil, fmt.Errorf("header of %d bytes in a file of %d", size, len(data))
	}
	header, body := data[8:8+size], data[8+size:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	file := &File{Tensors: Tensors{}}
	for name, value := range raw {
		if name == "__metadata__" {
			if err := json.Unmarshal(value, &file.Metadata); err != nil {
				return nil, fmt.Errorf("metadata: %w", err)
			}
			continue
		}
		var e entry
		if err := json.Unmarshal(value, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t, err := e.tensor(body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		file.Tensors[name] = t
	}
	return file, nil
}

func (e entry) tensor(body []byte) (Tensor, error) {
	from, to := e.Offsets[0], e.Offsets[1]
	if from < 0 || to < from || to > len(body) {
		return Tensor{}, fmt.Errorf("bytes [%d, %d) of %d", from, to, len(body))
	}
	count := 1
	for _, d := range e.Shape {
		count *= d
	}
	width := map[string]int{"F32": 4, "F64": 8, "I32": 4}[e.DType]
	if width == 0 {
		return Tensor{}, fmt.Errorf("element type %s, want F32, F64 or I32", e.DType)
	}
	if count*width != to-from {
		return Tensor{}, fmt.Errorf("%d bytes, want %d for shape %v of %s", to-from, count*width, e.Shape, e.DType)
	}
	t, raw := Tensor{Shape: e.Shape}, body[from:to]
	for i := range count {
		switch e.DType {
		case "F32":
			t.Floats = append(t.Floats, math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
		case "F64":
			t.Floats = append(t.Floats, float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))))
		case "I32":
			t.Ints = append(t.Ints, int32(binary.LittleEndian.Uint32(raw[4*i:])))
		}
	}
	return t, nil
}
