package check

import (
	"fmt"
	"strconv"
	"strings"

	"yiwang/city"
)

// numberRoot is the arc under which GB/T 36904 numbers licences.
const numberRoot = "1.2.156.3005.2."

// Number is the number of a licence (证照标识, GB/T 36904), such as
// "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F": root, licence type, issuing body,
// running number, version, check character. A Number made by NewNumber or
// ParseNumber is well formed and its check character is right.
type Number string

// NumberParts are the pieces of a Number.
type NumberParts struct {
	Type    string // 21: the code of the body that defined the type and 3 digits
	Issuer  string // the issuing body's code, 18; some issuers use a shorter area code
	Serial  string // running number, letters and digits
	Version int    // 1 to 999; a renewed licence keeps its serial and counts up
}

// Bounds on the pieces. The standard fixes type and version; published numbers
// show that the issuer may be shorter than 18.
const (
	typeCodeLen  = 21
	minIssuerLen = 6
	maxIssuerLen = 18
	maxSerialLen = 32
	maxNumberLen = len(numberRoot) + typeCodeLen + 1 + maxIssuerLen + 1 + maxSerialLen + 1 + 3 + 1 + 1
)

// NewNumber composes a number and its check character.
func NewNumber(p NumberParts) (Number, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	version := fmt.Sprintf("%03d", p.Version)
	c := checkCharacter(p.Type + p.Issuer + p.Serial + version)
	return Number(numberRoot + p.Type + "." + p.Issuer + "." + p.Serial + "." + version + "." + string(c)), nil
}

func (p NumberParts) check() error {
	malformed := func(part string) error {
		return city.Invalid("credential.number.malformed", "number", part)
	}
	switch {
	case len(p.Type) != typeCodeLen || !alphanumeric(p.Type):
		return malformed(p.Type)
	case len(p.Issuer) < minIssuerLen || len(p.Issuer) > maxIssuerLen || !alphanumeric(p.Issuer):
		return malformed(p.Issuer)
	case len(p.Serial) == 0 || len(p.Serial) > maxSerialLen || !alphanumeric(p.Serial):
		return malformed(p.Serial)
	case p.Version < 1 || p.Version > 999:
		return malformed(strconv.Itoa(p.Version))
	}
	return nil
}

// fold turns what people type or paste into the number's own characters:
// full-width letters, digits and points, lower case, blanks.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' { // full-width forms of ASCII
			r -= '！' - '!'
		}
		switch {
		case r == '。' || r == '．' || r == '·':
			return '.'
		case r == ' ' || r == '\u3000' || r == '\u00a0' || r == '\t' || r == '\r' || r == '\n' || r == '\ufeff' || r == '\u200b':
			return -1
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// LooksLikeNumber reports whether the text is meant as a licence number, right
// or wrong, so that a check can answer "a digit is wrong" and not "no code".
func LooksLikeNumber(s string) bool {
	if len(s) > 4*maxNumberLen {
		return false
	}
	s = fold(s)
	if strings.HasPrefix(s, numberRoot) {
		return true
	}
	parts := strings.Split(s, ".")
	return len(parts) == 5 && len(parts[0]) == typeCodeLen && alphanumeric(parts[0])
}

// ParseNumber reads a number as people type it: the root may be left out, case,
// blanks and full-width characters don't matter. The errors are
// "credential.number.malformed" and "credential.number.check_digit".
func ParseNumber(s string) (Number, error) {
	if len(s) > 4*maxNumberLen {
		return "", city.Invalid("credential.number.malformed", "number", s[:maxNumberLen]+"…")
	}
	p, check, ok := split(strings.TrimPrefix(fold(s), numberRoot))
	if !ok || p.check() != nil {
		return "", city.Invalid("credential.number.malformed", "number", s)
	}
	n, err := NewNumber(p)
	if err != nil {
		return "", err
	}
	if n[len(n)-1] != check {
		return "", city.Invalid("credential.number.check_digit", "number", s)
	}
	return n, nil
}

// split cuts the form without root into its pieces.
func split(s string) (p NumberParts, check byte, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 5 || len(parts[3]) != 3 || len(parts[4]) != 1 {
		return p, 0, false
	}
	version, err := strconv.Atoi(parts[3])
	if err != nil || parts[3][0] == '+' || parts[3][0] == '-' {
		return p, 0, false
	}
	return NumberParts{Type: parts[0], Issuer: parts[1], Serial: parts[2], Version: version}, parts[4][0], true
}

// Parts are the pieces of the number; the zero value for what is no number.
func (n Number) Parts() NumberParts {
	p, _, ok := split(n.Short())
	if !ok {
		return NumberParts{}
	}
	return p
}

// Short is the number without the root, as the compact code carries it.
func (n Number) Short() string { return strings.TrimPrefix(string(n), numberRoot) }

// Next is the number of the licence's next version.
func (n Number) Next() (Number, error) {
	p := n.Parts()
	p.Version++
	return NewNumber(p)
}

func alphanumeric(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

const base36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// checkCharacter is ISO/IEC 7064 MOD 37,36 over digits and capital letters. It
// finds every single wrong character.
func checkCharacter(s string) byte {
	p := 36
	for i := 0; i < len(s); i++ {
		v := int(s[i] - '0')
		if s[i] >= 'A' {
			v = int(s[i]-'A') + 10
		}
		p = (p + v) % 36
		if p == 0 {
			p = 36
		}
		p = p * 2 % 37
	}
	return base36[(37-p)%36]
}
