package pjrt

import (
	"errors"
	"time"
)

// Program is one compiled graph, as it was when Client.Programs was called.
type Program struct {
	Name      string        // of the graph
	Text      string        // StableHLO, as go-xla wrote it
	Submitted string        // the compiler's input: Text with arguments marked as donated
	Options   string        // the serialized CompileOptionsProto, as go-xla wrote it
	Donated   []string      // the variables marked in Submitted
	Cached    bool          // read back from the cache instead of compiled
	Took      time.Duration // compiling, or reading back

	compiled compiled // nil in a program built without cgo
}

// compiled is the plugin's side of a program.
type compiled interface {
	memory() (Memory, error)
	cost() (map[string]float64, error)
	optimized() ([]byte, string, error)
}

// ErrDestroyed is returned for a program whose executable is gone.
var ErrDestroyed = errors.New("the executable was destroyed")

// Memory is what the program needs on each device.
func (p Program) Memory() (Memory, error) { return p.compiled.memory() }

// Cost is the plugin's own analysis, such as "flops" and "bytes accessed"; the names depend on the plugin.
func (p Program) Cost() (map[string]float64, error) { return p.compiled.cost() }

// Optimized is the program as the compiler left it, and the name of its format.
func (p Program) Optimized() (code []byte, format string, err error) { return p.compiled.optimized() }

// Ahead is a compiler's description of a program for devices that this machine need not have. Figures that the
// plugin does not know are nil.
type Ahead struct {
	Devices   int                `json:"devices"` // of the topology
	Memory    *Memory            `json:"memory,omitempty"`
	Cost      map[string]float64 `json:"cost,omitempty"`
	Optimized []byte             `json:"optimized,omitempty"`
	Format    string             `json:"format,omitempty"` // of Optimized
	Took      time.Duration      `json:"took"`
}
