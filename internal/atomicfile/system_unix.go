//go:build unix

package atomicfile

import (
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// Symlink makes path a symbolic link to the name to, and replaces an existing file.
func Symlink(to, path string) error { return named(path, renameio.Symlink(to, path)) }

// newPending begins a file that will be at path. An existing file keeps its permissions.
func newPending(path string, mode fs.FileMode) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(path, renameio.WithPermissions(mode), renameio.WithExistingPermissions())
}

// mayWrite fails if the user cannot write to the file at path.
func mayWrite(path string) error {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
}

// duplicate duplicates descriptor n, with its offset.
func duplicate(n int, path string) (*os.File, error) {
	again, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(again), path), nil
}
