package checkpoints

import (
	"errors"
	"fmt"
	"slices"

	"github.com/subbert/subbert/checkpoints/host"
)

// renamed shows a container under other names, and some of its matrices transposed.
type renamed struct {
	host.Container
	infos []Info
	from  map[string]renaming
}

// renaming says where a tensor of the new name comes from.
type renaming struct {
	info       Info // in the container underneath
	transposed bool
}

// rename applies names to all tensors of c.
func rename(c Container, names func(string) naming) (*renamed, []Ignored, error) {
	r := &renamed{Container: c, from: make(map[string]renaming)}
	var ignored []Ignored
	for _, info := range c.Tensors() {
		n := names(info.Name)
		if n.ignored != "" {
			ignored = append(ignored, Ignored{Name: info.Name, Why: n.ignored})
			continue
		}
		if err := r.add(n.name, info, n.transposed); err != nil {
			return nil, nil, err
		}
	}
	r.mendBias()
	return r, ignored, nil
}

// mendBias gives the output bias its own name where a file has it under the decoder's only.
func (r *renamed) mendBias() {
	from, ok := r.from[decoderBias]
	if _, both := r.from[outputBias]; !ok || both {
		return
	}
	delete(r.from, decoderBias)
	r.from[outputBias] = from
	at := slices.IndexFunc(r.infos, func(i Info) bool { return i.Name == decoderBias })
	r.infos[at].Name = outputBias
}

func (r *renamed) add(name string, info Info, transposed bool) error {
	if old, ok := r.from[name]; ok {
		return fmt.Errorf("tensors %q and %q are both %s", old.info.Name, info.Name, name)
	}
	shape := info.Shape
	if transposed = transposed && len(shape) == 2; transposed { // kernels of other ranks are none of BERT's
		shape = []int{shape[1], shape[0]}
	}
	r.from[name] = renaming{info: info, transposed: transposed}
	r.infos = append(r.infos, Info{Name: name, DType: info.DType, Shape: shape})
	return nil
}

// Tensors lists the tensors under their new names, in the container's order.
func (r *renamed) Tensors() []Info { return r.infos }

// Read reads by the new name; a transposed matrix goes through a buffer of its size.
func (r *renamed) Read(name string, dst []byte) error {
	from, ok := r.from[name]
	if !ok {
		return fmt.Errorf("tensor %q: not there", name)
	}
	if !from.transposed {
		return r.Container.Read(from.info.Name, dst)
	}
	if err := host.CheckSize(from.info, dst); err != nil {
		return err
	}
	t, err := host.ReadTensor(r.Container, from.info)
	if err != nil {
		return err
	}
	transpose(dst, t.Data, from.info.Shape[0], from.info.Shape[1], from.info.DType.Size())
	return nil
}

// transpose writes src, a [rows,columns] matrix of elements of size bytes, into dst as [columns,rows]. It goes by
// square blocks, so that both sides stay in the cache.
func transpose(dst, src []byte, rows, columns, size int) {
	const block = 32
	for r0 := 0; r0 < rows; r0 += block {
		for c0 := 0; c0 < columns; c0 += block {
			for r := r0; r < min(r0+block, rows); r++ {
				for c := c0; c < min(c0+block, columns); c++ {
					copy(dst[(c*rows+r)*size:][:size], src[(r*columns+c)*size:][:size])
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

// Tensors lists what is not hidden.
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
