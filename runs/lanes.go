package runs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
)

// lanes are the devices that several runs share. Each run uses one device, because a run of this size does not fill
// several, so there are as many parallel runs as devices.
type lanes struct {
	handle *backend.Handle
	free   chan *backend.Handle
}

func openLanes(ctx context.Context, env Env, device configs.Device) (*lanes, error) {
	handle, err := env.Backend(ctx, device)
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

// each calls run for 0 to n-1, as many at once as there are devices, and returns the first error. It then cancels the
// context of the calls in progress and begins no others.
func (l *lanes) each(ctx context.Context, env Env, n int, name func(int) string, run func(context.Context, Env, int, *backend.Handle) error) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(l.handle.Devices)
	shared := &sync.Mutex{}
	for i := range n {
		mine := env
		if l.handle.Devices > 1 {
			mine = env.named(name(i), shared)
		}
		group.Go(func() error {
			one := <-l.free
			defer func() { l.free <- one }()
			if within.Err() != nil {
				return fmt.Errorf("%w: %d of %d runs have not started; --resume continues", ErrInterrupted, n-i, n)
			}
			again := *one // a run closes the handle it is given
			return run(within, mine, i, &again)
		})
	}
	return group.Wait()
}

// named returns e for one of several runs in parallel, with name before every line of notes and logs. Runs that share
// the lock write one line at a time.
func (e Env) named(name string, shared *sync.Mutex) Env {
	other := e
	other.Notes = &prefixed{to: e.Notes, prefix: name + ": ", lock: shared}
	other.Log = slog.New(e.Log.Handler().WithAttrs([]slog.Attr{slog.String("run", name)}))
	other.Progress = func(p Progress) {
		shared.Lock()
		defer shared.Unlock()
		e.Progress(p)
	}
	other.Counting = func(stage string, done, total int) {
		shared.Lock()
		defer shared.Unlock()
		e.Counting(name+": "+stage, done, total)
	}
	return other
}

// prefixed writes whole lines, each with a prefix. A last line without an end is not written.
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
