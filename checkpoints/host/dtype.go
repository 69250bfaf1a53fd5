package host

import "fmt"

// DType is the type of a tensor's elements. The zero value is none.
type DType uint8

// The element types that published BERT checkpoints and their optimizers use.
const (
	F32 DType = iota + 1
	F64
	F16
	BF16
	I64
	I32
	I16
	I8
	U8
	Bool
)

// dtypes holds name (as in safetensors) and size in bytes of each type.
var dtypes = [...]struct {
	name string
	size int
}{
	F32: {"F32", 4}, F64: {"F64", 8}, F16: {"F16", 2}, BF16: {"BF16", 2},
	I64: {"I64", 8}, I32: {"I32", 4}, I16: {"I16", 2}, I8: {"I8", 1}, U8: {"U8", 1}, Bool: {"BOOL", 1},
}

// ParseDType finds a type by its name in safetensors files, such as "F32".
func ParseDType(name string) (DType, error) {
	for d := F32; int(d) < len(dtypes); d++ {
		if dtypes[d].name == name {
			return d, nil
		}
	}
	return 0, fmt.Errorf("element type %q is not supported", name)
}

// String is the type's name in safetensors files.
func (d DType) String() string {
	if d == 0 || int(d) >= len(dtypes) {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Size is the size of one element in bytes, 0 for no known type.
func (d DType) Size() int {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].size
}

// Float says whether elements are floating point numbers.
func (d DType) Float() bool { return d == F32 || d == F64 || d == F16 || d == BF16 }
