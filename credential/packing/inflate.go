package packing

import (
	"encoding/binary"
	"errors"
	"hash/adler32"
	"math/bits"
)

// What keeps a stream from being unpacked.
var (
	ErrStream   = errors.New("not a zlib stream")
	ErrTooLarge = errors.New("unpacks to more than is allowed")
	ErrMore     = errors.New("something stands behind the stream")
)

// Inflater unpacks zlib streams, one after the other in the same memory. A code is
// a few hundred bytes and lies in memory, so it is read in one go: the library's
// reader, made for files of any length, took a tenth of the check of a signature.
// The library is what the tests hold it against.
type Inflater struct {
	out  []byte
	in   []byte
	pos  int    // of what hasn't been taken from in
	hold uint64 // bits taken from in, the next one lowest
	held uint   // how many

	literals, distances huffman
}

// NewInflater makes one that unpacks no more than so many bytes.
func NewInflater(most int) Inflater { return Inflater{out: make([]byte, 0, most)} }

// Inflate unpacks a zlib stream with nothing behind it. What it gives lies in the
// Inflater, until the next call. Its errors are those of this package.
func (f *Inflater) Inflate(b []byte) ([]byte, error) {
	const deflate, largestWindow, dictionary = 8, 7, 0x20
	if len(b) < 2 || b[0]&15 != deflate || b[0]>>4 > largestWindow || b[1]&dictionary != 0 || binary.BigEndian.Uint16(b)%31 != 0 {
		return nil, ErrStream
	}
	f.out, f.in, f.pos, f.hold, f.held = f.out[:0], b, 2, 0, 0
	for last := false; !last; {
		last = f.take(1) == 1
		var err error
		switch f.take(2) {
		case 0:
			err = f.stored()
		case 1:
			err = f.block(fixedLiterals, fixedDistances)
		case 2:
			if err = f.codes(); err == nil {
				err = f.block(&f.literals, &f.distances)
			}
		default:
			err = ErrStream
		}
		if err != nil {
			return nil, err
		}
	}
	rest := f.aligned()
	switch {
	case len(rest) < 4 || binary.BigEndian.Uint32(rest) != adler32.Checksum(f.out):
		return nil, ErrStream
	case len(rest) > 4:
		return nil, ErrMore
	}
	return f.out, nil
}

// fill holds as many whole bytes as fit.
func (f *Inflater) fill() {
	for f.held <= 56 && f.pos < len(f.in) {
		f.hold |= uint64(f.in[f.pos]) << f.held
		f.pos++
		f.held += 8
	}
}

// ended is what take gives where the stream has.
const ended = 1 << 30

// take takes up to 16 bits.
func (f *Inflater) take(n uint) uint32 {
	if f.held < n {
		if f.fill(); f.held < n {
			return ended
		}
	}
	v := uint32(f.hold & (1<<n - 1))
	f.hold >>= n
	f.held -= n
	return v
}

// aligned drops the rest of a byte, and gives what stands behind it.
func (f *Inflater) aligned() []byte {
	f.pos -= int(f.held / 8)
	f.hold, f.held = 0, 0
	return f.in[f.pos:]
}

func (f *Inflater) stored() error {
	rest := f.aligned()
	if len(rest) < 4 {
		return ErrStream
	}
	n := binary.LittleEndian.Uint16(rest)
	if n != ^binary.LittleEndian.Uint16(rest[2:]) || len(rest)-4 < int(n) {
		return ErrStream
	}
	if len(f.out)+int(n) > cap(f.out) {
		return ErrTooLarge
	}
	f.out = append(f.out, rest[4:4+int(n)]...)
	f.pos += 4 + int(n)
	return nil
}

// The alphabets of RFC 1951, 3.2.5 to 3.2.7.
const (
	endOfBlock   = 256
	mostLiterals = 286
	mostSpans    = 30
	longestBits  = 15
)

var (
	lengthBase    = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = [mostSpans]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [mostSpans]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	codeOrder     = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

	fixedLiterals, fixedDistances = fixedCodes()
)

func fixedCodes() (literals, distances *huffman) {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	literals, distances = &huffman{}, &huffman{}
	literals.build(lengths[:])
	for i := range lengths[:32] {
		lengths[i] = 5
	}
	distances.build(lengths[:32])
	return literals, distances
}

// block reads symbols until the end of the block.
func (f *Inflater) block(literals, distances *huffman) error {
	// All in local variables: this loop is where the time goes.
	out, in, pos, hold, held := f.out, f.in, f.pos, f.hold, f.held
	err := ErrStream
	for {
		if held < 48 { // the most that a length and a distance take
			if len(in)-pos >= 8 {
				hold |= binary.LittleEndian.Uint64(in[pos:]) << held
				n := (63 - held) / 8
				pos += int(n)
				held += 8 * n // what hold has above is taken again, the same
			} else {
				for held <= 56 && pos < len(in) {
					hold |= uint64(in[pos]) << held
					pos++
					held += 8
				}
			}
		}
		e := literals.table[hold&literals.mask&(1<<tableBits-1)]
		s, l := uint32(e>>4), uint(e&15)
		if e == 0 {
			s, l = literals.findLong(hold)
		}
		if l > held {
			break
		}
		hold >>= l
		held -= l
		if s < endOfBlock {
			if len(out) == cap(out) {
				err = ErrTooLarge
				break
			}
			out = append(out, byte(s))
			continue
		}
		if s == endOfBlock {
			err = nil
			break
		}
		if s >= mostLiterals {
			break
		}
		s -= endOfBlock + 1
		extra := uint(lengthExtra[s])
		length := int(lengthBase[s]) + int(hold&(1<<extra-1))
		hold >>= extra
		if extra > held {
			break
		}
		held -= extra
		if s, l = distances.find(hold); l > held || s >= mostSpans {
			break
		}
		hold >>= l
		held -= l
		extra = uint(distanceExtra[s])
		distance := int(distanceBase[s]) + int(hold&(1<<extra-1))
		hold >>= extra
		if extra > held || distance > len(out) {
			break
		}
		held -= extra
		if len(out)+length > cap(out) {
			err = ErrTooLarge
			break
		}
		if from := len(out) - distance; distance >= length {
			out = append(out, out[from:from+length]...)
		} else { // what is repeated reaches into itself
			for ; length > 0; length-- {
				out = append(out, out[from])
				from++
			}
		}
	}
	f.out, f.pos, f.hold, f.held = out, pos, hold, held
	return err
}

