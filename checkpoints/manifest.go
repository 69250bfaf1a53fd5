package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	manifestName   = "manifest.json"
	manifestFormat = 1
	maxManifest    = 1 << 20 // bytes
)

// manifest is manifest.json. It is written last, marks the step as complete and lists its files.
type manifest struct {
	Format int                 `json:"format"`
	Step   int                 `json:"step"`
	Saved  time.Time           `json:"saved"`
	Files  map[string]fileSeal `json:"files"`
}

// fileSeal is the size and checksum that a file must have.
type fileSeal struct {
	Size   int64  `json:"size"`
	CRC32C string `json:"crc32c"` // eight hexadecimal digits
}

func (m manifest) size() int64 {
	var total int64
	for _, s := range m.Files {
		total += s.Size
	}
	return total
}

// checksum accumulates a size and a CRC-32C (Castagnoli), which a processor computes faster than a disk
// reads.
type checksum struct {
	size int64
	crc  uint32
}

func (c *checksum) add(p []byte) {
	c.size += int64(len(p))
	c.crc = crc32.Update(c.crc, crc32.MakeTable(crc32.Castagnoli), p)
}

// Write implements io.Writer.
func (c *checksum) Write(p []byte) (int, error) {
	c.add(p)
	return len(p), nil
}

func (c *checksum) seal() fileSeal {
	return fileSeal{Size: c.size, CRC32C: fmt.Sprintf("%08x", c.crc)}
}

// readManifest reads and checks the manifest of the step directory dir, without looking at the other files.
func readManifest(dir string) (manifest, error) {
	var m manifest
	f, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return m, errors.New("no " + manifestName)
		}
		return m, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return m, err
	}
	if len(data) > maxManifest {
		return m, fmt.Errorf("%s: larger than %d bytes", manifestName, maxManifest)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s: %w", manifestName, err)
	}
	if m.Format != manifestFormat {
		return m, fmt.Errorf("%s: format %d, want %d", manifestName, m.Format, manifestFormat)
	}
	if step, ok := parseStep(filepath.Base(dir)); !ok || step != m.Step {
		return m, fmt.Errorf("%s: is for step %d, but the directory is %s", manifestName, m.Step, filepath.Base(dir))
	}
	return m, nil
}

// verify compares every file of dir with the manifest.
func (m manifest) verify(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if err := plainName(name); err != nil {
			return fmt.Errorf("%s: %w", manifestName, err)
		}
		if err := verifyFile(filepath.Join(dir, name), m.Files[name]); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(path string, want fileSeal) error {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: missing", filepath.Base(path))
		}
		return err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	if stat.Size() != want.Size { // cheaper than reading the file
		return fmt.Errorf("%s: %d bytes, want %d", filepath.Base(path), stat.Size(), want.Size)
	}
	sum := new(checksum)
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, f, make([]byte, 1<<20)); err != nil {
		return err
	}
	if got := sum.seal(); got != want {
		return fmt.Errorf("%s: checksum %s, want %s: damaged", filepath.Base(path), got.CRC32C, want.CRC32C)
	}
	return nil
}

// plainName rejects a file name that leaves its directory or is hidden.
func plainName(name string) error {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, `/\`) || !filepath.IsLocal(name) {
		return fmt.Errorf("%q is not a plain file name", name)
	}
	return nil
}
