package backend

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/process"
	"github.com/subbert/subbert/internal/regularfile"
)

// Pip fetches wheels with the machine's own pip, so that its mirrors, proxies and certificates apply. The command
// starts pip, such as python3 -m pip; its output goes to progress. When the context ends, pip and all processes that it
// started end; their temporary files lie in the directory that they fetch into.
func Pip(command []string, progress io.Writer) Fetcher {
	return func(ctx context.Context, w Wheel, dir string) (string, error) {
		args := append(append([]string{}, command[1:]...), "download", "--no-deps", "--only-binary=:all:",
			"--no-input", "--disable-pip-version-check", "--dest", dir, "--platform", w.Platform)
		if w.Python != "" {
			args = append(args, "--python-version", w.Python, "--implementation", "cp",
				"--abi", "cp"+strings.ReplaceAll(w.Python, ".", ""))
		}
		args = append(args, w.Project+"=="+w.Version)
		cmd := exec.CommandContext(ctx, command[0], args...)
		process.Lead(cmd)
		cmd.Cancel = func() error { return process.KillGroup(cmd.Process) }
		cmd.WaitDelay = time.Second // for processes that left the group
		cmd.Env = append(cmd.Environ(), "TMPDIR="+dir)
		var errOut bytes.Buffer
		cmd.Stdout, cmd.Stderr = progress, &errOut
		if err := cmd.Run(); err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			return "", fmt.Errorf("%s download %s==%s: %w: %s", strings.Join(command, " "), w.Project, w.Version,
				err, lastLine(errOut.String()))
		}
		found, err := filepath.Glob(filepath.Join(dir, w.file()+"*.whl"))
		if err != nil || len(found) != 1 {
			return "", fmt.Errorf("pip download %s: %d files %s*.whl in %s, want 1", w, len(found), w.file(), dir)
		}
		return found[0], nil
	}
}

// lastLine is the last line of pip's output, which holds the error.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// unpack writes below dir the members of a wheel whose names begin with an element of keep.
func unpack(ctx context.Context, wheel, dir string, keep []string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	defer z.Close() // only read
	for _, m := range z.File {
		if !kept(m.Name, keep) {
			continue
		}
		if err := unpackMember(ctx, m, dir); err != nil {
			return fmt.Errorf("%s: %s: %w", wheel, m.Name, err)
		}
	}
	return nil
}

func kept(name string, keep []string) bool {
	if strings.HasSuffix(name, "/") {
		return false
	}
	for _, k := range keep {
		if name == k || strings.HasSuffix(k, "/") && strings.HasPrefix(name, k) {
			return true
		}
	}
	return false
}

func unpackMember(ctx context.Context, m *zip.File, dir string) error {
	if !filepath.IsLocal(m.Name) {
		return errors.New("name leads out of the archive")
	}
	to := filepath.Join(dir, filepath.FromSlash(m.Name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := m.Open()
	if err != nil {
		return err
	}
	defer in.Close() // only read
	mode := os.FileMode(0o644)
	if strings.Contains(m.Name, "/bin/") {
		mode = 0o755
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, lasting{ctx, in})
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// lasting is a reader that fails once its context ends.
type lasting struct {
	ctx  context.Context
	from io.Reader
}

func (l lasting) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	return l.from.Read(p)
}

// hashFile returns the SHA-256 of a file in hex, and its size in bytes.
func hashFile(ctx context.Context, path string) (sum string, size int64, err error) {
	f, _, err := regularfile.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close() // only read
	h := sha256.New()
	if size, err = io.Copy(h, lasting{ctx, f}); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
