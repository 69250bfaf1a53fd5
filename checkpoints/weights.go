package checkpoints

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/subbert/subbert/checkpoints/host"
)

// renamed presents a container under other names, with some matrices transposed.
type renamed struct {
	host.Container
	infos   []Info
	from    map[string]renaming
	scratch sync.Pool // of *[]byte, buffers for matrices
}

// renaming is the origin of a tensor with a new name.
type renaming struct {
	info       Info // in the container underneath
	transposed bool
}

// rename applies names to all tensors of c.
func rename(c Container, names func(Info) naming) (*renamed, []Ignored, error) {
	r := &renamed{Container: c, from: make(map[string]renaming)}
	var ignored []Ignored
	for _, info := range c.Tensors() {
		n := names(info)
		if n.ignored != "" {
			ignored = append(ignored, Ignored{Name: info.Name, Why: n.ignored})
			continue
		}
		if err := r.add(n.name, info, n.transposed); err != nil {
			return nil, nil, err
		}
	}
	r.nameOriginal(decoderBias)
	r.nameOriginal(decoderWeight)
	return r, ignored, nil
}

// nameOriginal gives a tied parameter the name of its original if the file has it only under its other
// name.
func (r *renamed) nameOriginal(tied string) {
	original, _ := tiedTo(tied)
	from, ok := r.from[tied]
	if _, both := r.from[original]; !ok || both {
		return
	}
	delete(r.from, tied)
	r.from[original] = from
	at := slices.IndexFunc(r.infos, func(i Info) bool { return i.Name == tied })
	r.infos[at].Name = original
}

func (r *renamed) add(name string, info Info, transposed bool) error {
	if old, ok := r.from[name]; ok {
		return fmt.Errorf("tensors %q and %q both have the name %s", old.info.Name, info.Name, name)
	}
	shape := info.Shape
	if transposed = transposed && len(shape) == 2; transposed { // BERT has no kernels of other ranks
		shape = []int{shape[1], shape[0]}
	}
	r.from[name] = renaming{info: info, transposed: transposed}
	r.infos = append(r.infos, Info{Name: name, DType: info.DType, Shape: shape})
	return nil
}

// Tensors lists the tensors under their new names, in the container's order.
func (r *renamed) Tensors() []Info { return r.infos }

// Read reads a tensor by its new name; a transposed matrix goes through a buffer of its size.
func (r *renamed) Read(name string, dst []byte) error {
	from, ok := r.from[name]
	if !ok {
		return fmt.Errorf("tensor %q: not found", name)
	}
	if !from.transposed {
		return r.Container.Read(from.info.Name, dst)
	}
	if err := host.CheckSize(from.info, dst); err != nil {
		return err
	}
	scratch, ok := r.scratch.Get().(*[]byte)
	if !ok || len(*scratch) < len(dst) {
		scratch = new(make([]byte, len(dst)))
	}
	defer r.scratch.Put(scratch)
	src := (*scratch)[:len(dst)]
	if err := r.Container.Read(from.info.Name, src); err != nil {
		return err
	}
	transpose(dst, src, from.info.Shape[0], from.info.Shape[1], from.info.DType.Size())
	return nil
}

// transpose writes src, a [rows,columns] matrix of elements of size bytes, into dst as [columns,rows].
func transpose(dst, src []byte, rows, columns, size int) {
	switch size {
	case 1:
		transposeElements(dst, src, rows, columns)
	case 2:
		transposeElements(elements[[2]byte](dst), elements[[2]byte](src), rows, columns)
	case 4:
		transposeElements(elements[[4]byte](dst), elements[[4]byte](src), rows, columns)
	case 8:
		transposeElements(elements[[8]byte](dst), elements[[8]byte](src), rows, columns)
	}
}

// elements views b as elements of type E, an array of bytes.
func elements[E any](b []byte) []E {
	var e E
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(e)))
}

// transposeElements transposes square blocks, so that both sides stay in the cache.
func transposeElements[E any](dst, src []E, rows, columns int) {
	const block = 32
	for r0 := 0; r0 < rows; r0 += block {
		for c0 := 0; c0 < columns; c0 += block {
			r1, c1 := min(r0+block, rows), min(c0+block, columns)
			for c := c0; c < c1; c++ {
				out := dst[c*rows:][:rows]
				for r := r0; r < r1; r++ {
					out[r] = src[r*columns+c]
				}
			}
		}
	}
}

// without hides some tensors of a container.
type without struct {
	host.Container
	hidden func(name string) bool
}

// Tensors lists the tensors that are not hidden.
func (w without) Tensors() []Info {
	var infos []Info
	for _, info := range w.Container.Tensors() {
		if !w.hidden(info.Name) {
			infos = append(infos, info)
		}
	}
	return infos
}

// sameData compares the bytes of two tensors of c.
func sameData(c Container, a, b Info) (bool, error) {
	if a.DType != b.DType || a.Bytes() != b.Bytes() {
		return false, nil
	}
	x, errX := host.ReadTensor(c, a)
	y, errY := host.ReadTensor(c, b)
	if err := errors.Join(errX, errY); err != nil {
		return false, err
	}
	return string(x.Data) == string(y.Data), nil
}
