package city

import (
	"fmt"
	"strconv"
	"strings"
)

// CaseNumber is the number of a case that people read aloud, such as
// "JH-2026-004817-3": prefix, year, running number, check digit. It is never a
// secret.
type CaseNumber string

// NewCaseNumber composes a number; n is at least six digits wide. The check
// digit is ISO/IEC 7064 MOD 11,10 over year and running number, which finds
// every single wrong digit and nearly all neighbours swapped.
func NewCaseNumber(prefix string, year int, n int64) CaseNumber {
	digits := fmt.Sprintf("%04d%06d", year, n)
	return CaseNumber(fmt.Sprintf("%s-%04d-%06d-%d", prefix, year, n, check1110(digits)))
}

// ParseCaseNumber accepts a number as people type it (lower case, spaces,
// full-width hyphens) and checks its check digit.
func ParseCaseNumber(s string) (CaseNumber, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	s = strings.NewReplacer("－", "-", "—", "-", "–", "-", " ", "").Replace(s)
	parts := strings.Split(s, "-")
	if len(parts) != 4 || len(parts[0]) == 0 || len(parts[0]) > 8 || len(parts[1]) != 4 ||
		len(parts[2]) < 6 || len(parts[2]) > 15 || len(parts[3]) != 1 {
		return "", Invalid("number.malformed", "number", s)
	}
	year, err1 := strconv.Atoi(parts[1])
	n, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil || n < 0 || year < 0 {
		return "", Invalid("number.malformed", "number", s)
	}
	want := NewCaseNumber(parts[0], year, n)
	if string(want) != s {
		return "", Invalid("number.check_digit", "number", s)
	}
	return want, nil
}

func check1110(digits string) int {
	p := 10
	for _, r := range digits {
		s := (p + int(r-'0')) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return (11 - p) % 10
}
