package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/internal/process"
)

// compilerMemory is what the child may allocate: twice what BERT-base takes. Beyond it the child fails, not the
// machine.
const compilerMemory = 16 << 30

// backendCompileCmd is the child process that compiles for devices that are not present; see backend.CompileAhead.
type backendCompileCmd struct{}

func (v *backendCompileCmd) Run(c *console) error {
	var r backend.AheadRequest
	if err := json.NewDecoder(c.in).Decode(&r); err != nil {
		return misused(fmt.Errorf("request on standard input: %w", err))
	}
	for name, value := range map[string]string{
		// Without it the TPU's library asks the metadata server which machine this is, and waits forever.
		"TPU_SKIP_MDS_QUERY": "1",
		// Without it the library takes a lock file in /tmp, because a TPU serves one process. Compiling uses no TPU.
		"ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
		"XLA_FLAGS":                  strings.TrimSpace(c.getenv("XLA_FLAGS") + " " + r.XLAFlags),
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if err := process.LimitMemory(compilerMemory); err != nil {
		return err
	}
	return c.printJSON(backend.CompileAheadHere(r))
}
