package hub

import (
	"fmt"
	"os"

	"github.com/subbert/subbert/internal/freespace"
)

// FullError says that the missing files do not fit on the disk.
type FullError struct {
	Dir          string
	Needed, Free int64 // bytes
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%s: needs %d MB, has %d MB free", e.Dir, (e.Needed+1e6-1)/1e6, e.Free/1e6)
}

// Hint names the remedy.
func (e *FullError) Hint() string {
	return "make room, or set HF_HUB_CACHE to a directory on another disk"
}

// checkRoom returns a *FullError if the files that the cache lacks of s do not fit on the disk.
func (p *puller) checkRoom(f folder, s *Snapshot) error {
	var needed int64
	for _, file := range s.Files {
		if info, err := os.Stat(f.blob(file.Hash)); err == nil && info.Size() == file.Bytes {
			continue
		}
		needed += file.Bytes
		if info, err := os.Lstat(f.blob(file.Hash) + ".incomplete"); err == nil {
			needed -= min(info.Size(), file.Bytes)
		}
	}
	free, err := freespace.Of(p.Cache)
	if needed == 0 || err != nil { // without figures, assume that there is room
		return nil
	}
	if needed > free {
		return &FullError{Dir: p.Cache, Needed: needed, Free: free}
	}
	return nil
}
