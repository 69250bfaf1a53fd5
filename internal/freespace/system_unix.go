//go:build unix

package freespace

import "golang.org/x/sys/unix"

// freeBytes is the number of free bytes in the file system of dir, which must exist.
func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
