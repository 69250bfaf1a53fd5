package tasks

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkHost is what the host does around a step: 12 layers so narrow that there is next to nothing to compute, whose
// 208 parameters and their moments go in and out as 624 buffers, on one and on eight virtual devices, with the host
// waiting for each step (0 in flight) or going on. Its "devices" are threads of the same processor, so that what is saved
// by going on is the waiting alone.
func BenchmarkHost(b *testing.B) {
	const steps = 100
	for _, devices := range []int{1, 8} {
		for _, inFlight := range []int{0, 4} {
			b.Run(fmt.Sprintf("devices %d, in flight %d", devices, inFlight), func(b *testing.B) {
				client, task := openAhead(b, devices, inFlight), nanoLayers(nanoBatch, 12)
				for b.Loop() {
					b.StopTimer()
					tr := trainerOf(b, client.Backend(), task, devices, nanoBatch, steps, steps)
					if err := tr.Compile(); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					start := time.Now()
					if err := tr.Train(b.Context(), made{task}); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(time.Since(start).Microseconds())/1000/steps, "ms/step")
				}
			})
		}
	}
}