// codes reads the codes that a block brings with it.
func (f *Inflater) codes() error {
	literals, distances, n := f.take(5)+257, f.take(5)+1, f.take(4)+4
	if literals > mostLiterals || distances > mostSpans || n > uint32(len(codeOrder)) {
		return ErrStream
	}
	var lengths [mostLiterals + mostSpans]uint8
	for _, i := range codeOrder[:n] {
		l := f.take(3)
		if l == ended {
			return ErrStream
		}
		lengths[i] = uint8(l)
	}
	if !f.literals.build(lengths[:len(codeOrder)]) {
		return ErrStream
	}
	clear(lengths[:len(codeOrder)])
	all := lengths[:literals+distances]
	for i := 0; i < len(all); {
		s := f.symbol(&f.literals)
		if s <= longestBits {
			all[i] = uint8(s)
			i++
			continue
		}
		var value uint8
		var times uint32
		switch s {
		case 16:
			if i == 0 {
				return ErrStream
			}
			value, times = all[i-1], 3+f.take(2)
		case 17:
			times = 3 + f.take(3)
		case 18:
			times = 11 + f.take(7)
		default:
			return ErrStream
		}
		if times > uint32(len(all)-i) {
			return ErrStream
		}
		for ; times > 0; times-- {
			all[i] = value
			i++
		}
	}
	if !f.literals.build(all[:literals]) || !f.distances.build(all[literals:]) {
		return ErrStream
	}
	return nil
}

// huffman is a canonical code: a table for short words, and counts for long ones.
type huffman struct {
	table   [1 << tableBits]uint16 // by the next bits: symbol and, in the lowest four, length; 0 where none is that short
	mask    uint64                 // of the bits that the table is for
	count   [longestBits + 1]uint16
	symbols [288]uint16 // in the order of their words
}

const tableBits = 9

// build makes the code of which the lengths of words are known. It reports whether
// there is such a code: one that uses up all words, or has a single one of one bit,
// or none at all, which can't be used.
func (h *huffman) build(lengths []uint8) bool {
	h.count = [longestBits + 1]uint16{}
	for _, l := range lengths {
		h.count[l]++
	}
	h.count[0] = 0
	var next, word [longestBits + 1]uint16 // where symbols of a length go, and their next word
	used, longest := 0, 0
	for l := 1; l <= longestBits; l++ {
		next[l] = next[l-1] + h.count[l-1]
		word[l] = (word[l-1] + h.count[l-1]) << 1
		used += int(h.count[l]) << (longestBits - l)
		if h.count[l] > 0 {
			longest = l
		}
	}
	size := 1 << min(longest, tableBits)
	table := h.table[:size]
	h.mask = uint64(size - 1)
	clear(table)
	if longest == 0 {
		return true
	}
	if used != 1<<longestBits && !(longest == 1 && h.count[1] == 1) {
		return false
	}
	for s, l := range lengths {
		if l == 0 {
			continue
		}
		h.symbols[next[l]] = uint16(s)
		next[l]++
		w := word[l]
		word[l]++
		if l > tableBits {
			continue
		}
		entry := uint16(s)<<4 | uint16(l)
		for i := int(bits.Reverse16(w) >> (16 - l)); i < len(table); i += 1 << l {
			table[i] = entry
		}
	}
	return true
}

// noWord is longer than any word, and than what is ever held.
const noWord = 1 << 8

// find looks up the word that the bits begin with, and its length; noWord where
// there is none.
func (h *huffman) find(next uint64) (symbol uint32, length uint) {
	if e := h.table[next&h.mask&(1<<tableBits-1)]; e != 0 {
		return uint32(e >> 4), uint(e & 15)
	}
	return h.findLong(next)
}

func (h *huffman) findLong(next uint64) (symbol uint32, length uint) {
	var word, first, at int
	for l := uint(1); l <= longestBits; l++ {
		word |= int(next >> (l - 1) & 1)
		n := int(h.count[l])
		if word-first < n {
			return uint32(h.symbols[at+word-first]), l
		}
		at += n
		first = (first + n) << 1
		word <<= 1
	}
	return 0, noWord
}

// symbol reads one word; ended where there is none.
func (f *Inflater) symbol(h *huffman) uint32 {
	if f.held < longestBits {
		f.fill()
	}
	s, l := h.find(f.hold)
	if l > f.held {
		return ended
	}
	f.hold >>= l
	f.held -= l
	return s
}
