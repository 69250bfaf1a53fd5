package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// NewTransport returns a new transport that gives up connecting after limit.
func NewTransport(limit time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: limit, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = limit
	return t
}

// StallError says that a request was given up because neither it nor its answer made progress.
type StallError struct{ Limit time.Duration }

func (e *StallError) Error() string { return fmt.Sprintf("no data for %s", e.Limit) }

// Do sends request and returns the response, whatever its status. If no byte of the request or response is transferred
// for limit, it fails with a *StallError; closing the response's body ends the watch. Reading the request's body must
// not block. Errors do not name the address, which may contain a secret.
func Do(client *http.Client, request *http.Request, limit time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	w := &watch{above: request.Context(), ctx: ctx, limit: limit, cancel: cancel}
	w.timer = time.AfterFunc(limit, func() { cancel(&StallError{limit}) })
	request = request.WithContext(ctx)
	if request.Body != nil && request.Body != http.NoBody {
		request.Body = &watched{ReadCloser: request.Body, watch: w}
	}
	response, err := client.Do(request)
	if err != nil {
		err = w.explain(WithoutAddress(err))
		w.stop()
		return nil, err
	}
	response.Body = &watched{ReadCloser: response.Body, watch: w, answer: true}
	return response, nil
}

// watch cancels a stalled request.
type watch struct {
	above  context.Context // the caller's
	ctx    context.Context
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	once   sync.Once
}

func (w *watch) stop() {
	w.once.Do(func() {
		w.timer.Stop()
		w.cancel(nil)
	})
}

// explain replaces an error by its cause: the stall, or the end of the caller's context.
func (w *watch) explain(err error) error {
	var stalled *StallError
	switch {
	case err == nil, err == io.EOF:
		return err
	case w.above.Err() != nil:
		return w.above.Err()
	case errors.As(context.Cause(w.ctx), &stalled):
		return stalled
	}
	return err
}

// watched is a body under watch.
type watched struct {
	io.ReadCloser
	watch  *watch
	answer bool // it is the response's body, whose end ends the watch
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.timer.Reset(b.watch.limit)
	}
	return n, b.watch.explain(err)
}

func (b *watched) Close() error {
	if b.answer {
		b.watch.stop()
	}
	return b.ReadCloser.Close()
}
