package golden

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	nan := float32(math.NaN())
	want := Tensors{"a": Floats([]float32{1, -4}, 2)}
	tests := []struct {
		name string
		got  Tensors
		tol  Tolerance
		says string // part of the one fault; "" for none
	}{
		{"equal", Tensors{"a": Floats([]float32{1, -4}, 2)}, Tolerance{}, ""},
		{"within the tensor's scale", Tensors{"a": Floats([]float32{1.003, -4}, 2)}, Tolerance{Relative: 1e-3}, ""},
		{"beyond it", Tensors{"a": Floats([]float32{1.005, -4}, 2)}, Tolerance{Relative: 1e-3}, "a: at 0"},
		{"absolute", Tensors{"a": Floats([]float32{1, -4.5}, 2)}, Tolerance{Absolute: 0.5}, ""},
		{"nan", Tensors{"a": Floats([]float32{nan, -4}, 2)}, Tolerance{Relative: 1, Absolute: 1e9}, "a: at 0"},
		{"missing", Tensors{}, Tolerance{}, "a: missing"},
		{"shape", Tensors{"a": Floats([]float32{1, -4}, 1, 2)}, Tolerance{}, "got shape [1 2], want [2]"},
		{"unexpected", Tensors{"a": want["a"], "b": Floats(nil, 0)}, Tolerance{}, "b: unexpected"},
		{"too few values", Tensors{"a": Floats([]float32{1}, 2)}, Tolerance{}, "got 1 values, want 2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			faults := Diff(want, test.got, test.tol)
			if test.says == "" && len(faults) != 0 {
				t.Fatalf("got %q, want none", faults)
			}
			if test.says != "" && (len(faults) != 1 || !strings.Contains(faults[0], test.says)) {
				t.Fatalf("got %q, want one with %q", faults, test.says)
			}
		})
	}
}

func TestWorst(t *testing.T) {
	want := Tensors{"a": Floats([]float32{2, 1}, 2), "b": Floats([]float32{1e-9}, 1)}
	got := Tensors{"a": Floats([]float32{2, 1.5}, 2), "b": Floats([]float32{5e-9}, 1)}
	if name, relative := Worst(want, got, 1e-6); name != "a" || relative != 0.25 {
		t.Fatalf("got %s %g, want a 0.25", name, relative)
	}
}

func TestDecode(t *testing.T) {
	file := func(header string, body ...byte) []byte {
		return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), body...)
	}
	got, err := decode(file(`{"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"by":"me"}}`, 1, 0, 0, 0, 255, 255, 255, 255))
	if err != nil {
		t.Fatal(err)
	}
	want := Tensors{"x": {Shape: []int{2}, Ints: []int32{1, -1}}}
	if faults := Diff(want, got.Tensors, Tolerance{}); len(faults) != 0 || got.Metadata["by"] != "me" {
		t.Fatalf("got %v, %v", faults, got.Metadata)
	}
	for name, data := range map[string][]byte{
		"empty":       nil,
		"header size": binary.LittleEndian.AppendUint64(nil, 99),
		"no json":     file(`{`),
		"offsets":     file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`),
		"shape":       file(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 0, 0, 0, 0),
		"dtype":       file(`{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, 0, 0, 0, 0),
	} {
		if _, err := decode(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
