package tasks

import (
	"context"
	"iter"
	"sync"
)

// Ahead runs the jobs that produce yields on workers goroutines, a few ahead of the consumer, and yields their results in
// order. An error ends the sequence. When the sequence ends, all jobs have finished, so that the caller may close the
// files that they read.
func Ahead[T any](workers int, produce iter.Seq[func() (T, error)]) iter.Seq2[T, error] {
	type result struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		var running sync.WaitGroup
		defer running.Wait()
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		queue := make(chan chan result, 2*workers) // results in order; the capacity bounds how far ahead jobs run
		slots := make(chan struct{}, workers)
		running.Go(func() {
			defer close(queue)
			for job := range produce {
				done := make(chan result, 1)
				if !send(ctx, slots, struct{}{}) || !send(ctx, queue, done) {
					return
				}
				running.Go(func() {
					value, err := job()
					<-slots
					done <- result{value, err}
				})
			}
		})
		for done := range queue {
			r := <-done
			if !yield(r.value, r.err) || r.err != nil {
				return
			}
		}
	}
}

// send sends v unless ctx ends first.
func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}
