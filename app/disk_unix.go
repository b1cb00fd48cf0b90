//go:build linux || darwin || freebsd

package app

import "syscall"

// freeSpace gives the bytes that are free for the program and those of the whole
// disk.
func freeSpace(dir string) (free, whole uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	size := uint64(s.Bsize)
	return uint64(s.Bavail) * size, s.Blocks * size, nil
}
