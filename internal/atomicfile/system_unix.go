//go:build unix

package atomicfile

import (
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// Symlink makes path a symbolic link to the name to, in the place of what is there.
func Symlink(to, path string) error { return named(path, renameio.Symlink(to, path)) }

// newPending begins a file that will be at path. One that is there keeps its permissions.
func newPending(path string, mode fs.FileMode) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(path, renameio.WithPermissions(mode), renameio.WithExistingPermissions())
}

// mayWrite fails if the user cannot write to the file at path.
func mayWrite(path string) error {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
}

// duplicate opens descriptor n once more, at the offset that it has.
func duplicate(n int, path string) (*os.File, error) {
	again, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(again), path), nil
}
