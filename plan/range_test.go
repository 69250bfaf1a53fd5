package plan

import (
	"math"
	"testing"

	"github.com/subbert/subbert/backend/pjrt"
)

// TestRange: the bounds hold what the floor, the memory's speed and the compiler's estimate allow.
func TestRange(t *testing.T) {
	gpu := Device{Name: "gpu", Kind: KindCUDA, Devices: 1, PeakFLOPs: 100e12, PeakFLOPs32: 50e12, Bandwidth: 1e12}
	moved := func(bytes float64) []Graph {
		return []Graph{{Times: 1, Ahead: pjrt.Ahead{Cost: map[string]float64{"bytes accessed": bytes}}}}
	}
	tpu := v3(t)
	for _, test := range []struct {
		name      string
		run       Run
		graphs    []Graph
		low, high float64 // of a step, in milliseconds
	}{
		{"formulas alone", Run{Device: gpu, FLOPs: 3e12}, nil, 60 / 0.6, 60 / 0.15},
		{"little memory traffic", Run{Device: gpu, FLOPs: 3e12}, moved(1e9), 60 / 0.6, 60 / 0.15},
		{"much memory traffic", Run{Device: gpu, FLOPs: 3e12}, moved(200e9), 200, 60 / 0.15},
		{"more of it than the peak's share takes", Run{Device: gpu, FLOPs: 3e12}, moved(900e9), 900, 900},
		{"an estimate", Run{Device: tpu, Precision: "float32", FLOPs: 8 * 61.5e9}, []Graph{{Times: 1, Ahead: compiled(3_760_000, 4, 1)}}, 0.7 * 4, 1 / 0.15},
		{"a slow estimate", Run{Device: tpu, Precision: "float32", FLOPs: 8 * 61.5e9}, []Graph{{Times: 1, Ahead: compiled(9_400_000, 4, 1)}}, 0.7 * 10, 1.3 * 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run.Steps, test.run.Price = 3_600_000, 2
			p, err := New(test.run, test.graphs)
			if err != nil {
				t.Fatal(err)
			}
			for what, got := range map[string][2]float64{
				"step": {p.StepRangeMS.Low, p.StepRangeMS.High}, "hours": {p.HoursRange.Low, p.HoursRange.High}, "half the cost": {p.CostRange.Low / 2, p.CostRange.High / 2},
			} {
				if math.Abs(got[0]-test.low) > 1e-4*test.low || math.Abs(got[1]-test.high) > 1e-4*test.high {
					t.Errorf("%s: %g to %g, want %g to %g", what, got[0], got[1], test.low, test.high)
				}
			}
		})
	}
	p, err := New(Run{Device: Device{Name: "cpu", Kind: KindCPU}, FLOPs: 1e9, Steps: 5}, nil)
	if err != nil || p.StepRangeMS != nil || p.HoursRange != nil || p.CostRange != nil {
		t.Errorf("a device without a known peak has ranges: %+v, %v", p, err)
	}
}

// TestPaperRange: the range for the paper's own run holds the four hours that it took.
func TestPaperRange(t *testing.T) {
	r := Run{Device: v3(t), Precision: "float32", FLOPs: 0.72 * 3600 / 100_000 * 8 * 61.5e12, Steps: 100_000}
	p, err := New(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.HoursRange.Low > 4 || p.HoursRange.High < 4 {
		t.Errorf("hours from %.2f to %.2f, want 4 between them", p.HoursRange.Low, p.HoursRange.High)
	}
}
