package shards

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"github.com/subbert/subbert/internal/regularfile"
)

// Set is an open directory of shards. It is safe for concurrent use.
type Set struct {
	header Header
	splits map[string]*Documents
	files  []io.Closer
}

// IsSet reports whether name is a directory with a manifest, or an empty directory.
func IsSet(name string) bool {
	if _, err := os.Stat(filepath.Join(name, manifestName)); err == nil {
		return true
	}
	entries, err := os.ReadDir(name)
	return err == nil && len(entries) == 0
}

// Open opens the directory dir and checks that every file of the manifest exists, is complete and is the file that the
// manifest describes.
func Open(dir string) (*Set, error) { return OpenFS(os.DirFS(dir), dir) }

// OpenFS is like Open for the root of fsys. The files of fsys must be io.ReaderAts that are safe for concurrent use. dir
// is the name of the root in errors.
func OpenFS(fsys fs.FS, dir string) (*Set, error) {
	h, err := readHeader(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	s := &Set{header: h, splits: make(map[string]*Documents)}
	for name, split := range h.Splits {
		d := &Documents{}
		for _, shard := range split.Shards {
			if err := s.open(d, fsys, shard); err != nil {
				return nil, errors.Join(fmt.Errorf("shards: %s: %w", filepath.Join(dir, shard.File), err), s.Close())
			}
		}
		if d.sentences != split.Sentences {
			return nil, errors.Join(fmt.Errorf("shards: %s: split %s: %d sentences, but the files have %d; %w",
				filepath.Join(dir, manifestName), name, split.Sentences, d.sentences, errManifest), s.Close())
		}
		s.splits[name] = d
	}
	return s, nil
}

func (s *Set) open(d *Documents, fsys fs.FS, shard Shard) error {
	info, err := fs.Stat(fsys, shard.File) // before opening: opening a pipe may block
	if err == nil {
		err = regularfile.Check(info)
	}
	if err != nil {
		return pathless(err)
	}
	f, err := fsys.Open(shard.File)
	if err != nil {
		return pathless(err)
	}
	s.files = append(s.files, f)
	r, ok := f.(io.ReaderAt)
	if !ok {
		return errors.New("does not support random access")
	}
	if info.Size() != shard.Bytes {
		return fmt.Errorf("%d bytes, want %d; the file is truncated or damaged", info.Size(), shard.Bytes)
	}
	opened, err := openFile(r, info.Size())
	if err != nil {
		return err
	}
	if got := crcOf(opened.trailer.append(nil)); got != shard.CRC32C {
		return fmt.Errorf("checksum %s, want %s; the file belongs to other shards", got, shard.CRC32C)
	}
	if opened.documents != shard.Documents || opened.tokens != shard.Tokens {
		return fmt.Errorf("%d documents and %d tokens, but %s has %d and %d; %w", opened.documents, opened.tokens, manifestName, shard.Documents, shard.Tokens, errManifest)
	}
	if opened.idBits != uint32(s.header.IDBits) {
		return fmt.Errorf("%d bits per id, want %d", opened.idBits, s.header.IDBits)
	}
	return d.add(shard.File, opened)
}

// errManifest is the remedy for a manifest that does not match the files.
var errManifest = errors.New("the manifest is damaged or belongs to other shards; make the shards again")

// pathless returns err without its path; callers add a better one.
func pathless(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// Header returns the content of the manifest.
func (s *Set) Header() Header { return s.header }

// Split returns the documents of a split.
func (s *Set) Split(name string) (*Documents, error) {
	d, ok := s.splits[name]
	if !ok {
		return nil, fmt.Errorf("shards: no split %q, want %s or %s", name, Train, HeldOut)
	}
	return d, nil
}

// Verify reads every byte and checks all checksums. It calls progress with the number of bytes after each block.
func (s *Set) Verify(ctx context.Context, progress func(bytes int64)) error {
	for _, d := range s.splits {
		for _, p := range d.parts {
			for k := range p.file.blocks.sums {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := p.file.blocks.check(int64(k)); err != nil {
					return fmt.Errorf("shards: %s: %w", p.name, err)
				}
				progress(blockSize)
			}
		}
	}
	return nil
}

// Close closes the files.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Documents gives random access to the documents of a split. It is safe for concurrent use.
type Documents struct {
	parts             []part
	documents, tokens int64
	sentences         int64
}

// part is a file with the number of documents and tokens before it in the split.
type part struct {
	*file
	name                string
	documents0, tokens0 int64
}

func (d *Documents) add(name string, f *file) error {
	if d.documents%groupSize != 0 {
		return fmt.Errorf("the file before has %d documents, want a multiple of %d", d.documents, groupSize)
	}
	d.parts = append(d.parts, part{file: f, name: name, documents0: d.documents, tokens0: d.tokens})
	d.documents += f.documents
	d.tokens += f.tokens
	d.sentences += f.sentences
	return nil
}

// NumDocuments returns the number of documents, NumTokens the number of their tokens.
func (d *Documents) NumDocuments() int { return int(d.documents) }
func (d *Documents) NumTokens() int64  { return d.tokens }

// Lengths appends to dst, for each of the documents [first, last), its number of sentences and then the number of
// tokens of each sentence. at is the position of the first token of document first. Ranges that start at a multiple
// of 16 are cheapest.
func (d *Documents) Lengths(dst []int32, first, last int) (_ []int32, at int64, err error) {
	if first < 0 || last > d.NumDocuments() || first >= last {
		return dst, 0, fmt.Errorf("shards: documents %d-%d are outside a set of %d", first, last, d.documents)
	}
	k := sort.Search(len(d.parts), func(k int) bool { return d.parts[k].documents0 > int64(first) }) - 1
	for from := int64(first); from < int64(last); k++ {
		p := &d.parts[k]
		to := min(int64(last), p.documents0+p.documents)
		var start int64
		dst, start, err = p.lengths(dst, from-p.documents0, to-p.documents0)
		if err != nil {
			return dst, 0, fmt.Errorf("shards: %s: %w", p.name, err)
		}
		if from == int64(first) {
			at = p.tokens0 + start
		}
		from = to
	}
	return dst, at, nil
}

// Tokens fills dst with the tokens from position at on.
func (d *Documents) Tokens(dst []int32, at int64) error {
	if at < 0 || at+int64(len(dst)) > d.tokens {
		return fmt.Errorf("shards: tokens %d-%d are outside a set of %d", at, at+int64(len(dst)), d.tokens)
	}
	k := sort.Search(len(d.parts), func(k int) bool { return d.parts[k].tokens0 > at }) - 1
	for ; len(dst) > 0; k++ {
		p := &d.parts[k]
		n := min(int64(len(dst)), p.tokens0+p.tokens-at)
		if err := p.read(dst[:n], at-p.tokens0); err != nil {
			return fmt.Errorf("shards: %s: %w", p.name, err)
		}
		dst, at = dst[n:], at+n
	}
	return nil
}

// Sentences returns the sentences of document i, each as its ids.
func (d *Documents) Sentences(i int) ([][]int32, error) {
	lengths, at, err := d.Lengths(nil, i, i+1)
	if err != nil {
		return nil, err
	}
	out := make([][]int32, 0, lengths[0])
	for _, n := range lengths[1:] {
		ids := make([]int32, n)
		if err := d.Tokens(ids, at); err != nil {
			return nil, err
		}
		out = append(out, ids)
		at += int64(n)
	}
	return out, nil
}
