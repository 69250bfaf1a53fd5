package bucket

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"
)

// fetchTimeout bounds one fetch of a block: a run that reads through a cache survives a network outage that is
// shorter.
const fetchTimeout = 5 * time.Minute

// fetchPause is the time between attempts at a store that cannot be reached.
const fetchPause = 5 * time.Second

// Cache keeps blocks of trees in a directory: never more bytes than its limit, blocks being written included. It
// removes the least recently used block first. The remains of a killed process are never taken for a block: file
// names identify the contents, and a block that another process wrote is compared with its checksum before it is
// used. Many goroutines may use a Cache at once, and one process at a time.
type Cache struct {
	dir   string
	limit int64
	lock  *flock.Flock

	mu     sync.Mutex
	used   int64 // bytes
	blocks map[string]*block
	recent list.List // of *block, the one used last in front
	stats  CacheStats
}

// CacheStats counts the operations of a Cache.
type CacheStats struct {
	Hits, Fetched, Evicted int64 // blocks
	Most                   int64 // bytes that were kept at once
}

// block is a file of a cache, or a block that is being fetched. The cache's mutex guards all fields except
// data.
type block struct {
	name    string
	size    int64
	place   *list.Element // among recent; nil: not kept on disk
	pins    int           // readers; a pinned block stays
	checked bool          // its checksum
	ready   chan struct{} // closed once data and err are set
	data    []byte        // of a block that is not kept, for lack of room
	err     error
}

// filling is the number of blocks that Fill fetches at once.
const filling = 8

const (
	blockSuffix   = ".block"
	partialSuffix = ".part"
)

// OpenCache opens the cache in the directory dir, creates it if necessary, and locks it until Close. limit is in
// bytes.
func OpenCache(dir string, limit int64) (*Cache, error) {
	if limit < BlockSize {
		return nil, fmt.Errorf("%s: cache of %d bytes, want at least one block of %d bytes", dir, limit, BlockSize)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	c := &Cache{dir: dir, limit: limit, lock: flock.New(filepath.Join(dir, ".lock")), blocks: make(map[string]*block)}
	claimed, err := c.lock.TryLock()
	if err == nil && !claimed {
		err = errors.New("another process uses the cache; give each process its own directory")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := c.find(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), c.lock.Unlock())
	}
	return c, nil
}

// Close unlocks the directory. Blocks stay for the next process.
func (c *Cache) Close() error { return c.lock.Unlock() }

// Stats returns the counts so far.
func (c *Cache) Stats() CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// find takes over the blocks of earlier processes, oldest first, up to the limit.
func (c *Cache) find() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var found []fs.FileInfo
	for _, e := range entries {
		switch info, err := e.Info(); {
		case err != nil:
			return err
		case strings.HasSuffix(e.Name(), partialSuffix):
			if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil {
				return err
			}
		case strings.HasSuffix(e.Name(), blockSuffix) && e.Type().IsRegular():
			found = append(found, info)
		}
	}
	slices.SortStableFunc(found, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	ready := make(chan struct{})
	close(ready)
	for _, info := range found {
		b := &block{name: info.Name(), size: info.Size(), ready: ready}
		b.place = c.recent.PushFront(b)
		c.blocks[b.name], c.used = b, c.used+b.size
	}
	if !c.makeRoom(0) {
		return errors.New("cannot free enough space")
	}
	c.stats = CacheStats{Most: c.used}
	return nil
}

// makeRoom removes blocks until n more bytes fit; false if blocks that are being read leave no room. The caller holds
// the mutex, or is alone.
func (c *Cache) makeRoom(n int64) bool {
	for e := c.recent.Back(); e != nil && c.used+n > c.limit; {
		b := e.Value.(*block)
		e = e.Prev()
		if b.pins == 0 {
			c.drop(b)
			c.stats.Evicted++
		}
	}
	return c.used+n <= c.limit
}

// drop forgets a block and removes its file.
func (c *Cache) drop(b *block) {
	if b.place == nil {
		return
	}
	c.recent.Remove(b.place)
	b.place = nil
	delete(c.blocks, b.name)
	if err := os.Remove(filepath.Join(c.dir, b.name)); err == nil || errors.Is(err, fs.ErrNotExist) {
		c.used -= b.size // otherwise it still takes room
	}
}

// source is the origin of a block.
type source struct {
	name  string // of its file in the cache
	size  int64
	sum   string
	fetch func(ctx context.Context, p []byte) error
}

