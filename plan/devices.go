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
	// Bandwidth is the bandwidth of a GPU's memory, in bytes per second.
	Bandwidth float64
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
		gpu("h200", 141e9, 989*tera, 494*tera, gpuTarget{"NVIDIA H200", 9, 0, 132, 128, 2048, 228, 50, 1.98, 4.8e12}),
		gpu("a100", 80*gib, 312*tera, 156*tera, gpuTarget{"NVIDIA A100-SXM4-80GB", 8, 0, 108, 64, 2048, 164, 40, 1.41, 2.039e12}),
		gpu("l4", 24*gib, 121*tera, 60*tera, gpuTarget{"NVIDIA L4", 8, 9, 58, 128, 1536, 100, 48, 2.04, 300e9}),
		gpu("rtx4090", 24*gib, 165.2*tera, 82.6*tera, gpuTarget{"NVIDIA GeForce RTX 4090", 8, 9, 128, 128, 1536, 100, 72, 2.52, 1.008e12}),
		gpu("rtx3090", 24*gib, 71*tera, 35.6*tera, gpuTarget{"NVIDIA GeForce RTX 3090", 8, 6, 82, 128, 1536, 100, 6, 1.7, 936e9}),
		gpu("t4", 16*gib, 8.1*tera, 8.1*tera, gpuTarget{"Tesla T4", 7, 5, 40, 64, 1024, 64, 4, 1.59, 320e9}),
		{Name: "v100", Kind: KindCUDA, Devices: 1, Chips: 1, Memory: 16 * gib, PeakFLOPs: 15.7 * tera, PeakFLOPs32: 15.7 * tera, Bandwidth: 900e9},
		{Name: "cpu", Kind: KindCPU, Devices: 1, Chips: 1},
	}
}

// oneGPU is the topology of one device of one process, as the CUDA plugin writes it.
const oneGPU = "1x1x1"

// gpuTarget describes a GPU to XLA's compiler.
type gpuTarget struct {
	name                  string
	major, minor          int     // compute capability
	cores, units, threads int     // multiprocessors; units of float32 and threads of each
	sharedKiB             int     // shared memory of each
	cacheMiB              int     // second-level cache
	clock                 float64 // GHz
	bandwidth             float64 // of the memory, in bytes a second
}

// gpu is a GPU with the given memory and peaks in bfloat16 and float32. T4 and V100 have no bfloat16: XLA computes it
// in float32 there. CUDA 13 does not compile for V100.
func gpu(name string, memory, peak, peak32 float64, t gpuTarget) Device {
	return Device{Name: name, Kind: KindCUDA, Topology: oneGPU, Devices: 1, Chips: 1, Memory: int64(memory), PeakFLOPs: peak, PeakFLOPs32: peak32,
		Bandwidth: t.bandwidth, Target: t.text(memory)}
}

// text is the target as a GpuTargetConfigProto. The properties that all generations share come from the CUDA C++
// Programming Guide, "Technical Specifications per Compute Capability".
func (t gpuTarget) text(memory float64) string {
	optin := t.sharedKiB - 1 // from capability 8 on the system reserves 1 KiB
	if t.major < 8 {
		optin = t.sharedKiB
	}
	return fmt.Sprintf(`gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: %d
  shared_memory_per_block: %d shared_memory_per_core: %d shared_memory_per_block_optin: %d
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  thread_dim_limit_x: 1024 thread_dim_limit_y: 1024 thread_dim_limit_z: 64
  core_count: %d fpus_per_core: %d l2_cache_size: %d clock_rate_ghz: %g
  memory_bandwidth: %.0f device_memory_size: %.0f
  cuda_compute_capability { %s }
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
device_description_str: %q
`, t.threads, 48<<10, t.sharedKiB<<10, optin<<10, t.cores, t.units, t.cacheMiB<<20, t.clock, t.bandwidth, memory, t.capability(), t.name)
}

func (t gpuTarget) capability() string {
	if t.minor == 0 {
		return fmt.Sprintf("major: %d", t.major)
	}
	return fmt.Sprintf("major: %d minor: %d", t.major, t.minor)
}

// FindDevice is the device of that name.
func FindDevice(name string) (Device, error) {
	name = strings.Replace(name, "v5litepod-", "v5e-", 1) // as Google Cloud calls it
	var known []string
	for _, d := range Devices() {
		if d.Name == name {
			return d, nil
		}
		known = append(known, d.Name)
	}
	return Device{}, fmt.Errorf("unknown device %q, want one of %s", name, strings.Join(known, ", "))
}

// Peak is the peak of all devices together, in operations per second, at a precision of activations.
func (d Device) Peak(precision string) float64 {
	if precision == "bfloat16" {
		return float64(d.Devices) * d.PeakFLOPs
	}
	return float64(d.Devices) * d.PeakFLOPs32
}
