package bucket

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"
)

// TreeFS presents a tree of a store as a file system with random access. It reads files block by block through a cache,
// which limits the disk space. Its files are io.ReaderAts, which many goroutines may use at once. Every block is
// compared with the checksum that PutTree recorded.
type TreeFS struct {
	ctx    context.Context // of all fetches: fs.FS has no place for one
	cancel context.CancelFunc
	store  Store
	prefix string
	tree   tree
	cache  *Cache
}

var _ fs.FS = (*TreeFS)(nil)

// OpenTree reads the index of the tree below prefix; ctx bounds only this read. Later fetches end with Close, not with
// ctx.
func OpenTree(ctx context.Context, s Store, prefix string, c *Cache) (*TreeFS, error) {
	t, err := readTree(ctx, s, prefix)
	if err != nil {
		return nil, err
	}
	for name, whole := range t.Files {
		if want := 8 * ((whole.Size + BlockSize - 1) / BlockSize); int64(len(whole.Blocks)) != want {
			return nil, fmt.Errorf("%s/%s: %s has %d digits of block checksums, want %d; upload the tree again", s, prefix, name, len(whole.Blocks), want)
		}
	}
	f := &TreeFS{store: s, prefix: prefix, tree: t, cache: c}
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return f, nil
}

// End cancels running fetches; later ones fail.
func (f *TreeFS) End() { f.cancel() }

// Close implements io.Closer. It is End.
func (f *TreeFS) Close() error {
	f.End()
	return nil
}

func (f *TreeFS) names() []string { return slices.Sorted(maps.Keys(f.tree.Files)) }

func (f *TreeFS) file(name string) *treeFile {
	return &treeFile{fs: f, name: name, sealed: f.tree.Files[name]}
}

// Open opens a file of the tree. It does not open directories.
func (f *TreeFS) Open(name string) (fs.File, error) {
	if _, ok := f.tree.Files[name]; !ok {
		return nil, &fs.PathError{Op: "open", Path: f.store.String() + "/" + path.Join(f.prefix, name), Err: fs.ErrNotExist}
	}
	return f.file(name), nil
}

// treeFile is an open file of a tree.
type treeFile struct {
	sealed
	fs   *TreeFS
	name string
	at   int64 // of Read
}

func (f *treeFile) count() int64 { return (f.sealed.Size + BlockSize - 1) / BlockSize }

// source is the origin of block k.
func (f *treeFile) source(k int64) source {
	at := k * BlockSize
	return source{name: blockName(f.name, f.sealed, k), size: min(BlockSize, f.sealed.Size-at), sum: f.Blocks[8*k : 8*k+8],
		fetch: func(ctx context.Context, p []byte) error {
			return f.fs.store.ReadRange(ctx, path.Join(f.fs.prefix, f.name), p, at)
		}}
}

// ReadAt implements io.ReaderAt.
func (f *treeFile) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("%s: negative offset %d", f.name, off)
	}
	for n < len(p) && off < f.sealed.Size {
		k := off / BlockSize
		part := min(int64(len(p)-n), (k+1)*BlockSize-off, f.sealed.Size-off)
		if err := f.fs.cache.read(f.fs.ctx, f.source(k), p[n:n+int(part)], off-k*BlockSize); err != nil {
			return n, fmt.Errorf("%s/%s: %w", f.fs.store, path.Join(f.fs.prefix, f.name), err)
		}
		n, off = n+int(part), off+part
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Read implements fs.File.
func (f *treeFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Close implements fs.File.
func (f *treeFile) Close() error { return nil }

// Stat implements fs.File.
func (f *treeFile) Stat() (fs.FileInfo, error) { return treeInfo{f}, nil }

type treeInfo struct{ file *treeFile }

func (i treeInfo) Name() string       { return path.Base(i.file.name) }
func (i treeInfo) Size() int64        { return i.file.sealed.Size }
func (i treeInfo) Mode() fs.FileMode  { return 0o444 }
func (i treeInfo) ModTime() time.Time { return time.Time{} }
func (i treeInfo) IsDir() bool        { return false }
func (i treeInfo) Sys() any           { return nil }
