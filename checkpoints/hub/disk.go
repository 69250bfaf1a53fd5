package hub

import (
	"fmt"
	"os"

	"github.com/subbert/subbert/internal/freespace"
)

// FullError says that what is to be fetched does not fit on the disk.
type FullError struct {
	Dir          string
	Needed, Free int64 // bytes
}

func (e *FullError) Error() string {
	return fmt.Sprintf("%s: %d MB are to be fetched, %d MB are free", e.Dir, (e.Needed+1e6-1)/1e6, e.Free/1e6)
}

// Hint says what to do.
func (e *FullError) Hint() string {
	return "make room, or let HF_HUB_CACHE name a directory on another disk"
}

// makeRoom says whether there is room for what the cache lacks of s, before anything is fetched.
func (p *puller) makeRoom(f folder, s *Snapshot) error {
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
	if needed == 0 || err != nil { // a file system that does not tell may have room
		return nil
	}
	if needed > free {
		return &FullError{Dir: p.Cache, Needed: needed, Free: free}
	}
	return nil
}
