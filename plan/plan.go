// Package plan predicts the needs and the cost of a run on a device that this machine need not have: a Cloud TPU, a GPU
// or a processor.
//
// A Planner builds the graphs of an update, compiles them ahead of time with the device's own compiler, and reads its
// figures: memory, collectives and, for TPUs, estimated times. Without a compiler the figures come from formulas.
package plan

import (
	"fmt"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/backend/pjrt"
	"github.com/subbert/subbert/plan/estimate"
)

// Where the figures of a plan come from.
const (
	FromCompiler = "compiler" // the device's own compiler compiled the step
	FromFormula  = "analytic" // no compiler was available
)

// Run describes the run to plan.
type Run struct {
	Device     Device
	Precision  string // of activations: "float32" or "bfloat16"
	Batch      int
	MicroBatch int
	Tokens     int     // positions of an update
	FLOPs      float64 // of an update, by formula
	Steps      int     // updates; 0: not known
	Price      float64 // of an hour, in whatever currency; 0: not known

	StateBytes      int64 // parameters and optimizer state, on each device
	GradientBytes   int64 // likewise
	ActivationBytes int64 // of a microbatch on one device, by formula
}

// Graph is one compiled graph of an update.
type Graph struct {
	Name  string
	Times int // executed in one update
	pjrt.Ahead
}

// Plan is a prediction of a run. Unknown figures are nil. Bytes and times are those of one device.
type Plan struct {
	Device     string   `json:"device"`
	Devices    int      `json:"devices"`
	Source     string   `json:"source"` // FromCompiler or FromFormula
	Batch      int      `json:"batch"`
	MicroBatch int      `json:"micro_batch"`
	FLOPs      *float64 `json:"flops"`          // of an update over all devices, by formula
	Bytes      *float64 `json:"bytes_accessed"` // of an update, by the compiler

	PeakBytes   *int64 `json:"peak_bytes"`
	MemoryBytes *int64 `json:"memory_bytes"` // memory of the device
	Fits        *bool  `json:"fits"`

	Collectives *Collectives `json:"collectives"`
	EstimatedMS EstimatedMS  `json:"estimated_ms"` // the compiler's, uncalibrated

	FloorMS       *float64 `json:"floor_ms"`       // FLOPs at the device's peak: no step is faster
	CollectivesMS *float64 `json:"collectives_ms"` // bytes over the links' speed, without overlap
	StepMS        *float64 `json:"step_ms"`        // estimated operations and collectives
	TokensPerSec  *float64 `json:"tokens_per_sec"` // over all devices
	MFU           *float64 `json:"mfu"`            // share of the peak
	Hours         *float64 `json:"hours"`
	Cost          *float64 `json:"cost"`

	StepRangeMS *Range `json:"step_range_ms"` // bounds of a step's time in practice
	HoursRange  *Range `json:"hours_range"`
	CostRange   *Range `json:"cost_range"`

	Notes []string `json:"notes,omitempty"` // remarks for readers
}

// Collectives are the all-reduces and other operations between devices in one update.
type Collectives struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"` // of their results
}

// EstimatedMS is the compiler's estimate of an update in milliseconds, by the category of operations.
type EstimatedMS struct {
	Total      *float64 `json:"total"`
	Matmul     *float64 `json:"matmul"`
	Optimizer  *float64 `json:"optimizer"`
	Reductions *float64 `json:"reductions"`
	Copies     *float64 `json:"copies"`
	RNG        *float64 `json:"rng"`
	Other      *float64 `json:"other"`
}

