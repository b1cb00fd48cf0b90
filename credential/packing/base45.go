package packing

import (
	"errors"
	"slices"
)

// Base45 (RFC 9285) writes bytes with the 45 characters of a QR code's
// alphanumeric mode: three characters for two bytes, two for a last single one.

const base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

var ErrLetters = errors.New("not base45")

// base45Value are what a character stands for in the first, second and third place
// of three; what no character stands for is more than two bytes can hold.
var base45Value = func() (v [3][256]uint32) {
	for place, weight := range [3]uint32{1, 45, 2025} {
		for c := range v[place] {
			v[place][c] = 1 << 20
		}
		for i := range len(base45Alphabet) {
			v[place][base45Alphabet[i]] = uint32(i) * weight
		}
	}
	return v
}()

// Encode appends the text of src to dst.
func Encode(dst, src []byte) []byte {
	for ; len(src) >= 2; src = src[2:] {
		n := int(src[0])<<8 | int(src[1])
		dst = append(dst, base45Alphabet[n%45], base45Alphabet[n/45%45], base45Alphabet[n/2025])
	}
	if len(src) == 1 {
		n := int(src[0])
		dst = append(dst, base45Alphabet[n%45], base45Alphabet[n/45])
	}
	return dst
}

// Decode appends the bytes of s to dst. It accepts exactly what
// Encode writes, so that a code has one spelling.
func Decode(dst []byte, s string) ([]byte, error) {
	at, whole := len(dst), len(s)/3
	dst = slices.Grow(dst, whole*2+1)[:at+whole*2]
	out, bad := dst[at:], uint32(0)
	for ; len(s) >= 3 && len(out) >= 2; s, out = s[3:], out[2:] {
		n := base45Value[0][s[0]] + base45Value[1][s[1]] + base45Value[2][s[2]]
		bad |= n
		out[0], out[1] = byte(n>>8), byte(n)
	}
	if bad > 0xffff {
		return nil, ErrLetters
	}
	switch len(s) {
	case 0:
		return dst, nil
	case 2:
		if n := base45Value[0][s[0]] + base45Value[1][s[1]]; n <= 0xff {
			return append(dst, byte(n)), nil
		}
	}
	return nil, ErrLetters
}
