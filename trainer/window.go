package trainer

import (
	"fmt"
	"time"

	"github.com/subbert/subbert/trainer/metrics"
)

// window gathers the outcomes of the steps since the last report, on the device until they are read, and measures the
// time spent on waiting for input, on the compiled program and its transfers, and on the rest, which is the host's.
type window struct {
	t       *Trainer
	pending []outcome
	records [][]string
	tokens  int       // positions of the pending steps
	since   time.Time // of the window
	mark    time.Time // of the last lap

	input, compute time.Duration
}

func newWindow(t *Trainer) *window {
	w := &window{t: t}
	w.restart()
	return w
}

// restart excludes the time up to now, which was not spent on steps, from the next report's rates.
func (w *window) restart() {
	w.since = time.Now()
	w.mark = w.since
	w.input, w.compute = 0, 0
}

// lap is the time since the last lap.
func (w *window) lap() time.Duration {
	now := time.Now()
	d := now.Sub(w.mark)
	w.mark = now
	return d
}

func (w *window) add(out outcome, records []string, tokens int) {
	w.tokens += tokens
	w.pending = append(w.pending, out)
	w.records = append(w.records, records)
}

// read fetches the pending outcomes and makes one report of them: losses and observed values are means over the
// window's steps, learning rate and gradient norm those of its last step, times means per step.
func (w *window) read(names []string) ([]metrics.Value, error) {
	w.lap()
	sums := make([]float64, 1+len(names))
	var norm, skipped, zscore float64
	for i, out := range w.pending {
		means, n, made, err := out.fetch()
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", out.step, err)
		}
		if !made {
			if w.t.plan.Run.OnNonFinite != OnNonFiniteSkip {
				return nil, &NonFiniteError{Step: out.step, Loss: means[0], Norm: n, Records: w.records[i]}
			}
			skipped++
			continue
		}
		norm = n
		zscore = max(zscore, w.t.spike(out.step, means[0], w.records[i]))
		for j, m := range means {
			sums[j] += m
		}
	}
	w.compute += w.lap()
	count := float64(len(w.pending)) - skipped
	values := []metrics.Value{{Name: "loss", Value: sums[0] / count}}
	for i, name := range names {
		values = append(values, metrics.Value{Name: name, Value: sums[1+i] / count})
	}
	at := w.pending[len(w.pending)-1].step
	values = append(values,
		metrics.Value{Name: "learning_rate", Value: w.t.plan.Optimizer.LearningRate * w.t.plan.Schedule.Rate(at)},
		metrics.Value{Name: "grad_norm", Value: norm})
	values = append(values, w.rates()...)
	if w.t.plan.Run.SpikeZScore > 0 {
		values = append(values, metrics.Value{Name: "loss_zscore", Value: zscore})
	}
	if skipped > 0 {
		values = append(values, metrics.Value{Name: "skipped_updates", Value: skipped})
	}
	w.pending, w.records, w.tokens = w.pending[:0], w.records[:0], 0
	w.restart()
	return values, nil
}

// rates returns the speed of the window's steps and the shares of their time.
func (w *window) rates() []metrics.Value {
	plan, n := w.t.plan, float64(len(w.pending))
	var flops float64
	for _, out := range w.pending {
		flops += plan.At(out.step).FLOPs
	}
	all := time.Since(w.since)
	seconds := all.Seconds()
	values := []metrics.Value{
		{Name: "tokens_per_sec", Value: float64(w.tokens) / seconds},
		{Name: "seconds", Value: w.t.Seconds()},
		{Name: "tokens", Value: float64(w.t.tokens)},
		{Name: "input_seconds", Value: w.input.Seconds() / n},
		{Name: "compute_seconds", Value: w.compute.Seconds() / n},
		{Name: "host_seconds", Value: (all - w.input - w.compute).Seconds() / n},
	}
	if flops > 0 {
		values = append(values, metrics.Value{Name: "model_flops_per_sec", Value: flops / seconds})
		if plan.PeakFLOPs > 0 {
			values = append(values, metrics.Value{Name: "mfu", Value: flops / seconds / plan.PeakFLOPs})
		}
	}
	return values
}
