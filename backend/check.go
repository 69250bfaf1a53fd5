package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/subbert/subbert/backend/pjrt"
)

// checkLimit bounds the time in which a child creates a client, compiles a product and runs it on every
// device.
const checkLimit = 3 * time.Minute

// Report is the result of Check.
type Report struct {
	Name        string   `json:"name"`
	Plugin      string   `json:"plugin,omitempty"`
	Platform    string   `json:"platform,omitempty"`
	Description string   `json:"description,omitempty"`
	Devices     []string `json:"devices,omitempty"`
	BFloat16    string   `json:"bfloat16,omitempty"` // speed of bfloat16 on the processor
	Error       string   `json:"error,omitempty"`
}

// Check opens a choice in a child process, which is started with command and the choice's text, and multiplies
// two matrices of known product on every device. An error in the report comes from the child; the error
// returned says that the child did not survive.
func Check(ctx context.Context, command []string, c Choice) (Report, error) {
	var r Report
	if c.Plugin != "" {
		if err := Inspect(c.Plugin); err != nil {
			return r, err
		}
	}
	err := runChild(ctx, checkLimit, append(slices.Clone(command), c.Spec.String()), &r)
	if err != nil {
		return r, fmt.Errorf("backend %s: %w", c.Spec, err)
	}
	return r, nil
}

// CheckAhead checks a plugin whose device this machine lacks: it compiles the same product for a topology of that
// device, in a child process started with command. It uses only the fields of the request that describe the device. See
// [CompileAhead].
func CheckAhead(ctx context.Context, command []string, c Choice, device AheadRequest) (Report, error) {
	r := Report{Name: c.Name, Plugin: c.Plugin}
	client, err := pjrt.Deviceless(c.Name, 1, pjrt.Options{})
	if err != nil {
		return r, err
	}
	exec, err := compileProduct(client.Backend())
	if err != nil {
		return r, errors.Join(err, client.Close())
	}
	program := client.Programs()[0]
	exec.Finalize()
	if err := client.Close(); err != nil {
		return r, err
	}
	device.Plugin, device.Program, device.Options = c.Plugin, program.Text, []byte(program.Options)
	report, err := CompileAhead(ctx, command, checkLimit, device)
	if err != nil {
		return r, err
	}
	r.Error = firstLine(report.Error)
	r.Description = fmt.Sprintf("compiled a product ahead of time for %s (devices: %d) in %s; this machine has no such device",
		device.Topology, report.Devices, report.Took.Round(time.Millisecond))
	return r, nil
}

// CheckHere is the child's side of Check.
func CheckHere(ctx context.Context, spec Spec) Report {
	r := Report{Name: spec.Name, Plugin: spec.Plugin}
	h, err := Open(ctx, Choice{Spec: spec}, Options{})
	if err != nil {
		r.Error = firstLine(err.Error())
		return r
	}
	r.Platform, r.Description = h.Platform, h.Description
	if spec.Name == CPU {
		r.BFloat16 = ProcessorBFloat16().String()
	}
	for i := range h.Devices {
		r.Devices = append(r.Devices, h.Backend.DeviceDescription(compute.DeviceNum(i)))
	}
	err = multiplyOnEach(h.Backend)
	if err = errors.Join(err, h.Close()); err != nil {
		r.Error = firstLine(err.Error())
	}
	return r
}

// side is the number of rows and columns of the matrices that are multiplied.
const side = 64

// multiplyOnEach runs a product of two matrices of small whole numbers, which every precision down to bfloat16
// represents exactly, so that the answer must be exact too.
func multiplyOnEach(b compute.Backend) error {
	x, y := make([]float32, side*side), make([]float32, side*side)
	for i := range x {
		x[i] = float32(i%5 - 2)
		y[i] = float32(i%7 - 3)
	}
	exec, err := compileProduct(b)
	if err != nil {
		return fmt.Errorf("compile a product: %w", err)
	}
	defer exec.Finalize()
	for i := range b.NumDevices() {
		got, err := runProduct(b, exec, compute.DeviceNum(i), x, y)
		if err != nil {
			return fmt.Errorf("device %d: %w", i, err)
		}
		if err := checkProduct(x, y, got); err != nil {
			return fmt.Errorf("device %d: %w", i, err)
		}
	}
	return nil
}

func compileProduct(b compute.Backend) (compute.Executable, error) {
	builder := b.Builder("product")
	main := builder.Main()
	shape := shapes.Make(dtypes.Float32, side, side)
	x, err := main.Parameter("x", shape, nil)
	if err != nil {
		return nil, err
	}
	y, err := main.Parameter("y", shape, nil)
	if err != nil {
		return nil, err
	}
	xy, err := main.DotGeneral(x, []int{1}, nil, y, []int{0}, nil, compute.DotGeneralConfig{})
	if err != nil {
		return nil, err
	}
	if err := main.Return([]compute.Value{xy}, nil); err != nil {
		return nil, err
	}
	return builder.Compile()
}

func runProduct(b compute.Backend, exec compute.Executable, device compute.DeviceNum, x, y []float32) (out []float32, err error) {
	shape := shapes.Make(dtypes.Float32, side, side)
	var in []compute.Buffer
	defer func() {
		for _, buffer := range in {
			err = errors.Join(err, buffer.Finalize())
		}
	}()
	for _, flat := range [][]float32{x, y} {
		buffer, err := b.BufferFromFlatData(device, flat, shape)
		if err != nil {
			return nil, err
		}
		in = append(in, buffer)
	}
	results, err := exec.Execute(in, nil, device)
	if err != nil {
		return nil, err
	}
	in = append(in, results...)
	if len(results) != 1 {
		return nil, fmt.Errorf("%d results, want 1", len(results))
	}
	out = make([]float32, side*side)
	return out, results[0].ToFlatData(out)
}

func checkProduct(x, y, got []float32) error {
	for i := range side {
		for j := range side {
			want := float32(0)
			for k := range side {
				want += x[i*side+k] * y[k*side+j]
			}
			if got[i*side+j] != want {
				return fmt.Errorf("wrong result: element %d,%d of a product is %v, want %v", i, j, got[i*side+j], want)
			}
		}
	}
	return nil
}
