package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gomlx/compute"

	"github.com/subbert/subbert/backend/pjrt"
)

// linked reports whether this program can load plugins.
const linked = pjrt.Linked

// Options are the settings of Open beside the choice. The zero value opens a plugin without a probe and without any
// part of the layer.
type Options struct {
	// Probe is the command that loads a plugin in a child process; the path is appended. Empty: no probe.
	Probe []string
	// Layer says which parts of the layer between GoMLX and the plugin are on. The number of devices is the
	// choice's; the hash of the plugin is taken here where it is needed.
	Layer pjrt.Options
	// Log receives notes that need no action. Nil: none are logged.
	Log *slog.Logger
}

// Handle is an open backend.
type Handle struct {
	Backend     compute.Backend
	Name        string // Go, CPU, CUDA or TPU
	Platform    string // the backend's own name: "go", or the plugin's platform name
	Description string // one line: version, devices, anything worth knowing
	Devices     int
	Client      *pjrt.Client // programs, memory and cost of compiled graphs; nil for the Go backend

	shared bool // made by On: Close does not close the backend
}

// Open opens the chosen backend. An error caused by the choice (a missing, broken or foreign plugin) is one
// line; the process survives whatever the plugin does during the probe.
func Open(ctx context.Context, c Choice, o Options) (*Handle, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if c.Name == Go {
		b, description, err := openGo()
		if err != nil {
			return nil, err
		}
		return &Handle{Backend: b, Name: Go, Platform: Go, Description: description, Devices: b.NumDevices()}, nil
	}
	if !linked {
		return nil, fmt.Errorf("backend %s: %w", c.Name, pjrt.ErrNotLinked)
	}
	if c.Plugin == "" {
		return nil, fmt.Errorf("backend %s: no plugin chosen", c.Name)
	}
	if c.Absent {
		return nil, &AbsentError{Name: c.Name}
	}
	if err := Inspect(c.Plugin); err != nil {
		return nil, err
	}
	if len(o.Probe) > 0 {
		if _, err := Probe(ctx, o.Probe, c.Plugin); err != nil {
			return nil, err
		}
	}
	layer := o.Layer
	if c.Devices > 0 {
		layer.Devices = c.Devices
	}
	layer.Log = o.Log
	if layer.Cache != nil && layer.PluginHash == "" {
		hash, _, err := hashFile(ctx, c.Plugin)
		if err != nil {
			return nil, fmt.Errorf("backend %s: %w", c.Name, err)
		}
		layer.PluginHash = hash
	}
	client, err := pjrt.Open(c.Name, c.Plugin, layer)
	if err != nil {
		return nil, fmt.Errorf("backend %s: %s: %w", c.Name, c.Plugin, err)
	}
	b := client.Backend()
	return &Handle{
		Backend: b, Name: c.Name, Platform: client.Platform(), Description: client.Description(),
		Devices: b.NumDevices(), Client: client,
	}, nil
}

// ShapeCost is the cost of making a graph for another shape, by layer of a training step: the number of floating point operations
// that the device does in that time. XLA compiles a layer for the processor in 0.35 s of two cores in float32 and in 0.46 s in
// bfloat16, whose greater cost is taken for both (docs/performance.md). For GPUs and TPUs it is an estimate, 4 s at 50 T operations
// a second: nothing has run there.
func (h *Handle) ShapeCost() float64 {
	switch h.Name {
	case Go:
		return 2e8 // it builds the graph, and computes it as it is
	case CPU:
		return 1.8e11
	}
	return 2e14
}

// Close releases the backend. Everything made with it is invalid afterwards.
func (h *Handle) Close() error {
	if h == nil || h.Backend == nil {
		return errors.New("backend: closed twice")
	}
	if h.shared {
		h.Backend = nil
		return nil
	}
	var err error
	if h.Client != nil {
		err = h.Client.Close()
	} else {
		h.Backend.Finalize()
	}
	h.Backend = nil
	return err
}
