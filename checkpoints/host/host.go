// Package host holds tensors in host memory as published checkpoints store them: a name, an element type, a shape
// and bytes. The container packages (safetensors, torchbin, tfckpt) share it. It imports no tensor library.
//
// Data is little endian and row major throughout, whatever the machine. Sizes are in bytes unless the name says
// elements. A number read from a file is checked against the file's size before memory is allocated by it.
package host

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of the numbers in a file, with room for models and optimizers that are much larger than a BERT's.
const (
	MaxRank    = 32      // axes of a tensor; BERT needs two
	MaxTensors = 100_000 // in a container; BERT-large has some 400
	MaxName    = 1024    // bytes of a tensor's name
)

// Info describes a tensor without its data.
type Info struct {
	Name  string
	DType DType
	Shape []int // sizes of the axes; empty for a scalar
}

// Elements is the product of the shape. The Info must have passed Check, which every container calls on
// opening.
func (i Info) Elements() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// Bytes is the size of the data.
func (i Info) Bytes() int { return i.Elements() * i.DType.Size() }

// Check rejects a long name, a name that is not a line of text, an unknown element type, a negative axis, too many
// axes, and a size that does not fit an int.
func (i Info) Check() error {
	if len(i.Name) > MaxName {
		return fmt.Errorf("tensor %.40q...: a name of %d bytes, want at most %d", i.Name, len(i.Name), MaxName)
	}
	if !utf8.ValidString(i.Name) || strings.ContainsFunc(i.Name, unicode.IsControl) {
		return fmt.Errorf("tensor %.100q: a name with control characters, or not UTF-8", i.Name)
	}
	if i.DType.Size() == 0 {
		return fmt.Errorf("tensor %q: unknown element type %v", i.Name, i.DType)
	}
	if len(i.Shape) > MaxRank {
		return fmt.Errorf("tensor %q: %d axes, want at most %d", i.Name, len(i.Shape), MaxRank)
	}
	total := i.DType.Size()
	for _, d := range i.Shape {
		if d < 0 {
			return fmt.Errorf("tensor %q: shape %v has a negative axis", i.Name, i.Shape)
		}
		if d > 0 && total > math.MaxInt/d { // an axis of 0 makes the total 0, whatever follows
			return fmt.Errorf("tensor %q: shape %v is too large", i.Name, i.Shape)
		}
		total *= d
	}
	return nil
}

// Tensor is a tensor with its data.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte // little endian, row major
}

// Info describes t.
func (t Tensor) Info() Info { return Info{Name: t.Name, DType: t.DType, Shape: t.Shape} }

// Container is a set of named tensors, usually a file. Reading is safe for concurrent use; Close is not.
type Container interface {
	// Tensors lists the tensors in the container's own order, without duplicates. The caller must not change the list.
	Tensors() []Info
	// Read fills dst, which has exactly the tensor's size in bytes.
	Read(name string, dst []byte) error
	io.Closer
}

// Find describes the tensor of that name in c.
func Find(c Container, name string) (Info, bool) {
	all := c.Tensors()
	at := slices.IndexFunc(all, func(i Info) bool { return i.Name == name })
	if at < 0 {
		return Info{}, false
	}
	return all[at], true
}

// ReadTensor reads one tensor into memory of its own.
func ReadTensor(c Container, info Info) (Tensor, error) {
	t := Tensor{Name: info.Name, DType: info.DType, Shape: info.Shape, Data: make([]byte, info.Bytes())}
	return t, c.Read(info.Name, t.Data)
}

// CheckSize rejects a buffer whose size is not exactly the tensor's. Containers call it first in Read.
func CheckSize(info Info, dst []byte) error {
	if len(dst) != info.Bytes() {
		return fmt.Errorf("tensor %q: buffer of %d bytes, want %d", info.Name, len(dst), info.Bytes())
	}
	return nil
}

// Memory is a container in memory.
type Memory []Tensor

// Tensors describes m in its own order.
func (m Memory) Tensors() []Info {
	infos := make([]Info, len(m))
	for i, t := range m {
		infos[i] = t.Info()
	}
	return infos
}

// Read copies the tensor of that name.
func (m Memory) Read(name string, dst []byte) error {
	at := slices.IndexFunc(m, func(t Tensor) bool { return t.Name == name })
	if at < 0 {
		return fmt.Errorf("tensor %q: not found", name)
	}
	if err := CheckSize(m[at].Info(), dst); err != nil {
		return err
	}
	if len(m[at].Data) != len(dst) {
		return fmt.Errorf("tensor %q: %d bytes of data, want %d", name, len(m[at].Data), len(dst))
	}
	copy(dst, m[at].Data)
	return nil
}

// Close does nothing.
func (m Memory) Close() error { return nil }

// Skipped is a named entry of a container that is not a tensor of numbers.
type Skipped struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Skipper is a container that can hold entries other than tensors of numbers.
type Skipper interface {
	// Skipped lists the entries that Tensors leaves out.
	Skipped() []Skipped
}

// FileWriter creates the files of one directory.
type FileWriter interface {
	// Create starts a file. The caller must close it before starting the next, and check the error of
	// Close.
	Create(name string) (io.WriteCloser, error)
}
