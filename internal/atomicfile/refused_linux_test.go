package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/subbert/subbert/internal/filetest"
)

// TestRefused: what cannot be written is an error of one line that names the path as it was given.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		setUp func(t *testing.T, dir string)
		path  string
		want  string
	}{
		{"a directory", func(t *testing.T, dir string) { hold(t, dir+"/out/file", "") }, "out", "out: is a directory"},
		{"a file that is not to be written", func(t *testing.T, dir string) {
			hold(t, dir+"/out", "before")
			chmod(t, dir+"/out", 0o444)
		}, "out", "out: permission denied"},
		{"behind a link", func(t *testing.T, dir string) {
			hold(t, dir+"/file", "before")
			chmod(t, dir+"/file", 0o444)
			link(t, "file", dir+"/out")
		}, "out", "out: permission denied"},
		{"in a directory that is not to be written", func(t *testing.T, dir string) {
			hold(t, dir+"/closed/other", "")
			chmod(t, dir+"/closed", 0o555)
		}, "closed/out", "closed/out: permission denied"},
		{"below a directory that is not to be written", func(t *testing.T, dir string) {
			hold(t, dir+"/closed/other", "")
			chmod(t, dir+"/closed", 0o555)
		}, "closed/new/out", "closed/new/out: mkdir closed/new: permission denied"},
		{"below a file", func(t *testing.T, dir string) { hold(t, dir+"/file", "") }, "file/out", "file/out: not a directory"},
		{"links in a circle", func(t *testing.T, dir string) {
			link(t, "b", dir+"/a")
			link(t, "a", dir+"/b")
		}, "a", "a: too many levels of symbolic links"},
		{"a device that takes nothing", func(t *testing.T, dir string) { link(t, "/dev/full", dir+"/out") }, "out", "out: no space left on device"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.setUp(t, dir)
			t.Chdir(dir)
			filetest.WithoutPrivilege(t, func() {
				if err := WriteBytes(c.path, []byte("after")); err == nil || err.Error() != c.want {
					t.Errorf("error %v, want %s", err, c.want)
				}
			})
			leftovers(t, dir)
			if info, err := os.Stat(c.path); err != nil || !info.Mode().IsRegular() {
				return
			}
			if text, err := os.ReadFile(c.path); err != nil || strings.Contains(string(text), "after") {
				t.Errorf("%s holds %q (%v)", c.path, text, err)
			}
		})
	}
}

// chmod changes permissions until the test ends.
func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Clean(path), 0o755) })
}
