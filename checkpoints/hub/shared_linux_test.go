package hub_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/subbert/subbert/internal/filetest"
)

// TestCacheOfAnother: a cache that nobody may write serves the model that it has, online and offline, and is not changed.
func TestCacheOfAnother(t *testing.T) {
	r := newRepository(t)
	c := client(t, r)
	s := pull(t, c, "a/model", "")
	locks, err := filepath.Glob(filepath.Join(c.Cache, ".locks", "*", "*.lock"))
	if err != nil || len(locks) == 0 {
		t.Fatalf("locks %q, %v", locks, err)
	}
	old := unix.Umask(0)
	unix.Umask(old)
	for _, lock := range locks {
		if info, err := os.Stat(lock); err != nil || info.Mode().Perm() != fs.FileMode(0o666&^old) {
			t.Errorf("%s: %v (%v), want a mode that lets others lock", lock, info.Mode(), err)
		}
	}
	before := filesBelow(t, c.Cache)
	readOnly(t, c.Cache)
	for _, offline := range []bool{false, true} {
		c.Offline, c.Checked = offline, filepath.Join(c.Cache, "unwritable")
		filetest.WithoutPrivilege(t, func() {
			got, err := c.Pull(t.Context(), reference(t, "a/model", ""))
			if err != nil || got.Dir != s.Dir {
				t.Errorf("offline %t: %+v (%v), want %q", offline, got, err, s.Dir)
			}
		})
	}
	if after := filesBelow(t, c.Cache); len(after) != len(before) {
		t.Errorf("files before %q, after %q", before, after)
	}
}

// readOnly takes the right to write from everything below dir, until the test ends.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	change := func(mode fs.FileMode) func() {
		return func() {
			err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err == nil && e.IsDir() {
					err = os.Chmod(path, mode)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	change(0o555)()
	t.Cleanup(change(0o755))
}
