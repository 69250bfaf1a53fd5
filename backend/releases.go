package backend

import (
	"fmt"
	"strings"
)

// Release is a plugin version that this program knows how to install: which packages it comes in, and what of
// them is kept.
type Release struct {
	Name    string  // CPU, CUDA or TPU
	Version string  // of the package that holds the plugin
	Library string  // path of the shared library within the packages
	Data    string  // directory of the compiler's tools within the packages; empty: none
	Wheels  []Wheel // the first one holds the library
}

// Wheel is one Python package, pinned to one file.
type Wheel struct {
	Project  string // as pip calls it
	Version  string
	SHA256   string   // of the file, lower-case hex
	Python   string   // the version to ask for, when the file is tied to one; empty: any
	Platform string   // pip's name for the machine it runs on
	Keep     []string // members to unpack; one that ends in / stands for all below it
}

// file is the beginning of the wheel's file name, as the wheel format prescribes it.
func (w Wheel) file() string {
	return strings.ReplaceAll(w.Project, "-", "_") + "-" + w.Version + "-"
}

func (w Wheel) String() string { return w.Project + " " + w.Version }

// Releases lists what can be installed, the default version of each name first. The hashes are those of the
// files that were tested.
func Releases() []Release {
	return []Release{
		{
			Name: CPU, Version: "0.0.1", Library: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
			Wheels: []Wheel{{
				Project: "xla-cpu-pjrt", Version: "0.0.1", Platform: "manylinux_2_27_x86_64",
				SHA256: "55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc",
				Keep:   []string{"xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", "xla_cpu_pjrt-0.0.1.dist-info/"},
			}},
		},
		{
			Name: CUDA, Version: "0.12.0.1", Library: "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
			Data: "nvidia/cu13",
			Wheels: []Wheel{
				{
					Project: "jax-cuda13-pjrt", Version: "0.12.0.1", Platform: "manylinux_2_27_x86_64",
					SHA256: "5899bb6177eda86ea532afb9a26794f2bdd04966f6a01f9028266b16c2b6cf90",
					Keep:   []string{"jax_plugins/xla_cuda13/", "jax_cuda13_pjrt-0.12.0.1.dist-info/"},
				},
				{
					Project: "nvidia-cuda-nvcc", Version: "13.5.37", Platform: "manylinux_2_17_x86_64",
					SHA256: "f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7",
					Keep: []string{"nvidia/cu13/bin/ptxas", "nvidia/cu13/bin/nvlink",
						"nvidia_cuda_nvcc-13.5.37.dist-info/"},
				},
				{
					Project: "nvidia-nvvm", Version: "13.5.37", Platform: "manylinux_2_12_x86_64",
					SHA256: "c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070",
					Keep:   []string{"nvidia/cu13/nvvm/libdevice/", "nvidia_nvvm-13.5.37.dist-info/"},
				},
			},
		},
		libtpu("0.0.52", "f5e2e596eaea9357fbb5a6755a7a9007c6ab75bfde4a55191b03eff402971140"),
		libtpu("0.0.48", "ee0fc264db65e46a0f9e5e4222816a77d6741cdd5283518b4ccbfd19e530af76"),
	}
}

func libtpu(version, sha256 string) Release {
	return Release{
		Name: TPU, Version: version, Library: "libtpu/libtpu.so",
		Wheels: []Wheel{{
			Project: "libtpu", Version: version, SHA256: sha256,
			Python: "3.11", Platform: "manylinux_2_31_x86_64",
			Keep: []string{"libtpu/libtpu.so", "libtpu/LICENSE", "libtpu/THIRD_PARTY_NOTICES.txt",
				"libtpu-" + version + ".dist-info/"},
		}},
	}
}

// FindRelease is the release of a name; an empty version means the default one.
func FindRelease(name, version string) (Release, error) {
	var known []string
	for _, r := range Releases() {
		if r.Name != name {
			continue
		}
		if version == "" || r.Version == version {
			return r, nil
		}
		known = append(known, r.Version)
	}
	if known == nil {
		return Release{}, fmt.Errorf("backend %q: nothing to install, want %s, %s or %s", name, CPU, CUDA, TPU)
	}
	return Release{}, fmt.Errorf("backend %s: unknown version %q, known are %s", name, version, strings.Join(known, ", "))
}
