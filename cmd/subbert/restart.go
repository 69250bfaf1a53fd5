package main

import (
	"os"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/internal/process"
)

// restart replaces the process by a new start of the program, once, if the Go backend needs a setting that Go's runtime
// reads only at the start. The new process finds the setting and does nothing here.
func restart() error {
	setting, wanted := backend.AddRuntimeSetting(os.Getenv("GODEBUG"))
	if !wanted {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv("GODEBUG", setting); err != nil {
		return err
	}
	return process.Become(self, os.Args, os.Environ())
}
