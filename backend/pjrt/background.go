package pjrt

import "sync"

// background runs functions on its own goroutines, the oldest first.
type background struct {
	queue   chan func(stopped bool)
	workers sync.WaitGroup
	once    sync.Once
	over    chan struct{}
}

// compilers is the number of programs that are compiled at a time. A compiler uses several cores only for a part of
// its work.
const compilers = 2

func newBackground() *background {
	b := &background{queue: make(chan func(bool), 64), over: make(chan struct{})}
	for range compilers {
		b.workers.Go(b.work)
	}
	return b
}

// add queues f. Its argument says whether b was stopped before f ran. add must not be called after stop.
func (b *background) add(f func(stopped bool)) { b.queue <- f }

func (b *background) work() {
	for f := range b.queue {
		select {
		case <-b.over:
			f(true)
		default:
			f(false)
		}
	}
}

// stop waits for running functions, and calls the queued ones with stopped true.
func (b *background) stop() {
	b.once.Do(func() {
		close(b.over)
		close(b.queue)
	})
	b.workers.Wait()
}
