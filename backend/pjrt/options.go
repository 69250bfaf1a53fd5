package pjrt

import (
	"errors"
	"log/slog"
)

// ErrNotLinked is returned by everything that would load a plugin in a program built without cgo.
var ErrNotLinked = errors.New("this program was built without cgo and contains only the Go backend")

// Options says how a client is created and which parts of the layer are on. With the zero value the plugin is
// called as go-xla would call it.
type Options struct {
	Devices int            // virtual devices of a CPU client; 0 is one
	Create  map[string]any // further create options of the plugin: string, int64, []int64, float32 or bool
	Log     *slog.Logger   // nil: nothing is logged
}

// Info is what a plugin says about itself before anything is created with it.
type Info struct {
	Major      int   `json:"major"`       // version of the PJRT C API
	Minor      int   `json:"minor"`       // likewise
	StructSize int64 `json:"struct_size"` // bytes of its table of functions
}
