// Package packing turns a message into the letters of a QR code and back: zlib
// (RFC 1950) and base45 (RFC 9285), as the codes of licences and of health
// certificates have them.
package packing

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/adler32"
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
