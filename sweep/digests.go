package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/subbert/subbert/internal/atomicfile"
)

// Digests computes hashes of files and directories, and caches them while their size and modification time stay the
// same. Many goroutines may use it at once.
type Digests struct {
	mu    sync.Mutex
	path  string
	known map[string]fileDigest
	dirty bool
}

type fileDigest struct {
	Size   int64     `json:"size"`
	Time   time.Time `json:"time"`
	SHA256 string    `json:"sha256"`
}

// oldEnough is the age from which a modification time distinguishes a change from the next one.
const oldEnough = 2 * time.Second

// OpenDigests reads the cache in a file, which need not exist. A damaged file is replaced.
func OpenDigests(path string) (*Digests, error) {
	d := &Digests{path: path, known: make(map[string]fileDigest)}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(text, &d.known) != nil || d.known == nil {
		d.known = make(map[string]fileDigest)
	}
	return d, nil
}

// Save writes the cache.
func (d *Digests) Save() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.dirty {
		return nil
	}
	text, err := json.Marshal(d.known)
	if err != nil {
		return err
	}
	d.dirty = false
	return atomicfile.WriteBytes(d.path, text)
}

// Of is the sha256 of a file's content, or of the names and contents of all files in a directory, except files whose
// names begin with a dot. Symbolic links are followed.
func (d *Digests) Of(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return d.directory(path)
	}
	return d.file(path, info)
}

func (d *Digests) directory(path string) (string, error) {
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		one, err := d.Of(filepath.Join(path, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s\x00%s\x00", e.Name(), one)
	}
	return "d" + hex.EncodeToString(sum.Sum(nil)), nil
}

func (d *Digests) file(path string, info fs.FileInfo) (string, error) {
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: neither a file nor a directory", path)
	}
	name, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	known, ok := d.known[name]
	d.mu.Unlock()
	if ok && known.Size == info.Size() && known.Time.Equal(info.ModTime()) {
		return known.SHA256, nil
	}
	sum, err := sumFile(path)
	if err == nil && time.Since(info.ModTime()) > oldEnough {
		d.mu.Lock()
		d.known[name], d.dirty = fileDigest{info.Size(), info.ModTime(), sum}, true
		d.mu.Unlock()
	}
	return sum, err
}

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
