package backend

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Release is a plugin version that this program can install: the packages that contain it, and the files to
// keep of them.
type Release struct {
	Name    string  // CPU, CUDA or TPU
	Version string  // of the package that holds the plugin
	Library string  // path of the shared library within the packages
	Data    string  // directory of the compiler's tools within the packages; empty: none
	Wheels  []Wheel // the first one holds the library
	// Libraries are the libraries that the plugin needs to use its device, but not to compile for it. They take
	// gigabytes, so a machine without the device does not get them.
	Libraries []Wheel
}

// On is the release for a machine with these devices: if the release's device is among them, its libraries are among
// the wheels.
func (r Release) On(d Devices) Release {
	if d.has(r.Name) {
		r.Wheels, r.Libraries = slices.Concat(r.Wheels, r.Libraries), nil
	}
	return r
}

// RunsOn returns an error if the release does not run on the given operating system and architecture, in Go's names
// (GOOS, GOARCH).
func (r Release) RunsOn(goos, goarch string) error {
	system, processor := goos, map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[goarch]
	if system == "linux" {
		system = "manylinux" // as pip calls those with the GNU library
	}
	for _, w := range r.Wheels {
		if w.Platform == "any" || strings.HasPrefix(w.Platform, system) && processor != "" && strings.HasSuffix(w.Platform, processor) {
			continue
		}
		return fmt.Errorf("backend %s: %s is published for %s, but this is %s on %s; the Go backend works here: --backend go", r.Name, w, w.Platform, goos, goarch)
	}
	return nil
}

// Wheel is one Python package, pinned to one file.
type Wheel struct {
	Project  string // as pip calls it
	Version  string
	SHA256   string   // of the file, lower-case hex
	Python   string   // the version to ask for, when the file is tied to one; empty: any
	Platform string   // pip's name for the machine it runs on
	Keep     []string // members to unpack; a name that ends in / stands for everything below it
}

// file is the beginning of the wheel's file name in the wheel format.
func (w Wheel) file() string {
	return strings.ReplaceAll(w.Project, "-", "_") + "-" + w.Version + "-"
}

func (w Wheel) String() string { return w.Project + " " + w.Version }

// Releases lists the releases that can be installed. The first release of a name that runs on a machine is the
// default there. The hashes are those of the tested files.
func Releases() []Release {
	return []Release{
		{
			Name: CPU, Version: "0.11.2", Library: "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
			Wheels: []Wheel{{
				Project: "lammps-jax-pjrt-cpu", Version: "0.11.2", Platform: "manylinux_2_27_x86_64",
				SHA256: "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1",
				Keep:   []string{"lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so", "lammps_jax_pjrt_cpu-0.11.2.dist-info/"},
			}},
		},
		xlaCPU("manylinux_2_27_x86_64", "55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc"),
		xlaCPU("manylinux_2_27_aarch64", "8f613be6e891858f40d64f9799319502fff42689661944fc18a6ffd8210b30c9"),
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
			Libraries: cudaLibraries(),
		},
		libtpu("0.0.52", "f5e2e596eaea9357fbb5a6755a7a9007c6ab75bfde4a55191b03eff402971140"),
		libtpu("0.0.48", "ee0fc264db65e46a0f9e5e4222816a77d6741cdd5283518b4ccbfd19e530af76"),
	}
}

// cudaLibraries are the libraries that jax-cuda13-plugin requires (its extra "with-cuda") and that the plugin looks for
// beside itself, by its RPATH. Those that belong to the toolkit have the version of the compiler's release.
func cudaLibraries() []Wheel {
	library := func(project, version, platform, sha256 string, keep ...string) Wheel {
		w := Wheel{Project: project, Version: version, Platform: platform, SHA256: sha256}
		w.Keep = append(keep, strings.TrimSuffix(w.file(), "-")+".dist-info/")
		return w
	}
	const lib = "nvidia/cu13/lib/"
	return []Wheel{
		library("nvidia-cuda-runtime", "13.5.37", "manylinux_2_17_x86_64", "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d",
			lib+"libcudart.so.13"),
		library("nvidia-cublas", "13.8.2.12", "manylinux_2_27_x86_64", "21721774d8e7044debec3034ecc1a8cd22e173eb6dae5d7f5f8a014852382894",
			lib+"libcublas.so.13", lib+"libcublasLt.so.13"),
		library("nvidia-cudnn-cu13", "9.28.1.4", "manylinux_2_27_x86_64", "a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec",
			"nvidia/cudnn/lib/"),
		library("nvidia-cuda-nvrtc", "13.5.37", "manylinux_2_12_x86_64", "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc",
			lib+"libnvrtc.so.13", lib+"libnvrtc-builtins.so.13.5"),
		library("nvidia-nvjitlink", "13.5.37", "manylinux_2_12_x86_64", "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb",
			lib+"libnvJitLink.so.13"),
		library("nvidia-cufft", "12.5.0.14", "manylinux_2_17_x86_64", "b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad",
			lib+"libcufft.so.12"),
		library("nvidia-cusolver", "12.4.1.2", "manylinux_2_27_x86_64", "b3b8e02fd2f2df869369af075dc3a179d43f6f7b85e94632a7dce556697be044",
			lib+"libcusolver.so.12"),
		library("nvidia-cusparse", "12.9.4.2", "manylinux_2_17_x86_64", "072667e58c851a318738f5527a12eb225cbf058803f2ea451c722d8cf8edddec",
			lib+"libcusparse.so.12"),
		library("nvidia-cuda-cupti", "13.5.25", "manylinux_2_25_x86_64", "9dcca41c12a734192b14e7128ae116bc9ce1b9da686e2ebf48ae7a4415f76650",
			lib+"libcupti.so.13"),
		library("nvidia-nccl-cu13", "2.32.3", "manylinux_2_27_x86_64", "1459723080ac889d73a26edfa3e04383a7928ab31ac8f0ec43b3ea9548b04ff3",
			"nvidia/nccl/lib/"),
	}
}

// xlaCPU is the plugin that XLA's own authors publish: older, and for more kinds of machines.
func xlaCPU(platform, sha256 string) Release {
	return Release{
		Name: CPU, Version: "0.0.1", Library: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
		Wheels: []Wheel{{
			Project: "xla-cpu-pjrt", Version: "0.0.1", SHA256: sha256, Platform: platform,
			Keep: []string{"xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", "xla_cpu_pjrt-0.0.1.dist-info/"},
		}},
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

// FindRelease is the release of a name for an operating system and architecture, in Go's names; an empty version means
// the default.
func FindRelease(name, version, goos, goarch string) (Release, error) {
	var known []string
	var elsewhere error // why the first matching release does not run here
	here := ""          // the first version that does
	for _, r := range Releases() {
		if r.Name != name {
			continue
		}
		if !slices.Contains(known, r.Version) {
			known = append(known, r.Version)
		}
		err := r.RunsOn(goos, goarch)
		if err == nil && here == "" {
			here = r.Version
		}
		if version != "" && version != r.Version {
			continue
		}
		if err == nil {
			return r, nil
		}
		elsewhere = cmp.Or(elsewhere, err)
	}
	switch {
	case known == nil:
		return Release{}, fmt.Errorf("backend %q has no plugin to install, want %s, %s or %s", name, CPU, CUDA, TPU)
	case elsewhere == nil:
		return Release{}, fmt.Errorf("backend %s: unknown version %q, known are %s", name, version, strings.Join(known, ", "))
	case here != "":
		return Release{}, fmt.Errorf("%w; so does --version %s", elsewhere, here)
	}
	return Release{}, elsewhere
}