// New plans r from its compiled graphs, or without graphs from formulas.
func New(r Run, graphs []Graph) (Plan, error) {
	p := Plan{Device: r.Device.Name, Devices: r.Device.Devices, Source: FromFormula, Batch: r.Batch, MicroBatch: r.MicroBatch}
	p.FLOPs = known(r.FLOPs)
	if r.Device.Memory > 0 {
		p.MemoryBytes = &r.Device.Memory
	}
	if peak := r.Device.Peak(r.Precision); peak > 0 && r.FLOPs > 0 {
		p.FloorMS = known(1000 * r.FLOPs / peak)
	}
	if len(graphs) == 0 {
		peak := r.StateBytes + r.GradientBytes + r.ActivationBytes
		p.PeakBytes = &peak
		p.note("no compiler is installed (subbert backend install tpu, cuda or cpu): bytes and operations come from formulas, and collectives and times other than the peak's are unknown")
	} else {
		p.Source = FromCompiler
		if err := p.read(graphs, r.Device); err != nil {
			return p, err
		}
	}
	if p.PeakBytes != nil && p.MemoryBytes != nil {
		fits := *p.PeakBytes <= *p.MemoryBytes
		p.Fits = &fits
	}
	if r.Device.Kind == KindCPU && r.Precision == "bfloat16" {
		p.note("%v", backend.ProcessorBFloat16())
	}
	p.time(r)
	p.bound(r)
	return p, nil
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// known is a pointer to x, nil where x is 0.
func known(x float64) *float64 {
	if x == 0 {
		return nil
	}
	return &x
}

// read adds up the compiler's figures of the graphs of an update.
func (p *Plan) read(graphs []Graph, d Device) error {
	var peak int64
	var bytes float64
	var sum estimate.Estimate
	estimated := true
	for _, g := range graphs {
		if g.Memory != nil {
			peak = max(peak, peakOf(d, *g.Memory))
		}
		bytes += float64(g.Times) * g.Cost["bytes accessed"]
		if len(g.Optimized) == 0 || d.Kind != KindTPU {
			estimated = false
			continue
		}
		e, err := estimate.Read(g.Optimized)
		if err != nil {
			return fmt.Errorf("graph %s: %w", g.Name, err)
		}
		sum.Add(e, g.Times)
	}
	if peak > 0 {
		p.PeakBytes = &peak
	}
	p.Bytes = known(max(bytes, 0))
	if !estimated {
		p.note("the compiler of %s gives no estimate of times", d.Name)
		return nil
	}
	p.Collectives = &Collectives{Count: len(sum.Collectives), Bytes: sum.CollectiveBytes()}
	if d.Clock == 0 {
		p.note("the clock of %s is not published, so its estimate of %d cycles cannot be converted to time", d.Name, sum.Total())
		return nil
	}
	p.EstimatedMS = milliseconds(sum, d.Clock)
	p.note("estimates are the compiler's, without calibration: they serve to compare, are accurate to about 30 percent, and exclude operations without an estimate and the work of the host")
	return nil
}

// peakOf is the compiler's own peak, else the sum of all memory. XLA:CPU's peak leaves out the temporaries, which it
// allocates at once.
func peakOf(d Device, m pjrt.Memory) int64 {
	if m.Peak > 0 && d.Kind != KindCPU {
		return m.Peak
	}
	return m.Total()
}

func milliseconds(e estimate.Estimate, clock float64) EstimatedMS {
	ms := func(cycles int64) *float64 {
		x := 1000 * float64(cycles) / clock
		return &x
	}
	return EstimatedMS{
		Total: ms(e.Total()), Matmul: ms(e.Cycles[estimate.Matmul]), Optimizer: ms(e.Cycles[estimate.Optimizer]), Reductions: ms(e.Cycles[estimate.Reductions]),
		Copies: ms(e.Cycles[estimate.Copies]), RNG: ms(e.Cycles[estimate.RNG]), Other: ms(e.Cycles[estimate.Other]),
	}
}

// time derives the times that follow from the estimate of a step.
func (p *Plan) time(r Run) {
	if p.EstimatedMS.Total == nil {
		return
	}
	step := *p.EstimatedMS.Total
	if p.Collectives != nil && r.Device.Link > 0 {
		chips := float64(r.Device.Chips)
		ms := 1000 * 2 * (chips - 1) / chips * float64(p.Collectives.Bytes) / r.Device.Link
		p.CollectivesMS = &ms
		step += ms
	}
	p.StepMS = known(step)
	if step == 0 {
		return
	}
	p.TokensPerSec = known(1000 * float64(r.Tokens) / step)
	if p.FloorMS != nil {
		p.MFU = known(*p.FloorMS / step)
	}
	p.Hours = known(float64(r.Steps) * step / 3.6e6)
	if p.Hours != nil {
		p.Cost = known(*p.Hours * r.Price)
	}
}