// read fills p from the block's bytes at off, and fetches the block if it is not in the cache.
func (c *Cache) read(ctx context.Context, from source, p []byte, off int64) error {
	for range 3 { // a file that another process removed or damaged is fetched again
		b, mine := c.pin(from)
		if mine {
			c.fill(ctx, b, from) // ends when ctx does
		} else {
			select {
			case <-b.ready:
			case <-ctx.Done():
				c.unpin(b, nil)
				return ctx.Err()
			}
		}
		if b.err != nil || b.data != nil {
			copy(p, b.data[min(off, int64(len(b.data))):])
			c.unpin(b, nil)
			return b.err
		}
		err := c.readFile(b, from, p, off)
		c.unpin(b, err)
		if err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: cannot store block %s", c.dir, from.name)
}

// pin finds the block or creates it; mine says that the caller must fill it.
func (c *Cache) pin(from source) (b *block, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.blocks[from.name]
	if !ok {
		b = &block{name: from.name, size: from.size, ready: make(chan struct{})}
		c.blocks[b.name] = b
		c.stats.Fetched++
	} else {
		c.stats.Hits++
	}
	if b.place != nil {
		c.recent.MoveToFront(b.place)
	}
	b.pins++
	return b, !ok
}

// unpin ends a reader's use of a block, and drops a block that could not be read.
func (c *Cache) unpin(b *block, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.pins--
	if err != nil {
		c.drop(b)
	}
}

// fill fetches a block and keeps it, if there is room.
func (c *Cache) fill(ctx context.Context, b *block, from source) {
	defer close(b.ready)
	soon, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	data := make([]byte, from.size)
	b.err = persist(soon, func() error { return from.fetch(soon, data) })
	if b.err == nil && sumText(data) != from.sum {
		b.err = fmt.Errorf("block %s: checksum %s, want %s", from.name, sumText(data), from.sum)
	}
	kept := b.err == nil && c.reserve(b)
	if kept {
		err := c.write(b.name, data)
		if kept = err == nil; !kept {
			c.release(b)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !kept {
		b.data = data
		delete(c.blocks, b.name)
		return
	}
	b.checked = true
	b.place = c.recent.PushFront(b)
}

// persist repeats fetch until the store can be reached or ctx ends.
func persist(ctx context.Context, fetch func() error) error {
	err := fetch()
	for errors.Is(err, ErrUnreachable) {
		select {
		case <-time.After(fetchPause):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		err = fetch()
	}
	return err
}

// reserve sets room aside for a block.
func (c *Cache) reserve(b *block) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.makeRoom(b.size) {
		return false
	}
	c.used += b.size
	c.stats.Most = max(c.stats.Most, c.used)
	return true
}

func (c *Cache) release(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used -= b.size
}

// write creates a block's file whole. It does not sync it: a file that a power cut damages fails its
// checksum.
func (c *Cache) write(name string, data []byte) error {
	partial := filepath.Join(c.dir, strings.TrimSuffix(name, blockSuffix)+partialSuffix)
	if err := os.WriteFile(partial, data, 0o644); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return os.Rename(partial, filepath.Join(c.dir, name))
}

// readFile fills p from the block's file. It compares the checksum unless this process has done so.
func (c *Cache) readFile(b *block, from source, p []byte, off int64) (err error) {
	f, err := os.Open(filepath.Join(c.dir, b.name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	c.mu.Lock()
	checked := b.checked
	c.mu.Unlock()
	if !checked {
		s, err := seal(f)
		if err != nil || s.Size != from.size || s.Blocks != from.sum {
			return errors.Join(err, fmt.Errorf("%s: damaged", f.Name()))
		}
		c.mu.Lock()
		b.checked = true
		c.mu.Unlock()
	}
	_, err = f.ReadAt(p, off)
	return err
}

// blockName is the file name of a block. It identifies the contents, wherever the tree is stored.
func blockName(file string, whole sealed, k int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s %d", file, whole.Size, whole.CRC32C, k))
	return hex.EncodeToString(sum[:12]) + "-" + whole.Blocks[8*k:8*k+8] + blockSuffix
}

// Fill fetches the missing blocks of the tree, in order and several at once, until the cache is full. It removes no
// blocks.
func (f *TreeFS) Fill(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(filling)
	for _, name := range f.names() {
		file := f.file(name)
		for k := range file.count() {
			from := file.source(k)
			if room, there := f.cache.wants(from); ctx.Err() != nil || !room {
				return errors.Join(group.Wait(), ctx.Err())
			} else if there {
				continue
			}
			group.Go(func() error { return f.cache.read(ctx, from, nil, 0) })
		}
	}
	return group.Wait()
}

// wants reports whether the block fits without removing others, beside the blocks that Fill is fetching, and whether it
// is there already.
func (c *Cache) wants(from source) (room, there bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, there = c.blocks[from.name]
	return there || c.used+(filling+1)*BlockSize <= c.limit, there
}
