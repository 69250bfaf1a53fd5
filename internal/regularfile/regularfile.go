// Package regularfile opens files that others published: regular files alone, which end, and none that a failed
// download left in the place of the real one.
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

// Open opens the file at path for reading and gives its size in bytes. A directory, a pipe or a device, a Git LFS
// pointer and a web page are errors that say so.
func Open(path string) (*os.File, int64, error) {
	stat, err := os.Stat(path) // first, since opening a pipe may wait for ever
	if err != nil {
		return nil, 0, err
	}
	if kind := irregular(stat.Mode()); kind != "" {
		return nil, 0, fmt.Errorf("%s: is a %s, want a regular file", path, kind)
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

// Read reads the file at path, which Open opens, and refuses more than limit bytes.
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
		return nil, fmt.Errorf("%s: more than %d bytes, the most that is read of such a file", path, limit)
	}
	return data, nil
}

// irregular names what a file of this mode is, if it is no regular file.
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

// Mistaken says what a file is whose first 512 bytes are start, or all of them if they are fewer, if that is what a download leaves
// instead of the file: "is a Git LFS pointer to N bytes: git lfs pull", "is a web page (HTML)" or a server's refusal. It
// is empty for everything else.
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
		return fmt.Sprintf("is a server's answer, %q, in the place of the file", text)
	}
	return ""
}
