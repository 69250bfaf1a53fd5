package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/internal/atomicfile"
)

// DamagedError says that a file of the cache does not match its size or hash.
type DamagedError struct {
	Path  string
	Bytes int64
	Hash  string // empty if the sizes differ
	Want  File
}

func (e *DamagedError) Error() string {
	if e.Hash == "" {
		return fmt.Sprintf("%s: damaged: %d bytes, want %d", e.Path, e.Bytes, e.Want.Bytes)
	}
	return fmt.Sprintf("%s: damaged: hash %s, want %s", e.Path, e.Hash, e.Want.Hash)
}

// Hint names the remedy.
func (e *DamagedError) Hint() string { return "remove the file and fetch it again with a connection" }

// check compares a blob with the size and hash of file: *DamagedError if they differ. It does not read a blob again
// whose size and modification time are unchanged since the last comparison.
func (c *Client) check(blob string, file File) error {
	info, err := os.Stat(blob)
	if err != nil {
		return err
	}
	damaged := &DamagedError{Path: blob, Bytes: info.Size(), Want: file}
	if info.Size() != file.Bytes {
		return damaged
	}
	if c.remembered(blob, info) {
		return nil
	}
	f, err := os.Open(blob)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := newSum(file)
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if damaged.Hash = hex.EncodeToString(sum.Sum(nil)); damaged.Hash != file.Hash {
		return damaged
	}
	c.remember(blob)
	return nil
}

// checked is the record of a blob that was compared with its hash.
type checked struct {
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
	Changed int64  `json:"changed"` // Unix time, in nanoseconds
}

func (c *Client) checkedFile(blob string) string {
	sum := sha256.Sum256([]byte(blob))
	return filepath.Join(c.Checked, hex.EncodeToString(sum[:12])+".json")
}

func (c *Client) remembered(blob string, info fs.FileInfo) bool {
	if c.Checked == "" {
		return false
	}
	text, err := os.ReadFile(c.checkedFile(blob))
	var was checked
	return err == nil && json.Unmarshal(text, &was) == nil && was == checked{blob, info.Size(), info.ModTime().UnixNano()}
}

// remember records that a blob matches its hash. If that fails, the blob is compared again next time.
func (c *Client) remember(blob string) {
	if c.Checked == "" {
		return
	}
	info, err := os.Stat(blob)
	if err == nil {
		err = atomicfile.WriteJSON(c.checkedFile(blob), checked{blob, info.Size(), info.ModTime().UnixNano()})
	}
	if err != nil {
		c.Log.Debug("cannot record that a file was checked", "error", err)
	}
}
