package plan

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/subbert/subbert/backend/pjrt"
	"google.golang.org/protobuf/encoding/protowire"
)

func v3(t *testing.T) Device {
	t.Helper()
	d, err := FindDevice("v3-8")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// compiled is a program of one product and one all-reduce, on a device that needs peak bytes for it.
func compiled(cycles int, exchanged uint64, peak int64) pjrt.Ahead {
	// The fields are those of xla/service/hlo.proto and xla/xla_data.proto.
	field := func(m []byte, n protowire.Number, body []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(m, n, protowire.BytesType), body)
	}
	operation := func(opcode string, cycles int, floats uint64) []byte {
		shape := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 11) // F32
		shape = protowire.AppendVarint(protowire.AppendTag(shape, 3, protowire.VarintType), floats)
		return field(field(field(nil, 2, []byte(opcode)), 3, shape), 43, fmt.Appendf(nil, `{"window_config":{"estimated_cycles":"%d"}}`, cycles))
	}
	computation := field(field(nil, 2, operation("dot", cycles, 2)), 2, operation("all-reduce", 0, exchanged/4))
	return pjrt.Ahead{
		Optimized: field(nil, 1, field(nil, 3, computation)),
		Memory:    &pjrt.Memory{Arguments: peak}, Cost: map[string]float64{"bytes accessed": 1e6},
	}
}

func TestNew(t *testing.T) {
	r := Run{Device: v3(t), Precision: "float32", Batch: 64, MicroBatch: 16, Tokens: 1000, FLOPs: 8 * 61.5e9, Steps: 3600, Price: 5}
	// 940 cycles are a microsecond; 164 MB over two links of four chips take 1.5 ms.
	p, err := New(r, []Graph{{Name: "accumulate", Times: 4, Ahead: compiled(940_000, 0, 5<<30)}, {Name: "apply", Times: 1, Ahead: compiled(470_000, 164_000_000, 1<<30)}})
	if err != nil {
		t.Fatal(err)
	}
	near := func(name string, got *float64, want float64) {
		t.Helper()
		if got == nil || math.Abs(*got-want) > 1e-9*want {
			t.Errorf("%s is %v, want %g", name, got, want)
		}
	}
	near("estimate", p.EstimatedMS.Total, 4.5)
	near("products", p.EstimatedMS.Matmul, 4.5)
	near("collectives", p.CollectivesMS, 1.5)
	near("step", p.StepMS, 6)
	near("floor", p.FloorMS, 1)
	near("tokens", p.TokensPerSec, 1000/0.006)
	near("mfu", p.MFU, 1./6)
	near("hours", p.Hours, 0.006)
	near("cost", p.Cost, 0.03)
	near("bytes", p.Bytes, 5e6)
	if p.Collectives.Count != 5 || p.Collectives.Bytes != 164_000_000 || *p.PeakBytes != 5<<30 || !*p.Fits || p.Source != FromCompiler {
		t.Errorf("collectives %v, peak %d, fits %v, from %s", *p.Collectives, *p.PeakBytes, *p.Fits, p.Source)
	}
	if _, err := New(r, []Graph{{Name: "train", Times: 1, Ahead: pjrt.Ahead{Optimized: []byte{1}}}}); err == nil || !strings.Contains(err.Error(), "graph train") {
		t.Errorf("a broken program gave %v", err)
	}
}

// TestNewWithoutCompiler: only what formulas say is there, and it says so.
func TestNewWithoutCompiler(t *testing.T) {
	p, err := New(Run{Device: v3(t), FLOPs: 8 * 61.5e9, StateBytes: 10 << 30, GradientBytes: 5 << 30, ActivationBytes: 2 << 30}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Source != FromFormula || p.StepMS != nil || p.EstimatedMS.Total != nil || p.Collectives != nil || p.Hours != nil {
		t.Errorf("the plan knows too much: %+v", p)
	}
	if *p.PeakBytes != 17<<30 || *p.Fits || *p.FloorMS != 1 {
		t.Errorf("peak %d, fits %t, floor %g ms", *p.PeakBytes, *p.Fits, *p.FloorMS)
	}
}

// TestUnknownClock: cycles are no time where the clock is not known.
func TestUnknownClock(t *testing.T) {
	d := v3(t)
	d.Clock = 0
	p, err := New(Run{Device: d, FLOPs: 1}, []Graph{{Times: 1, Ahead: compiled(5, 8, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	if p.EstimatedMS.Total != nil || p.StepMS != nil || p.Collectives == nil {
		t.Errorf("estimated %v, step %v, collectives %v", p.EstimatedMS.Total, p.StepMS, p.Collectives)
	}
}

// TestPeak: a device's compiler knows its peak, XLA:CPU does not.
func TestPeak(t *testing.T) {
	cpu, err := FindDevice("cpu")
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[Device]int64{v3(t): 12, cpu: 10 + 3 - 2 + 7} {
		p, err := New(Run{Device: d}, []Graph{{Ahead: pjrt.Ahead{Memory: &pjrt.Memory{Arguments: 10, Outputs: 3, Aliased: 2, Temporaries: 7, Peak: 12}}}})
		if err != nil {
			t.Fatal(err)
		}
		if *p.PeakBytes != want {
			t.Errorf("%s: peak %d, want %d", d.Name, *p.PeakBytes, want)
		}
	}
}

func TestFindDevice(t *testing.T) {
	for _, d := range Devices() {
		if got, err := FindDevice(d.Name); err != nil || got != d {
			t.Errorf("%s: %v, %v", d.Name, got, err)
		}
		if d.Kind != KindCPU && (d.Peak("bfloat16") < d.Peak("float32") || d.Memory == 0) {
			t.Errorf("%s: peaks %g and %g, memory %d", d.Name, d.Peak("bfloat16"), d.Peak("float32"), d.Memory)
		}
	}
	h200, err := FindDevice("h200")
	for _, fact := range []string{"core_count: 132", "shared_memory_per_core: 233472", "shared_memory_per_block_optin: 232448", "l2_cache_size: 52428800", "{ major: 9 }"} {
		if !strings.Contains(h200.Target, fact) {
			t.Errorf("the target of an H200 has no %s (%v):\n%s", fact, err, h200.Target)
		}
	}
	if d, err := FindDevice("v5litepod-8"); err != nil || d.Name != "v5e-8" {
		t.Errorf("v5litepod-8: %s, %v, want v5e-8", d.Name, err)
	}
	if _, err := FindDevice("v3"); err == nil || !strings.Contains(err.Error(), "v3-8") {
		t.Errorf("an unknown device gave %v", err)
	}
}
