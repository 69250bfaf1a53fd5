// Package filetest helps tests of files.
package filetest

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// WithoutPrivilege calls do without root's privilege to ignore the permissions of files. do must not start goroutines
// for its work.
func WithoutPrivilege(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // capabilities are a thread's
		defer runtime.UnlockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var all [2]unix.CapUserData
		if err := unix.Capget(&header, &all[0]); err != nil {
			t.Skipf("capabilities: %v", err)
		}
		fewer := all
		fewer[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
		if err := unix.Capset(&header, &fewer[0]); err != nil {
			t.Skipf("capabilities: %v", err)
		}
		defer func() {
			if err := unix.Capset(&header, &all[0]); err != nil {
				t.Errorf("capabilities: %v", err)
			}
		}()
	}
	do()
}
