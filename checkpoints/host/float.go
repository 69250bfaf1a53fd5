package host

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// littleEndian reports whether this machine's numbers have the files' byte order.
func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// Float32Bytes returns v as bytes in the files' byte order. On a little-endian machine they share v's
// memory.
func Float32Bytes(v []float32) []byte {
	if littleEndian() {
		return shared(v)
	}
	out := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(x))
	}
	return out
}

// shared views v as bytes.
func shared(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// ReadFloat32 reads a floating-point tensor into dst, which has as many elements as the tensor. F16 and BF16
// widen exactly, F64 rounds to nearest. F32 is read in place; the others go through a buffer of the tensor's size.
func ReadFloat32(c Container, info Info, dst []float32) error {
	if !info.DType.Float() {
		return fmt.Errorf("tensor %q: elements are %v, want floating point", info.Name, info.DType)
	}
	if len(dst) != info.Elements() {
		return fmt.Errorf("tensor %q: room for %d elements, want %d", info.Name, len(dst), info.Elements())
	}
	if info.DType == F32 && littleEndian() {
		return c.Read(info.Name, shared(dst))
	}
	t, err := ReadTensor(c, info)
	if err != nil {
		return err
	}
	t.float32s(dst)
	return nil
}

// Float32s converts the elements of a floating-point tensor. Panics if the elements have another type, or the
// data's length does not match the shape.
func (t Tensor) Float32s() []float32 {
	if !t.DType.Float() || len(t.Data) != t.Info().Bytes() {
		panic(fmt.Sprintf("host: tensor %q: %d bytes of %v in shape %v", t.Name, len(t.Data), t.DType, t.Shape))
	}
	dst := make([]float32, t.Info().Elements())
	t.float32s(dst)
	return dst
}

func (t Tensor) float32s(dst []float32) {
	le := binary.LittleEndian
	for i := range dst {
		switch t.DType {
		case F32:
			dst[i] = math.Float32frombits(le.Uint32(t.Data[4*i:]))
		case F64:
			dst[i] = float32(math.Float64frombits(le.Uint64(t.Data[8*i:])))
		case F16:
			dst[i] = fromHalf(le.Uint16(t.Data[2*i:]))
		case BF16:
			dst[i] = math.Float32frombits(uint32(le.Uint16(t.Data[2*i:])) << 16)
		}
	}
}

// fromHalf widens an IEEE 754 binary16 number, subnormals and NaN payloads included.
func fromHalf(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, fraction := uint32(h>>10)&0x1f, uint32(h&0x3ff)
	switch exponent {
	case 0: // zero or subnormal: fraction * 2^-24
		v := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
