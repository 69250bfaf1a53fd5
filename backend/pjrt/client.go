//go:build cgo

package pjrt

// #include "layer.h"
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	xlapjrt "github.com/gomlx/go-xla/pjrt"
)

// Client is an open plugin with its devices. Its methods may be called by several goroutines.
type Client struct {
	kind    string
	table   *table
	o       Options
	backend *xla.Backend
	c       unsafe.Pointer // PJRT_Client, as the plugin gave it

	platform, version string
	ahead             *inFlight // nil: executions are waited for
	refused           error     // why the plugin's client was rejected; go-xla only passes on the text

	mu       sync.Mutex
	programs []Program
	live     int  // executables not yet destroyed
	closed   bool // destroyed by its owner; the plugin's object goes with the last executable

	background *background // nil: compile is synchronous
}

// Open loads a plugin, once per process, and creates a client. The kind is "cpu", "cuda" or "tpu".
func Open(kind, path string, o Options) (*Client, error) {
	create := maps.Clone(o.Create)
	if create == nil {
		create = map[string]any{}
	}
	if kind == "cpu" {
		create["cpu_device_count"] = int64(max(o.Devices, 1))
	}
	return newClient(kind, path, create, o)
}

// deviceless is the path of the table that no file holds.
const deviceless = "(without devices)"

// Deviceless is a client for n imaginary devices of a kind. Graphs are built and compiled for them as for real
// ones, and their programs can be read; running one is an error. It needs no plugin. Only the options Donate and
// Log apply.
func Deviceless(kind string, n int, o Options) (*Client, error) {
	if n < 1 {
		return nil, fmt.Errorf("%d devices of kind %s, want at least 1", n, kind)
	}
	o.Cache, o.InFlight = nil, 0
	return newClient(kind, deviceless, map[string]any{"kind": kind, "count": int64(n)}, o)
}

func newClient(kind, path string, create map[string]any, o Options) (*Client, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Cache != nil && o.PluginHash == "" {
		return nil, errors.New("executables cannot be cached without the plugin's hash")
	}
	t, err := load(path)
	if err != nil {
		return nil, err
	}
	name, err := t.register(kind)
	if err != nil {
		return nil, err
	}
	c := &Client{kind: kind, table: t, o: o}
	if o.InFlight > 0 {
		c.ahead = newInFlight(t, o.InFlight)
		name += ",noshared_buffers" // a running execution reads memory that the host would write
	}
	if o.Background {
		c.background = newBackground()
	}
	process.opening.Lock()
	defer process.opening.Unlock()
	t.opening = c
	c.backend, err = xla.NewWithOptions(name, xlapjrt.NamedValuesMap(create))
	t.opening = nil
	if err = cmp.Or(c.refused, err); err != nil {
		if c.background != nil {
			c.background.stop()
		}
		return nil, err
	}
	return c, nil
}

// Backend is the client as a GoMLX backend.
func (c *Client) Backend() compute.Backend { return c.backend }

// Platform is the plugin's name for its kind of device.
func (c *Client) Platform() string { return c.platform }

// Description is one line about the plugin and its devices.
func (c *Client) Description() string {
	i := info(c.table.theirs)
	return fmt.Sprintf("%s %s, PJRT %d.%d, %d device(s)", c.platform, c.version, i.Major, i.Minor, c.backend.NumDevices())
}

// Programs lists what was compiled, oldest first.
func (c *Client) Programs() []Program {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.programs)
}

// Wait waits for all executions that have started, and returns the first error.
func (c *Client) Wait() error {
	if c.ahead == nil {
		return nil
	}
	return c.ahead.wait()
}

// Close waits for executions and destroys the client. Buffers and programs are invalid afterwards.
func (c *Client) Close() error {
	err := c.Wait()
	c.backend.Finalize()
	if c.o.AfterClose != nil {
		c.o.AfterClose()
	}
	return err
}

