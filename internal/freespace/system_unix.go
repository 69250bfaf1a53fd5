//go:build unix

package freespace

import "golang.org/x/sys/unix"

// of is the room in the file system of dir, which is there.
func of(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
