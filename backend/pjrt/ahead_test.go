//go:build cgo

package pjrt

import (
	"strings"
	"testing"

	"github.com/subbert/subbert/internal/plugintest"
)

// TestCompileAhead compiles the toy's step for a TPU v3-8 that nobody has, once with and once without donation.
func TestCompileAhead(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling for TPUs takes seconds")
	}
	libtpu := plugintest.Need(t, "tpu")
	t.Setenv("TPU_SKIP_MDS_QUERY", "1") // or it waits for a metadata server for ever
	aliased := map[bool]int64{}
	for _, donate := range []bool{false, true} {
		c := openDeviceless(t, "tpu", 8, Options{Donate: donate})
		y := newToy(t, c.Backend(), 8)
		if _, err := y.exec.Call(y.inputs(t, 0)...); err == nil {
			t.Fatal("a program ran without devices")
		}
		p := program(t, c, "train")
		a, err := CompileAhead(libtpu, "v3:2x2x1", p.Submitted, p.Options, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Devices != 8 || a.Memory == nil || a.Memory.Arguments == 0 || len(a.Cost) == 0 || a.Format != "hlo_with_config" {
			t.Errorf("%d devices, memory %v, %d costs, program as %q", a.Devices, a.Memory, len(a.Cost), a.Format)
		}
		if !strings.Contains(string(a.Optimized), "all-reduce") {
			t.Error("the compiled program of 8 devices has no all-reduce")
		}
		aliased[donate] = a.Memory.Aliased
	}
	if aliased[false] != 0 || aliased[true] < 2*toyIn*toyOut*4 {
		t.Errorf("written over arguments are %d bytes without donation and %d with, want 0 and at least %d",
			aliased[false], aliased[true], 2*toyIn*toyOut*4)
	}
	if _, err := CompileAhead(libtpu, "v99:1", "module {}", "", nil); err == nil {
		t.Error("a topology that does not exist was accepted")
	}
}
