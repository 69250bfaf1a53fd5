package backend

import (
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"
)

// BFloat16 lists this processor's units for products of bfloat16.
type BFloat16 struct {
	Units []string // AMX-BF16, AVX512-BF16
	Known bool     // false if the processor does not report them
}

// ProcessorBFloat16 queries this machine's processor.
func ProcessorBFloat16() BFloat16 {
	return bfloat16Of(runtime.GOARCH, cpu.X86.HasAMXBF16, cpu.X86.HasAVX512BF16)
}

func bfloat16Of(arch string, amx, avx512 bool) BFloat16 {
	b := BFloat16{Known: arch == "amd64"}
	if amx {
		b.Units = append(b.Units, "AMX-BF16")
	}
	if avx512 {
		b.Units = append(b.Units, "AVX512-BF16")
	}
	return b
}

// Slow reports whether bfloat16 is known to be slower than float32.
func (b BFloat16) Slow() bool { return b.Known && len(b.Units) == 0 }

// String describes the speed of bfloat16.
func (b BFloat16) String() string {
	switch {
	case b.Slow():
		return "bfloat16 is slower than float32 on this processor, which has no units for it (AVX512-BF16, AMX)"
	case !b.Known:
		return "it is not known whether this processor has units for bfloat16"
	}
	return "bfloat16 is faster than float32 on this processor, which has units for it (" + strings.Join(b.Units, ", ") + ")"
}

// SlowBFloat16 says why bfloat16 is slower than float32 on the named backend of this machine; empty if it is not known
// to be slower.
func SlowBFloat16(name string) string {
	units := ProcessorBFloat16()
	switch {
	case name == Go:
		return "bfloat16 is slower than float32 on the Go backend, which has no bfloat16 products"
	case name == CPU && units.Slow():
		return units.String()
	}
	return ""
}
