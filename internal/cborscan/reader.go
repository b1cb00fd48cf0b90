// Package cborscan walks over CBOR (RFC 8949) without building anything.
//
// Codes come from strangers and at gates by the thousand; the library's decoder
// took as long as a tenth of the check of a signature.
package cborscan

import (
	"math"
	"time"
	"unicode/utf8"
)

// Reader reads one item after the other. What it hands out are pieces of the text
// it reads; only strings that were written in several pieces are copied. After the
// first fault everything read is zero and nothing more is consumed; End tells.
type Reader struct {
	s   string
	bad bool
}

// Of reads the text from its beginning.
func Of(s string) Reader { return Reader{s: s} }

// The major types.
const (
	Uint     = iota // an integer from 0
	Negative        // an integer below 0
	ByteString
	TextString
	Array
	Map
	Tag
	Simple // false, true, null, floating point
	None   // nothing is left to read
)

const (
	maxDepth     = 8
	breakByte    = 0xff
	indefinite   = 31
	nullValue    = 22
	float16Value = 25
	float64Value = 27
)

// Fail makes what was read a fault.
func (r *Reader) Fail() { r.s, r.bad = "", true }

// Bad reports whether there was a fault.
func (r *Reader) Bad() bool { return r.bad }

// Rest is what hasn't been read.
func (r *Reader) Rest() string { return r.s }

// Next is the major type of the next item, which stays unread.
func (r *Reader) Next() byte {
	if len(r.s) == 0 {
		return None
	}
	return r.s[0] >> 5
}

// head reads the beginning of an item: its major type and its argument. open is
// true for an item whose length isn't said beforehand.
func (r *Reader) head() (major byte, n uint64, open bool) {
	if len(r.s) == 0 {
		r.Fail()
		return 0, 0, false
	}
	major, info := r.s[0]>>5, r.s[0]&31
	if info < 24 {
		r.s = r.s[1:]
		return major, uint64(info), false
	}
	if info == indefinite && ByteString <= major && major <= Map {
		r.s = r.s[1:]
		return major, 0, true
	}
	if info > 27 { // reserved, or a break where none may stand
		r.Fail()
		return 0, 0, false
	}
	width := 1 << (info - 24)
	if len(r.s) < 1+width {
		r.Fail()
		return 0, 0, false
	}
	for i := 1; i <= width; i++ {
		n = n<<8 | uint64(r.s[i])
	}
	r.s = r.s[1+width:]
	return major, n, false
}

// Int reads an integer of 64 bits.
func (r *Reader) Int() int64 {
	m, n, _ := r.head()
	if m > Negative || n > math.MaxInt64 {
		r.Fail()
		return 0
	}
	if m == Negative {
		return -1 - int64(n)
	}
	return int64(n)
}

// Number reads an integer or a floating-point number of any width. Integers beyond
// 53 bits lose their last digits; NaN is a fault, infinities are not.
func (r *Reader) Number() float64 {
	switch r.Next() {
	case Uint:
		_, n, _ := r.head()
		return float64(n)
	case Negative:
		_, n, _ := r.head()
		return -1 - float64(n)
	case Simple:
		info := r.s[0] & 31
		_, n, _ := r.head()
		var f float64
		switch info {
		case float16Value:
			f = half(uint16(n))
		case float16Value + 1:
			f = float64(math.Float32frombits(uint32(n)))
		case float64Value:
			f = math.Float64frombits(n)
		default:
			r.Fail()
		}
		if f != f {
			r.Fail()
			return 0
		}
		return f
	}
	r.Fail()
	return 0
}

// half is a number of 16 bits (IEEE 754 binary16).
func half(h uint16) float64 {
	exp, frac := int(h>>10&31), float64(h&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(frac, -24)
	case 31:
		f = math.Inf(1)
		if frac != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(1024+frac, exp-25)
	}
	if h&0x8000 != 0 {
		f = -f
	}
	return f
}

// Null reads a null if one stands next.
func (r *Reader) Null() bool {
	if len(r.s) > 0 && r.s[0] == Simple<<5|nullValue {
		r.s = r.s[1:]
		return true
	}
	return false
}

// Tags reads the tags before the next item, and gives the last of them.
func (r *Reader) Tags() (last uint64, any bool) {
	for i := 0; r.Next() == Tag; i++ {
		if i == maxDepth {
			r.Fail()
			return 0, false
		}
		_, last, _ = r.head()
		any = true
	}
	return last, any
}

