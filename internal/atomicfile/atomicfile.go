// Package atomicfile writes files that readers see complete or not at all.
//
// If the path is not a regular file, it is used as it is: a symbolic link stays, and the file that it points to is
// replaced; pipes, terminals and other devices are written to directly, and so are named descriptors, such as
// /dev/stdout.
package atomicfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/subbert/subbert/internal/ctxio"
)

// Write calls write with a temporary file, syncs the file and renames it to path. It creates the directories above
// path. If write fails, path is unchanged. An existing file keeps its permissions; it is an error if the user may not
// write to it.
func Write(path string, write func(io.Writer) error) error {
	return WriteContext(context.Background(), path, write)
}

// WriteContext is Write for a path that a user named, which may be a pipe that nobody reads. If ctx has ended it writes
// nothing. Opening a pipe and writing to it fail with the error of ctx after ctx ends.
func WriteContext(ctx context.Context, path string, write func(io.Writer) error) error {
	return put(ctx, path, 0o666, write)
}

// WriteBytes is Write of text.
func WriteBytes(path string, text []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// WriteProgram is WriteBytes for an executable file.
func WriteProgram(path string, text []byte) error {
	return put(context.Background(), path, 0o777, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// WriteJSON is Write of v, encoded by EncodeJSON.
func WriteJSON(path string, v any) error {
	return Write(path, func(w io.Writer) error { return EncodeJSON(w, v) })
}

// EncodeJSON writes v to w as JSON with an indent of two spaces and no escapes for HTML.
func EncodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// put writes to the place that path leads to.
func put(ctx context.Context, path string, mode fs.FileMode, write func(io.Writer) error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	place, err := find(path)
	if err != nil {
		return named(path, err)
	}
	if place.open != nil {
		f, err := ctxio.OpenWriter(ctx, place.open)
		if err != nil {
			return named(path, err)
		}
		return errors.Join(write(output{f, path}), named(path, f.Close()))
	}
	if err := os.MkdirAll(filepath.Dir(place.file), 0o777); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := newPending(place.file, mode)
	if err != nil {
		return named(path, err)
	}
	if err := write(output{f, path}); err != nil {
		return errors.Join(err, f.Cleanup())
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return errors.Join(named(path, err), f.Cleanup())
	}
	return nil
}

// output is a file being written; its errors name the final path.
type output struct {
	to   io.Writer
	path string
}

func (o output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	return n, named(o.path, err)
}

// named is err with path in place of the path of a temporary file.
func named(path string, err error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &at):
		err = at.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// place is the target of a path.
type place struct {
	file string                   // to be replaced or made
	open func() (*os.File, error) // opens a target that is written to directly; nil: replace file
}

const maxLinks = 40

// find follows path over symbolic links.
func find(path string) (place, error) {
	for links := range maxLinks {
		if n, ok := descriptor(path); ok {
			return place{open: func() (*os.File, error) { return duplicate(n, path) }}, nil
		}
		info, err := os.Lstat(path)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return place{}, err
		case err != nil && links == 0:
			return place{file: path}, nil
		case err != nil:
			return behind(path)
		case info.Mode().IsRegular():
			if err := mayWrite(path); err != nil {
				return place{}, err
			}
			return behind(path)
		case info.IsDir():
			return place{}, syscall.EISDIR
		case info.Mode()&fs.ModeSymlink == 0:
			return place{open: func() (*os.File, error) { return os.OpenFile(path, os.O_WRONLY, 0) }}, nil
		}
		to, err := os.Readlink(path)
		if err != nil {
			return place{}, err
		}
		if !filepath.IsAbs(to) {
			to = path[:strings.LastIndexByte(path, filepath.Separator)+1] + to // not cleaned: ".." may follow a link
		}
		path = to
	}
	return place{}, syscall.ELOOP
}

// behind is the file at path, with its directory's symbolic links resolved.
func behind(path string) (place, error) {
	cut := strings.LastIndexByte(path, filepath.Separator) + 1
	dir, err := filepath.EvalSymlinks(path[:cut] + ".")
	return place{file: filepath.Join(dir, path[cut:])}, err
}
