package plan

import (
	"fmt"

	"github.com/subbert/subbert/internal/readable"
)

// MemoryText states the memory that p needs on a device, and the memory of the device.
func (p Plan) MemoryText() string {
	if p.PeakBytes == nil {
		return "not known"
	}
	text := fmt.Sprintf("%.4g GB a device", float64(*p.PeakBytes)/1e9)
	if p.MemoryBytes != nil {
		text += fmt.Sprintf(" of %.4g GB", float64(*p.MemoryBytes)/1e9)
	}
	if p.Fits != nil && !*p.Fits {
		text += ": does not fit"
	}
	return text
}

// Rows describes p for people, each row with a name and a text, without the notes. Figures that are not known have no
// row; the notes say why.
func (p Plan) Rows() [][2]string {
	rows := [][2]string{
		{"device", fmt.Sprintf("%s, %s (%s)", p.Device, readable.Plural(p.Devices, "device", "s"), p.Source)},
		{"batch", fmt.Sprintf("%d in microbatches of %d", p.Batch, p.MicroBatch)},
	}
	row := func(name, unit string, x *float64, scale float64) {
		if x != nil {
			rows = append(rows, [2]string{name, fmt.Sprintf("%.4g %s", *x*scale, unit)})
		}
	}
	between := func(name, unit string, r *Range) {
		if r != nil {
			rows = append(rows, [2]string{name, fmt.Sprintf("%.4g to %.4g %s", r.Low, r.High, unit)})
		}
	}
	row("operations of a step", "TFLOP", p.FLOPs, 1e-12)
	row("memory traffic of a step", "GB a device", p.Bytes, 1e-9)
	rows = append(rows, [2]string{"memory, peak", p.MemoryText()})
	if p.Collectives != nil {
		rows = append(rows, [2]string{"collectives", fmt.Sprintf("%d of %.4g MB together", p.Collectives.Count, float64(p.Collectives.Bytes)/1e6)})
	}
	row("estimated operations", "ms", p.EstimatedMS.Total, 1)
	row("  products", "ms", p.EstimatedMS.Matmul, 1)
	row("  optimizer", "ms", p.EstimatedMS.Optimizer, 1)
	row("  reductions", "ms", p.EstimatedMS.Reductions, 1)
	row("  copies", "ms", p.EstimatedMS.Copies, 1)
	row("  random numbers", "ms", p.EstimatedMS.RNG, 1)
	row("  other", "ms", p.EstimatedMS.Other, 1)
	row("collectives, by the links' speed", "ms", p.CollectivesMS, 1)
	row("step, estimated", "ms", p.StepMS, 1)
	row("step at the device's peak", "ms", p.FloorMS, 1)
	row("tokens", "a second", p.TokensPerSec, 1)
	row("share of the peak (MFU)", "%", p.MFU, 100)
	between("step, in practice", "ms", p.StepRangeMS)
	between("run", "hours", p.HoursRange)
	between("cost", "", p.CostRange)
	return rows
}
