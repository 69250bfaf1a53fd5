package main

import (
	"bytes"
	"context"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
)

// lanes are the devices that the runs of a cell share: each run has one of them to itself. A run of such a size is
// far from filling several, and as many runs as there are devices go on at once.
type lanes struct {
	handle *backend.Handle
	free   chan *backend.Handle
}

func openLanes(c *console, device configs.Device) (*lanes, error) {
	handle, err := openBackend(c, device)
	if err != nil {
		return nil, err
	}
	l := &lanes{handle: handle, free: make(chan *backend.Handle, handle.Devices)}
	for d := range handle.Devices {
		one, err := handle.On(d)
		if err != nil {
			return nil, err
		}
		l.free <- one
	}
	return l, nil
}

func (l *lanes) close() error { return l.handle.Close() }

// each calls run for 0 to n-1, as many at once as there are devices, and returns the first error; the calls that are
// under way then are told to stop, through the context of the console they were given.
func (l *lanes) each(c *console, n int, name func(int) string, run func(*console, int, *backend.Handle) error) error {
	group, ctx := errgroup.WithContext(c.ctx)
	group.SetLimit(l.handle.Devices)
	shared := &sync.Mutex{}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		on := c.within(ctx)
		if l.handle.Devices > 1 {
			on = on.named(name(i), shared)
		}
		group.Go(func() error {
			one := <-l.free
			defer func() { l.free <- one }()
			again := *one // a run closes what it is given
			return run(on, i, &again)
		})
	}
	return group.Wait()
}

// within is c with another context.
func (c *console) within(ctx context.Context) *console {
	other := *c
	other.ctx = ctx
	return &other
}

// named is c with that name before every line of progress and logs. Those who share the lock take turns by lines.
func (c *console) named(name string, shared *sync.Mutex) *console {
	other := *c
	other.err = &prefixed{to: c.err, prefix: name + ": ", lock: shared}
	other.log = newLog(other.err, c.quiet)
	return &other
}

// prefixed writes whole lines, each with a prefix. What is left of the last stays unwritten.
type prefixed struct {
	to     io.Writer
	prefix string
	lock   *sync.Mutex
	rest   []byte
}

func (p *prefixed) Write(b []byte) (int, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.rest = append(p.rest, b...)
	for {
		end := bytes.IndexByte(p.rest, '\n')
		if end < 0 {
			return len(b), nil
		}
		if _, err := p.to.Write(append([]byte(p.prefix), p.rest[:end+1]...)); err != nil {
			return 0, err
		}
		p.rest = p.rest[end+1:]
	}
}
