package backend

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
)

// On is the handle of one device of h, numbered from 0, for runs side by side: the handles share no compiled graphs,
// and each is for one goroutine at a time. Closing the result does nothing; the owner of h closes h.
func (h *Handle) On(device int) (*Handle, error) {
	if device < 0 || device >= h.Devices {
		return nil, fmt.Errorf("device %d: the %s backend has %d devices, numbered from 0", device, h.Name, h.Devices)
	}
	one := *h
	one.Backend = &view{Backend: h.Backend, device: compute.DeviceNum(device)}
	one.Devices, one.shared = 1, true
	if h.Devices > 1 {
		one.Description = fmt.Sprintf("%s; device %d, %s", h.Description, device, h.Backend.DeviceDescription(compute.DeviceNum(device)))
	}
	return &one, nil
}

// view presents one device of a backend as a backend with a single device.
type view struct {
	compute.Backend
	device compute.DeviceNum
}

func (v *view) NumDevices() int { return 1 }

func (v *view) DeviceDescription(compute.DeviceNum) string {
	return v.Backend.DeviceDescription(v.device)
}

// Parts is that of the backend behind the view; see goBackend.
func (v *view) Parts() int {
	if b, splits := v.Backend.(interface{ Parts() int }); splits {
		return b.Parts()
	}
	return 1
}

// Finalize leaves the backend alone: the view does not own it.
func (v *view) Finalize() {}

func (v *view) Builder(name string) compute.Builder {
	return &viewBuilder{Builder: v.Backend.Builder(name), on: v}
}

func (v *view) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	if err := v.check(device); err != nil {
		return nil, err
	}
	b, err := v.Backend.BufferFromFlatData(v.device, flat, shape)
	return v.buffer(b), err
}

func (v *view) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	if err := v.check(device); err != nil {
		return nil, nil, err
	}
	b, flat, err := v.Backend.NewSharedBuffer(v.device, shape)
	return v.buffer(b), flat, err
}

func (v *view) check(device compute.DeviceNum) error {
	if device != 0 {
		return fmt.Errorf("device %d of a view of one device", device)
	}
	return nil
}

// buffer wraps b for the view; nil stays nil.
func (v *view) buffer(b compute.Buffer) compute.Buffer {
	if b == nil {
		return nil
	}
	return &viewBuffer{Buffer: b, on: v}
}

type viewBuffer struct {
	compute.Buffer
	on *view
}

func (b *viewBuffer) Backend() compute.Backend { return b.on }

func (b *viewBuffer) DeviceNum() (compute.DeviceNum, error) { return 0, nil }

func (b *viewBuffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	if err := b.on.check(device); err != nil {
		return nil, err
	}
	copied, err := b.Buffer.CopyToDevice(b.on.device)
	return b.on.buffer(copied), err
}

type viewBuilder struct {
	compute.Builder
	on *view
}

func (b *viewBuilder) Compile() (compute.Executable, error) {
	e, err := b.Builder.Compile()
	if err != nil {
		return nil, err
	}
	return &viewExecutable{Executable: e, on: b.on}, nil
}

type viewExecutable struct {
	compute.Executable
	on *view
}

func (e *viewExecutable) Execute(inputs []compute.Buffer, donate []bool, _ compute.DeviceNum) ([]compute.Buffer, error) {
	own := make([]compute.Buffer, len(inputs))
	for i, in := range inputs {
		b, ok := in.(*viewBuffer)
		if !ok {
			return nil, fmt.Errorf("input %d is a buffer of another backend (%T)", i, in)
		}
		own[i] = b.Buffer
	}
	outputs, err := e.Executable.Execute(own, donate, e.on.device)
	if err != nil {
		return nil, err
	}
	for i, out := range outputs {
		outputs[i] = e.on.buffer(out)
	}
	return outputs, nil
}
