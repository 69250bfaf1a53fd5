// Package torchbin reads and writes PyTorch's own files of tensors, pytorch_model.bin: the zip form that torch.save
// writes since version 1.6, and before it the plain form of several pickles followed by the storages' bytes.
//
// A pickle is a program. The interpreter here knows the opcodes that a dictionary of tensors needs, and the imports
// OrderedDict, the storages and the functions that build a tensor; it rejects all others by name. No code of a file
// is ever executed.
//
// The file's size bounds the sizes of pickles, of storages (in a zip they must be stored uncompressed and may not
// overlap) and of tensors (a view may repeat elements, but not beyond the file's size, and all views together not
// beyond a few times that). Storages in a zip are checked against their CRC-32 when first read. Numbers must be little
// endian.
package torchbin

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/internal/regularfile"
)

// File is an open file of tensors. It is a host.Container.
type File struct {
	name    string
	closer  io.Closer
	infos   []host.Info
	at      map[string]*tensor
	skipped []host.Skipped
	stores  storages
}

// storages gives access to the bytes of storages, of which tensors are views.
type storages interface {
	// section is the content of a storage of size bytes.
	section(key string, size int64) (*io.SectionReader, error)
	// verify checks the content of a storage, if the form has checksums.
	verify(key string) error
}

// tensor is a view of a storage; offset and strides count elements.
type tensor struct {
	info    host.Info
	storage *storage
	offset  int64
	strides []int64
}

// storage is a stretch of elements that the pickle refers to.
type storage struct {
	key      string
	dtype    host.DType
	elements int64
}

func (s *storage) bytes() int64 { return s.elements * int64(s.dtype.Size()) }

