package hub_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
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
		got := withoutPrivilege(t, func() (string, error) {
			s, err := c.Pull(t.Context(), reference(t, "a/model", ""))
			if err != nil {
				return "", err
			}
			return s.Dir, nil
		})
		if got != s.Dir {
			t.Errorf("offline %t: %q, want %q", offline, got, s.Dir)
		}
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

// withoutPrivilege lets do meet the permissions of files that root passes over, if this is root.
func withoutPrivilege(t *testing.T, do func() (string, error)) string {
	t.Helper()
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // capabilities are a thread's
		defer runtime.UnlockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var all, fewer [2]unix.CapUserData
		if err := unix.Capget(&header, &all[0]); err != nil {
			t.Skipf("capabilities: %v", err)
		}
		fewer = all
		fewer[0].Effective &^= 1 << unix.CAP_DAC_OVERRIDE
		if err := unix.Capset(&header, &fewer[0]); err != nil {
			t.Skipf("capabilities: %v", err)
		}
		defer unix.Capset(&header, &all[0])
	}
	got, err := do()
	if err != nil {
		t.Error(err)
	}
	return got
}
