package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/safetensors"
)

// sample has every element type, a scalar, an empty tensor and names that JSON must escape.
func sample() host.Memory {
	var m host.Memory
	for d := host.F32; d <= host.Bool; d++ {
		data := make([]byte, 6*d.Size())
		for i := range data {
			data[i] = byte(i*7 + int(d))
		}
		m = append(m, host.Tensor{Name: "matrix." + d.String(), DType: d, Shape: []int{2, 3}, Data: data})
	}
	return append(m,
		host.Tensor{Name: "scalar", DType: host.I64, Shape: []int{}, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		host.Tensor{Name: "empty", DType: host.F32, Shape: []int{0, 5}, Data: []byte{}},
		host.Tensor{Name: "quote\" <ü>", DType: host.U8, Shape: []int{1}, Data: []byte{9}},
	)
}

func encode(t testing.TB, c host.Container, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, c, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(data []byte) (*safetensors.File, error) {
	return safetensors.New(bytes.NewReader(data), int64(len(data)), "file")
}

// byName reads everything in c.
func byName(t testing.TB, c host.Container) map[string]host.Tensor {
	t.Helper()
	all := make(map[string]host.Tensor)
	for _, info := range c.Tensors() {
		tensor, err := host.ReadTensor(c, info)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Name] = tensor
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	data := encode(t, sample(), safetensors.PyTorch())
	f, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(byName(t, sample()), byName(t, f)); diff != "" {
		t.Errorf("tensors differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(safetensors.PyTorch(), f.Metadata()); diff != "" {
		t.Errorf("metadata differs (-want +got):\n%s", diff)
	}
	if again := encode(t, f, f.Metadata()); !bytes.Equal(data, again) {
		t.Error("writing what was read gives other bytes")
	}
	if n := 8 + binary.LittleEndian.Uint64(data); n%64 != 0 {
		t.Errorf("data begins at byte %d, want a multiple of 64", n)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	backwards := sample()
	slices.Reverse(backwards)
	if !bytes.Equal(encode(t, sample(), nil), encode(t, backwards, nil)) {
		t.Error("the order of the tensors changes the bytes of the file")
	}
}

// file puts a header and so many bytes of data together.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestRefused(t *testing.T) {
	const one = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "too few"},
		{"no header", []byte{2, 0, 0, 0, 0, 0, 0, 0}, "truncated"},
		{"header longer than the file", append(binary.LittleEndian.AppendUint64(nil, 1000), '{'), "truncated"},
		{"header of 2^63", append(binary.LittleEndian.AppendUint64(nil, 1<<63), '{'), "at most"},
		{"zip", []byte("PK\x03\x04 some archive or other"), "not a safetensors file"},
		{"not JSON", file(`{"a":`, 0), "EOF"},
		{"list", file(`[]`, 0), "begin with {"},
		{"more after the header", file(`{} {}`, 0), "follow its end"},
		{"two of a name", file("{"+one+","+one+"}", 8), "twice"},
		{"overlap", file("{"+one+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "overlap"},
		{"hole", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "leave a gap"},
		{"truncated data", file("{"+one+"}", 7), "the file has 7"},
		{"data too long", file("{"+one+"}", 9), "the file has 9"},
		{"size and shape", file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "want 12"},
		{"negative axis", file(`{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}`, 8), "negative"},
		{"overflow", file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,16],"data_offsets":[0,0]}}`, 0), "too large"},
		{"fraction of an axis", file(`{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,8]}}`, 8), "shape: 0.5 is not an integer in range"},
		{"unknown type", file(`{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}`, 2), "F8_E4M3"},
		{"no shape", file(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4), "no shape"},
		{"no offsets", file(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "want two data_offsets"},
		{"a key in capitals", file(`{"a":{"DTYPE":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "a": DTYPE: want only dtype, shape and data_offsets`},
		{"a key in both cases", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"Shape":[1]}}`, 4), "Shape: want only dtype"},
		{"a key twice", file(`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor "a": "dtype" appears twice`},
		{"not UTF-8", file("{\"a\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "not UTF-8"},
		{"null for a tensor", file(`{"a":null}`, 0), `tensor "a": is null, want an object`},
		{"null for a shape", file(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4), "shape: is null, want a list"},
		{"a number for a type", file(`{"a":{"dtype":3,"shape":[1],"data_offsets":[0,4]}}`, 4), "dtype: is 3, want a string"},
		{"text for an axis", file(`{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, 4), `"1" is not an integer`},
		{"an axis beyond 64 bits", file(`{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}`, 4), "is not an integer in range"},
		{"three offsets", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, 4), "more than 2 offsets"},
		{"one offset", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`, 4), "want two data_offsets"},
		{"a number in the metadata", file(`{"__metadata__":{"step":1}}`, 0), "__metadata__: step is 1, want a string"},
		{"a list in the metadata", file(`{"__metadata__":{"step":[1]}}`, 0), "__metadata__: step is a list, want a string"},
		{"a list as the metadata", file(`{"__metadata__":["step"]}`, 0), "__metadata__: is a list, want an object"},
		{"a text as the metadata", file(`{"__metadata__":"step"}`, 0), `__metadata__: is "step", want an object`},
		{"null as the metadata", file(`{"__metadata__":null}`, 0), "__metadata__: is null, want an object"},
		{"metadata twice", file(`{"__metadata__":{"a":"1","a":"2"}}`, 0), `__metadata__: "a" appears twice`},
		{"a long name", file(`{"`+strings.Repeat("n", 1025)+`":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0), "a name of 1025 bytes, want at most 1024"},
		{"many axes", file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 40)+`1],"data_offsets":[0,1]}}`, 1), "axes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := decode(c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	f, err := decode(encode(t, sample(), nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Read("nothing", nil); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("unknown tensor: error %v", err)
	}
	if err := f.Read("scalar", make([]byte, 7)); err == nil || !strings.Contains(err.Error(), "7 bytes, want 8") {
		t.Errorf("short buffer: error %v", err)
	}
}

var errFull = errors.New("disk full")

// full takes n bytes.
type full struct{ n int }

func (f *full) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	size := len(encode(t, sample(), nil))
	for n := range size {
		if err := safetensors.Write(&full{n}, sample(), nil); !errors.Is(err, errFull) {
			t.Fatalf("room for %d of %d bytes: error %v", n, size, err)
		}
	}
	taken := host.Memory{{Name: "__metadata__", DType: host.U8, Shape: []int{0}}}
	if err := safetensors.Write(&full{1 << 20}, taken, nil); err == nil {
		t.Error("a tensor named __metadata__ was written")
	}
}

func TestIndex(t *testing.T) {
	whole := sample()
	write := func(t *testing.T, dir, name string, m host.Memory) {
		if err := os.WriteFile(filepath.Join(dir, name), encode(t, m, nil), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, index, want string
	}{
		{"good", `{"metadata":{"total_size":1},"weight_map":{"scalar":"2.safetensors","matrix.F32":"1.safetensors"}}`, ""},
		{"missing file", `{"weight_map":{"scalar":"3.safetensors"}}`, "no such file"},
		{"missing tensor", `{"weight_map":{"nothing":"1.safetensors"}}`, `"nothing" is not in 1.safetensors`},
		{"out of the directory", `{"weight_map":{"scalar":"../1.safetensors"}}`, "not a file in the directory of the index"},
		{"absolute", `{"weight_map":{"scalar":"/etc/passwd"}}`, "not a file in the directory of the index"},
		{"no map", `{}`, "no weight_map"},
		{"empty map", `{"weight_map":{}}`, "names 0 files"},
		{"same tensor twice", `{"weight_map":{"scalar":"2.safetensors","matrix.F32":"twin.safetensors","matrix.F16":"1.safetensors"}}`, "in two files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "1.safetensors", whole[:5])
			write(t, dir, "2.safetensors", whole[5:])
			write(t, dir, "twin.safetensors", whole[:1])
			path := filepath.Join(dir, "model.safetensors.index.json")
			if err := os.WriteFile(path, []byte(c.index), 0o666); err != nil {
				t.Fatal(err)
			}
			s, err := safetensors.OpenIndex(path)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want one about %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if diff := cmp.Diff(byName(t, whole), byName(t, s)); diff != "" {
				t.Errorf("tensors differ (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzNew holds that nothing a header says makes the reader panic, and that what it accepts it can read.
func FuzzNew(f *testing.F) {
	f.Add(encode(f, sample(), safetensors.PyTorch()))
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(file(`{"__metadata__":{"format":"pt"}}`, 0))
	f.Add(file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0))
	f.Add(file(`{"b":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"F64","shape":[0],"data_offsets":[1,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := decode(data)
		if err != nil {
			return
		}
		total := 0
		for _, info := range file.Tensors() {
			total += info.Bytes()
		}
		if total > len(data) {
			t.Fatalf("%d bytes of tensors in a file of %d", total, len(data))
		}
		tensors := byName(t, file)
		again, err := decode(encode(t, file, file.Metadata()))
		if err != nil {
			t.Fatalf("what was read and written again: %v", err)
		}
		if !maps.EqualFunc(tensors, byName(t, again), func(a, b host.Tensor) bool {
			return bytes.Equal(a.Data, b.Data) && a.DType == b.DType && fmt.Sprint(a.Shape) == fmt.Sprint(b.Shape)
		}) {
			t.Fatal("reading, writing and reading changes tensors")
		}
	})
}
