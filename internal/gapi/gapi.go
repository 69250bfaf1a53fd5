// Package gapi asks Google's JSON APIs: a request with the machine's credentials, its answer, and errors in one line.
//
// Google's own clients for Go bring gRPC, OpenTelemetry and Envoy's types along, 400 packages; the few calls that this
// program makes of two APIs need none of them. Credentials are looked for and refreshed by Google's package auth, which is
// small by itself.
//
// Every request has bounds: a connection has to be there within 5 seconds, and while it is used a byte has to move once a
// minute. Redirects are not followed, so that tokens stay where they were meant to go.
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
	maxRefusal   = 64 << 10 // bytes of an answer that is no success
)

// Options says how an API is reached. The zero value is Google's own endpoint, with the machine's credentials.
type Options struct {
	Endpoint  string            // begins every address; no slash at its end
	Anonymous bool              // send no token
	Transport http.RoundTripper // nil: the network
}

// Client asks one API. It may be used from several goroutines.
type Client struct {
	endpoint string
	http     *http.Client
	tokens   *tokens // nil: none are sent
}

// Open prepares to ask the API at endpoint, unless o names another one, with tokens that allow what scope says and
// nothing else.
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

// Close ends connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is what an API is asked.
type Request struct {
	Method string
	Path   string // with its query, below the endpoint; or a whole address that the API gave
	Header http.Header
	Body   []byte
}

// Do makes one attempt at a request. The response is that of a success, or 308, which is how the store asks for the rest
// of an upload; its body is to be closed. Any other answer is an *Error.
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
	request.Header.Set("Accept-Encoding", "identity") // sizes and checksums are those of the contents
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
		return remote.Final(fmt.Errorf("an answer of more than %d bytes", maxAnswer))
	}
	if err := json.Unmarshal(text, out); err != nil {
		return remote.Final(fmt.Errorf("an answer that is not as it should be: %w", err))
	}
	return nil
}
