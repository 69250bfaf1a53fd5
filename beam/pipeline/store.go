package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/subbert/subbert/data/staging"
)

// remote reports whether a name belongs to one of Beam's filesystems, such as gs://bucket/file, rather than
// being a local path.
func remote(name string) bool { return strings.Contains(name, "://") }

// join appends a name to a directory, local or not.
func join(dir, name string) string {
	if remote(dir) {
		return strings.TrimSuffix(dir, "/") + "/" + name
	}
	return filepath.Join(dir, name)
}

// withFilesystem calls do with the filesystem of a name.
func withFilesystem(ctx context.Context, name string, do func(filesystem.Interface) error) error {
	fs, err := filesystem.New(ctx, name)
	if err != nil {
		return err
	}
	return errors.Join(do(fs), fs.Close())
}

// list returns the files that match a pattern.
func list(ctx context.Context, pattern string) (found []string, err error) {
	err = withFilesystem(ctx, pattern, func(fs filesystem.Interface) (err error) {
		found, err = fs.List(ctx, pattern)
		return err
	})
	return found, err
}

// upload copies a local file. The name appears once the file is whole.
func upload(ctx context.Context, from, to string) error {
	err := withFilesystem(ctx, to, func(fs filesystem.Interface) error {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer f.Close() // only read from
		partial := fmt.Sprintf("%s.partial-%016x", to, rand.Uint64())
		w, err := fs.OpenWrite(ctx, partial)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		return filesystem.Rename(ctx, fs, partial, to)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	return nil
}

// download copies a file to w.
func download(ctx context.Context, from string, w io.Writer) error {
	err := withFilesystem(ctx, from, func(fs filesystem.Interface) error {
		r, err := fs.OpenRead(ctx, from)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		return errors.Join(err, r.Close())
	})
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}

// localCopy returns the path of a file on this machine: a copy in dir, if it is remote.
func localCopy(ctx context.Context, name, dir string) (string, error) {
	if !remote(name) {
		return name, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	to := filepath.Join(dir, path.Base(name))
	f, err := os.Create(to)
	if err != nil {
		return "", err
	}
	return to, errors.Join(download(ctx, name, f), f.Close())
}

// localInput is localCopy for an input file: it also copies the .md5 beside it, for comparison.
func localInput(ctx context.Context, name, dir string) (string, error) {
	if remote(name) {
		sum, err := list(ctx, name+".md5")
		if err != nil {
			return "", err
		}
		if len(sum) > 0 {
			if _, err := localCopy(ctx, name+".md5", dir); err != nil {
				return "", err
			}
		}
	}
	return localCopy(ctx, name, dir)
}

// pieces is the directory in which the machines exchange pieces.
type pieces string

func piecesOf(out string) pieces { return pieces(strings.TrimSuffix(out, "/") + ".work") }

// put copies sealed pieces from work.
func (p pieces) put(ctx context.Context, work *staging.Work, names ...string) error {
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := upload(ctx, work.Path(name), join(string(p), name)); err != nil {
			return err
		}
	}
	return nil
}

// get copies pieces into work. Their names are checked against their content.
func (p pieces) get(ctx context.Context, work *staging.Work, names ...string) error {
	for _, name := range names {
		if err := p.getOne(ctx, work, name); err != nil {
			return err
		}
	}
	return nil
}

func (p pieces) getOne(ctx context.Context, work *staging.Work, name string) (err error) {
	piece, err := work.Create()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, piece.Discard()) }()
	if err := download(ctx, join(string(p), name), piece); err != nil {
		return err
	}
	got, err := piece.Seal()
	if err == nil && got != name {
		err = fmt.Errorf("%s: has the checksum %s; it was damaged in transfer", join(string(p), name), got)
	}
	return err
}

// remove removes all pieces, which are no longer needed.
func (p pieces) remove(ctx context.Context) error {
	return withFilesystem(ctx, string(p), func(fs filesystem.Interface) error {
		found, err := fs.List(ctx, join(string(p), "*"))
		if err != nil {
			return err
		}
		remover, ok := fs.(filesystem.Remover)
		if !ok {
			return nil // the pieces stay
		}
		for _, name := range found {
			if err := remover.Remove(ctx, name); err != nil {
				return err
			}
		}
		if !remote(string(p)) {
			return remover.Remove(ctx, string(p))
		}
		return nil
	})
}

// publish copies a finished directory; it copies the file called last at the end.
func publish(ctx context.Context, from, to, last string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == last {
			continue
		}
		if err := upload(ctx, filepath.Join(from, e.Name()), join(to, e.Name())); err != nil {
			return err
		}
	}
	return upload(ctx, filepath.Join(from, last), join(to, last))
}

// published reports whether an earlier attempt at a step has published already.
func published(ctx context.Context, out, last string) (bool, error) {
	found, err := list(ctx, join(out, last))
	return len(found) > 0, err
}

// scratch is a worker's temporary directory.
type scratch struct{ dir string }

func (s *scratch) open() (err error) {
	s.dir, err = os.MkdirTemp("", "subbert-")
	return err
}

func (s *scratch) close() error { return os.RemoveAll(s.dir) }

func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

// working calls do with a new work directory that is removed afterwards.
func (s *scratch) working(do func(*staging.Work) error) error {
	dir, err := os.MkdirTemp(s.dir, "step-")
	if err != nil {
		return err
	}
	work, err := staging.OpenWork(filepath.Join(dir, "pieces"))
	if err != nil {
		return err
	}
	return errors.Join(do(work), os.RemoveAll(dir))
}
