package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hold makes a file with some text.
func hold(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// link makes a symbolic link.
func link(t *testing.T, to, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
		t.Fatal(err)
	}
}

// TestLinks: a link stays, and the file that it leads to is replaced, whole or not at all.
func TestLinks(t *testing.T) {
	for _, c := range []struct {
		name  string
		setUp func(t *testing.T, dir string)
		path  string // where to write
		links []string
		file  string // where the text is then
	}{
		{"a link", func(t *testing.T, dir string) {
			hold(t, dir+"/real/file", "before")
			link(t, "real/file", dir+"/out")
		}, "out", []string{"out"}, "real/file"},
		{"a link to a link, absolute", func(t *testing.T, dir string) {
			hold(t, dir+"/real/file", "before")
			link(t, dir+"/second", dir+"/out")
			link(t, dir+"/real/file", dir+"/second")
		}, "out", []string{"out", "second"}, "real/file"},
		{"to a file that is not there", func(t *testing.T, dir string) {
			link(t, "later", dir+"/out")
		}, "out", []string{"out"}, "later"},
		{"up, out of a directory behind a link", func(t *testing.T, dir string) {
			hold(t, dir+"/far/off/file", "other")
			link(t, "far/off", dir+"/near")
			link(t, "../file", dir+"/far/off/out")
		}, "near/out", []string{"near", "far/off/out"}, "far/file"},
		{"a directory behind a link", func(t *testing.T, dir string) {
			hold(t, dir+"/far/file", "before")
			link(t, "far", dir+"/near")
		}, "near/file", []string{"near"}, "far/file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.setUp(t, dir)
			failure := errors.New("no more")
			fails := func(w io.Writer) error {
				_, err := io.WriteString(w, "half")
				return errors.Join(err, failure)
			}
			was, wasErr := os.ReadFile(filepath.Join(dir, c.file))
			if err := Write(filepath.Join(dir, c.path), fails); !errors.Is(err, failure) {
				t.Errorf("error %v, want %v", err, failure)
			}
			if is, err := os.ReadFile(filepath.Join(dir, c.file)); string(is) != string(was) || (err == nil) != (wasErr == nil) {
				t.Errorf("after a write that failed: %q (%v), want %q", is, err, was)
			}
			if err := WriteBytes(filepath.Join(dir, c.path), []byte("after")); err != nil {
				t.Fatal(err)
			}
			for _, l := range c.links {
				if info, err := os.Lstat(filepath.Join(dir, l)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
					t.Errorf("%s is %v (%v), want it to be the link that it was", l, info, err)
				}
			}
			if info, err := os.Lstat(filepath.Join(dir, c.file)); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%s is %v (%v), want a file", c.file, info, err)
			}
			if text, err := os.ReadFile(filepath.Join(dir, c.file)); err != nil || string(text) != "after" {
				t.Errorf("%s holds %q (%v)", c.file, text, err)
			}
			leftovers(t, dir)
		})
	}
}

// leftovers wants no temporary file below dir.
func leftovers(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestPipe: what is read from a pipe is what was written, and the pipe stays.
func TestPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		text, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		got <- string(text)
	}()
	if err := WriteJSON(pipe, []int{1}); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-got:
		if text != "[\n  1\n]\n" {
			t.Errorf("read %q", text)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing came through the pipe")
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("it is %v (%v) now, want a pipe", info, err)
	}
}

// TestUnreadPipe: writing to a pipe that nobody reads ends with the context, and a context that has ended leaves a file as
// it is.
func TestUnreadPipe(t *testing.T) {
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "file")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	hold(t, file, "before")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	for _, path := range []string{pipe, file} {
		ended := make(chan error, 1)
		go func() {
			ended <- WriteContext(ctx, path, func(w io.Writer) error {
				_, err := io.WriteString(w, "after")
				return err
			})
		}()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: error %v, want %v", path, err, context.Canceled)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it goes on", path)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "before" {
		t.Errorf("the file holds %q (%v)", text, err)
	}
}

// TestDevice: a device is written to; a link to one stays.
func TestDevice(t *testing.T) {
	null := filepath.Join(t.TempDir(), "null") // not the machine's own, in case this fails
	if err := unix.Mknod(null, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		link(t, os.DevNull, null)
		if os.Geteuid() == 0 {
			t.Skipf("no device can be made: %v", err)
		}
	}
	before, err := os.Lstat(null)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(null, []byte("gone")); err != nil {
		t.Error(err)
	}
	if after, err := os.Lstat(null); err != nil || after.Mode() != before.Mode() {
		t.Errorf("it is %v (%v) now, want %v", after, err, before.Mode())
	}
	leftovers(t, filepath.Dir(null))
}

// TestDescriptor: /dev/fd/N and links to it, of which /dev/stdout is one, go on at the descriptor's offset.
func TestDescriptor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redirected")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := filepath.Join(t.TempDir(), "stdout")
	link(t, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), out)
	io.WriteString(f, "first\n")
	for _, path := range []string{out, fmt.Sprintf("/dev/fd/%d", f.Fd())} {
		if err := WriteBytes(path, []byte("second\n")); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(f, "third\n")
	if text, err := os.ReadFile(file); err != nil || string(text) != "first\nsecond\nsecond\nthird\n" {
		t.Errorf("the file holds %q (%v)", text, err)
	}
	if err := WriteBytes("/dev/fd/987654", nil); err == nil || err.Error() != "/dev/fd/987654: bad file descriptor" {
		t.Errorf("error %v", err)
	}
}

func TestPermissions(t *testing.T) {
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	hold(t, secret, "")
	if err := os.Chmod(secret, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(WriteBytes(secret, nil), WriteBytes(dir+"/new", nil), WriteProgram(dir+"/program", nil)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"secret": 0o600, "new": 0o640, "program": 0o750} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v (%v), want %v", name, info.Mode(), err, want)
		}
	}
}

func TestSymlink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link")
	for _, to := range []string{"a", "b"} {
		if err := Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(path); err != nil || got != to {
			t.Errorf("link to %q (%v), want %q", got, err, to)
		}
	}
}
