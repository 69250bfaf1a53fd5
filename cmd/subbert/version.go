package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/subbert/subbert/backend/pjrt"
)

// release is the version of a release build; empty in other builds. The linker sets it.
var release string

// versionText returns the version, the commit, the version of Go and the backends that this program can use.
func versionText() string {
	version, commit := release, "unknown"
	var experiments, modified string
	if info, ok := debug.ReadBuildInfo(); ok {
		version = cmp.Or(version, info.Main.Version)
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = ", modified"
			}
		}
	}
	if strings.Contains(runtime.Version(), "simd") {
		experiments = " with vector instructions"
	}
	plugins := "; cpu, cuda, tpu where their plugins are installed (subbert backend list)"
	if !pjrt.Linked {
		plugins = "; no plugins, since it was built without cgo"
	}
	return fmt.Sprintf("subbert %s\ncommit %s%s\n%s %s/%s\nbackends: go%s%s\n",
		cmp.Or(version, "(devel)"), commit, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH, experiments, plugins)
}
