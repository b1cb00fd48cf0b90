package credential

import "errors"

// Base45 (RFC 9285) writes bytes with the 45 characters of a QR code's
// alphanumeric mode: three characters for two bytes, two for a last single one.

const base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

var errBase45 = errors.New("not base45")

// notBase45 marks characters outside the alphabet.
const notBase45 = 1 << 15

var base45Value = func() (v [256]uint16) {
	for i := range v {
		v[i] = notBase45
	}
	for i := 0; i < len(base45Alphabet); i++ {
		v[base45Alphabet[i]] = uint16(i)
	}
	return v
}()

// encodeBase45 appends the text of src to dst.
func encodeBase45(dst, src []byte) []byte {
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

// decodeBase45 appends the bytes of s to dst. It accepts exactly what
// encodeBase45 writes, so that a code has one spelling.
func decodeBase45(dst []byte, s string) ([]byte, error) {
	for ; len(s) >= 3; s = s[3:] {
		a, b, c := uint32(base45Value[s[0]]), uint32(base45Value[s[1]]), uint32(base45Value[s[2]])
		n := a + 45*b + 2025*c
		if n > 0xffff || (a|b|c)&notBase45 != 0 {
			return nil, errBase45
		}
		dst = append(dst, byte(n>>8), byte(n))
	}
	switch len(s) {
	case 0:
		return dst, nil
	case 2:
		a, b := uint32(base45Value[s[0]]), uint32(base45Value[s[1]])
		if n := a + 45*b; n <= 0xff && (a|b)&notBase45 == 0 {
			return append(dst, byte(n)), nil
		}
	}
	return nil, errBase45
}
