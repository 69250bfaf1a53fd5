package backend

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/versions"
)

// AddEnvironment adds the plugins among the Python packages of the environment that the program at executable was
// installed into: ENVIRONMENT/bin/subbert with ENVIRONMENT/lib/python3.N/site-packages. They take precedence over those
// of the plugin directory, since a plugin installed beside the program is meant for it.
func (in *Installed) AddEnvironment(executable string) {
	if resolved, err := filepath.EvalSymlinks(executable); err == nil {
		executable = resolved
	}
	lib := filepath.Join(filepath.Dir(filepath.Dir(executable)), "lib")
	var found []Plugin
	for _, packages := range []string{"site-packages", "dist-packages"} {
		dirs, _ := filepath.Glob(filepath.Join(lib, "python3*", packages)) // the pattern is well formed
		for _, dir := range dirs {
			found = append(found, pluginsOf(dir)...)
		}
	}
	slices.SortStableFunc(found, func(a, b Plugin) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), versions.Compare(b.Version, a.Version))
	})
	in.Plugins = append(found, in.Plugins...)
}

// pluginsOf returns the plugins of the Python packages in dir: any version of the packages in Releases.
func pluginsOf(dir string) []Plugin {
	var found []Plugin
	for _, r := range Releases() {
		library := filepath.Join(dir, filepath.FromSlash(r.Library))
		info, err := os.Stat(library)
		if err != nil || slices.ContainsFunc(found, func(p Plugin) bool { return p.Path == library }) {
			continue
		}
		p := Plugin{Name: r.Name, Version: versionIn(dir, r.Wheels[0].Project), Path: library, Size: info.Size()}
		if data := filepath.Join(dir, filepath.FromSlash(r.Data)); r.Data != "" {
			if _, err := os.Stat(data); err == nil {
				p.Data = data
			}
		}
		found = append(found, p)
	}
	return found
}

// versionIn is the version of a Python package in dir, by the name of its metadata; "?" if there is none.
func versionIn(dir, project string) string {
	prefix := strings.ReplaceAll(project, "-", "_") + "-"
	entries, _ := filepath.Glob(filepath.Join(dir, prefix+"*.dist-info"))
	if len(entries) == 0 {
		return "?"
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(entries[len(entries)-1]), prefix), ".dist-info")
}
