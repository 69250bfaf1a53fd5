package backend

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/versions"
)

// Installed lists the plugin directory, DIR/NAME/VERSION/ with a manifest in each, and the machine's
// devices.
type Installed struct {
	Dir     string
	Plugins []Plugin // by name, then newest version first
	Devices Devices  // what this machine has
}

// Plugin is one installed version of one plugin, as its manifest describes it.
type Plugin struct {
	Name    string   `json:"name"`    // CPU, CUDA or TPU
	Version string   `json:"version"` // of the package it came in
	Path    string   `json:"path"`    // of the shared library; absolute once read
	Size    int64    `json:"size"`    // bytes of the shared library
	SHA256  string   `json:"sha256"`  // of the shared library, lower-case hex
	Wheels  []string `json:"wheels"`  // file names of the packages it was unpacked from
	Data    string   `json:"data,omitempty"`
	// Data is the directory with the tools that the CUDA compiler wants (ptxas, libdevice); absolute once read.
}

// manifestName is the file that makes a directory an installed plugin; it is written last.
const manifestName = "plugin.json"

// ReadInstalled lists the plugins in dir. A directory that does not exist has none.
func ReadInstalled(dir string) (Installed, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Installed{}, fmt.Errorf("plugin directory: %w", err)
	}
	in := Installed{Dir: dir, Devices: FindDevices("/dev")}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", manifestName))
	if err != nil {
		return Installed{}, fmt.Errorf("plugin directory %s: %w", dir, err)
	}
	for _, f := range files {
		if strings.HasPrefix(filepath.Base(filepath.Dir(f)), ".") {
			continue // an installation under way
		}
		p, err := readManifest(f)
		if err != nil {
			return Installed{}, err
		}
		in.Plugins = append(in.Plugins, p)
	}
	slices.SortFunc(in.Plugins, func(a, b Plugin) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), versions.Compare(b.Version, a.Version))
	})
	return in, nil
}

func readManifest(file string) (Plugin, error) {
	var p Plugin
	text, err := os.ReadFile(file)
	if err != nil {
		return p, fmt.Errorf("installed plugin: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("installed plugin: %s: %w", file, err)
	}
	if p.Path == "" || filepath.IsAbs(p.Path) {
		return p, fmt.Errorf("installed plugin: %s: path is %q, want one relative to the manifest", file, p.Path)
	}
	dir := filepath.Dir(file)
	p.Path = filepath.Join(dir, p.Path)
	if p.Data != "" {
		p.Data = filepath.Join(dir, p.Data)
	}
	return p, nil
}

// lacks returns the wheels of r that p was not unpacked from.
func (p Plugin) lacks(r Release) []Wheel {
	var missing []Wheel
	for _, w := range r.Wheels {
		if !slices.ContainsFunc(p.Wheels, func(file string) bool { return strings.HasPrefix(file, w.file()) }) {
			missing = append(missing, w)
		}
	}
	return missing
}

// Incomplete says in one line which files the plugin at path lacks to use this machine's device, and how to install
// them; it is empty if none are known to be missing. The libraries may be elsewhere on the machine, where the system's
// loader finds them.
func (in Installed) Incomplete(path string) string {
	p, ok := in.At(path)
	if !ok || len(p.Wheels) == 0 { // pip installed it, with what it asks for
		return ""
	}
	r, err := FindRelease(p.Name, p.Version, runtime.GOOS, runtime.GOARCH)
	if err != nil || len(p.lacks(r.On(in.Devices))) == 0 {
		return ""
	}
	return fmt.Sprintf("installed only for compiling, without the libraries that use a GPU; to add them: subbert backend install %s", p.Name)
}

// Latest is the newest installed version of a plugin.
func (in Installed) Latest(name string) (Plugin, bool) {
	for _, p := range in.Plugins {
		if p.Name == name {
			return p, true
		}
	}
	return Plugin{}, false
}

// Missing lists the releases whose plugins are not installed in any version, the newest of each.
func (in Installed) Missing() []Release {
	var missing []Release
	for _, r := range Releases() {
		if _, ok := in.Latest(r.Name); !ok && !slices.ContainsFunc(missing, func(m Release) bool { return m.Name == r.Name }) {
			missing = append(missing, r)
		}
	}
	return missing
}

// At is the installed plugin with the shared library at path.
func (in Installed) At(path string) (Plugin, bool) {
	for _, p := range in.Plugins {
		if p.Path == path {
			return p, true
		}
	}
	return Plugin{}, false
}

// ToolFlags returns the text to append to XLA_FLAGS, now set to flags, so that the compiler finds its tools. It is
// empty if the plugin has no tools or flags already names their directory.
func (p Plugin) ToolFlags(flags string) string {
	const name = "--xla_gpu_cuda_data_dir"
	if p.Data == "" || strings.Contains(flags, name+"=") {
		return ""
	}
	return name + "=" + p.Data
}

// Devices says which accelerators appear in the machine's device directory. A plugin may be installed for
// planning only, on a machine that has no accelerator; such a plugin is used on request, never by default.
type Devices struct {
	CUDA bool `json:"cuda"`
	TPU  bool `json:"tpu"`
}

// FindDevices looks in dir, /dev on a real machine, for the nodes that the accelerators' drivers create.
func FindDevices(dir string) Devices {
	return Devices{
		CUDA: exists(filepath.Join(dir, "nvidia0")),
		TPU:  exists(filepath.Join(dir, "accel0")) || exists(filepath.Join(dir, "vfio", "0")),
	}
}

func (d Devices) has(name string) bool {
	switch name {
	case CUDA:
		return d.CUDA
	case TPU:
		return d.TPU
	}
	return true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
