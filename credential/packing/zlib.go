// Package packing turns a message into the letters of a QR code and back: zlib
// (RFC 1950) and base45 (RFC 9285), as the codes of licences and of health
// certificates have them.
package packing

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"io"
	"sync"
)

// packers are compressors to be used again: one has tables of a megabyte.
var packers = sync.Pool{New: func() any { return newPacker() }}

// Compress makes a zlib stream. Signatures and numbers hardly shrink, and a
// reader pays for each Huffman table: what would save less than an eighth is
// stored as it is.
func Compress(m []byte) []byte {
	var b bytes.Buffer
	w := packers.Get().(*zlib.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	// Writing to memory can't fail.
	w.Write(m)
	w.Close()
	if len(m) > 0xffff || b.Len() < len(m)*7/8 {
		return b.Bytes()
	}
	out := make([]byte, 0, len(m)+11)
	out = append(out, 0x78, 0x01, 0x01)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(m)))
	out = binary.LittleEndian.AppendUint16(out, ^uint16(len(m)))
	out = append(out, m...)
	return binary.BigEndian.AppendUint32(out, adler32.Checksum(m))
}

func newPacker() *zlib.Writer {
	w, err := zlib.NewWriterLevel(nil, zlib.BestCompression)
	if err != nil { // the level is one of its own
		panic(err)
	}
	return w
}

// What keeps a stream from being unpacked, beside its own faults.
var (
	ErrTooLarge = errors.New("unpacks to more than is allowed")
	ErrMore     = errors.New("something stands behind the stream")
)

// Inflater unpacks streams one after the other in the same memory.
type Inflater struct {
	plain []byte
	src   bytes.Reader
	zlib  io.ReadCloser
}

// NewInflater makes one that unpacks no more than so many bytes.
func NewInflater(most int) Inflater { return Inflater{plain: make([]byte, most+1)} }

// Inflate unpacks a zlib stream with nothing behind it. What it gives lies in the
// Inflater, until the next call. Its errors are ErrTooLarge, ErrMore and those of zlib.
func (f *Inflater) Inflate(b []byte) ([]byte, error) {
	f.src.Reset(b)
	var err error
	if f.zlib == nil {
		if f.zlib, err = zlib.NewReader(&f.src); err != nil {
			return nil, err
		}
	} else if err = f.zlib.(zlib.Resetter).Reset(&f.src, nil); err != nil {
		return nil, err
	}
	n := 0
	for err == nil {
		if n == len(f.plain) { // one byte more than is allowed
			return nil, ErrTooLarge
		}
		var k int
		k, err = f.zlib.Read(f.plain[n:])
		n += k
	}
	if err != io.EOF {
		return nil, err
	}
	if n == len(f.plain) {
		return nil, ErrTooLarge
	}
	if f.src.Len() > 0 {
		return nil, ErrMore
	}
	return f.plain[:n], nil
}