// created takes over the plugin's client after checking that it answers the calls that go-xla will make. It
// rejects a plugin that does not answer them, because go-xla would follow its null pointers.
func (t *table) created(c *Client, client unsafe.Pointer) error {
	if client == nil {
		return errors.New("the plugin returned no client")
	}
	c.c = client
	if err := c.introduce(); err != nil {
		var args C.ObjectArgs
		args.size, args.object = C.sizeof_ObjectArgs, client
		return errors.Join(err, t.call(C.CLIENT_DESTROY, unsafe.Pointer(&args)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients[client] = c
	t.adjustReaper()
	return nil
}

// introduce asks a new client for its platform and its devices.
func (c *Client) introduce() (err error) {
	if c.platform, err = c.table.text(C.CLIENT_PLATFORM_NAME, c.c, "platform name"); err != nil {
		return err
	}
	if c.version, err = c.table.text(C.CLIENT_PLATFORM_VERSION, c.c, "platform version"); err != nil {
		return err
	}
	var args C.ListArgs
	args.size, args.object = C.sizeof_ListArgs, c.c
	if err := c.table.call(C.CLIENT_ADDRESSABLE_DEVICES, unsafe.Pointer(&args)); err != nil {
		return fmt.Errorf("devices: %w", err)
	}
	if args.list == nil || args.count == 0 {
		return errors.New("the plugin found no device")
	}
	for i, device := range unsafe.Slice(args.list, args.count) {
		if err := c.table.checkDevice(device); err != nil {
			return fmt.Errorf("device %d: %w", i, err)
		}
	}
	return nil
}

func (t *table) checkDevice(device unsafe.Pointer) error {
	if device == nil {
		return errors.New("the plugin returned no device")
	}
	var id C.IntArgs
	id.size, id.object = C.sizeof_IntArgs, device
	if err := t.call(C.DEVICE_LOCAL_ID, unsafe.Pointer(&id)); err != nil {
		return fmt.Errorf("hardware id: %w", err)
	}
	var args C.PointerArgs
	args.size, args.object = C.sizeof_PointerArgs, device
	if err := t.call(C.DEVICE_DESCRIPTION, unsafe.Pointer(&args)); err != nil {
		return fmt.Errorf("description: %w", err)
	}
	if args.result == nil {
		return errors.New("the plugin returned no description")
	}
	_, err := t.text(C.DESCRIPTION_DEBUG_STRING, args.result, "description")
	return err
}

// text calls a function that answers with text about an object.
func (t *table) text(entry C.int, object unsafe.Pointer, what string) (string, error) {
	var args C.TextArgs
	args.size, args.object = C.sizeof_TextArgs, object
	if err := t.call(entry, unsafe.Pointer(&args)); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if args.text == nil {
		return "", fmt.Errorf("the plugin returned no %s", what)
	}
	return C.GoStringN(args.text, C.int(args.length)), nil
}

// destroy closes a client for its owner. Executables that the garbage collector has not yet freed need the
// plugin's object, which is destroyed with the last of them.
func (t *table) destroy(c *Client) error {
	if c.background != nil {
		c.background.stop()
	}
	if c.ahead != nil {
		c.ahead.stop()
	}
	t.mu.Lock()
	if t.doomed != nil {
		t.doomed.drain()
	}
	t.mu.Unlock()
	c.mu.Lock()
	c.closed = true
	last := c.live == 0
	c.mu.Unlock()
	if last {
		return t.release(c)
	}
	return nil
}

// release destroys the plugin's object.
func (t *table) release(c *Client) error {
	t.mu.Lock()
	delete(t.clients, c.c)
	t.adjustReaper()
	t.mu.Unlock()
	var args C.ObjectArgs
	args.size, args.object = C.sizeof_ObjectArgs, c.c
	return t.call(C.CLIENT_DESTROY, unsafe.Pointer(&args))
}

// client finds the client that a plugin's object belongs to.
func (t *table) client(c unsafe.Pointer) *Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clients[c]
}
