// Package freespace tells how much may still be written to a disk.
package freespace

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Of is how many bytes may still be written to the file system of dir, which need not be there yet. A quota may allow
// fewer.
func Of(dir string) (int64, error) {
	for {
		free, err := of(dir)
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
