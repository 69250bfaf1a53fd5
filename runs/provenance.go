package runs

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/subbert/subbert/runs/result"
)

// Provenance describes how a result of this program was made; command is the command that started it.
func Provenance(command string) result.Provenance {
	p := result.Provenance{Command: command, Machine: machine(), Versions: map[string]string{"go": runtime.Version()}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	libraries := []string{"github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla"} // their versions can change a result
	for _, m := range info.Deps {
		if slices.Contains(libraries, m.Path) {
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

// machine returns a description of the processor.
func machine() string {
	name := runtime.GOARCH
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
		f.Close() // opened for reading only
	}
	return fmt.Sprintf("%d cores, %s, %s", runtime.NumCPU(), name, runtime.GOOS)
}
