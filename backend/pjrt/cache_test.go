package pjrt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCache(t *testing.T) {
	c := OpenCache(filepath.Join(t.TempDir(), "made", "when", "needed"), 0)
	key := cacheKey("a")
	if _, err := c.get(key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty cache gave %v", err)
	}
	for _, payload := range [][]byte{[]byte("one"), {}, bytes.Repeat([]byte{0, 255}, 1<<16)} {
		if err := c.put(key, payload); err != nil {
			t.Fatal(err)
		}
		got, err := c.get(key)
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("put %d bytes, got %d, %v", len(payload), len(got), err)
		}
	}
	sealed := seal([]byte("payload"))
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := unseal(damaged); err == nil {
			t.Errorf("an entry with byte %d changed was read", i)
		}
	}
	if err := os.WriteFile(c.path(key), []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.get(key); err == nil {
		t.Error("a file that is no entry was read")
	}
	if _, err := os.Stat(c.path(key)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a damaged entry stays: %v", err)
	}
}

func TestCacheKey(t *testing.T) {
	seen := map[string]string{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"1:a"}, {"1:", "a"}} {
		key := cacheKey(parts...)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %s have one key", parts, other)
		}
		seen[key] = fmt.Sprintf("%q", parts)
	}
}

func TestCacheBound(t *testing.T) {
	const entry = 1000 // more or less; the header is some 50 bytes
	c := OpenCache(t.TempDir(), 3*(entry+100))
	old := time.Now().Add(-time.Hour)
	for i := range 3 {
		key := fmt.Sprint(i)
		if err := c.put(key, make([]byte, entry)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(c.path(key), old.Add(time.Duration(i)*time.Second), old.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.get("0"); err != nil { // used, so the next oldest goes
		t.Fatal(err)
	}
	if err := c.put("3", make([]byte, entry)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"0": true, "1": false, "2": true, "3": true} {
		if _, err := c.get(key); (err == nil) != want {
			t.Errorf("entry %s is there: %v, want %v", key, err == nil, want)
		}
	}
	if err := c.put("large", make([]byte, 10*entry)); err == nil || !strings.Contains(err.Error(), "larger than the cache") {
		t.Errorf("an entry larger than the cache gave %v", err)
	}
}
