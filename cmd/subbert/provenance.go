package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// provenance is what of a result says how it came to be.
type provenance struct {
	Command  string            `json:"command"`
	Machine  string            `json:"machine"`
	Revision string            `json:"revision,omitempty"` // of the program; empty if it was built outside a repository
	Versions map[string]string `json:"versions"`
}

// beneath are the modules whose versions can change a result.
var beneath = []string{"github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla"}

// provenance of what c runs.
func (c *console) provenance() provenance {
	p := provenance{Command: c.command, Machine: machine(), Versions: map[string]string{"go": runtime.Version()}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	for _, m := range info.Deps {
		if slices.Contains(beneath, m.Path) {
			p.Versions[m.Path] = m.Version
		}
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			p.Revision = s.Value + p.Revision
		case s.Key == "vcs.modified" && s.Value == "true":
			p.Revision += ", modified"
		case s.Key == "GOEXPERIMENT" && s.Value != "":
			p.Versions["go experiment"] = s.Value
		}
	}
	return p
}

// machine is the processor in words.
func machine() string {
	name := runtime.GOARCH
	f, err := os.Open("/proc/cpuinfo")
	if err == nil {
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
		f.Close() // read only: nothing to lose
	}
	return fmt.Sprintf("%d cores, %s, %s", runtime.NumCPU(), name, runtime.GOOS)
}
