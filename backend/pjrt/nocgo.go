//go:build !cgo

package pjrt

import "github.com/gomlx/compute"

// Linked reports whether this program can load plugins.
const Linked = false

// Client is an open plugin; there is none in a program without cgo.
type Client struct{}

// Open returns ErrNotLinked.
func Open(kind, path string, o Options) (*Client, error) { return nil, ErrNotLinked }

// Deviceless returns ErrNotLinked.
func Deviceless(kind string, n int, o Options) (*Client, error) { return nil, ErrNotLinked }

// Inspect returns ErrNotLinked.
func Inspect(path string) (Info, error) { return Info{}, ErrNotLinked }

// Backend is never called.
func (c *Client) Backend() compute.Backend { return nil }

// Platform is never called.
func (c *Client) Platform() string { return "" }

// Description is never called.
func (c *Client) Description() string { return "" }

// Programs is never called.
func (c *Client) Programs() []Program { return nil }

// Wait is never called.
func (c *Client) Wait() error { return ErrNotLinked }

// Close is never called.
func (c *Client) Close() error { return ErrNotLinked }

// CompileAhead returns ErrNotLinked.
func CompileAhead(path, topology, program, options string, settings map[string]string) (*Ahead, error) {
	return nil, ErrNotLinked
}
