package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	number := func(x float64) *float64 { return &x }
	peak, memory, fits := int64(2e9), int64(1e9), false
	p := Plan{
		Device: "v3-8", Devices: 1, Source: FromFormula, Batch: 8, MicroBatch: 4, FLOPs: number(2.5e12), PeakBytes: &peak, MemoryBytes: &memory, Fits: &fits,
		Collectives: &Collectives{Count: 2, Bytes: 3e6}, FloorMS: number(1.5), MFU: number(0.25), HoursRange: &Range{1, 2}, CostRange: &Range{3, 4},
	}
	want := [][2]string{
		{"device", "v3-8, 1 device (analytic)"}, {"batch", "8 in microbatches of 4"}, {"operations of a step", "2.5 TFLOP"},
		{"memory, peak", "2 GB a device of 1 GB: does not fit"}, {"collectives", "2 of 3 MB together"}, {"step at the device's peak", "1.5 ms"},
		{"share of the peak (MFU)", "25 %"}, {"run", "1 to 2 hours"}, {"cost", "3 to 4 "},
	}
	if diff := cmp.Diff(want, p.Rows()); diff != "" {
		t.Errorf("want then got:\n%s", diff)
	}
}
