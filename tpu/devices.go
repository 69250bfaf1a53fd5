package tpu

import (
	"fmt"
	"strings"
)

// Kinds of devices, as the plugins call them.
const (
	KindTPU  = "tpu"
	KindCUDA = "cuda"
	KindCPU  = "cpu"
)

// Device is a machine that a run can be planned for. What its maker does not publish is zero.
type Device struct {
	Name     string
	Kind     string
	Topology string // the compiler's name for it; empty: not compiled for ahead of time
	Devices  int    // that a batch is split over: cores of a v3, else chips
	Chips    int    // that collectives run between
	Memory   int64  // bytes of one device

	// PeakFLOPs is that of one device in bfloat16, and PeakFLOPs32 what float32 is computed with unless told
	// otherwise: one bfloat16 pass on a TPU, TF32 on a GPU.
	PeakFLOPs, PeakFLOPs32 float64
	Clock                  float64 // Hz, of the estimated cycles
	// Link is what one chip sends in a second, in bytes, over the two links that a ring of its neighbours uses.
	Link float64
}

const (
	gib  = 1 << 30
	tera = 1e12
)

// Devices lists what can be planned for, with the makers' published figures of a chip: peaks, memory and, from v5e on,
// links (half of what both directions of a quarter of a chip's ports carry) are those of cloud.google.com/tpu/docs/v2 to
// v6e; clocks and links of v2 and v3 those of Jouppi et al., "A Domain-Specific Supercomputer for Training Deep Neural
// Networks", CACM 63(7), 2020; those of v4 of Jouppi et al., ISCA 2023. Clocks agree with peaks: a v3 does 2·128² operations a
// cycle in each of four units, a v4 in each of eight; that of a v5e follows from its peak and four. That of a v6e is not
// known. GPUs: NVIDIA's data sheets, without sparsity.
//
// Memory is nominal. A compiler keeps some for itself, libtpu 0.5 GiB of a v3's 16, and refuses a program that does not fit
// the rest; a plan then says so, whatever the nominal size.
func Devices() []Device {
	return []Device{
		{Name: "v2-8", Kind: KindTPU, Topology: "v2:2x2x1", Devices: 8, Chips: 4, Memory: 8 * gib,
			PeakFLOPs: 22.5 * tera, PeakFLOPs32: 22.5 * tera, Clock: 700e6, Link: 2 * 62e9},
		{Name: "v3-8", Kind: KindTPU, Topology: "v3:2x2x1", Devices: 8, Chips: 4, Memory: 16 * gib,
			PeakFLOPs: 61.5 * tera, PeakFLOPs32: 61.5 * tera, Clock: 940e6, Link: 2 * 82e9},
		{Name: "v4-8", Kind: KindTPU, Topology: "v4:2x2x1", Devices: 4, Chips: 4, Memory: 32 * gib,
			PeakFLOPs: 275 * tera, PeakFLOPs32: 275 * tera, Clock: 1050e6, Link: 2 * 50e9},
		{Name: "v5e-8", Kind: KindTPU, Topology: "v5e:2x4", Devices: 8, Chips: 8, Memory: 16 * gib,
			PeakFLOPs: 197 * tera, PeakFLOPs32: 197 * tera, Clock: 1503e6, Link: 2 * 50e9},
		{Name: "v6e-8", Kind: KindTPU, Topology: "v6e:2x4", Devices: 8, Chips: 8, Memory: 32 * gib,
			PeakFLOPs: 918 * tera, PeakFLOPs32: 918 * tera, Link: 2 * 100e9},
		{Name: "h200", Kind: KindCUDA, Devices: 1, Chips: 1, Memory: 141e9, PeakFLOPs: 989 * tera, PeakFLOPs32: 494 * tera},
		{Name: "a100", Kind: KindCUDA, Devices: 1, Chips: 1, Memory: 80 * gib, PeakFLOPs: 312 * tera, PeakFLOPs32: 156 * tera},
		{Name: "cpu", Kind: KindCPU, Devices: 1, Chips: 1},
	}
}

// FindDevice is the device of that name.
func FindDevice(name string) (Device, error) {
	var known []string
	for _, d := range Devices() {
		if d.Name == name {
			return d, nil
		}
		known = append(known, d.Name)
	}
	return Device{}, fmt.Errorf("device: unknown %q, want one of %s", name, strings.Join(known, ", "))
}

// Peak is what all devices together can do in a second at a precision of activations.
func (d Device) Peak(precision string) float64 {
	if precision == "bfloat16" {
		return float64(d.Devices) * d.PeakFLOPs
	}
	return float64(d.Devices) * d.PeakFLOPs32
}