// Open opens the file at path.
func Open(path string) (*File, error) {
	f, size, err := regularfile.Open(path)
	if err != nil {
		return nil, err
	}
	t, err := New(f, size, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.closer = f
	return t, nil
}

// OpenIndex opens the files that an index (pytorch_model.bin.index.json) names.
func OpenIndex(path string) (*host.Sharded, error) {
	return host.OpenSharded(path, func(path string) (host.Container, error) { return Open(path) })
}

// New reads the tensors' descriptions from a file of size bytes. The name appears in errors.
func New(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{name: name, at: make(map[string]*tensor)}
	root, stores, err := read(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.stores = stores
	if err := f.collect(root, size); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// read detects which of the two forms the file has, and returns the saved object.
func read(r io.ReaderAt, size int64) (any, storages, error) {
	start := make([]byte, min(size, 4))
	if _, err := r.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return readZip(r, size)
	case bytes.HasPrefix(start, []byte{opProto}):
		return readLegacy(r, size)
	}
	return nil, nil, fmt.Errorf("begins with %x, want a zip archive or a pickle of torch.save: another kind of file, or damaged", start)
}

// Bounds of tensors that share elements: a tied matrix occurs twice, copies for several devices a few
// times.
const (
	maxShared   = 4
	sharedSlack = 1 << 20 // bytes
)

// collect collects the tensors of the saved dictionary, or of the nested one in which a training program stored
// its weights.
func (f *File) collect(root any, fileSize int64) error {
	top, ok := root.(*dict)
	if !ok {
		return fmt.Errorf("has %s, want a dictionary of tensors", describe(root))
	}
	weights, err := top.weights(make(map[*dict]bool))
	if err != nil {
		return err
	}
	if weights == nil {
		weights = top // the error names its contents
	}
	var total int64
	for _, item := range weights.items {
		name, ok := item.key.(string)
		if !ok {
			return fmt.Errorf("a key of the dictionary is %s, want a name", describe(item.key))
		}
		t, ok := item.value.(*tensor)
		if !ok {
			f.skipped = append(f.skipped, host.Skipped{Name: name, Why: describe(item.value) + ", not a tensor"})
			continue
		}
		if f.at[name] != nil {
			return fmt.Errorf("tensor %q appears twice", name)
		}
		named := *t
		named.info.Name = name
		if _, err := f.stores.section(t.storage.key, t.storage.bytes()); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		if err := named.check(fileSize); err != nil {
			return err
		}
		if total += int64(named.info.Bytes()); total > maxShared*fileSize+sharedSlack {
			return fmt.Errorf("the tensors up to %q have more than %d times the %d bytes of the file: refused views of the same elements", name, maxShared, fileSize)
		}
		if len(f.infos) == host.MaxTensors {
			return fmt.Errorf("more than %d tensors", host.MaxTensors)
		}
		f.at[name] = &named
		f.infos = append(f.infos, named.info)
	}
	if len(f.infos) == 0 && len(f.skipped) > 0 {
		return fmt.Errorf("no tensors, but %d other values, such as %q", len(f.skipped), f.skipped[0].Name)
	}
	return nil
}

// check checks the view against its storage and the file.
func (t *tensor) check(fileSize int64) error {
	name := t.info.Name
	if err := t.info.Check(); err != nil {
		return err
	}
	if int64(t.info.Bytes()) > fileSize {
		return fmt.Errorf("tensor %q: %d bytes in a file of %d", name, t.info.Bytes(), fileSize)
	}
	if t.info.Elements() == 0 {
		return nil
	}
	left := t.storage.elements - 1 - t.offset // maximum distance of the last element from the first
	for i, d := range t.info.Shape {
		if stride := t.strides[i]; left >= 0 && stride > 0 {
			if int64(d-1) > left/stride {
				left = -1
				break
			}
			left -= int64(d-1) * stride
		}
	}
	if left < 0 {
		return fmt.Errorf("tensor %q: shape %v, strides %v from element %d reach beyond its storage of %d",
			name, t.info.Shape, t.strides, t.offset, t.storage.elements)
	}
	return nil
}

// Tensors lists the tensors in the order of the dictionary.
func (f *File) Tensors() []host.Info { return f.infos }

// Skipped lists the dictionary's entries that are not tensors.
func (f *File) Skipped() []host.Skipped { return f.skipped }

// Read fills dst with a tensor's elements in row-major order, whatever its strides.
func (f *File) Read(name string, dst []byte) error {
	t := f.at[name]
	if t == nil {
		return fmt.Errorf("%s: tensor %q: not found", f.name, name)
	}
	if err := host.CheckSize(t.info, dst); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if err := f.read(t, dst); err != nil {
		return fmt.Errorf("%s: tensor %q: %w", f.name, name, err)
	}
	return nil
}

func (f *File) read(t *tensor, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	if err := f.stores.verify(t.storage.key); err != nil {
		return err
	}
	section, err := f.stores.section(t.storage.key, t.storage.bytes())
	if err != nil {
		return err
	}
	size := int64(t.info.DType.Size())
	if t.contiguous() {
		return readFull(section, dst, t.offset*size)
	}
	elements := int64(1)
	for i, d := range t.info.Shape {
		elements += int64(d-1) * t.strides[i]
	}
	span := make([]byte, elements*size)
	if err := readFull(section, span, t.offset*size); err != nil {
		return err
	}
	t.gather(dst, span, 0, 0)
	return nil
}

func readFull(r io.ReaderAt, dst []byte, offset int64) error {
	if n, err := r.ReadAt(dst, offset); n < len(dst) {
		return fmt.Errorf("%d of %d bytes: %w", n, len(dst), err)
	}
	return nil
}

// contiguous reports whether the elements are stored in row-major order.
func (t *tensor) contiguous() bool {
	next := int64(1)
	for i := len(t.strides) - 1; i >= 0; i-- {
		d := int64(t.info.Shape[i])
		if d != 1 && t.strides[i] != next {
			return false
		}
		next *= d
	}
	return true
}

// gather copies the elements from the given axis on, beginning with element at of span, and returns the rest of dst.
func (t *tensor) gather(dst, span []byte, axis int, at int64) []byte {
	size := t.info.DType.Size()
	if axis == len(t.strides) {
		copy(dst[:size], span[at*int64(size):])
		return dst[size:]
	}
	for range t.info.Shape[axis] {
		dst = t.gather(dst, span, axis+1, at)
		at += t.strides[axis]
	}
	return dst
}

// Close closes the file if Open opened it.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}
