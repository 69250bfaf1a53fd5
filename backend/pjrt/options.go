package pjrt

import (
	"errors"
	"fmt"
	"log/slog"
)

// ErrNotLinked is returned by everything that would load a plugin in a program built without cgo.
var ErrNotLinked = errors.New("this program was built without cgo and contains only the Go backend")

// Options says how a client is created and which parts of the layer are on. With the zero value the plugin is
// called as go-xla would call it.
type Options struct {
	Devices int            // virtual devices of a CPU client; 0 is one
	Create  map[string]any // further create options of the plugin: string, int64, []int64, float32 or bool

	// Donate lets a program write the new value of a variable over the old one, so that the state is held once.
	Donate bool

	// Cache keeps executables between runs; nil compiles every time. Beside the program an executable depends on
	// the plugin's build, of which PluginHash is the SHA-256, and on what the compiler reads in the environment,
	// which the caller puts in CacheSalt.
	Cache      *Cache
	CacheSalt  string
	PluginHash string

	// Background compiles on goroutines, a few programs at a time and the oldest first. Who runs a program, or asks about
	// it, waits for it, and gets the error of compiling it.
	Background bool

	// InFlight is how many executions may be under way before the host waits. 0: each call waits for its own. An
	// execution that fails then makes the next call fail, and every one after it.
	InFlight int

	AfterClose func() // is called once the client is closed; may be nil

	Log *slog.Logger // nil: nothing is logged
}

// Info is what a plugin says about itself before anything is created with it.
type Info struct {
	Major      int   `json:"major"`       // version of the PJRT C API
	Minor      int   `json:"minor"`       // likewise
	StructSize int64 `json:"struct_size"` // bytes of its table of functions
}

// Error is what a plugin says went wrong.
type Error struct {
	Code int // of the PJRT interface, which are those of gRPC
	Text string
}

func (e *Error) Error() string { return e.Text }

// OutOfMemory says whether the device has too little memory for what was asked.
func (e *Error) OutOfMemory() bool {
	const resourceExhausted = 8
	return e.Code == resourceExhausted
}

// Memory is what the compiler says a program needs on each device, in bytes.
type Memory struct {
	Code        int64 // of the program itself
	Arguments   int64
	Outputs     int64
	Aliased     int64 // of Outputs: written over arguments
	Temporaries int64
	Peak        int64 // at the worst moment, where the plugin says; else 0
}

// Total is the memory needed, where the plugin does not know the peak.
func (m Memory) Total() int64 {
	return m.Code + m.Arguments + m.Outputs - m.Aliased + m.Temporaries
}

// String is for logs.
func (m Memory) String() string {
	return fmt.Sprintf("arguments %d, outputs %d, aliased %d, temporaries %d bytes", m.Arguments, m.Outputs, m.Aliased, m.Temporaries)
}
