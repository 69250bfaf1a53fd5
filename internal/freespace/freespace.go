// Package freespace measures the free space of a disk.
package freespace

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Of is the number of free bytes in the file system of dir, which need not exist yet. A quota may allow fewer.
func Of(dir string) (int64, error) {
	for {
		free, err := freeBytes(dir)
		if err == nil {
			return free, nil
		}
		above := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || above == dir {
			return 0, err
		}
		dir = above
	}
}