func (r *Reader) take(n uint64) string {
	if n > uint64(len(r.s)) {
		r.Fail()
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

// str reads a string of the type.
func (r *Reader) str(major byte) string {
	m, n, open := r.head()
	switch {
	case m != major:
		r.Fail()
		return ""
	case !open:
		return r.take(n)
	}
	var whole []byte
	for items := (Items{r: r, open: true}); items.Next(); {
		m, n, open := r.head()
		if m != major || open {
			r.Fail()
			return ""
		}
		piece := r.take(n)
		if major == TextString && !utf8.ValidString(piece) {
			r.Fail()
			return ""
		}
		whole = append(whole, piece...)
	}
	if r.bad {
		return ""
	}
	return string(whole)
}

// Bytes reads a byte string.
func (r *Reader) Bytes() string { return r.str(ByteString) }

// Text reads a text string.
func (r *Reader) Text() string {
	s := r.str(TextString)
	if !utf8.ValidString(s) {
		r.Fail()
		return ""
	}
	return s
}

// Items are those of an array or the pairs of a map that are still to be read.
type Items struct {
	r    *Reader
	left uint64
	open bool
}

// Next reports whether another item follows; the caller reads it, or both parts of
// the pair, before asking again.
func (i *Items) Next() bool {
	switch {
	case i.r.bad:
		return false
	case !i.open:
		if i.left == 0 {
			return false
		}
		i.left--
		return true
	case len(i.r.s) == 0:
		i.r.Fail()
		return false
	case i.r.s[0] == breakByte:
		i.r.s = i.r.s[1:]
		i.open = false
		return false
	}
	return true
}

// Array reads the beginning of an array.
func (r *Reader) Array() Items { return r.container(Array) }

// Map reads the beginning of a map.
func (r *Reader) Map() Items { return r.container(Map) }

func (r *Reader) container(major byte) Items {
	m, n, open := r.head()
	// Each item takes a byte at least, so that a number of billions is found out at once.
	if m != major || n > uint64(len(r.s)) {
		r.Fail()
		return Items{r: r}
	}
	return Items{r: r, left: n, open: open}
}

// Skip passes over one item of any kind.
func (r *Reader) Skip() { r.skip(0) }

func (r *Reader) skip(depth int) {
	if depth > maxDepth {
		r.Fail()
		return
	}
	switch m := r.Next(); m {
	case TextString:
		r.Text()
	case ByteString:
		r.Bytes()
	case Array, Map:
		for items := r.container(m); items.Next(); {
			r.skip(depth + 1)
			if m == Map {
				r.skip(depth + 1)
			}
		}
	case Tag:
		r.head()
		r.skip(depth + 1)
	default:
		r.head()
	}
}

// Fields reads a map and calls f for each pair whose key is an integer, after the
// key; f reads the value and reports whether it knew the key. Others are passed
// over. A key that f knows may stand only once.
func (r *Reader) Fields(f func(key int64) bool) {
	var seen [16]int64
	known := 0
	for items := r.Map(); items.Next(); {
		if r.Next() > Negative {
			r.Skip()
			r.Skip()
			continue
		}
		key := r.Int()
		for _, k := range seen[:known] {
			if k == key {
				r.Fail()
				return
			}
		}
		if !f(key) {
			r.Skip()
			continue
		}
		if known == len(seen) {
			r.Fail()
			return
		}
		seen[known] = key
		known++
	}
}

// End makes anything left over a fault, and reports whether all went well.
func (r *Reader) End() bool {
	if r.s != "" {
		r.Fail()
	}
	return !r.bad
}

// Seconds of the years 1900 to 3000: outside them arithmetic and printing have
// surprises.
const (
	earliest = -25567 * 24 * 60 * 60
	latest   = 376200 * 24 * 60 * 60
)

// Moment reads a NumericDate (RFC 8392): seconds since 1970, whole or not, of the
// years 1900 to 3000.
func (r *Reader) Moment() time.Time {
	if r.Next() == Simple {
		f := r.Number()
		if !(earliest <= f && f <= latest) {
			r.Fail()
			return time.Time{}
		}
		whole := math.Floor(f)
		return time.Unix(int64(whole), int64((f-whole)*1e9)).UTC()
	}
	n := r.Int()
	if r.bad || n < earliest || latest < n {
		r.Fail()
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
