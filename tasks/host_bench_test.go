package tasks

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/subbert/subbert/trainer"
)

// clocked are batches that are ready at once, and when each was asked for.
type clocked struct {
	made
	asked []time.Time
}

func (c *clocked) From(step int) iter.Seq2[trainer.Batch, error] {
	ready := c.batch(step)
	return func(yield func(trainer.Batch, error) bool) {
		for more := true; more; {
			c.asked = append(c.asked, time.Now())
			more = yield(ready, nil)
		}
	}
}

// BenchmarkHost trains an encoder of 12 narrow layers, some 620 variables, on XLA:CPU with one device and with eight, and
// waits for its results at the end only. step-ms is what a step takes, its computation included, and call-ms how long it keeps
// the host. "waits" does so for every step, "ahead" by two is what the program does, and "far ahead" never waits: there
// call-ms is the host's own work.
func BenchmarkHost(b *testing.B) {
	const warm, steps = 3, 100
	for _, devices := range []int{1, 8} {
		for _, run := range []struct {
			name     string
			inFlight int
		}{{"waits", 0}, {"ahead", 2}, {"far ahead", 2 * steps}} {
			b.Run(fmt.Sprintf("devices=%d/%s", devices, run.name), func(b *testing.B) {
				task := nanoTask(nanoBatch)
				task.bert.NumHiddenLayers = 12
				batches := &clocked{made: made{task}}
				var calls, all time.Duration
				for b.Loop() {
					batches.asked = nil
					tr := trainerOf(b, openDevices(b, devices, run.inFlight).Backend(), task, devices, nanoBatch, warm+steps, warm+steps)
					tr.Recorder = seen{}
					if err := tr.Train(b.Context(), batches); err != nil {
						b.Fatal(err)
					}
					all += time.Since(batches.asked[warm])
					calls += batches.asked[warm+steps-1].Sub(batches.asked[warm])
				}
				perStep := func(d time.Duration, n int) float64 { return d.Seconds() * 1000 / float64(n*b.N) }
				b.ReportMetric(perStep(calls, steps-1), "call-ms")
				b.ReportMetric(perStep(all, steps), "step-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
