package pjrt

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/subbert/subbert/internal/atomicfile"
)

// Cache keeps compiled executables in a directory, under the hash of everything they depend on. A faulty entry
// counts as absent. Processes may share a directory.
type Cache struct {
	dir string
	max int64
}

// DefaultCacheBytes is the default bound of a cache, enough for some hundred programs of a large model.
const DefaultCacheBytes = 4 << 30

// OpenCache opens the cache in dir, which the first write creates, and keeps it below about max bytes by dropping
// the least recently used entries. A max of 0 stands for DefaultCacheBytes.
func OpenCache(dir string, max int64) *Cache {
	return &Cache{dir: dir, max: cmp.Or(max, DefaultCacheBytes)}
}

const (
	cacheMagic  = "subbert executable 1\n"
	cacheSuffix = ".executable"
)

// cacheKey hashes the parts that an executable depends on, each with its length so that no two lists collide.
func cacheKey(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p)) // a hash does not fail
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (c *Cache) path(key string) string { return filepath.Join(c.dir, key+cacheSuffix) }

// get returns the payload under key. An entry whose checksum is wrong is removed.
func (c *Cache) get(key string) ([]byte, error) {
	text, err := os.ReadFile(c.path(key))
	if err != nil {
		return nil, err
	}
	payload, err := unseal(text)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.path(key), err), c.remove(key))
	}
	now := time.Now()
	if err := os.Chtimes(c.path(key), now, now); err != nil {
		return payload, nil // only its place in the queue is lost
	}
	return payload, nil
}

// put writes an entry and then makes room. A payload larger than the cache is not kept.
func (c *Cache) put(key string, payload []byte) error {
	if int64(len(payload)) > c.max {
		return fmt.Errorf("an executable of %d bytes is larger than the cache (%d bytes)", len(payload), c.max)
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(c.path(key), seal(payload)); err != nil {
		return err
	}
	return c.shrink()
}

func (c *Cache) remove(key string) error {
	if err := os.Remove(c.path(key)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// shrink removes the least recently used entries until the rest fits.
func (c *Cache) shrink() error {
	files, err := filepath.Glob(filepath.Join(c.dir, "*"+cacheSuffix))
	if err != nil {
		return err
	}
	var entries []fs.FileInfo
	var total int64
	for _, f := range files {
		info, err := os.Stat(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process made room
		}
		if err != nil {
			return err
		}
		entries = append(entries, info)
		total += info.Size()
	}
	slices.SortFunc(entries, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, e := range entries {
		if total <= c.max {
			return nil
		}
		if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= e.Size()
	}
	return nil
}

// seal puts a checksum before the payload.
func seal(payload []byte) []byte {
	sum := sha256.Sum256(payload)
	return slices.Concat([]byte(cacheMagic), sum[:], payload)
}

func unseal(text []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(text, []byte(cacheMagic))
	if !ok || len(rest) < sha256.Size {
		return nil, errors.New("not an executable of this version of the cache")
	}
	sum, payload := rest[:sha256.Size], rest[sha256.Size:]
	if got := sha256.Sum256(payload); !bytes.Equal(got[:], sum) {
		return nil, errors.New("wrong checksum")
	}
	return payload, nil
}
