package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/ctxio"
)

// outputFlag is the flag of verbs that write files.
type outputFlag struct {
	Force bool `help:"Replace existing files."`
}

// output returns the path to write to for a verb whose output is name. It refuses an existing file with exit code 2,
// unless --force or a sweep that retries a run replaces it; in a directory only the files that match pattern count.
// Pipes and devices are written to directly. The names "-" and /dev/stdout are standard output, even where that is a file
// that the shell made; the verb then prints to standard error.
func (f outputFlag) output(c *console, name, pattern string) (string, error) {
	if name == "-" || name == "/dev/stdout" {
		c.out = c.err
		return "/dev/stdout", nil
	}
	info, err := os.Stat(name)
	if f.Force || c.again || err != nil {
		return name, nil
	}
	if info.IsDir() {
		inside, _ := filepath.Glob(filepath.Join(name, pattern)) // the pattern is well formed
		if pattern == "" || len(inside) == 0 {
			return name, nil
		}
		name = inside[0]
	} else if !info.Mode().IsRegular() {
		return name, nil
	}
	return "", misusef("%s already exists; --force replaces it", name)
}

// result writes v as JSON to the file called name, by the same rule; it does nothing if name is empty.
func (f outputFlag) result(c *console, name string, v any) error {
	if name == "" {
		return nil
	}
	path, err := f.output(c, name, "")
	if err != nil {
		return err
	}
	return atomicfile.WriteContext(c.ctx, path, func(w io.Writer) error { return atomicfile.EncodeJSON(w, v) })
}

// replacing calls write, which makes the directory called name. It refuses a directory that is there and not empty with
// exit code 2. With --force such a directory is set aside until write succeeds, and put back if it fails. It must have a
// file called mark, which the verb puts into every directory that it makes. The directory of a sweep's run has the
// sweep's log and lock in it, and stays.
func (f outputFlag) replacing(c *console, name, mark string, write func() error) error {
	inside, err := os.ReadDir(name)
	if err != nil || len(inside) == 0 || c.again {
		return write()
	}
	if !f.Force {
		return misusef("%s already exists; --force replaces it", name)
	}
	if _, err := os.Stat(filepath.Join(name, mark)); err != nil {
		return misusef("%s has no %s, so this command did not make it; remove it, or name another directory", name, mark)
	}
	aside := filepath.Clean(name) + ".replaced"
	if err := os.Rename(name, aside); err != nil {
		return err
	}
	if err := write(); err != nil {
		if failed := os.Rename(aside, name); failed != nil {
			return errors.Join(err, failed)
		}
		return err
	}
	return os.RemoveAll(aside)
}

// input returns the path to read for a verb whose input is name. Standard input, for "-", and what is neither a file nor
// a directory, such as a pipe, are copied to a temporary file, since readers look at the start of a file before they read
// it. The caller calls done when it has read the input.
func (c *console) input(name string) (path string, done func(), err error) {
	info, err := os.Stat(name)
	switch {
	case name == "-":
		name = "standard-input"
	case err != nil || info.Mode().IsRegular() || info.IsDir() || info.Mode()&fs.ModeDevice != 0: // a device may have no end
		return name, func() {}, nil
	default:
		pipe, err := ctxio.Open(c.ctx, name, func(int) {})
		if err != nil {
			return "", nil, err
		}
		defer pipe.Close() // only read from
		c.in = pipe
	}
	dir, err := os.MkdirTemp("", "subbert-")
	if err != nil {
		return "", nil, err
	}
	done = func() { os.RemoveAll(dir) } // a temporary directory
	path = filepath.Join(dir, filepath.Base(name))
	meter := newMeter(c)
	defer meter.end()
	err = atomicfile.Write(path, func(w io.Writer) error {
		_, err := io.Copy(w, c.standardInput(meter))
		return err
	})
	if err != nil {
		done()
		return "", nil, err
	}
	return path, done, nil
}

// isTSV reports whether the end of name allows tab-separated columns: .tsv, .txt or nothing, also with .gz or .zst.
func isTSV(name string) bool {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	return slices.Contains([]string{"", ".tsv", ".txt"}, filepath.Ext(name))
}
