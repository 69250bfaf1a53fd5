package host_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
)

func half(values ...uint16) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func TestFloat32(t *testing.T) {
	f32 := host.Float32Bytes([]float32{1, -2.5})
	var f64 []byte
	for _, v := range []float64{0.1, -1e300} {
		f64 = binary.LittleEndian.AppendUint64(f64, math.Float64bits(v))
	}
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name  string
		dtype host.DType
		data  []byte
		want  []float32
	}{
		{"F32", host.F32, f32, []float32{1, -2.5}},
		{"F64 rounds", host.F64, f64, []float32{0.1, -inf}},
		{"BF16", host.BF16, half(0x3f80, 0xc020, 0x0001), []float32{1, -2.5, math.Float32frombits(0x10000)}},
		{"F16 normal", host.F16, half(0x3c00, 0xc100, 0x7bff, 0x0400), []float32{1, -2.5, 65504, 1.0 / 16384}},
		{"F16 subnormal", host.F16, half(0x0001, 0x83ff, 0x0000), []float32{1.0 / (1 << 24), -1023.0 / (1 << 24), 0}},
		{"F16 infinite", host.F16, half(0x7c00, 0xfc00), []float32{inf, -inf}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tensor := host.Tensor{Name: "x", DType: c.dtype, Shape: []int{len(c.want)}, Data: c.data}
			got := make([]float32, len(c.want))
			if err := host.ReadFloat32(host.Memory{tensor}, tensor.Info(), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("ReadFloat32 (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, tensor.Float32s()); diff != "" {
				t.Errorf("Float32s (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHalfSignedZeroAndNaN(t *testing.T) {
	tensor := host.Tensor{Name: "x", DType: host.F16, Shape: []int{2}, Data: half(0x8000, 0x7e01)}
	got := tensor.Float32s()
	if got[0] != 0 || !math.Signbit(float64(got[0])) {
		t.Errorf("0x8000 is %v, want -0", got[0])
	}
	if !math.IsNaN(float64(got[1])) {
		t.Errorf("0x7e01 is %v, want NaN", got[1])
	}
}

func TestReadFloat32Refuses(t *testing.T) {
	ints := host.Tensor{Name: "ids", DType: host.I64, Shape: []int{1}, Data: make([]byte, 8)}
	if err := host.ReadFloat32(host.Memory{ints}, ints.Info(), make([]float32, 1)); err == nil || !strings.Contains(err.Error(), "I64") {
		t.Errorf("integers as floats: error %v", err)
	}
	floats := host.Tensor{Name: "w", DType: host.F32, Shape: []int{2}, Data: make([]byte, 8)}
	if err := host.ReadFloat32(host.Memory{floats}, floats.Info(), make([]float32, 3)); err == nil || !strings.Contains(err.Error(), "room for 3") {
		t.Errorf("wrong room: error %v", err)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		info host.Info
		want string
	}{
		{"scalar", host.Info{DType: host.F64}, ""},
		{"empty", host.Info{DType: host.F64, Shape: []int{0, math.MaxInt}}, ""},
		{"long name", host.Info{Name: strings.Repeat("n", 1025), DType: host.F32}, "a name of 1025 bytes, want at most 1024"},
		{"name of two lines", host.Info{Name: "a\nb", DType: host.F32}, "control characters"},
		{"name that is no text", host.Info{Name: "a\xff", DType: host.F32}, "not UTF-8"},
		{"no type", host.Info{Shape: []int{1}}, "unknown"},
		{"type out of range", host.Info{DType: 99}, "unknown"},
		{"negative", host.Info{DType: host.U8, Shape: []int{-1}}, "negative"},
		{"overflow", host.Info{DType: host.U8, Shape: []int{1 << 32, 1 << 31}}, "too large"},
		{"overflow in bytes", host.Info{DType: host.F64, Shape: []int{1 << 61}}, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.info.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestDTypeNames(t *testing.T) {
	for d := host.F32; d <= host.Bool; d++ {
		if got, err := host.ParseDType(d.String()); err != nil || got != d {
			t.Errorf("%v: parsed as %v, error %v", d, got, err)
		}
	}
	if _, err := host.ParseDType(""); err == nil {
		t.Error("the empty name is a type")
	}
}
