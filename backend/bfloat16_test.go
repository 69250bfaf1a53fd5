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
