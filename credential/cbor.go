package credential

import (
	"math"
	"unicode/utf8"
)

// reader walks over CBOR (RFC 8949) without building anything: what it hands out
// are pieces of the text it reads. Codes come from strangers and at gates by the
// thousand; the library's decoder took as long as a tenth of the signature check.
// Items of definite length only. After the first fault bad is set, everything
// read is zero, and nothing more is consumed.
type reader struct {
	s   string
	bad bool
}

// The major types.
const (
	cborUint = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

const maxDepth = 8

func (r *reader) fail() { r.s, r.bad = "", true }

// head reads the beginning of an item: its major type and its argument.
func (r *reader) head() (major byte, n uint64) {
	if len(r.s) == 0 {
		r.fail()
		return 0, 0
	}
	major, info := r.s[0]>>5, r.s[0]&31
	r.s = r.s[1:]
	if info < 24 {
		return major, uint64(info)
	}
	if info > 27 { // reserved, or of indefinite length
		r.fail()
		return 0, 0
	}
	width := 1 << (info - 24)
	if len(r.s) < width {
		r.fail()
		return 0, 0
	}
	for i := 0; i < width; i++ {
		n = n<<8 | uint64(r.s[i])
	}
	r.s = r.s[width:]
	return major, n
}

// want reads the beginning of an item of the type.
func (r *reader) want(major byte) uint64 {
	m, n := r.head()
	if m != major {
		r.fail()
		return 0
	}
	return n
}

// integer reads an integer of 64 bits.
func (r *reader) integer() int64 {
	m, n := r.head()
	if m > cborNegative || n > math.MaxInt64 {
		r.fail()
		return 0
	}
	if m == cborNegative {
		return -1 - int64(n)
	}
	return int64(n)
}

func (r *reader) take(n uint64) string {
	if n > uint64(len(r.s)) {
		r.fail()
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *reader) bytes() string { return r.take(r.want(cborBytes)) }

func (r *reader) text() string {
	s := r.take(r.want(cborText))
	if !utf8.ValidString(s) {
		r.fail()
		return ""
	}
	return s
}

// items reads the beginning of an array or map: how many items or pairs follow.
// Each takes a byte at least, so that a number of billions is found out at once.
func (r *reader) items(major byte) int {
	n := r.want(major)
	if n > uint64(len(r.s)) {
		r.fail()
		return 0
	}
	return int(n)
}

// skip passes over one item of any kind.
func (r *reader) skip() { r.skipDeep(0) }

func (r *reader) skipDeep(depth int) {
	if depth > maxDepth {
		r.fail()
		return
	}
	m, n := r.head()
	switch m {
	case cborBytes, cborText:
		r.take(n)
	case cborArray, cborMap, cborTag:
		if n > uint64(len(r.s)) && m != cborTag {
			r.fail()
			return
		}
		if m == cborMap {
			n *= 2
		}
		if m == cborTag {
			n = 1
		}
		for ; n > 0 && !r.bad; n-- {
			r.skipDeep(depth + 1)
		}
	}
}

// fields reads a map and calls f for each pair whose key is an integer, after the
// key; f reads the value and reports whether it knew the key. Others are passed
// over. A key that f knows may stand only once.
func (r *reader) fields(f func(key int64) bool) {
	var seen [16]int64
	known := 0
	for n := r.items(cborMap); n > 0 && !r.bad; n-- {
		if len(r.s) > 0 && r.s[0]>>5 > cborNegative {
			r.skip()
			r.skip()
			continue
		}
		key := r.integer()
		for _, k := range seen[:known] {
			if k == key {
				r.fail()
				return
			}
		}
		if !f(key) {
			r.skip()
			continue
		}
		if known == len(seen) {
			r.fail()
			return
		}
		seen[known] = key
		known++
	}
}

// end makes anything left over a fault, and reports whether all went well.
func (r *reader) end() bool {
	if r.s != "" {
		r.fail()
	}
	return !r.bad
}
