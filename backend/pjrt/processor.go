package pjrt

import (
	"os"
	"runtime"
	"strings"
)

// processor describes the instruction set of this machine's processor. Compiled code may use all of it, so an
// executable must not be read back on a machine that has fewer instructions.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH // no such file here: executables are shared between all machines of one kind
	}
	for line := range strings.Lines(string(text)) {
		for _, key := range []string{"flags", "Features"} { // x86, arm
			if strings.HasPrefix(line, key) {
				return runtime.GOARCH + strings.TrimPrefix(line, key)
			}
		}
	}
	return runtime.GOARCH
}
