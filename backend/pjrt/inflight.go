//go:build cgo

package pjrt

// #include <stdlib.h>
// #include "layer.h"
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// inFlight waits for executions in their starting order, on its own goroutine, and limits the number that run
// at the same time.
type inFlight struct {
	table   *table
	room    chan struct{}
	started chan []unsafe.Pointer // the events of one execution, one a device
	done    sync.WaitGroup

	mu  sync.Mutex
	err error // of the first execution that failed; stays
}

func newInFlight(t *table, n int) *inFlight {
	f := &inFlight{table: t, room: make(chan struct{}, n), started: make(chan []unsafe.Pointer, n)}
	go f.run()
	return f
}

func (f *inFlight) run() {
	for events := range f.started {
		if err := f.table.await(events); err != nil {
			f.mu.Lock()
			if f.err == nil {
				f.err = fmt.Errorf("an earlier execution failed: %w", err)
			}
			f.mu.Unlock()
		}
		<-f.room
		f.done.Done()
	}
}

// enter takes a place, and waits for one if necessary. It fails once an execution has failed.
func (f *inFlight) enter() error {
	f.room <- struct{}{}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		<-f.room
	}
	return f.err
}

// leave gives back the place of an execution that did not start.
func (f *inFlight) leave() { <-f.room }

// follow hands over the events of an execution that started.
func (f *inFlight) follow(events []unsafe.Pointer) {
	f.done.Add(1)
	f.started <- events
}

func (f *inFlight) wait() error {
	f.done.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// stop ends the goroutine; the client must not be used afterwards.
func (f *inFlight) stop() {
	f.done.Wait()
	close(f.started)
}

// await waits for events, destroys them and returns the first error.
func (t *table) await(events []unsafe.Pointer) error {
	var first error
	for _, event := range events {
		var args C.EventArgs
		args.size, args.event = C.sizeof_EventArgs, event
		err := t.call(C.EVENT_AWAIT, unsafe.Pointer(&args))
		if first == nil {
			first = err
		}
		var d C.EventArgs
		d.size, d.event = C.sizeof_EventArgs, event
		if err := t.call(C.EVENT_DESTROY, unsafe.Pointer(&d)); first == nil {
			first = err
		}
	}
	return first
}

// reaper destroys buffers on its own goroutine: in that call some plugins wait until nothing uses the buffer, and
// a host that runs ahead must not wait.
type reaper struct {
	table *table
	mu    sync.Mutex
	wake  sync.Cond
	queue []unsafe.Pointer
	busy  bool
	over  bool
}

func newReaper(t *table) *reaper {
	r := &reaper{table: t}
	r.wake.L = &r.mu
	go r.run()
	return r
}

func (r *reaper) add(buffer unsafe.Pointer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, buffer)
	r.wake.Broadcast()
}

func (r *reaper) run() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for len(r.queue) == 0 && !r.over {
			r.wake.Wait()
		}
		if len(r.queue) == 0 {
			return
		}
		batch := r.queue
		r.queue, r.busy = nil, true
		r.mu.Unlock()
		for _, b := range batch {
			// An error here only leaks one buffer, and no caller is left to receive it.
			_ = r.table.destroyBuffer(b)
		}
		r.mu.Lock()
		r.busy = false
		r.wake.Broadcast()
	}
}

// drain returns when every buffer handed over so far is gone.
func (r *reaper) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) > 0 || r.busy {
		r.wake.Wait()
	}
}

// stop drains and ends the goroutine.
func (r *reaper) stop() {
	r.drain()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.wake.Broadcast()
}

func (t *table) destroyBuffer(b unsafe.Pointer) error {
	var args C.ObjectArgs
	args.size, args.object = C.sizeof_ObjectArgs, b
	return t.call(C.BUFFER_DESTROY, unsafe.Pointer(&args))
}

// adjustReaper starts or stops the reaper. The reaper may run only while every client of the plugin runs ahead:
// other clients share memory with their buffers and free it when the destruction returns. The caller holds t.mu.
func (t *table) adjustReaper() {
	all := len(t.clients) > 0
	for _, c := range t.clients {
		all = all && c.ahead != nil
	}
	switch {
	case all && t.doomed == nil:
		t.doomed = newReaper(t)
	case !all && t.doomed != nil:
		t.doomed.stop()
		t.doomed = nil
	}
}
