package serviceitem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"yiwang/city"
)

// Blobs keeps uploaded files, already sealed. Files on a disk and an object store
// are its two kinds.
type Blobs interface {
	// Put keeps what r gives under the id. It is durable, whole and readable once
	// Put returns nil; after an error nothing is there. An id is put once.
	Put(ctx context.Context, id city.BlobID, r io.Reader) error
	// Open reads what was put; fs.ErrNotExist when there is none.
	Open(ctx context.Context, id city.BlobID) (io.ReadCloser, error)
	// Delete removes it; nothing there is no fault.
	Delete(ctx context.Context, id city.BlobID) error
}

// FileBlobs keeps blobs as files of a folder, two levels deep.
type FileBlobs struct{ dir string }

// OpenBlobs uses the folder, which is made if it is missing.
func OpenBlobs(dir string) (*FileBlobs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &FileBlobs{dir}, nil
}

// path spreads the files: identifiers begin with the time, so their last
// characters differ most.
func (b *FileBlobs) path(id city.BlobID) string {
	s := id.String()
	return filepath.Join(b.dir, s[34:36], s[32:34], s)
}

func (b *FileBlobs) Put(ctx context.Context, id city.BlobID, r io.Reader) (err error) {
	if id.IsZero() {
		return errors.New("serviceitem: a blob without an id")
	}
	name := b.path(id)
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return full(err)
	}
	f, err := os.CreateTemp(dir, ".part-*") // mode 0600
	if err != nil {
		return full(err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = io.Copy(f, r); err != nil {
		return full(err)
	}
	if err = ctx.Err(); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return full(err)
	}
	if err = f.Close(); err != nil {
		return full(err)
	}
	if err = os.Link(f.Name(), name); err != nil { // unlike a rename, never over another
		return fmt.Errorf("serviceitem: blob %s: %w", id, err)
	}
	os.Remove(f.Name())
	for _, d := range []string{dir, filepath.Dir(dir), b.dir} {
		if err = syncDir(d); err != nil {
			os.Remove(name)
			return full(err)
		}
	}
	return nil
}

func (b *FileBlobs) Open(ctx context.Context, id city.BlobID) (io.ReadCloser, error) {
	if id.IsZero() {
		return nil, fs.ErrNotExist
	}
	return os.Open(b.path(id))
}

func (b *FileBlobs) Delete(ctx context.Context, id city.BlobID) error {
	if id.IsZero() {
		return nil
	}
	err := os.Remove(b.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// full tells a full disk from other faults: nothing new can be taken then, and
// what is there can still be read.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e := city.Unavailable(err, time.Minute)
		e.Message.Key = "error.disk_full"
		return e
	}
	return err
}
