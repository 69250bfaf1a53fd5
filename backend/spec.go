package backend

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The names of the backends.
const (
	Go   = "go"   // the embedded pure-Go backend
	CPU  = "cpu"  // XLA on the processor, one or more virtual devices
	CUDA = "cuda" // XLA on NVIDIA GPUs
	TPU  = "tpu"  // XLA on Cloud TPUs
)

// Names lists the backends in the order in which they are documented.
func Names() []string { return []string{Go, CPU, CUDA, TPU} }

// Spec is a backend as a person names it, as in cpu:8=/opt/plugin.so.
type Spec struct {
	Name    string // Go, CPU, CUDA or TPU
	Devices int    // how many virtual devices, CPU only; 0 leaves it to Open
	Plugin  string // path of the plugin; empty means the installed one
}

// maxDevices bounds the virtual devices of one processor; a larger number is a typing error.
const maxDevices = 1024

// ParseSpec parses name, name:devices, or either followed by =/path/to/plugin.so.
func ParseSpec(s string) (Spec, error) {
	head, path, hasPath := strings.Cut(s, "=")
	name, count, hasCount := strings.Cut(head, ":")
	spec := Spec{Name: name, Plugin: path}
	if !slices.Contains(Names(), name) {
		return Spec{}, fmt.Errorf("backend %q: unknown name %q, known are %s", s, name, strings.Join(Names(), ", "))
	}
	if hasPath && name == Go {
		return Spec{}, fmt.Errorf("backend %q: the Go backend is part of the program and takes no plugin", s)
	}
	if hasPath && path == "" {
		return Spec{}, fmt.Errorf("backend %q: no path after =", s)
	}
	if !hasCount {
		return spec, nil
	}
	if name != CPU {
		return Spec{}, fmt.Errorf("backend %q: only %s takes a number of devices", s, CPU)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxDevices {
		return Spec{}, fmt.Errorf("backend %q: number of devices is %q, want 1 to %d", s, count, maxDevices)
	}
	spec.Devices = n
	return spec, nil
}

// String is the inverse of ParseSpec.
func (s Spec) String() string {
	out := s.Name
	if s.Devices > 0 {
		out += ":" + strconv.Itoa(s.Devices)
	}
	if s.Plugin != "" {
		out += "=" + s.Plugin
	}
	return out
}
