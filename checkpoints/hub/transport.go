package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/remote"
)

// puller is a connected client.
type puller struct {
	*Client
	http  *http.Client
	token string // empty: none is sent
	stall time.Duration
}

// connect checks the client's settings and prepares its requests.
func (c *Client) connect() (*puller, error) {
	p := &puller{Client: c, token: c.Token, stall: c.Stall, http: &http.Client{CheckRedirect: redirect, Transport: remote.NewTransport(connectLimit)}}
	if p.stall == 0 {
		p.stall = stallLimit
	}
	at, err := url.Parse(c.Endpoint)
	if err != nil || at.Host == "" || !isHTTP(at) {
		return nil, errors.New("the endpoint is not an address, want https://HOST")
	}
	if strings.ContainsFunc(p.token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the token contains spaces or other characters that tokens never contain")
	}
	if p.token != "" && at.Scheme == "http" && !local(at.Hostname()) {
		c.Log.Warn("the token is not sent over plain http; use an https endpoint", "host", at.Host)
		p.token = ""
	}
	return p, nil
}

// isHTTP reports whether an address has the scheme https or http.
func isHTTP(at *url.URL) bool { return at.Scheme == "https" || at.Scheme == "http" }

// local reports whether a host is this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// get opens address from byte from on. The status of the response is a success.
func (p *puller) get(ctx context.Context, address string, from int64) (io.ReadCloser, *http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, remote.WithoutAddress(err)
	}
	request.Header.Set("User-Agent", "subbert")
	request.Header.Set("Accept-Encoding", "identity") // sizes and hashes refer to the uncompressed file
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	response, err := remote.Do(p.http, request, p.stall)
	if err != nil {
		return nil, nil, &unreachableError{err}
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		defer response.Body.Close()
		return nil, nil, refused(response)
	}
	return response.Body, response, nil
}

// redirect removes the token from a request that is redirected to another host: the new address contains its own
// permission, and storage servers reject a second one.
func redirect(next *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return remote.Final(fmt.Errorf("more than %d redirects", maxRedirects))
	}
	if !isHTTP(next.URL) {
		return remote.Final(fmt.Errorf("the server redirects to the scheme %q, want https", next.URL.Scheme))
	}
	if next.URL.Host != before[0].URL.Host || next.URL.Scheme != before[0].URL.Scheme {
		next.Header.Del("Authorization")
	}
	return nil
}

// unreachableError is a failure of the connection or of the server; another attempt may succeed.
type unreachableError struct{ error }

func (e *unreachableError) Unwrap() error { return e.error }

// busyError is the answer of a busy server; a later attempt may succeed.
type busyError struct {
	status  int
	message string
	after   time.Duration
}

func (e *busyError) Error() string {
	return fmt.Sprintf("the server returned status %d: %s", e.status, e.message)
}
func (e *busyError) RetryAfter() time.Duration { return e.after }

// refused turns the response of a server that refuses a request into an error.
func refused(response *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes))
	if err != nil {
		return &unreachableError{err}
	}
	var said struct{ Error string }
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = response.Header.Get("X-Error-Message")
	}
	message := remote.Text(said.Error)
	if message == "" {
		message = http.StatusText(response.StatusCode)
	}
	if remote.PassingStatus(response.StatusCode) {
		return &unreachableError{&busyError{response.StatusCode, message, remote.RetryAfter(response.Header, time.Now())}}
	}
	return &RefusedError{Status: response.StatusCode, Code: response.Header.Get("X-Error-Code"), Message: message}
}

// persist repeats try after failures of the connection or the server; try reports its progress to the
// Tries.
func (p *puller) persist(ctx context.Context, try func(*remote.Tries) error) error {
	tries := &remote.Tries{Most: attempts, Pause: p.Pause, Reach: reachLimit, Told: func(attempt int, wait time.Duration, because error) {
		p.Log.Info("trying again", "attempt", attempt, "of", attempts, "in", wait.Round(time.Millisecond), "because", because)
	}}
	for {
		tries.Begin()
		err := try(tries)
		var unreachable *unreachableError
		if !errors.As(err, &unreachable) {
			return err
		}
		if err = tries.Again(ctx, err); err != nil {
			return err
		}
	}
}
