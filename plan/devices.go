package plan

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

// Device is a machine that a run can be planned for. Figures that its maker does not publish are zero.
type Device struct {
	Name     string
	Kind     string
	Topology string // the compiler's name for it; empty: no ahead-of-time compilation
	Devices  int    // devices that share a batch: cores of a v3, else chips
	Chips    int    // that collectives run between
	Memory   int64  // bytes of one device

	// PeakFLOPs is the peak of one device in bfloat16, and PeakFLOPs32 its peak for float32 in the default
	// precision of products: one bfloat16 pass on a TPU, TF32 on a GPU.
	PeakFLOPs, PeakFLOPs32 float64
	Clock                  float64 // Hz, of the estimated cycles
	// Target describes a GPU to XLA's compiler, as the text of a GpuTargetConfigProto; empty for others.
	Target string
	// Link is the number of bytes that one chip sends in a second over the two links of a ring.
	Link float64
}

const (
	gib  = 1 << 30
	tera = 1e12
)

// Devices lists the devices that runs can be planned for, with the makers' published figures of a chip. Peaks, memory
// and, from v5e on, links (half the bandwidth of both directions of a quarter of a chip's ports) come from
// cloud.google.com/tpu/docs/v2 to v6e; clocks and links of v2 and v3 come from Jouppi et al., "A Domain-Specific
// Supercomputer for Training Deep Neural Networks", CACM 63(7), 2020; those of v4 from Jouppi et al., ISCA 2023. Clocks
// agree with peaks: a v3 does 2·128² operations a cycle in each of four units, a v4 in each of eight; the clock of a
// v5e follows from its peak and four units. The clock of a v6e is unknown. GPUs: NVIDIA's data sheets, without
// sparsity, and its white papers on Ampere and Hopper.
//
// Memory is nominal. A compiler reserves some, libtpu 0.5 GiB of a v3's 16, and rejects a program that does not fit the
// rest; the plan then says that it does not fit, whatever the nominal size.
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
		{Name: "h200", Kind: KindCUDA, Topology: oneGPU, Devices: 1, Chips: 1, Memory: 141e9, PeakFLOPs: 989 * tera, PeakFLOPs32: 494 * tera,
			Target: target("NVIDIA H200", 9, 132, 128, 228, 50, 1.98, 4.8e12, 141e9)},
		{Name: "a100", Kind: KindCUDA, Topology: oneGPU, Devices: 1, Chips: 1, Memory: 80 * gib, PeakFLOPs: 312 * tera, PeakFLOPs32: 156 * tera,
			Target: target("NVIDIA A100-SXM4-80GB", 8, 108, 64, 164, 40, 1.41, 2.039e12, 80*gib)},
		{Name: "cpu", Kind: KindCPU, Devices: 1, Chips: 1},
	}
}

// oneGPU is the topology of one device of one process, as the CUDA plugin writes it.
const oneGPU = "1x1x1"

// target describes a GPU: its compute capability, multiprocessors, units of float32 and KiB of shared memory of each,
// MiB of second-level cache, clock in GHz, bytes a second and bytes of memory. The properties that all of these
// generations share come from the CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
func target(name string, capability, cores, units, sharedKiB, cacheMiB int, clock, bandwidth, memory float64) string {
	return fmt.Sprintf(`gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048
  shared_memory_per_block: %d shared_memory_per_core: %d shared_memory_per_block_optin: %d
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  thread_dim_limit_x: 1024 thread_dim_limit_y: 1024 thread_dim_limit_z: 64
  core_count: %d fpus_per_core: %d l2_cache_size: %d clock_rate_ghz: %g
  memory_bandwidth: %.0f device_memory_size: %.0f
  cuda_compute_capability { major: %d }
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
device_description_str: %q
`, 48<<10, sharedKiB<<10, (sharedKiB-1)<<10, cores, units, cacheMiB<<20, clock, bandwidth, memory, capability, name)
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

// Peak is the peak of all devices together, in operations per second, at a precision of activations.
func (d Device) Peak(precision string) float64 {
	if precision == "bfloat16" {
		return float64(d.Devices) * d.PeakFLOPs
	}
	return float64(d.Devices) * d.PeakFLOPs32
}
