// Package plugintest finds the installed plugins for tests, which skip without them.
package plugintest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/subbert/subbert/internal/versions"
)

// Dir is the directory of installed plugins; empty if there is none.
func Dir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "subbert", "plugins")
}

// Find is the shared library of the newest installed plugin of a name (cpu, cuda or tpu), which commands use;
// empty if there is none.
func Find(name string) string {
	manifests, err := filepath.Glob(filepath.Join(Dir(), name, "[^.]*", "plugin.json"))
	if err != nil || len(manifests) == 0 {
		return ""
	}
	version := func(manifest string) string { return filepath.Base(filepath.Dir(manifest)) }
	newest := slices.MaxFunc(manifests, func(a, b string) int { return versions.Compare(version(a), version(b)) })
	var plugin struct {
		Path string `json:"path"` // relative to the manifest
	}
	text, err := os.ReadFile(newest)
	if err != nil || json.Unmarshal(text, &plugin) != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(newest), plugin.Path)
}

// Need is Find; it skips the test if the plugin is not installed.
func Need(t testing.TB, name string) string {
	t.Helper()
	path := Find(name)
	if path == "" {
		t.Skipf("the plugin %s is not installed: subbert backend install %[1]s", name)
	}
	return path
}
