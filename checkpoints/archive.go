package checkpoints

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/data/wordpiece/published"
	"github.com/subbert/subbert/internal/regularfile"
)

// Bounds of an archive. Weights hardly compress; optimizer state (moments that are all zero) does.
const (
	maxRatio   = 30      // unpacked to packed
	ratioSlack = 1 << 20 // bytes that may be unpacked in any case
	maxEntries = 10_000
	maxDepth   = 2 // levels of archives within the opened archive
)

func isArchive(name string) bool {
	return slices.ContainsFunc([]string{".tar.gz", ".tgz", ".tar", ".zip", ".whl"}, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

// unpack writes the model files of an archive into a new temporary directory, together with those of nested archives
// (SciBERT's has one). It rejects an archive with a path that leaves it, with a link among the model's files, or that
// unpacks beyond the bounds. It fails with the error of ctx when that ends.
func unpack(ctx context.Context, name string) (dir string, err error) {
	f, size, err := regularfile.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read from
	dir, err = os.MkdirTemp("", "subbert-model-")
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	u := &unpacker{ctx: ctx, root: root, left: size*maxRatio + ratioSlack}
	err = u.archive(f, size)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if err = errors.Join(err, root.Close()); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// unpacker writes entries below root and nowhere else, until its allowance is used up.
type unpacker struct {
	ctx     context.Context
	root    *os.Root
	dir     string // below root, where the current archive is unpacked; empty for root itself
	depth   int    // of the current archive: 0 for the one that was opened
	left    int64  // bytes that may still come out of archives
	entries int
	inner   []string // archives among the entries
}

// archive unpacks one archive, whose kind it detects from the first bytes, and then the archives within it.
func (u *unpacker) archive(f *os.File, size int64) error {
	start := make([]byte, 4)
	if _, err := f.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var err error
	switch {
	case bytes.HasPrefix(start, []byte("PK")):
		err = u.zip(f, size)
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		err = u.tar(f, true)
	default:
		err = u.tar(f, false)
	}
	if err != nil {
		return damage(err)
	}
	inner := u.inner
	u.inner = nil
	for _, name := range inner {
		if err := u.within(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// damage words the errors of the archive readers for a file that is not an archive, or is truncated.
func damage(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the archive is truncated")
	case errors.Is(err, tar.ErrHeader), errors.Is(err, zip.ErrFormat), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("not a tar, tar.gz or zip archive, or damaged: %w", err)
	}
	return err
}

// within unpacks the nested archive that was written under name into its own directory, and removes it.
func (u *unpacker) within(name string) error {
	if u.depth == maxDepth {
		return fmt.Errorf("archives nested more than %d deep: refused", maxDepth+1)
	}
	f, err := u.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	start := make([]byte, min(stat.Size(), 512))
	if _, err := f.ReadAt(start, 0); err != nil {
		return err
	}
	if other := regularfile.Mistaken(start); other != "" {
		return errors.New(other)
	}
	dir := u.dir
	u.dir, u.depth = path.Dir(name), u.depth+1
	err = u.archive(f, stat.Size())
	u.dir, u.depth = dir, u.depth-1
	return errors.Join(err, u.root.Remove(name))
}

var errBomb = fmt.Errorf("unpacks to more than %d times its size: refused", maxRatio)

// allowance reads from r and fails once the unpacker's allowance is used up, or its context ended.
type allowance struct {
	r io.Reader
	u *unpacker
}

func (a allowance) Read(p []byte) (int, error) {
	if err := a.u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := a.r.Read(p)
	if a.u.left -= int64(n); a.u.left < 0 {
		return n, errBomb
	}
	return n, err
}

func (u *unpacker) tar(f io.Reader, packed bool) error {
	if packed {
		g, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		f = g
	}
	f = allowance{f, u} // even a plain tar, as an archive within it counts again
	t := tar.NewReader(f)
	for {
		h, err := t.Next()
		if err == io.EOF { // of the archive; padding and gzip's checksum follow
			_, err := io.Copy(io.Discard, f)
			return err
		}
		if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		case tar.TypeReg:
			err = u.entry(h.Name, t)
		default:
			err = fmt.Errorf("%q is neither a file nor a directory: refused", h.Name)
		}
		if err != nil {
			return err
		}
	}
}

func (u *unpacker) zip(f io.ReaderAt, size int64) error {
	z, err := host.OpenZip(f, size, maxEntries)
	if err != nil {
		return err
	}
	for _, file := range z.File {
		if file.FileInfo().IsDir() {
			continue
		}
		if !file.Mode().IsRegular() {
			return fmt.Errorf("%q is neither a file nor a directory: refused", file.Name)
		}
		if err := u.zipEntry(file); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return nil
}

func (u *unpacker) zipEntry(file *zip.File) error {
	r, err := file.Open()
	if err != nil {
		return err
	}
	return errors.Join(u.entry(file.Name, allowance{r, u}), r.Close())
}

// entry writes one file if it can be part of a model.
func (u *unpacker) entry(name string, r io.Reader) error {
	if u.entries++; u.entries > maxEntries {
		return fmt.Errorf("more than %d files", maxEntries)
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("path %q has control characters: refused", name)
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, `\`) {
		return fmt.Errorf("path %q leaves the archive: refused", name)
	}
	name = path.Join(u.dir, name)
	base := path.Base(name)
	nested := isArchive(base) && !strings.HasPrefix(base, ".")
	if !nested && !wanted(base) {
		return nil
	}
	if nested {
		u.inner = append(u.inner, name)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%q appears twice: %w", name, err)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// wanted reports whether a file of that name can be part of a model.
func wanted(base string) bool {
	switch base {
	case "config.json", "bert_config.json", "checkpoint":
		return true
	}
	if slices.Contains(published.Names(), base) {
		return true
	}
	if strings.HasPrefix(base, ".") { // macOS adds hidden files
		return false
	}
	return strings.HasSuffix(base, ".safetensors") || strings.HasSuffix(base, ".bin") || strings.HasSuffix(base, ".index.json") ||
		strings.HasSuffix(base, ".index") || tensorFlowFile.MatchString(base)
}

// modelDirectory finds the only directory below dir that holds a model.
func modelDirectory(dir string) (string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		where, err := locateWeights(path)
		if err == nil && where.kind != KindNone {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("has %d models, want one", len(found))
	}
	return found[0], nil
}
