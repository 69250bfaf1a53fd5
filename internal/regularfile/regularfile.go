// Package regularfile opens published files: only regular files, which have an end, and no remains of failed
// downloads.
package regularfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Open opens the file at path for reading and returns its size in bytes. A directory, a pipe, a device, a Git LFS
// pointer or a web page is an error that says so.
func Open(path string) (*os.File, int64, error) {
	stat, err := os.Stat(path) // before opening: opening a pipe may block
	if err != nil {
		return nil, 0, err
	}
	if err := Check(stat); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	start := make([]byte, 512)
	n, err := f.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, errors.Join(err, f.Close())
	}
	if other := Mistaken(start[:n]); other != "" {
		return nil, 0, errors.Join(fmt.Errorf("%s: %s", path, other), f.Close())
	}
	return f, stat.Size(), nil
}

// Read opens the file at path with Open and reads it. More than limit bytes are an error.
func Read(path string, limit int64) ([]byte, error) {
	f, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes, the limit for such a file", path, limit)
	}
	return data, nil
}

// Check returns an error that says what the file is if it is no regular file.
func Check(stat fs.FileInfo) error {
	if kind := irregular(stat.Mode()); kind != "" {
		return fmt.Errorf("is a %s, want a regular file", kind)
	}
	return nil
}

// irregular names the kind of a file that is not a regular file.
func irregular(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "file of another kind"
}

var pointerSize = regexp.MustCompile(`(?m)^size (\d+)$`)

// Mistaken recognises a file that a failed download left instead of the real one, by its first 512 bytes or fewer: "is
// a Git LFS pointer to N bytes: git lfs pull", "is a web page (HTML)" or a server's refusal. It is empty for other
// files.
func Mistaken(start []byte) string {
	if bytes.HasPrefix(start, []byte("version https://git-lfs.github.com/spec/")) {
		size := "an unknown number of"
		if found := pointerSize.FindSubmatch(start); found != nil {
			size = string(found[1])
		}
		return fmt.Sprintf("is a Git LFS pointer to %s bytes: git lfs pull", size)
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(start), "\ufeff"))
	lower := strings.ToLower(text)
	if strings.HasPrefix(lower, "<") && (strings.Contains(lower, "<!doctype html") || strings.Contains(lower, "<html") || strings.HasPrefix(lower, "<head>")) {
		return "is a web page (HTML)" // perhaps behind a comment, or as XML
	}
	if slices.Contains([]string{"entry not found", "not found", "404: not found", "invalid username or password."}, lower) {
		return fmt.Sprintf("is the error message of a server, %q", text)
	}
	return ""
}
