package tasks

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/subbert/subbert/trainer"
)

// TestAhead checks that results are in order for any number of workers, and that no job runs after the consumer stops.
func TestAhead(t *testing.T) {
	for _, workers := range []int{1, 2, 5} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			var running, most atomic.Int32
			jobs := func(yield func(func() (trainer.Batch, error)) bool) {
				for i := 0; ; i++ {
					if !yield(func() (trainer.Batch, error) {
						now := running.Add(1)
						defer running.Add(-1)
						most.Store(max(most.Load(), now))
						time.Sleep(time.Duration(i%3) * time.Millisecond)
						return trainer.Batch{Tokens: i}, nil
					}) {
						return
					}
				}
			}
			next := 0
			for batch, err := range Ahead(workers, jobs) {
				if err != nil || batch.Tokens != next {
					t.Fatalf("got batch %d (%v), want %d", batch.Tokens, err, next)
				}
				if next++; next == 20 {
					break
				}
			}
			if n := running.Load(); n != 0 {
				t.Errorf("%d jobs run after the sequence ended", n)
			}
			if n := most.Load(); int(n) > workers {
				t.Errorf("%d jobs ran at once, want at most %d", n, workers)
			}
		})
	}
}
