package pjrt

import (
	"errors"
	"fmt"
	"log/slog"
)

// ErrNotLinked is returned by every function that loads a plugin, in a program built without cgo.
var ErrNotLinked = errors.New("this program was built without cgo and contains only the Go backend")

// Options says how a client is created and which parts of the layer are on. With the zero value the plugin is
// called as go-xla would call it.
type Options struct {
	Devices int            // virtual devices of a CPU client; 0 is one
	Create  map[string]any // further create options of the plugin: string, int64, []int64, float32 or bool

	// Donate lets a program overwrite the old value of a variable with the new one, so that memory holds the state once.
	Donate bool

	// Cache keeps executables between runs; nil compiles every time. Besides the program, an executable depends on
	// the plugin, whose SHA-256 is PluginHash, and on what the compiler reads from the environment,
	// which the caller puts in CacheSalt.
	Cache      *Cache
	CacheSalt  string
	PluginHash string

	// Background compiles on goroutines, a few programs at a time and the oldest first. Calls that use a program wait
	// for it, and return the error of compiling it.
	Background bool

	// InFlight is the number of executions that may run before the host waits. With 0, each call waits for its
	// own execution. Otherwise a failed execution makes the next call and all later ones fail.
	InFlight int

	AfterClose func() // is called once the client is closed; may be nil

	Log *slog.Logger // nil: nothing is logged
}

// Info is a plugin's description of itself, which needs no client.
type Info struct {
	Major      int   `json:"major"`       // version of the PJRT C API
	Minor      int   `json:"minor"`       // likewise
	StructSize int64 `json:"struct_size"` // bytes of its table of functions
}

// Error is an error that a plugin reports.
type Error struct {
	Code int // of the PJRT interface, which are those of gRPC
	Text string
}

func (e *Error) Error() string { return e.Text }

// OutOfMemory reports whether the device has too little memory.
func (e *Error) OutOfMemory() bool {
	const resourceExhausted = 8
	return e.Code == resourceExhausted
}

// Memory is the memory that a program needs on each device according to the compiler, in bytes.
type Memory struct {
	Code        int64 // of the program itself
	Arguments   int64
	Outputs     int64
	Aliased     int64 // the part of Outputs that overwrites arguments
	Temporaries int64
	Peak        int64 // at the worst moment, where the plugin says; else 0
}

// Total is the memory needed, for plugins that do not report the peak.
func (m Memory) Total() int64 {
	return m.Code + m.Arguments + m.Outputs - m.Aliased + m.Temporaries
}

// String is for logs.
func (m Memory) String() string {
	return fmt.Sprintf("arguments %d, outputs %d, aliased %d, temporaries %d bytes", m.Arguments, m.Outputs, m.Aliased, m.Temporaries)
}
