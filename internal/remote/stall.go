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

// NewTransport is a transport of its own that gives up a connection that is not there within limit.
func NewTransport(limit time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: limit, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = limit
	return t
}

// StallError says that a request was given up because no byte of it or of its answer moved.
type StallError struct{ Limit time.Duration }

func (e *StallError) Error() string { return fmt.Sprintf("nothing came for %s", e.Limit) }

// Do sends request and returns the response, whatever its status. A request or response of which no byte moves for limit
// ends with *StallError; the watch over the response ends when its body is closed. Reading the
// request's body must not block. Errors do not name the address, which may hold a secret.
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

// watch cancels a request that has stopped moving.
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

// explain puts the stall, or the end of the caller's context, in the place of the error that it led to.
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
	answer bool // the response's body, with which the watch ends
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
