// Package staging writes directories that appear complete or not at all.
//
// Files are written to a hidden directory beside the final one, which is synced and renamed at the end. The remains of
// a killed process are never mistaken for a result; Leftovers finds them. Work keeps the finished pieces of long work
// for the next attempt.
package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// ErrExists says that the directory already exists and is not empty.
var ErrExists = errors.New("already exists; remove it, or set another directory")

// Dir is a directory under construction.
type Dir struct {
	final, temporary string
}

// New begins the directory final. It fails with ErrExists if final exists and is not an empty directory.
func New(final string) (*Dir, error) {
	final = filepath.Clean(final)
	entries, err := os.ReadDir(final)
	if err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s %w", final, ErrExists)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o777); err != nil {
		return nil, err
	}
	temporary := filepath.Join(filepath.Dir(final), fmt.Sprintf("%s%016x", prefix(final), rand.Uint64()))
	if err := os.Mkdir(temporary, 0o777); err != nil { // os.MkdirTemp would deny other users reading
		return nil, err
	}
	return &Dir{final: final, temporary: temporary}, nil
}

func prefix(final string) string { return "." + filepath.Base(final) + ".partial-" }

// Leftovers lists the directories of interrupted attempts at final. It includes those of running attempts.
func Leftovers(final string) ([]string, error) {
	final = filepath.Clean(final)
	return filepath.Glob(filepath.Join(escape(filepath.Dir(final)), escape(prefix(final))+"*"))
}

// WarnOfLeftovers calls warn with a line for each of Leftovers.
func WarnOfLeftovers(final string, warn func(line string)) error {
	left, err := Leftovers(final)
	for _, dir := range left {
		warn("a killed run left " + dir + "; remove it, unless a run is still using it")
	}
	return err
}

// escape escapes the special characters of a pattern in s.
func escape(s string) string {
	var out []rune
	for _, r := range s {
		switch r {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

// Path is the path of the file name until Commit.
func (d *Dir) Path(name string) string { return filepath.Join(d.temporary, name) }

// Create creates the file name. The caller must close it with Seal.
func (d *Dir) Create(name string) (*os.File, error) { return os.Create(d.Path(name)) }

// Seal syncs and closes a file made by Create.
func Seal(f *os.File) error { return errors.Join(f.Sync(), f.Close()) }

// WriteFile writes and syncs a whole file.
func (d *Dir) WriteFile(name string, content []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, Seal(f))
}

// Commit renames the directory to its final name. Its files must be sealed.
func (d *Dir) Commit() error {
	if err := syncDir(d.temporary); err != nil {
		return err
	}
	if err := os.Remove(d.final); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty directory, else it stays
		return fmt.Errorf("%s %w", d.final, ErrExists)
	}
	if err := os.Rename(d.temporary, d.final); err != nil {
		return err
	}
	return syncDir(filepath.Dir(d.final))
}

// Discard removes the directory unless it was committed. It is meant for a deferred call.
func (d *Dir) Discard() error { return os.RemoveAll(d.temporary) }

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
