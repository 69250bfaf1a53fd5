package preflight

import (
	"strings"
	"testing"

	"github.com/subbert/subbert/plan"
	"github.com/subbert/subbert/tpu/launch"
)

// TestJudge compares plans with bounds.
func TestJudge(t *testing.T) {
	number := func(x float64) *float64 { return &x }
	yes, no, bytes := true, false, int64(9e9)
	for _, test := range []struct {
		name   string
		plan   plan.Plan
		run    launch.Run
		faults []string
		hours  float64
	}{
		{"within bounds", plan.Plan{Fits: &yes, Hours: number(4)}, launch.Run{MaxHours: 5, MaxCost: 10, HourPrice: 2}, nil, 4},
		{"no bounds", plan.Plan{Fits: &yes, Hours: number(4000)}, launch.Run{HourPrice: 2}, nil, 4000},
		{"does not fit", plan.Plan{Fits: &no, PeakBytes: &bytes, Hours: number(4)}, launch.Run{Accelerator: "v3-8"}, []string{"the step does not fit a v3-8: 9 GB a device"}, 4},
		{"too long", plan.Plan{Fits: &yes, Hours: number(5.1)}, launch.Run{MaxHours: 5}, []string{"the run takes about 5.1 hours, but --max-hours is 5"}, 5.1},
		{"too dear", plan.Plan{Fits: &yes, Hours: number(6)}, launch.Run{MaxCost: 10, HourPrice: 2}, []string{"the run costs about 12, but --max-cost is 10"}, 6},
		{"both", plan.Plan{Hours: number(6)}, launch.Run{MaxHours: 5, MaxCost: 10, HourPrice: 2}, []string{"5", "10"}, 6},
		{"the least is too long", plan.Plan{FloorMS: number(3.6e6)}, launch.Run{MaxHours: 6}, []string{"at least 7 hours"}, 7},
		{"the least is not too long", plan.Plan{FloorMS: number(3.6e6)}, launch.Run{MaxHours: 8}, nil, 7},
		{"nothing is known", plan.Plan{}, launch.Run{MaxHours: 1, MaxCost: 1, HourPrice: 1}, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &Report{Plan: &test.plan, steps: 7}
			p.judge(test.run)
			if len(p.Faults) != len(test.faults) || p.Hours != test.hours {
				t.Fatalf("faults %q, %g hours; want %q and %g", p.Faults, p.Hours, test.faults, test.hours)
			}
			for i, want := range test.faults {
				if !strings.Contains(p.Faults[i], want) {
					t.Errorf("fault %q, want %q in it", p.Faults[i], want)
				}
			}
		})
	}
}

// TestDevice: only pre-training on a known TPU can be planned.
func TestDevice(t *testing.T) {
	for _, test := range []struct {
		name string
		run  launch.Run
		note string
	}{
		{"known", launch.Run{Backend: "tpu", Verb: "pretrain", Accelerator: "v3-8"}, ""},
		{"another backend", launch.Run{Backend: "go", Verb: "pretrain", Accelerator: "v3-8"}, "the backend is go"},
		{"fine-tuning", launch.Run{Backend: "tpu", Verb: "finetune", Accelerator: "v3-8"}, "not finetune"},
		{"unknown type", launch.Run{Backend: "tpu", Verb: "pretrain", Accelerator: "v99-8"}, "no plan for a v99-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			device, report := Device(test.run)
			if test.note == "" {
				if report != nil || device.Name != "v3-8" {
					t.Errorf("device %q, report %+v", device.Name, report)
				}
			} else if report == nil || !strings.Contains(report.Notes[0], test.note) {
				t.Errorf("report %+v, want %q", report, test.note)
			}
		})
	}
}
