package city

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Citizen is what a citizen number (GB 11643) tells.
type Citizen struct {
	Number string // 18 characters
	Region string // six digits: where it was first given out
	Birth  Date
	Female bool
}

// CheckCitizenNumber reads a citizen number in upper case and without spaces. The error is
// a *Error of kind invalid that says what is wrong: length, characters, birth
// date or check digit (ISO 7064 MOD 11-2).
func CheckCitizenNumber(s string) (Citizen, error) {
	if n := utf8.RuneCountInString(s); n != 18 {
		return Citizen{}, Invalid("form.citizen_length", "n", n)
	}
	for i, c := range s {
		if (c < '0' || c > '9') && !(i == 17 && c == 'X') {
			return Citizen{}, Invalid("form.citizen_characters")
		}
	}
	birth, err := ParseDate(s[6:10] + "-" + s[10:12] + "-" + s[12:14])
	if err != nil || birth.Year < 1800 {
		return Citizen{}, Invalid("form.citizen_date", "date", s[6:14])
	}
	if citizenCheck(s[:17]) != s[17] {
		return Citizen{}, Invalid("form.citizen_check")
	}
	return Citizen{Number: s, Region: s[:6], Birth: birth, Female: (s[16]-'0')%2 == 0}, nil
}

// NewCitizenNumber makes a valid made-up number: six digits of a region, a birth
// date, and one of the 500 sequence numbers (0 to 499) of that day, region and sex.
// It panics when an argument is outside of these; it is for demonstrations and tests.
func NewCitizenNumber(region string, birth Date, seq int, female bool) string {
	n := seq*2 + 1
	if female {
		n = seq * 2
	}
	s := fmt.Sprintf("%s%04d%02d%02d%03d", region, birth.Year, birth.Month, birth.Day, n)
	if seq < 0 || seq > 499 || len(s) != 17 {
		panic(fmt.Sprintf("city: no citizen number from %q, %v, %d", region, birth, seq))
	}
	s += string(citizenCheck(s))
	if _, err := CheckCitizenNumber(s); err != nil {
		panic(fmt.Sprintf("city: no citizen number from %q, %v, %d: %v", region, birth, seq, err))
	}
	return s
}

func citizenCheck(s string) byte {
	sum := 0
	for i := range 17 {
		sum = (sum + int(s[i]-'0')) * 2 % 11
	}
	return "10X98765432"[sum]
}

// usccAlphabet is that of GB 32100: no I, O, S, V or Z.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// CheckUSCC checks a unified social credit code in upper case and without spaces: length,
// characters, and the check character. The error is a *Error of kind invalid.
func CheckUSCC(s string) error {
	if n := utf8.RuneCountInString(s); n != 18 {
		return Invalid("form.uscc_length", "n", n)
	}
	for i, c := range s {
		if !strings.ContainsRune(usccAlphabet, c) {
			return Invalid("form.uscc_characters", "character", string(c))
		}
		if i >= 2 && i < 8 && (c < '0' || c > '9') {
			return Invalid("form.uscc_region")
		}
	}
	if usccCheck(s[:17]) != s[17] {
		return Invalid("form.uscc_check")
	}
	return nil
}

// NewUSCC makes a valid made-up code: the two characters of authority and kind
// ("91" a firm, "92" a sole trader, "11" a public body, "12" a public institution),
// six digits of a region, and a number below 100,000,000 as the organisation. It
// panics when an argument is outside of these; it is for demonstrations and tests.
func NewUSCC(kind, region string, seq int) string {
	org := fmt.Sprintf("%08d", seq)
	s := kind + region + org
	if len(s) != 16 || seq < 0 {
		panic(fmt.Sprintf("city: no company number from %q, %q, %d", kind, region, seq))
	}
	s += string(orgCheck(org))
	s += string(usccCheck(s))
	if err := CheckUSCC(s); err != nil {
		panic(fmt.Sprintf("city: no company number from %q, %q, %d: %v", kind, region, seq, err))
	}
	return s
}

func usccCheck(s string) byte {
	sum, weight := 0, 1
	for i := range 17 {
		sum += strings.IndexByte(usccAlphabet, s[i]) * weight
		weight = weight * 3 % 31
	}
	return usccAlphabet[(31-sum%31)%31]
}

// orgCheck is the check character of an organisation code (GB 11714).
func orgCheck(s string) byte {
	sum := 0
	for i, w := range []int{3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * w
	}
	return "0123456789X0"[11-sum%11]
}
