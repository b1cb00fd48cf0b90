package history

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
)

// A segment is a head and frames. A frame is what one caller appended, or a part
// of it: a mark, the length and the checksum of what follows, the number of
// positions, and the positions.
const (
	segmentHead  = "YWTRACK1"
	frameHead    = 12
	mostInFrame  = 4096 // positions
	longestFrame = mostInFrame * 160
	largest      = 1 << 30 // bytes of a segment that is read
	mostTries    = 4096    // places where a frame is looked for behind damage
)

var (
	frameMark = []byte("\xf5\x9aYW")
	sums      = crc32.MakeTable(crc32.Castagnoli)
)

// appendFrame writes up to mostInFrame positions as a frame.
func appendFrame(b []byte, ps []Position) []byte {
	start := len(b)
	b = append(b, frameMark...)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, uint64(len(ps)))
	at := int64(0)
	for i := range ps {
		b = ps[i].put(b, at)
		at = ps[i].At
	}
	body := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start+4:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[start+8:], crc32.Checksum(body, sums))
	return b
}

// frameAt gives the body of the frame that b begins with, and its whole length; 0
// where there is none that is whole.
func frameAt(b []byte) (body []byte, n int) {
	if len(b) < frameHead || !bytes.Equal(b[:4], frameMark) {
		return nil, 0
	}
	length := int64(binary.LittleEndian.Uint32(b[4:]))
	if length > longestFrame || length > int64(len(b)-frameHead) {
		return nil, 0
	}
	body = b[frameHead : frameHead+int(length)]
	if crc32.Checksum(body, sums) != binary.LittleEndian.Uint32(b[8:]) {
		return nil, 0
	}
	return body, frameHead + int(length)
}

// scan calls each for every position of a segment's bytes. The tail are bytes
// behind the last whole frame: what a crash cut off, which nobody was told is kept.
// Damaged are bytes in front of a whole frame that belong to none. The vehicle is
// given apart, as bytes that hold only during the call.
func scan(b []byte, each func(vehicle []byte, p *Position)) (tail, damaged int) {
	if !bytes.HasPrefix(b, []byte(segmentHead)) {
		if bytes.HasPrefix([]byte(segmentHead), b) {
			return len(b), 0
		}
		return 0, len(b)
	}
	b = b[len(segmentHead):]
	tries := 0
	for len(b) > 0 {
		if body, n := frameAt(b); n > 0 {
			if damaged += tail; !positionsOf(body, each) {
				damaged += n
			}
			tail = 0
			b = b[n:]
			continue
		}
		next := bytes.Index(b[1:], frameMark)
		if tries++; next < 0 || tries > mostTries {
			return tail + len(b), damaged
		}
		tail += next + 1
		b = b[next+1:]
	}
	return tail, damaged
}

// positionsOf reads a frame and reports whether all of it made sense.
func positionsOf(body []byte, each func(vehicle []byte, p *Position)) bool {
	c := cursor{b: body}
	n := c.uvarint(mostInFrame)
	var p Position
	at := int64(0)
	for range n {
		vehicle := c.take(&p, at)
		if c.bad {
			return false
		}
		at = p.At
		each(vehicle, &p)
	}
	return !c.bad && len(c.b) == 0
}

// names makes one string of the many that are the same.
type names map[string]string

func (n names) of(b []byte) string {
	if s, ok := n[string(b)]; ok {
		return s
	}
	s := string(b)
	n[s] = s
	return s
}

// readWhole reads at most so many bytes of a segment, or all that it has.
func readWhole(f *os.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(info.Size(), most, largest))
	n, err := f.ReadAt(b, 0)
	if err == io.EOF {
		err = nil // somebody cut it meanwhile
	}
	return b[:n], err
}
