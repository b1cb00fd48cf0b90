package jt808

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// GBK is a text as frames carry it, in the encoding GBK. Terminals put other
// bytes in such fields, too, so it is decoded only when asked.
type GBK string

// MakeGBK encodes a text; BadText where GBK lacks a character of it.
func MakeGBK(text string) (GBK, error) {
	out, err := simplifiedchinese.GBK.NewEncoder().String(text)
	if err != nil || !utf8.ValidString(text) {
		return "", refuse(BadText)
	}
	return GBK(out), nil
}

// Text decodes the text, without the zero bytes that fill its field; BadText
// where it is not GBK.
func (g GBK) Text() (string, error) {
	out, err := simplifiedchinese.GBK.NewDecoder().String(strings.TrimRight(string(g), "\x00"))
	if err != nil || strings.ContainsRune(out, utf8.RuneError) {
		return "", refuse(BadText)
	}
	return out, nil
}

// MarshalJSON writes the text, or {"hex": …} where it is not GBK.
func (g GBK) MarshalJSON() ([]byte, error) {
	text, err := g.Text()
	if err != nil {
		return json.Marshal(map[string]Hex{"hex": Hex(g)})
	}
	return json.Marshal(text)
}

// Hex is raw bytes that JSON shows in hexadecimal.
type Hex []byte

// MarshalText writes the bytes in hexadecimal.
func (h Hex) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// field cuts a text out of a field of fixed size: without the zero bytes behind.
func field(b []byte) GBK {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return GBK(b[:n])
}

// appendField writes a text into a field of that size.
func appendField(dst []byte, g GBK, size int) ([]byte, error) {
	if len(g) > size {
		return nil, refuse(BadField)
	}
	dst = append(dst, g...)
	return append(dst, make([]byte, size-len(g))...), nil
}

// Zone is where the standard's times are told: 8 hours before UTC all year.
var Zone = time.FixedZone("GMT+8", 8*60*60)

// readTime reads six bytes BCD, year to second, as a moment in the zone. The
// years are 2000 to 2099.
func readTime(b []byte, zone time.Duration) (time.Time, Reason) {
	var v [6]int
	for i, c := range b[:6] {
		hi, lo := int(c>>4), int(c&15)
		if hi > 9 || lo > 9 {
			return time.Time{}, BadBCD
		}
		v[i] = 10*hi + lo
	}
	if v[1] < 1 || v[1] > 12 || v[2] < 1 || v[3] > 23 || v[4] > 59 || v[5] > 59 {
		return time.Time{}, BadTime
	}
	t := time.Date(2000+v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], 0, time.UTC)
	if t.Day() != v[2] {
		return time.Time{}, BadTime
	}
	return t.Add(-zone), ""
}

// appendTime writes a moment, whole seconds of it, as readTime reads it.
func appendTime(dst []byte, t time.Time, zone time.Duration) ([]byte, error) {
	t = t.UTC().Add(zone)
	if t.Year() < 2000 || t.Year() > 2099 {
		return nil, refuse(BadField)
	}
	for _, v := range [6]int{t.Year() - 2000, int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()} {
		dst = append(dst, byte(v/10<<4|v%10))
	}
	return dst, nil
}

const china = 8 * time.Hour
