package main

import (
	"os"
	"strings"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/internal/process"
)

// restart starts the program again in this very process, once, where the Go backend wants a setting of Go's runtime, which
// reads it at the start and not later. The program that began so has nothing to do here.
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

// godebug returns the value of GODEBUG with a setting, and whether it is another one than before: who set it has his way.
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
