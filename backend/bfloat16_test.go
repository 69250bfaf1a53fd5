package backend

import (
	"strings"
	"testing"
)

func TestBFloat16(t *testing.T) {
	for _, tt := range []struct {
		name, arch  string
		amx, avx512 bool
		slow        bool
		want        string
	}{
		{"Sapphire Rapids", "amd64", true, true, false, "faster than float32 on this processor, which has units for it (AMX-BF16, AVX512-BF16)"},
		{"Zen 4", "amd64", false, true, false, "faster than float32 on this processor, which has units for it (AVX512-BF16)"},
		{"Zen 3", "amd64", false, false, true, "slower than float32"},
		{"arm64", "arm64", false, false, false, "not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bfloat16Of(tt.arch, tt.amx, tt.avx512)
			if b.Slow() != tt.slow || !strings.Contains(b.String(), tt.want) {
				t.Errorf("slow: %v, %q; want %v, %q", b.Slow(), b, tt.slow, tt.want)
			}
		})
	}
}

func TestSlowBFloat16(t *testing.T) {
	if got := SlowBFloat16(Go); got == "" {
		t.Error("the Go backend is not said to be slow")
	}
	if got, slow := SlowBFloat16(CPU), ProcessorBFloat16().Slow(); (got != "") != slow {
		t.Errorf("CPU: %q, the processor is slow: %v", got, slow)
	}
	if got := SlowBFloat16(CUDA); got != "" {
		t.Errorf("CUDA: %q, want nothing", got)
	}
}
