//go:build cgo

package pjrt

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// openDeviceless opens a client without devices until the end of the test.
func openDeviceless(t testing.TB, kind string, n int, o Options) *Client {
	t.Helper()
	c, err := Deviceless(kind, n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestDeviceless builds the toy's step for devices that nobody has, and compares the program with the golden one.
func TestDeviceless(t *testing.T) {
	tests := []struct {
		name    string
		kind    string
		devices int
		o       Options
	}{
		{"tpu-1", "tpu", 1, Options{}},
		{"tpu-1-donate", "tpu", 1, Options{Donate: true}},
		{"tpu-4-donate", "tpu", 4, Options{Donate: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openDeviceless(t, tt.kind, tt.devices, tt.o)
			if got := c.Backend().NumDevices(); got != tt.devices || c.Platform() != tt.kind {
				t.Fatalf("client has %d devices of kind %s, want %d of %s", got, c.Platform(), tt.devices, tt.kind)
			}
			y := newToy(t, c.Backend(), tt.devices)
			_, err := y.exec.Call(y.inputs(t, 0)...)
			if err == nil || !strings.Contains(err.Error(), "there are no devices") {
				t.Fatalf("running gave %v, want an error that says that there are no devices", err)
			}
			p := program(t, c, "train")
			if p.Options == "" {
				t.Error("no compile options were recorded")
			}
			golden := filepath.Join("testdata", tt.name+".mlir")
			got := canonical(p.Submitted)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("program (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDevicelessLikeCPU holds that a program built without devices is the one built for the real thing.
func TestDevicelessLikeCPU(t *testing.T) {
	const devices = 4
	texts := map[string]string{}
	for name, c := range map[string]*Client{
		"deviceless": openDeviceless(t, "cpu", devices, Options{Donate: true}),
		"cpu":        openCPU(t, Options{Devices: devices, Donate: true}),
	} {
		y := newToy(t, c.Backend(), devices)
		if _, err := y.exec.Call(y.inputs(t, 0)...); err != nil && name == "cpu" {
			t.Fatal(err)
		}
		p := program(t, c, "train")
		texts[name] = canonical(p.Submitted) + p.Options
	}
	if diff := cmp.Diff(texts["cpu"], texts["deviceless"]); diff != "" {
		t.Errorf("program and options (-cpu +deviceless):\n%s", diff)
	}
}

func TestDevicelessBuffers(t *testing.T) {
	b := openDeviceless(t, "cuda", 2, Options{}).Backend()
	tests := []struct {
		name  string
		shape shapes.Shape
		flat  any
		zero  func() any
	}{
		{"scalar", shapes.Make(dtypes.Float32), []float32{7}, func() any { return make([]float32, 1) }},
		{"matrix", shapes.Make(dtypes.Int32, 2, 3), []int32{1, 2, 3, 4, 5, 6}, func() any { return make([]int32, 6) }},
		{"empty", shapes.Make(dtypes.Float64, 0, 3), []float64{}, func() any { return []float64{} }},
		{"bytes", shapes.Make(dtypes.Uint8, 5), []uint8{1, 2, 3, 4, 5}, func() any { return make([]uint8, 5) }},
		{"truths", shapes.Make(dtypes.Bool, 2), []bool{true, false}, func() any { return make([]bool, 2) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, err := b.BufferFromFlatData(0, tt.flat, tt.shape)
			if err != nil {
				t.Fatal(err)
			}
			second, err := first.CopyToDevice(1)
			if err != nil {
				t.Fatal(err)
			}
			for i, buffer := range []compute.Buffer{first, second} {
				device, err := buffer.DeviceNum()
				if err != nil || int(device) != i {
					t.Errorf("buffer %d is on device %d, %v", i, device, err)
				}
				shape, err := buffer.Shape()
				if err != nil || !shape.Equal(tt.shape) {
					t.Errorf("buffer %d has shape %s, %v, want %s", i, shape, err, tt.shape)
				}
				got := tt.zero()
				if err := buffer.ToFlatData(got); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(tt.flat, got); diff != "" {
					t.Errorf("buffer %d (-want +got):\n%s", i, diff)
				}
				if err := buffer.Finalize(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestDevicelessManyClients opens more clients than there are slots: they share one.
func TestDevicelessManyClients(t *testing.T) {
	for range 3 {
		for _, kind := range []string{"cpu", "cuda", "tpu"} {
			for _, n := range []int{1, 8, 256} {
				openDeviceless(t, kind, n, Options{})
			}
		}
	}
	if _, err := Deviceless("tpu", 0, Options{}); err == nil {
		t.Error("a client for 0 devices was made")
	}
}
