package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Symlink makes path a symbolic link to the name to, and replaces an existing file.
func Symlink(to, path string) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return named(path, err)
	}
	if err := os.Symlink(to, fresh); err != nil {
		return named(path, err)
	}
	return named(path, os.Rename(fresh, path))
}

// pending is a file that will be at path.
type pending struct {
	*os.File
	path string
}

// newPending begins a file that will be at path. Windows gives it the permissions of the directory.
func newPending(path string, _ fs.FileMode) (*pending, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	return &pending{f, path}, err
}

// CloseAtomicallyReplace renames the file to its place. It fails on Windows while another process has the old
// one open.
func (p *pending) CloseAtomicallyReplace() error {
	if err := errors.Join(p.Sync(), p.Close()); err != nil {
		return err
	}
	return os.Rename(p.Name(), p.path)
}

// Cleanup removes the file unless CloseAtomicallyReplace has renamed it.
func (p *pending) Cleanup() error {
	if err := p.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	if err := os.Remove(p.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// mayWrite fails if the user cannot write to the file at path.
func mayWrite(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o200 == 0 {
		err = fs.ErrPermission
	}
	return err
}

// duplicate fails: Windows has no named descriptors.
func duplicate(_ int, path string) (*os.File, error) {
	return nil, fmt.Errorf("%s: %w", path, errors.ErrUnsupported)
}
