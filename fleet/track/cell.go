package track

import (
	"math"
	"strconv"
	"time"
)

// number reads a decimal number as strconv would: digits, a point, an exponent.
// Words for what is no number and hexadecimal are refused.
func number(b []byte) (float64, bool) {
	s, negative := b, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative, s = s[0] == '-', s[1:]
	}
	var mantissa uint64
	digits, point := 0, -1
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9' && digits < 16:
			mantissa = mantissa*10 + uint64(c-'0')
			digits++
		case c == '.' && point < 0:
			point = i
		default:
			return slowly(b)
		}
	}
	if digits == 0 || mantissa >= 1<<53 {
		return slowly(b)
	}
	f := float64(mantissa)
	if point >= 0 {
		f /= tens[len(s)-1-point] // both exact, so the quotient is rounded once
	}
	if negative {
		f = -f
	}
	return f, true
}

var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16}

func slowly(b []byte) (float64, bool) {
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// clock reads moments in ISO 8601 as microseconds. It remembers the day it read
// last, since the next is mostly the same.
type clock struct {
	day   [10]byte
	known bool
	start int64 // of the day, microseconds
}

const (
	second = int64(1e6)
	minute = 60 * second
	hour   = 60 * minute
)

// read takes 2006-01-02T15:04:05 with a blank for the T, a fraction and a zone if
// they are there; and, more slowly, hours alone, the basic form, and bare days.
func (c *clock) read(b []byte) (int64, bool) {
	if len(b) < 19 || b[4] != '-' || b[13] != ':' || b[16] != ':' || b[10] != 'T' && b[10] != ' ' && b[10] != 't' {
		return rarely(b)
	}
	if !c.known || string(b[:10]) != string(c.day[:]) {
		d, err := time.Parse(time.DateOnly, string(b[:10]))
		if err != nil {
			return 0, false
		}
		c.start, c.known = d.UnixMicro(), true
		copy(c.day[:], b)
	}
	h, ok1 := pair(b[11:], 23)
	m, ok2 := pair(b[14:], 59)
	s, ok3 := pair(b[17:], 59)
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	at := c.start + h*hour + m*minute + s*second
	b = b[19:]
	if len(b) > 0 && (b[0] == '.' || b[0] == ',') {
		unit, i := second/10, 1
		for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
			at += unit * int64(b[i]-'0')
			unit /= 10
		}
		if i == 1 {
			return 0, false
		}
		b = b[i:]
	}
	off, ok := zone(b)
	return at - off, ok
}

// zone reads what stands behind the time: nothing, Z, +08:00, +0800 or +08.
func zone(b []byte) (int64, bool) {
	if len(b) > 1 && b[0] == ' ' {
		b = b[1:]
	}
	if len(b) == 0 || len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok := pair(b[1:], 23)
	off := h * hour
	if rest := b[3:]; ok && len(rest) > 0 {
		if rest[0] == ':' {
			rest = rest[1:]
		}
		var m int64
		m, ok = pair(rest, 59)
		ok = ok && len(rest) == 2
		off += m * minute
	}
	if b[0] == '-' {
		off = -off
	}
	return off, ok
}

// pair reads two digits of at most so much.
func pair(b []byte, most int64) (int64, bool) {
	if len(b) < 2 || b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	n := int64(b[0]-'0')*10 + int64(b[1]-'0')
	return n, n <= most
}

func rarely(b []byte) (int64, bool) {
	if len(b) > 40 {
		return 0, false
	}
	for _, day := range []string{"2006-01-02", "20060102"} {
		for _, hour := range []string{"T15:04", "T150405", "T1504", " 15:04", ""} {
			for _, zone := range []string{"Z07:00", "Z0700", "Z07", ""} {
				if hour == "" && zone != "" {
					continue
				}
				if t, err := time.Parse(day+hour+zone, string(b)); err == nil {
					return t.UnixMicro(), true
				}
			}
		}
	}
	return 0, false
}
