package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/subbert/subbert/backend/pjrt"
)

// AheadRequest is a program to compile for devices that this machine need not have.
type AheadRequest struct {
	Plugin   string            `json:"plugin"`              // path
	Topology string            `json:"topology"`            // the plugin's name for the devices, such as v3:2x2x1
	Program  string            `json:"program"`             // StableHLO
	Options  []byte            `json:"options"`             // a serialized CompileOptionsProto
	Settings map[string]string `json:"settings,omitempty"`  // of the topology
	XLAFlags string            `json:"xla_flags,omitempty"` // added to those of the environment
}

// AheadReport is the compiler's answer to an AheadRequest.
type AheadReport struct {
	pjrt.Ahead
	Error       string `json:"error,omitempty"`
	OutOfMemory bool   `json:"out_of_memory,omitempty"` // the error is that the program does not fit
}

// CompileAhead compiles in a child process, which is started with command and reads the request from standard
// input: a compiler takes gigabytes of memory, and may end its process when it rejects a program. An error in the
// report comes from the compiler.
func CompileAhead(ctx context.Context, command []string, limit time.Duration, r AheadRequest) (AheadReport, error) {
	var report AheadReport
	if err := Inspect(r.Plugin); err != nil {
		return report, err
	}
	request, err := json.Marshal(r)
	if err != nil {
		return report, err
	}
	if err := runChildWith(ctx, limit, command, request, &report); err != nil {
		return report, fmt.Errorf("compile for %s: %w", r.Topology, err)
	}
	return report, nil
}

// CompileAheadHere is the child's side of CompileAhead.
func CompileAheadHere(r AheadRequest) AheadReport {
	a, err := pjrt.CompileAhead(r.Plugin, r.Topology, r.Program, string(r.Options), r.Settings)
	if err != nil {
		report := AheadReport{Error: err.Error()}
		if e, ok := errors.AsType[*pjrt.Error](err); ok {
			report.OutOfMemory = e.OutOfMemory()
		}
		return report
	}
	return AheadReport{Ahead: *a}
}
