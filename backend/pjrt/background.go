package pjrt

import "sync"

// background does what it is given on goroutines of its own, the oldest first.
type background struct {
	queue   chan func(stopped bool)
	workers sync.WaitGroup
	once    sync.Once
	over    chan struct{}
}

// compilers is how many programs are compiled at a time. A compiler uses several cores for a part of its work alone.
const compilers = 2

func newBackground() *background {
	b := &background{queue: make(chan func(bool), 64), over: make(chan struct{})}
	for range compilers {
		b.workers.Go(b.work)
	}
	return b
}

// add has f called; whether it was stopped by then, it is told. After stop it must not be called.
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

// stop waits for what is being done and has the rest left out.
func (b *background) stop() {
	b.once.Do(func() {
		close(b.over)
		close(b.queue)
	})
	b.workers.Wait()
}
