package backend

import (
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"
)

// BFloat16 is what the processor of this machine has for products of bfloat16.
type BFloat16 struct {
	Units []string // AMX-BF16, AVX512-BF16
	Known bool     // false where a processor does not say
}

// ProcessorBFloat16 asks the processor.
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

// Slow says whether bfloat16 is known to be slower than float32 there.
func (b BFloat16) Slow() bool { return b.Known && len(b.Units) == 0 }

// String says what to expect of bfloat16, in a few words.
func (b BFloat16) String() string {
	switch {
	case b.Slow():
		return "this processor has no units for bfloat16 (AVX512-BF16, AMX): slower than float32"
	case !b.Known:
		return "it is not known whether this processor has units for bfloat16"
	}
	return "this processor has units for bfloat16 (" + strings.Join(b.Units, ", ") + "): faster than float32"
}
