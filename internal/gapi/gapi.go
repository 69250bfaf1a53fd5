// Package gapi is a client of Google's JSON APIs: it sends requests with the machine's credentials, decodes answers,
// and returns errors of one line.
//
// Google's own clients for Go depend on gRPC, OpenTelemetry and Envoy's types, 400 packages; this program's few calls
// of two APIs need none of them. Google's package auth, which is small, finds and refreshes credentials.
//
// Every request has bounds: it must connect within 5 seconds, and then transfer at least a byte a minute. Redirects are
// not followed, so that tokens never reach another server.
package gapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/remote"
)

const (
	connectLimit = 5 * time.Second
	stallLimit   = time.Minute
	maxAnswer    = 64 << 20 // bytes of JSON
	maxRefusal   = 64 << 10 // bytes of an answer other than success
)

// Options says how to reach an API. The zero value is Google's own endpoint, with the machine's credentials.
type Options struct {
	Endpoint  string            // begins every address; no slash at its end
	Anonymous bool              // send no token
	Transport http.RoundTripper // nil: the network
}

// Client is a client of one API. Several goroutines may use it.
type Client struct {
	endpoint string
	http     *http.Client
	tokens   *tokens // nil: none are sent
}

// Open prepares a client of the API at endpoint, unless o names another one, with tokens limited to scope.
func Open(ctx context.Context, endpoint, scope string, o Options) (*Client, error) {
	if o.Endpoint != "" {
		endpoint = o.Endpoint
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	c := &Client{endpoint: strings.TrimRight(endpoint, "/"), http: &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if o.Anonymous {
		return c, nil
	}
	var err error
	c.tokens, err = findTokens(ctx, scope)
	return c, err
}

func newTransport() *http.Transport {
	t := remote.NewTransport(connectLimit)
	t.MaxIdleConnsPerHost = 16
	return t
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is a request to an API.
type Request struct {
	Method string
	Path   string // below the endpoint, with its query; or a whole address that the API returned
	Header http.Header
	Body   []byte
}

// Do makes one attempt at a request. The response is a success, or 308, by which the store asks for the rest of an
// upload; the caller must close its body. Any other answer is an *Error.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	request, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	response, err := remote.Do(c.http, request, stallLimit)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 == 2 || response.StatusCode == http.StatusPermanentRedirect {
		return response, nil
	}
	defer response.Body.Close()
	return nil, refusal(response)
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	address := r.Path
	if strings.HasPrefix(address, "/") {
		address = c.endpoint + address
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, address, body)
	if err != nil {
		return nil, remote.Final(remote.WithoutAddress(err))
	}
	for name, values := range r.Header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", "subbert")
	request.Header.Set("Accept-Encoding", "identity") // sizes and checksums refer to the uncompressed contents
	if c.tokens != nil {
		if err := c.tokens.sign(ctx, request); err != nil {
			return nil, err
		}
	}
	return request, nil
}

// JSON makes one attempt at a request with in as its body, unless it is nil, and decodes the answer into out, unless that
// is nil.
func (c *Client) JSON(ctx context.Context, method, path string, in, out any) error {
	r := Request{Method: method, Path: path, Header: http.Header{}}
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return remote.Final(err)
		}
		r.Body = text
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.Do(ctx, r)
	if err != nil {
		return err
	}
	return Decode(response, out)
}

// Decode reads the JSON of a response into out, unless that is nil, and closes its body.
func Decode(response *http.Response, out any) (err error) {
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil || out == nil {
		return err
	}
	if len(text) > maxAnswer {
		return remote.Final(fmt.Errorf("response of more than %d bytes", maxAnswer))
	}
	if err := json.Unmarshal(text, out); err != nil {
		return remote.Final(fmt.Errorf("malformed response: %w", err))
	}
	return nil
}
