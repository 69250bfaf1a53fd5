package launch

import "strings"

// RuntimeVersion returns the image for machines with an accelerator, such as v5litepod-8, by
// cloud.google.com/tpu/docs/runtimes (2026-11-29). Each generation from v5 on has one of its own.
func RuntimeVersion(accelerator string) string {
	generation, _, _ := strings.Cut(accelerator, "-")
	switch generation {
	case "v5litepod":
		return "v2-alpha-tpuv5-lite"
	case "v5p":
		return "v2-alpha-tpuv5"
	case "v6e":
		return "v2-alpha-tpuv6e"
	}
	return "tpu-ubuntu2204-base"
}
