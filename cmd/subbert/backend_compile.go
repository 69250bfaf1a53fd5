package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/subbert/subbert/backend"
)

// backendCompileCmd is the child process that compiles for devices that are not here; see backend.CompileAhead.
type backendCompileCmd struct{}

func (v *backendCompileCmd) Run(c *console) error {
	// Without it the TPU's library asks the metadata server which machine this is, and waits for ever.
	if err := os.Setenv("TPU_SKIP_MDS_QUERY", "1"); err != nil {
		return err
	}
	var r backend.AheadRequest
	if err := json.NewDecoder(c.in).Decode(&r); err != nil {
		return misused(fmt.Errorf("request on standard input: %w", err))
	}
	return c.printJSON(backend.CompileAheadHere(r))
}
