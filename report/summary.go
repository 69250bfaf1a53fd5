package report

import (
	"slices"

	"github.com/subbert/subbert/evaluate"
)

// Summary is the least one wants to know of a run, for machines.
type Summary struct {
	Dir      string           `json:"dir"`
	Name     string           `json:"name"`
	Task     string           `json:"task"`
	Steps    int              `json:"steps"`
	Finished bool             `json:"finished"`
	Backend  string           `json:"backend,omitempty"`
	Seconds  float64          `json:"seconds,omitempty"`
	HeldOut  *float64         `json:"heldout_mlm_loss,omitempty"` // the last one recorded, in nats
	F1       *evaluate.Spread `json:"f1,omitempty"`               // in percent, over seeds
	Notes    []string         `json:"notes,omitempty"`
}

// Summary sums r up.
func (r *Run) Summary() Summary {
	s := Summary{
		Dir: r.Dir, Name: r.Name, Task: r.Task(), Steps: r.lastStep(), Finished: r.Result != nil,
		Backend: r.backend(), Seconds: r.seconds(), Notes: slices.Clone(r.Notes),
	}
	if v, ok := r.heldOutLoss(); ok {
		s.HeldOut = &v
	}
	if scored := scoredRuns([]named{{run: r}}); len(scored) > 0 {
		f1 := evaluate.SpreadOf(scored[0].f1)
		s.F1 = &f1
	}
	return s
}

// lastStep is how many updates the run has seen.
func (r *Run) lastStep() int {
	if r.Result != nil && r.Result.Steps > 0 {
		return r.Result.Steps
	}
	last := 0
	for _, s := range r.Series {
		last = max(last, s.Points[len(s.Points)-1].Step)
	}
	return last
}

// seconds is how long the run took, or has taken so far; 0 if nothing says so.
func (r *Run) seconds() float64 {
	if r.Result != nil && r.Result.Seconds > 0 {
		return r.Result.Seconds
	}
	total := 0.0
	for _, s := range r.Series {
		if h := s.hours(); h != nil {
			total += 3600 * h[len(h)-1]
		}
	}
	return total
}

// heldOutLoss is the masked-LM loss on held-out documents, the result's or else the last one recorded.
func (r *Run) heldOutLoss() (float64, bool) {
	if p := r.pretraining(); p != nil {
		for _, k := range []string{"heldout_mlm_loss", "mlm_loss"} {
			if v, ok := p.HeldOut[k]; ok {
				return v, true
			}
		}
	}
	return r.last("heldout_mlm_loss")
}
