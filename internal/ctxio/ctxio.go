// Package ctxio makes reading and writing end with a context, even if a read waits for another process, and reports
// how much was read.
package ctxio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Reader returns a reader of r whose Read fails with the error of ctx after ctx ends. tell, if not nil, is called with the
// number of bytes of every Read.
func Reader(ctx context.Context, r io.Reader, tell func(n int)) io.Reader {
	return &reader{ctx, r, tell}
}

type reader struct {
	ctx  context.Context
	r    io.Reader
	tell func(n int)
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, r.ctx.Err()
	}
	n, err := r.r.Read(p)
	if r.tell != nil {
		r.tell(n)
	}
	return n, err
}

// Waiting is Reader for an r, such as a pipe or a terminal, whose Read may wait for long: it returns when ctx ends, and
// leaves the waiting goroutine behind. The caller must not use r directly.
func Waiting(ctx context.Context, r io.Reader, tell func(n int)) io.Reader {
	return &waiting{reader: reader{ctx, r, tell}, free: make([]byte, 64<<10), done: make(chan chunk, 1)}
}

type waiting struct {
	reader
	free []byte // to read into; nil during a read
	rest []byte // that was read and not handed over
	err  error  // that follows rest
	done chan chunk
}

// chunk is what a read of the underlying reader came to.
type chunk struct {
	buffer []byte
	n      int
	err    error
}

func (w *waiting) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.ctx.Err() != nil {
		return 0, w.ctx.Err()
	}
	if len(w.rest) == 0 && w.err == nil {
		if buffer := w.free; buffer != nil {
			w.free = nil
			go func() {
				n, err := w.r.Read(buffer)
				w.done <- chunk{buffer, n, err}
			}()
		}
		select {
		case <-w.ctx.Done():
			return 0, w.ctx.Err()
		case c := <-w.done:
			w.free, w.rest, w.err = c.buffer, c.buffer[:c.n], c.err
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	if w.tell != nil {
		w.tell(n)
	}
	if len(w.rest) > 0 {
		return n, nil
	}
	return n, w.err
}

// Open opens the file called name. Opening it, where it is a pipe that nobody writes to, and reading it fail with the error
// of ctx after ctx ends. tell is as in Reader.
func Open(ctx context.Context, name string, tell func(n int)) (fs.File, error) {
	return open(ctx, func() (fs.File, error) { return os.Open(name) }, tell)
}

// ReadFile reads the file called name, which it opens with Open.
func ReadFile(ctx context.Context, name string) ([]byte, error) {
	f, err := Open(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	return io.ReadAll(f)
}

// OpenIn is Open of a file in fsys.
func OpenIn(ctx context.Context, fsys fs.FS, name string, tell func(n int)) (fs.File, error) {
	return open(ctx, func() (fs.File, error) { return fsys.Open(name) }, tell)
}

// file is an open file with another Read.
type file struct {
	fs.File
	r io.Reader
}

func (f *file) Read(p []byte) (int, error) { return f.r.Read(p) }

func open(ctx context.Context, open func() (fs.File, error), tell func(n int)) (fs.File, error) {
	f, err := wait(ctx, open)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if info.Mode().IsRegular() {
		return &file{f, Reader(ctx, f, tell)}, nil
	}
	return &file{f, Waiting(ctx, f, tell)}, nil
}

// wait is what open returns, or the error of ctx when that ends first.
func wait[F any](ctx context.Context, open func() (F, error)) (f F, err error) {
	if ctx.Err() != nil {
		return f, ctx.Err()
	}
	type opened struct {
		file F
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := open()
		done <- opened{f, err}
	}()
	select {
	case <-ctx.Done():
		return f, ctx.Err()
	case o := <-done:
		return o.file, o.err
	}
}

// OpenWriter returns what open returns, such as a pipe that nobody reads. Opening and writing fail with the error of ctx
// after ctx ends, even while they wait.
func OpenWriter(ctx context.Context, open func() (*os.File, error)) (io.WriteCloser, error) {
	f, err := wait(ctx, open)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Writer
		io.Closer
	}{newWriter(ctx, f, 0), f}, nil
}

// ErrUnread says that the reader of an output stopped to read before ctx ended.
var ErrUnread = errors.New("nobody reads the output")

// Writer returns a writer of w, such as standard output, that waits for a reader of w no longer than grace after ctx ends.
// A Write that waited longer, and all after it, fail with ErrUnread and the error of ctx, and its goroutine is left
// behind. It is safe for concurrent use if w is.
func Writer(ctx context.Context, w io.Writer, grace time.Duration) io.Writer {
	return newWriter(ctx, w, grace)
}

func newWriter(ctx context.Context, w io.Writer, grace time.Duration) *writer {
	return &writer{ctx: ctx, w: w, grace: grace, done: make(chan wrote, 1)}
}

// writer writes in another goroutine.
type writer struct {
	ctx    context.Context
	w      io.Writer
	grace  time.Duration
	lock   sync.Mutex // protects the fields below
	buffer []byte     // that is written
	left   bool       // a goroutine still writes it
	done   chan wrote
}

// wrote is what a write came to.
type wrote struct {
	n   int
	err error
}

// Unwrap returns the writer below w.
func (w *writer) Unwrap() io.Writer { return w.w }

func (w *writer) Write(p []byte) (int, error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if err := w.ctx.Err(); err != nil && (w.left || w.grace == 0) {
		return 0, fmt.Errorf("%w: %w", ErrUnread, err)
	}
	w.buffer = append(w.buffer[:0], p...) // p is the caller's again when ctx ends
	go func() {
		n, err := w.w.Write(w.buffer)
		w.done <- wrote{n, err}
	}()
	select {
	case d := <-w.done:
		return d.n, d.err
	case <-w.ctx.Done():
	}
	select {
	case d := <-w.done:
		return d.n, d.err
	case <-time.After(w.grace):
		w.left = true
		return 0, fmt.Errorf("%w: %w", ErrUnread, w.ctx.Err())
	}
}
