//go:build cgo

package pjrt

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	xlapjrt "github.com/gomlx/go-xla/pjrt"
)

// Linked says whether this program can load plugins.
const Linked = true

// Client is an open plugin with its devices.
type Client struct {
	backend *xla.Backend
	kind    string
}

// Open loads a plugin, once per process, and creates a client. The kind is "cpu", "cuda" or "tpu".
func Open(kind, path string, o Options) (*Client, error) {
	create := xlapjrt.NamedValuesMap{}
	for k, v := range o.Create {
		create[k] = v
	}
	if kind == "cpu" {
		create["cpu_device_count"] = int64(max(o.Devices, 1))
	}
	b, err := xla.NewWithOptions(path, create)
	if err != nil {
		return nil, err
	}
	return &Client{backend: b, kind: kind}, nil
}

// Inspect loads a plugin into this process and reads its table.
func Inspect(path string) (Info, error) {
	p, err := xlapjrt.GetPlugin(path)
	if err != nil {
		return Info{}, err
	}
	var info Info
	info.Major, info.Minor = p.Version()
	return info, nil
}

// Backend is what GoMLX computes with.
func (c *Client) Backend() compute.Backend { return c.backend }

// Platform is the kind of device.
func (c *Client) Platform() string { return c.kind }

// Description is one line about the plugin and its devices.
func (c *Client) Description() string {
	return fmt.Sprintf("%s, %d device(s)", c.backend.Description(), c.backend.NumDevices())
}

// Close destroys the client.
func (c *Client) Close() error {
	c.backend.Finalize()
	return nil
}
