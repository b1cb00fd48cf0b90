package history

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// unread is a part that could not be read.
type unread struct {
	name string
	err  error
}

func (u unread) Error() string { return u.name + ": " + u.err.Error() }
func (u unread) Unwrap() error { return u.err }

// damage reports whether what is in a file is wrong, and not the way to it: a disk that
// doesn't answer, or too many open files, may be better the next time.
func damage(err error) bool {
	var way syscall.Errno
	return err != nil && !errors.As(err, &way) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// setAside gives a damaged file a name under which nobody reads it.
func (l *Log) setAside(path string) error {
	err := os.Rename(path, path+damagedSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another was faster
	}
	if err == nil {
		l.mu.Lock()
		l.counts.Aside++
		l.mu.Unlock()
		err = syncDir(filepath.Dir(path))
	}
	return err
}

// aside are the paths of files that were set aside.
func (l *Log) aside() (paths []string, err error) {
	dirs, err := l.days()
	if err != nil {
		return nil, err
	}
	for _, dir := range append(dirs, segmentsDir) {
		found, err := list(filepath.Join(l.dir, dir), func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), damagedSuffix) })
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			paths = append(paths, filepath.Join(l.dir, dir, name))
		}
	}
	return paths, nil
}

func (l *Log) countAside() error {
	paths, err := l.aside()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Aside = len(paths)
	return nil
}

// dropAside removes what was set aside and was written before a time.
func (l *Log) dropAside(before time.Time) error {
	paths, err := l.aside()
	for _, path := range paths {
		info, e := os.Stat(path)
		if e == nil && info.ModTime().Before(before) {
			e = os.Remove(path)
		}
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
