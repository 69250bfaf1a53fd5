package backend

import (
	"fmt"
	"path/filepath"
)

// Choice is the backend to use, and why.
type Choice struct {
	Spec
	Version string // of the installed plugin; empty for Go and for a plugin given by path
	Reason  string // for printing: "--backend", "SUBBERT_BACKEND", "installed plugin ..."
	// Absent is set when the machine has no such device: the plugin can compile for it but not run. It is never
	// set for a plugin given by path, whose owner may know better.
	Absent bool
}

// String is the choice on one line.
func (c Choice) String() string { return fmt.Sprintf("%s (%s)", c.Spec, c.Reason) }

// NotInstalledError says that the plugin of the requested backend is not installed.
type NotInstalledError struct {
	Name string // the backend
	Dir  string // the directory that was searched for its plugin
}

func (e *NotInstalledError) Error() string {
	return fmt.Sprintf("backend %s: no plugin is installed in %s", e.Name, e.Dir)
}

// Hint names the remedy.
func (e *NotInstalledError) Hint() string { return "subbert backend install " + e.Name }

// AbsentError says that this machine lacks the device of a backend.
type AbsentError struct{ Name string }

func (e *AbsentError) Error() string {
	nodes := "/dev/nvidia0"
	if e.Name == TPU {
		nodes = "/dev/accel0 or /dev/vfio/0"
	}
	return fmt.Sprintf("backend %s: this machine has no such device (no %s)", e.Name, nodes)
}

// Hint says how to try the device anyway.
func (e *AbsentError) Hint() string {
	return fmt.Sprintf("to try it anyway, give the path of the plugin: --backend %s=PATH (see subbert backend list)", e.Name)
}

// Choose chooses a backend: the one that the flag names, else the one that the environment names, else an
// installed plugin whose device this machine has, else Go. Paths in the result are absolute. Choose does not
// read the plugin; Open does.
func Choose(flag, env string, installed Installed) (Choice, error) {
	switch {
	case flag != "":
		return asked(flag, "--backend", installed)
	case env != "":
		return asked(env, "SUBBERT_BACKEND", installed)
	}
	if !linked {
		return Choice{Spec: Spec{Name: Go}, Reason: "the embedded Go backend, because this program was built without cgo"}, nil
	}
	for _, name := range []string{CUDA, TPU, CPU} {
		p, ok := installed.Latest(name)
		if !ok || !installed.Devices.has(name) {
			continue
		}
		return Choice{
			Spec:    Spec{Name: name, Plugin: p.Path},
			Version: p.Version,
			Reason:  fmt.Sprintf("installed plugin %s %s in %s", name, p.Version, filepath.Dir(p.Path)),
		}, nil
	}
	reason := "the embedded Go backend, because no plugin is installed"
	if len(installed.Plugins) > 0 {
		reason = "the embedded Go backend, because this machine lacks the devices of the installed plugins"
	}
	return Choice{Spec: Spec{Name: Go}, Reason: reason}, nil
}

// asked resolves a backend that a flag or the environment names.
func asked(s, reason string, installed Installed) (Choice, error) {
	spec, err := ParseSpec(s)
	if err != nil {
		return Choice{}, err
	}
	c := Choice{Spec: spec, Reason: reason}
	if spec.Name == Go {
		return c, nil
	}
	if !linked {
		return Choice{}, fmt.Errorf("backend %s: this program was built without cgo and contains only the Go backend; plugins need Linux, gcc and CGO_ENABLED=1", spec.Name)
	}
	if spec.Plugin != "" {
		c.Plugin, err = filepath.Abs(spec.Plugin)
		if err != nil {
			return Choice{}, fmt.Errorf("backend %s: %w", spec, err)
		}
		return c, nil
	}
	p, ok := installed.Latest(spec.Name)
	if !ok {
		return Choice{}, &NotInstalledError{Name: spec.Name, Dir: installed.Dir}
	}
	c.Plugin, c.Version = p.Path, p.Version
	c.Absent = !installed.Devices.has(spec.Name)
	c.Reason = fmt.Sprintf("%s, installed plugin %s %s in %s", reason, spec.Name, p.Version, filepath.Dir(p.Path))
	return c, nil
}
