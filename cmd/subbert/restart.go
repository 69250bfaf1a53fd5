package main

import (
	"os"
	"strings"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/internal/process"
)

// restart replaces the process by a new start of the program, once, if the Go backend needs a setting that Go's runtime
// reads only at the start. The new process finds the setting and does nothing here.
func restart() error {
	setting, wanted := godebug(os.Getenv("GODEBUG"), backend.RuntimeSetting())
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

// godebug returns the value of GODEBUG with a setting added, and whether it changed. A value that the user set stays.
func godebug(now, setting string) (string, bool) {
	name, _, _ := strings.Cut(setting, "=")
	for pair := range strings.SplitSeq(now, ",") {
		if key, _, _ := strings.Cut(pair, "="); key == name {
			return now, false
		}
	}
	if setting == "" {
		return now, false
	}
	return strings.TrimPrefix(now+","+setting, ","), true
}
