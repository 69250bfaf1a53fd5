package bucket

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/atomicfile"
)

// treeIndex is the object of a tree that is written last; without it the tree does not exist.
const treeIndex = "tree.json"

// tree is the index of a tree's files.
type tree struct {
	Files map[string]sealed `json:"files"` // by path with "/"
}

// BlockSize is the number of bytes of a file in a tree that have one checksum: the unit that a Cache fetches
// and keeps.
const BlockSize = 256 << 10

type sealed struct {
	Size   int64  `json:"size"`
	CRC32C string `json:"crc32c"` // eight hexadecimal digits
	Blocks string `json:"blocks"` // CRC-32C of each BlockSize bytes, likewise, one after the other
}

// same reports whether the files have the same size and checksum.
func (s sealed) same(o sealed) bool { return s.Size == o.Size && s.CRC32C == o.CRC32C }

// readTree reads the index of the tree below prefix.
func readTree(ctx context.Context, s Store, prefix string) (tree, error) {
	var t tree
	if _, err := ReadJSON(ctx, s, path.Join(prefix, treeIndex), &t); err != nil {
		return t, err
	}
	for name := range t.Files {
		if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, `\`) {
			return t, fmt.Errorf("%s/%s: path %q leaves the tree: refused", s, prefix, name)
		}
	}
	return t, nil
}

// PutTree writes every regular file at or below the path local as an object below prefix, and then an index of them.
// It skips files that an existing index lists with the same size and checksum. A link to a file counts as that file;
// of other links only local itself is followed. Hidden files and directories below local, whose names begin with a
// dot, are left out.
func PutTree(ctx context.Context, s Store, prefix, local string) error {
	var there tree
	if _, err := ReadJSON(ctx, s, path.Join(prefix, treeIndex), &there); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	here := tree{Files: make(map[string]sealed)}
	err := eachFile(local, func(name, file string) error {
		seal, err := sealFile(file)
		if err != nil {
			return err
		}
		here.Files[name] = seal
		if there.Files[name] == seal {
			return nil
		}
		return PutFile(ctx, s, path.Join(prefix, name), file, Condition{})
	})
	if err != nil {
		return err
	}
	if len(here.Files) == 0 {
		return fmt.Errorf("%s: no files", local)
	}
	_, err = WriteJSON(ctx, s, path.Join(prefix, treeIndex), here, Condition{})
	return err
}

// eachFile visits the regular files at or below local, except hidden ones, by their names relative to it; if local is a
// file, its name is the base name.
func eachFile(local string, visit func(name, file string) error) error {
	info, err := os.Stat(local)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		return visit(filepath.Base(local), local)
	}
	root := local + string(filepath.Separator)
	return filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := file != root && strings.HasPrefix(e.Name(), ".")
		if hidden && e.IsDir() {
			return fs.SkipDir
		}
		if hidden || e.IsDir() {
			return nil
		}
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			return err
		}
		name, err := filepath.Rel(local, file)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name), file)
	})
}

// PutFile writes a file as an object.
func PutFile(ctx context.Context, s Store, name, file string, when Condition) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	_, err = s.Write(ctx, name, f, when)
	return errors.Join(err, f.Close())
}

// GetTree writes the files of the tree below prefix to the directory dir, each whole or not at all. It keeps
// existing files with the same size and checksum.
func GetTree(ctx context.Context, s Store, prefix, dir string) error {
	t, err := readTree(ctx, s, prefix)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if seal, err := sealFile(file); err == nil && seal.same(t.Files[name]) {
			continue
		}
		if err := GetFile(ctx, s, path.Join(prefix, name), file); err != nil {
			return err
		}
		if seal, err := sealFile(file); err != nil || !seal.same(t.Files[name]) {
			return errors.Join(err, fmt.Errorf("%s/%s/%s: size or checksum differs from the uploaded file", s, prefix, name))
		}
	}
	return nil
}

// GetFile writes an object to a file, whole or not at all, and creates the directories above it.
func GetFile(ctx context.Context, s Store, name, file string) (err error) {
	r, _, err := s.Read(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return atomicfile.Write(file, func(w io.Writer) error {
		if _, err := io.Copy(w, r); err != nil {
			return fmt.Errorf("%s/%s: %w", s, name, err)
		}
		return nil
	})
}

func sealFile(file string) (sealed, error) {
	f, err := os.Open(file)
	if err != nil {
		return sealed{}, err
	}
	s, err := seal(f)
	return s, errors.Join(err, f.Close())
}

// seal reads r to its end.
func seal(r io.Reader) (s sealed, err error) {
	sum := crc32.New(castagnoli())
	var blocks strings.Builder
	for p := make([]byte, BlockSize); ; {
		n, err := io.ReadFull(r, p)
		if n > 0 {
			s.Size += int64(n)
			sum.Write(p[:n]) // never fails
			blocks.WriteString(sumText(p[:n]))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			s.CRC32C, s.Blocks = fmt.Sprintf("%08x", sum.Sum32()), blocks.String()
			return s, nil
		}
		if err != nil {
			return s, err
		}
	}
}

func sumText(p []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(p, castagnoli())) }
