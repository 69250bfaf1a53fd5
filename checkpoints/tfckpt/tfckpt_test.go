package tfckpt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/tfckpt"
)

const fixtures = "../testdata"

func readFile(t testing.TB, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{fixtures}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return data
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

func open(t testing.TB, path ...string) *tfckpt.File {
	t.Helper()
	f, err := tfckpt.Open(filepath.Join(append([]string{fixtures}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestOdd reads numbers of every type, as TensorFlow 2.19 saved them.
func TestOdd(t *testing.T) {
	le := binary.LittleEndian
	want := make(map[string]host.Tensor)
	for _, tensor := range []host.Tensor{
		{Name: "double", DType: host.F64, Shape: []int{2}, Data: le.AppendUint64(le.AppendUint64(nil, math.Float64bits(0.1)), math.Float64bits(-2))},
		{Name: "half", DType: host.F16, Shape: []int{2}, Data: []byte{0x00, 0x38, 0xff, 0x7b}},
		{Name: "brain", DType: host.BF16, Shape: []int{2}, Data: []byte{0x80, 0x3f, 0x40, 0x40}},
		{Name: "long", DType: host.I64, Shape: []int{1, 2}, Data: le.AppendUint64(le.AppendUint64(nil, math.MaxUint64), 1<<40)},
		{Name: "int", DType: host.I32, Shape: []int{1}, Data: []byte{7, 0, 0, 0}},
		{Name: "short", DType: host.I16, Shape: []int{1}, Data: []byte{0xfd, 0xff}},
		{Name: "byte", DType: host.U8, Shape: []int{1}, Data: []byte{200}},
		{Name: "char", DType: host.I8, Shape: []int{1}, Data: []byte{0xfb}},
		{Name: "bool", DType: host.Bool, Shape: []int{2}, Data: []byte{1, 0}},
		{Name: "scalar", DType: host.F32, Shape: []int{}, Data: []byte{0, 0, 0x60, 0x40}},
		{Name: "empty", DType: host.F32, Shape: []int{0, 3}, Data: []byte{}},
	} {
		want[tensor.Name] = tensor
	}
	f := open(t, "tf-odd", "odd.ckpt")
	if diff := cmp.Diff(want, byName(t, f)); diff != "" {
		t.Errorf("tensors differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]host.Skipped{{Name: "text", Why: "text"}}, f.Skipped()); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

func TestManyBlocks(t *testing.T) {
	tensors := byName(t, open(t, "tf-odd", "many.ckpt"))
	if len(tensors) != 600 {
		t.Fatalf("%d tensors, want 600", len(tensors))
	}
	for i := range 600 {
		name := fmt.Sprintf("variable/with/a/rather/long/name/%04d", i)
		if diff := cmp.Diff([]float32{float32(i), float32(i)}, tensors[name].Float32s()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPieces(t *testing.T) {
	f := open(t, "tf-odd", "sliced.ckpt")
	if diff := cmp.Diff([]host.Skipped{{Name: "table", Why: "stored in slices"}}, f.Skipped()); diff != "" || len(f.Tensors()) > 0 {
		t.Errorf("tensors %v, skipped (-want +got):\n%s", f.Tensors(), diff)
	}
}

func TestObjectGraph(t *testing.T) {
	f := open(t, "tf-odd", "tf2.ckpt")
	var names []string
	for _, info := range f.Tensors() {
		names = append(names, info.Name)
	}
	want := []string{"step/.ATTRIBUTES/VARIABLE_VALUE", "table/.ATTRIBUTES/VARIABLE_VALUE"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if len(f.Skipped()) != 1 || f.Skipped()[0].Name != "_CHECKPOINTABLE_OBJECT_GRAPH" {
		t.Errorf("skipped %v, want the object graph", f.Skipped())
	}
}

func TestShards(t *testing.T) {
	one, two := byName(t, open(t, "tf1", "model.ckpt-1000")), byName(t, open(t, "tf-sharded", "bert_model.ckpt"))
	for name, tensor := range two {
		if diff := cmp.Diff(one[name], tensor); diff != "" {
			t.Errorf("%s (-one shard +two):\n%s", name, diff)
		}
	}
	if len(two) != 46 {
		t.Errorf("%d tensors, want 46", len(two))
	}
}

// files is a directory in memory.
type files map[string]*bytes.Buffer

type closing struct{ io.Writer }

func (closing) Close() error { return nil }

func (f files) Create(name string) (io.WriteCloser, error) {
	f[name] = &bytes.Buffer{}
	return closing{f[name]}, nil
}

func write(t testing.TB, c host.Container) (index, data []byte) {
	t.Helper()
	out := make(files)
	if err := tfckpt.Write(out, "m.ckpt", c); err != nil {
		t.Fatal(err)
	}
	if len(out) != 3 || out["checkpoint"] == nil {
		t.Errorf("%d files: %v", len(out), out)
	}
	return out["m.ckpt.index"].Bytes(), out["m.ckpt.data-00000-of-00001"].Bytes()
}

func decode(index, data []byte) (*tfckpt.File, error) {
	return tfckpt.New(index, bytes.NewReader(data), int64(len(data)), "file")
}

func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"odd.ckpt", "many.ckpt"} {
		t.Run(name, func(t *testing.T) {
			f := open(t, "tf-odd", name)
			index, data := write(t, f)
			again, err := decode(index, data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(byName(t, f), byName(t, again)); diff != "" {
				t.Errorf("tensors differ (-want +got):\n%s", diff)
			}
			if index2, data2 := write(t, again); !bytes.Equal(index, index2) || !bytes.Equal(data, data2) {
				t.Error("equal contents give different bytes")
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, name := range []string{"", "\x00a", strings.Repeat("a", 5000)} {
		m := host.Memory{{Name: name, DType: host.U8, Shape: []int{0}}}
		if err := tfckpt.Write(make(files), "x", m); err == nil {
			t.Errorf("a tensor named %.5q of %d bytes was written", name, len(name))
		}
	}
}

var errFull = errors.New("disk full")

type full struct{ left int }

func (f *full) Create(string) (io.WriteCloser, error) { return f, nil }
func (f *full) Close() error                          { return nil }
func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	f := open(t, "tf-odd", "odd.ckpt")
	index, data := write(t, f)
	for n := range len(index) + len(data) {
		if err := tfckpt.Write(&full{n}, "m", f); !errors.Is(err, errFull) {
			t.Fatalf("room for %d bytes: error %v", n, err)
		}
	}
}

func TestTruncated(t *testing.T) {
	index, data := readFile(t, "tf1", "model.ckpt-1000.index"), readFile(t, "tf1", "model.ckpt-1000.data-00000-of-00001")
	for n := range index {
		if _, err := decode(index[:n], data); err == nil {
			t.Fatalf("an index cut to %d of %d bytes was read", n, len(index))
		}
	}
	if _, err := decode(index, data[:len(data)-1]); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("cut data: error %v, want one about truncation", err)
	}
	if _, err := decode([]byte("PK\x03\x04"+strings.Repeat("x", 100)), nil); err == nil || !strings.Contains(err.Error(), "not the index") {
		t.Errorf("another file: error %v", err)
	}
}

// TestBitFlips flips every bit of an index and of the data: nothing is read with other names, shapes or values.
func TestBitFlips(t *testing.T) {
	index, data := write(t, open(t, "tf-odd", "odd.ckpt"))
	good, err := decode(index, data)
	if err != nil {
		t.Fatal(err)
	}
	want := byName(t, good)
	both := slices.Concat(index, data)
	for bit := range 8 * len(both) {
		both[bit/8] ^= 1 << (bit % 8)
		f, err := decode(both[:len(index)], both[len(index):])
		if err == nil {
			for _, info := range f.Tensors() {
				got, err := host.ReadTensor(f, info)
				if err != nil {
					continue
				}
				if diff := cmp.Diff(want[info.Name], got); diff != "" {
					t.Fatalf("bit %d of byte %d (-want +got):\n%s", bit%8, bit/8, diff)
				}
			}
		}
		both[bit/8] ^= 1 << (bit % 8)
	}
}

func TestMissingShard(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00002"} {
		if err := os.WriteFile(filepath.Join(dir, name), readFile(t, "tf-sharded", name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tfckpt.Open(filepath.Join(dir, "bert_model.ckpt")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "data-00001-of-00002") {
		t.Errorf("error %v, want one that names the missing shard", err)
	}
}
