package checkpoints

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// filesystem is the part of the file system that saving uses; tests substitute one that fails on demand.
type filesystem interface {
	MkdirAll(path string) error
	Mkdir(path string) error
	Create(path string) (file, error)
	Rename(from, to string) error
	RemoveAll(path string) error
	SyncDir(path string) error
	ReadDir(path string) ([]fs.DirEntry, error)
}

// file is a file being written.
type file interface {
	io.WriteCloser
	Sync() error
}

// disk is the machine's own filesystem.
type disk struct{}

func (disk) MkdirAll(path string) error                 { return os.MkdirAll(path, 0o777) }
func (disk) Mkdir(path string) error                    { return os.Mkdir(path, 0o777) }
func (disk) Rename(from, to string) error               { return os.Rename(from, to) }
func (disk) RemoveAll(path string) error                { return os.RemoveAll(path) }
func (disk) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

func (disk) Create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// SyncDir makes the names in a directory durable.
func (disk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// checksummed is a file being written; its size and checksum are computed on the way. Close syncs.
type checksummed struct {
	file
	sum    *checksum
	closed bool
	done   func(size int64, crc uint32) // called by a successful Close
}

func (f *checksummed) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.sum.add(p[:n])
	return n, err
}

// Close syncs and closes. A second Close does nothing.
func (f *checksummed) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	if err := errors.Join(f.Sync(), f.file.Close()); err != nil {
		return err
	}
	f.done(f.sum.size, f.sum.crc)
	return nil
}

// createIn starts a file of that plain name in dir.
func createIn(fsys filesystem, dir, name string, done func(size int64, crc uint32)) (*checksummed, error) {
	f, err := fsys.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	return &checksummed{file: f, sum: new(checksum), done: done}, nil
}
