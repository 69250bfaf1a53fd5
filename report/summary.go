package report

import (
	"slices"

	"github.com/subbert/subbert/evaluate"
)

// Summary holds the most important facts about a run, for programs.
type Summary struct {
	Dir      string           `json:"dir"`
	Name     string           `json:"name"`
	Task     string           `json:"task"`
	Steps    int              `json:"steps"`
	Finished bool             `json:"finished"`
	Backend  string           `json:"backend,omitempty"`
	Seconds  float64          `json:"seconds,omitempty"`
	HeldOut  *float64         `json:"heldout_mlm_loss,omitempty"` // the last value recorded, in nats
	F1       *evaluate.Spread `json:"f1,omitempty"`               // in percent, over seeds
	Notes    []string         `json:"notes,omitempty"`
}

// Summary returns the summary of r.
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

// lastStep returns the number of updates of the run.
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

// seconds returns how long the run took, or has taken so far; 0 if it is not known.
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

// heldOutLoss returns the masked-LM loss on held-out documents: that of the result, or else the last one recorded.
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

// outcomeTable returns the outcome of runs that have no scores to compare.
func outcomeTable(runs []named) Table {
	t := Table{Caption: "Results", Columns: []Column{{Name: "run"}, {Name: "steps", Numeric: true}, {Name: "result"}, {Name: "time", Numeric: true}}}
	for _, n := range runs {
		t.Rows = append(t.Rows, Row{Cells: []string{n.name, orNone(n.run.steps()), orNone(n.run.Outcome()), orNone(n.run.time())}})
	}
	return t
}

func (r *Run) steps() string {
	if n := r.lastStep(); n > 0 {
		return count(n)
	}
	return ""
}

// Outcome returns the main number of a run, in words; empty if it has none.
func (r *Run) Outcome() string {
	if s := scoredRuns([]named{{run: r}}); len(s) > 0 {
		return "F1 " + withSD(evaluate.SpreadOf(s[0].f1))
	}
	if p := r.probes(); p != nil {
		of := p.Series[0].Scores
		return "F1 " + percent(of[0].Mean) + " of the embeddings, " + percent(of[len(of)-1].Mean) + " of all layers"
	}
	if v, ok := r.heldOutLoss(); ok {
		return "held-out masked-LM loss " + value(v)
	}
	for _, k := range []struct{ key, name string }{{"mlm_loss", "masked-LM loss"}, {"loss", "loss"}} {
		if v, ok := r.last(k.key); ok {
			return k.name + " " + value(v)
		}
	}
	return ""
}

// time returns how long the run took, or has taken so far, in words.
func (r *Run) time() string {
	if t := r.seconds(); t > 0 {
		return duration(t)
	}
	return ""
}

func (r *Run) backend() string {
	if r.Result != nil && r.Result.Backend != "" {
		return r.Result.Backend
	}
	return r.Config.String("device.backend")
}
