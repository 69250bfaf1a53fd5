package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
)

const blockSize = bucket.BlockSize

// counted is a store that counts and may spoil what is read of parts.
type counted struct {
	*bucket.Memory
	mu    sync.Mutex
	reads int
	spoil func(p []byte) error
}

func (c *counted) ReadRange(ctx context.Context, name string, p []byte, off int64) error {
	c.mu.Lock()
	c.reads++
	spoil := c.spoil
	c.mu.Unlock()
	if err := c.Memory.ReadRange(ctx, name, p, off); err != nil {
		return err
	}
	if spoil != nil {
		return spoil(p)
	}
	return nil
}

func (c *counted) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

// bigTree puts files of several blocks into a store and returns their contents.
func bigTree(t *testing.T) (*counted, map[string][]byte) {
	t.Helper()
	s, dir, r := &counted{Memory: &bucket.Memory{}}, t.TempDir(), rand.NewChaCha8([32]byte{1})
	files := map[string][]byte{"a.shard": make([]byte, 5*blockSize+123), "deep/b.shard": make([]byte, 2*blockSize), "empty": {}, "small": make([]byte, 7)}
	for name, data := range files {
		r.Read(data)
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := bucket.PutTree(t.Context(), s, "in", dir); err != nil {
		t.Fatal(err)
	}
	return s, files
}

func openCache(t *testing.T, dir string, limit int64) *bucket.Cache {
	t.Helper()
	c, err := bucket.OpenCache(dir, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func openTree(t *testing.T, s bucket.Store, c *bucket.Cache) *bucket.TreeFS {
	t.Helper()
	f, err := bucket.OpenTree(t.Context(), s, "in", c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// kept is how many bytes lie in a cache's directory, and how many of these are no whole blocks.
func kept(t *testing.T, dir string) (total, partial int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was just renamed or removed
		}
		if err != nil {
			t.Fatal(err)
		}
		if total += info.Size(); strings.HasSuffix(e.Name(), ".part") {
			partial += info.Size()
		}
	}
	return total, partial
}

func at(t *testing.T, f fs.FS, name string, off int64, n int) ([]byte, error) {
	t.Helper()
	file, err := f.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, n)
	got, err := file.(io.ReaderAt).ReadAt(p, off)
	return p[:got], err
}

// TestCacheBounded reads at random from several goroutines through caches smaller than the tree: what is read is what was
// put there, and the directory never holds more than the limit.
func TestCacheBounded(t *testing.T) {
	s, files := bigTree(t)
	for _, limit := range []int64{blockSize, 2*blockSize + 5, 4 * blockSize, 100 * blockSize} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			dir := t.TempDir()
			c := openCache(t, dir, limit)
			f := openTree(t, s, c)
			done := make(chan struct{})
			var watch, readers sync.WaitGroup
			watch.Go(func() {
				for {
					if total, _ := kept(t, dir); total > limit {
						t.Errorf("%d bytes are kept, at most %d are allowed", total, limit)
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
			for g := range uint64(4) {
				readers.Go(func() {
					r := rand.New(rand.NewPCG(g, 7))
					for range 25 {
						name := []string{"a.shard", "deep/b.shard"}[r.IntN(2)]
						want := files[name]
						off := r.IntN(len(want))
						n := r.IntN(min(2*blockSize, len(want)-off))
						if got, err := at(t, f, name, int64(off), n); err != nil || !bytes.Equal(got, want[off:off+n]) {
							t.Errorf("%s from %d, %d bytes: differ (%v)", name, off, n, err)
						}
					}
				})
			}
			readers.Wait()
			close(done)
			watch.Wait()
			if got := c.Stats(); got.Most > limit || got.Fetched == 0 || limit < 8*blockSize && got.Evicted == 0 {
				t.Errorf("limit %d: %+v", limit, got)
			}
		})
	}
}

// TestTreeIsAFileSystem reads files whole, and at their ends.
func TestTreeIsAFileSystem(t *testing.T) {
	s, files := bigTree(t)
	f := openTree(t, s, openCache(t, t.TempDir(), 3*blockSize))
	for name, want := range files {
		if got, err := fs.ReadFile(f, name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes (%v), want %d", name, len(got), err, len(want))
		}
		if info, err := fs.Stat(f, name); err != nil || info.Size() != int64(len(want)) {
			t.Errorf("%s: stat %v", name, err)
		}
		if got, err := at(t, f, name, max(0, int64(len(want))-3), 10); err != io.EOF || !bytes.Equal(got, want[max(0, len(want)-3):]) {
			t.Errorf("%s: the end is %x, %v", name, got, err)
		}
	}
	if _, err := f.Open("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestCacheAfterKill: whatever a killed process left, what is read is right, room is counted right, and whole blocks are
// used again.
func TestCacheAfterKill(t *testing.T) {
	s, files := bigTree(t)
	want := files["a.shard"]
	dir := t.TempDir()
	c := openCache(t, dir, 20*blockSize)
	if _, err := fs.ReadFile(openTree(t, s, c), "a.shard"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	blocks, err := filepath.Glob(filepath.Join(dir, "*.block"))
	if err != nil || len(blocks) != 6 {
		t.Fatalf("%d blocks (%v), want 6", len(blocks), err)
	}
	damaged := bytes.Clone(want[:blockSize])
	damaged[100] ^= 1
	for file, data := range map[string][]byte{blocks[0]: damaged, blocks[1]: []byte("torn"), blocks[2]: {}, filepath.Join(dir, "0123.part"): make([]byte, 9*blockSize)} {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := s.count()
	c = openCache(t, dir, 20*blockSize)
	if got, err := fs.ReadFile(openTree(t, s, c), "a.shard"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("what is read differs (%v)", err)
	}
	if n := s.count() - before; n != 3 {
		t.Errorf("%d blocks were fetched again, want the 3 that were damaged", n)
	}
	if total, partial := kept(t, dir); total != int64(len(want)) || partial != 0 {
		t.Errorf("%d bytes are kept, %d of them half-written; want %d and none", total, partial, len(want))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openCache(t, dir, 2*blockSize) // a smaller limit than last time
	if total, _ := kept(t, dir); total > 2*blockSize {
		t.Errorf("%d bytes are kept, at most %d are allowed", total, 2*blockSize)
	}
	if _, err := bucket.OpenCache(dir, 2*blockSize); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("two at once: %v", err)
	}
	if err := os.Remove(blocks[5]); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(openTree(t, s, c), "a.shard"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("after a block was removed behind its back: differs (%v)", err)
	}
}

// TestCacheRefusesDamage: a part that arrives damaged is an error, and is not kept.
func TestCacheRefusesDamage(t *testing.T) {
	s, files := bigTree(t)
	dir := t.TempDir()
	f := openTree(t, s, openCache(t, dir, 9*blockSize))
	s.spoil = func(p []byte) error { p[len(p)/2] ^= 4; return nil }
	if _, err := at(t, f, "a.shard", 0, 10); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("got %v, want a checksum that differs", err)
	}
	s.spoil = func([]byte) error { return errors.New("network") }
	if _, err := at(t, f, "a.shard", 0, 10); err == nil || !strings.Contains(err.Error(), "network") {
		t.Errorf("got %v, want the network's error", err)
	}
	if total, _ := kept(t, dir); total != 0 {
		t.Errorf("%d bytes of what failed are kept", total)
	}
	s.spoil = nil
	if got, err := at(t, f, "a.shard", 0, 10); err != nil || !bytes.Equal(got, files["a.shard"][:10]) {
		t.Errorf("after that: %x, %v", got, err)
	}
}

// TestFill: what fits is fetched ahead, each block once; where not all fits, nothing is displaced.
func TestFill(t *testing.T) {
	s, files := bigTree(t)
	f := openTree(t, s, openCache(t, t.TempDir(), 100*blockSize))
	before := s.count()
	if err := f.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.count() - before; n != 9 { // six, two and one
		t.Errorf("%d blocks were fetched, want 9", n)
	}
	for name, want := range files {
		if got, err := fs.ReadFile(f, name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs (%v)", name, err)
		}
	}
	if n := s.count() - before; n != 9 {
		t.Errorf("reading fetched %d blocks more", n-9)
	}
	c := openCache(t, t.TempDir(), 11*blockSize)
	if err := openTree(t, s, c).Fill(t.Context()); err != nil || c.Stats().Evicted > 0 {
		t.Errorf("%+v, %v: want nothing displaced", c.Stats(), err)
	}
}

func TestTreeWithoutBlockSums(t *testing.T) {
	s := &bucket.Memory{}
	if _, err := s.Write(t.Context(), "in/tree.json", strings.NewReader(`{"files":{"x":{"size":1,"crc32c":"00000000"}}}`), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.OpenTree(t.Context(), s, "in", openCache(t, t.TempDir(), blockSize)); err == nil || !strings.Contains(err.Error(), "upload the tree again") {
		t.Errorf("got %v", err)
	}
	if _, err := bucket.OpenCache(t.TempDir(), blockSize-1); err == nil || !strings.Contains(err.Error(), "at least one block") {
		t.Errorf("a cache too small for a block: %v", err)
	}
}

// TestCacheOutlivesAnOutage: what is read through a cache waits for a store that cannot be reached, for some minutes; the
// end of the tree ends the wait.
func TestCacheOutlivesAnOutage(t *testing.T) {
	for _, c := range []struct {
		name        string
		outage, end time.Duration
		want        error
		most        time.Duration
	}{
		{"two minutes", 2 * time.Minute, 0, nil, 2*time.Minute + 10*time.Second},
		{"for ever", 24 * time.Hour, 0, bucket.ErrUnreachable, 5*time.Minute + 10*time.Second},
		{"ended", 24 * time.Hour, 7 * time.Second, bucket.ErrUnreachable, 7 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, files := bigTree(t)
				begin := time.Now()
				s.spoil = func([]byte) error {
					if time.Since(begin) < c.outage {
						return bucket.ErrUnreachable
					}
					return nil
				}
				f := openTree(t, s, openCache(t, t.TempDir(), 10*blockSize))
				if c.end > 0 {
					time.AfterFunc(c.end, f.End)
				}
				got, err := at(t, f, "small", 0, 7)
				if !errors.Is(err, c.want) || err == nil && !bytes.Equal(got, files["small"]) || time.Since(begin) > c.most {
					t.Errorf("after %s: %q, %v; want %v within %s", time.Since(begin), got, err, c.want, c.most)
				}
			})
		})
	}
}
