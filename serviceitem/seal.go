package serviceitem

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// A sealed file is a row of frames: four bytes of length and a box of the vault.
// In each box stand the blob's id, the frame's place and whether it is the last,
// and then the bytes; so frames can't be moved, left out or cut off unseen.
const (
	frameBytes = 256 << 10
	frameHead  = 16 + 4 + 1
	boxRoom    = 64 // what the vault adds, generously
)

// sealing reads plain bytes and gives frames.
type sealing struct {
	s     *Service
	ctx   context.Context
	key   journal.KeyID
	id    city.BlobID
	src   *bufio.Reader
	n     uint32
	out   bytes.Buffer
	ended bool
}

func (s *Service) sealing(ctx context.Context, key journal.KeyID, id city.BlobID, src io.Reader) io.Reader {
	return &sealing{s: s, ctx: ctx, key: key, id: id, src: bufio.NewReaderSize(src, 32<<10)}
}

func (w *sealing) Read(p []byte) (int, error) {
	for w.out.Len() == 0 {
		if w.ended {
			return 0, io.EOF
		}
		if err := w.frame(); err != nil {
			return 0, err
		}
	}
	return w.out.Read(p)
}

func (w *sealing) frame() error {
	plain := make([]byte, frameHead+frameBytes)
	n, err := io.ReadFull(w.src, plain[frameHead:])
	last := false
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		last = true
	case err != nil:
		return err
	default:
		if _, err := w.src.Peek(1); errors.Is(err, io.EOF) {
			last = true
		} else if err != nil {
			return err
		}
	}
	plain = plain[:frameHead+n]
	copy(plain, w.id[:])
	binary.BigEndian.PutUint32(plain[16:], w.n)
	if last {
		plain[20] = 1
	}
	w.n, w.ended = w.n+1, last
	var box []byte
	err = w.s.DB.View(w.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		box, err = w.s.Journal.Vault().SealBytes(ctx, tx, w.key, plain)
		return err
	})
	if err != nil {
		return err
	}
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(box)))
	w.out.Write(size[:])
	w.out.Write(box)
	return nil
}

// opening reads frames and gives plain bytes.
type opening struct {
	s     *Service
	ctx   context.Context
	key   journal.KeyID
	id    city.BlobID
	src   io.ReadCloser
	n     uint32
	out   bytes.Reader
	ended bool
}

func (s *Service) opening(ctx context.Context, key journal.KeyID, id city.BlobID, src io.ReadCloser) io.ReadCloser {
	return &opening{s: s, ctx: ctx, key: key, id: id, src: src}
}

func (r *opening) Close() error { return r.src.Close() }

func (r *opening) Read(p []byte) (int, error) {
	for r.out.Len() == 0 {
		if r.ended {
			return 0, io.EOF
		}
		if err := r.frame(); err != nil {
			return 0, err
		}
	}
	return r.out.Read(p)
}

func (r *opening) frame() error {
	damaged := func(why string) error { return fmt.Errorf("serviceitem: blob %s is damaged: %s", r.id, why) }
	var size [4]byte
	if _, err := io.ReadFull(r.src, size[:]); err != nil {
		return damaged("it ends too soon")
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > frameHead+frameBytes+boxRoom {
		return damaged("a frame is too long")
	}
	box := make([]byte, n)
	if _, err := io.ReadFull(r.src, box); err != nil {
		return damaged("it ends too soon")
	}
	var plain []byte
	err := r.s.DB.View(r.ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		plain, err = r.s.Journal.Vault().UnsealBytes(ctx, tx, r.key, box)
		return err
	})
	switch {
	case errors.Is(err, journal.ErrErased):
		return city.NotFound("service.upload.erased")
	case err != nil:
		return fmt.Errorf("serviceitem: blob %s: %w", r.id, err)
	case len(plain) < frameHead || !bytes.Equal(plain[:16], r.id[:]) || binary.BigEndian.Uint32(plain[16:20]) != r.n:
		return damaged("a frame stands in the wrong place")
	}
	r.n++
	r.ended = plain[20] == 1
	r.out.Reset(plain[frameHead:])
	return nil
}
