package city

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func keyOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message.Key
	}
	return fmt.Sprint(err)
}

func day(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestCitizenNumbersOfTheStandard(t *testing.T) {
	for s, want := range map[string]Citizen{
		"11010519491231002X": {"11010519491231002X", "110105", day("1949-12-31"), true},
		"440524188001010014": {"440524188001010014", "440524", day("1880-01-01"), false},
	} {
		if got, err := CheckCitizenNumber(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"":                       "form.citizen_length",
		"11010519491231002":      "form.citizen_length",
		"11010519491231002x":     "form.citizen_characters",
		"1101051949123100X2":     "form.citizen_characters",
		"110105194902310021":     "form.citizen_date",
		"110105000012310021":     "form.citizen_date",
		"110105194912310020":     "form.citizen_check",
		"１１０１０５":                 "form.citizen_length", // 18 bytes, six characters
		"11010519491231002X\x00": "form.citizen_length",
	} {
		if _, err := CheckCitizenNumber(s); keyOf(err) != want {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

func TestMadeUpCitizenNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		birth := day("1900-01-01").AddDays(rapid.IntRange(0, 50000).Draw(t, "days"))
		female := rapid.Bool().Draw(t, "female")
		s := NewCitizenNumber("990101", birth, rapid.IntRange(0, 499).Draw(t, "seq"), female)
		got, err := CheckCitizenNumber(s)
		if err != nil || got.Birth != birth || got.Female != female || got.Region != "990101" {
			t.Fatalf("%s: %+v, %v", s, got, err)
		}
		// Any single wrong digit is found, and any two neighbours swapped.
		i := rapid.IntRange(0, 16).Draw(t, "at")
		wrong := s[:i] + string('0'+(s[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10) + s[i+1:]
		if _, err := CheckCitizenNumber(wrong); err == nil {
			t.Fatalf("%s for %s", wrong, s)
		}
		if swapped := s[:i] + s[i+1:i+2] + s[i:i+1] + s[i+2:]; swapped != s {
			if _, err := CheckCitizenNumber(swapped); err == nil {
				t.Fatalf("%s for %s", swapped, s)
			}
		}
	})
}

func TestCompanyNumbersThatArePublished(t *testing.T) {
	for _, s := range []string{"11100000000013338W", "11220000013544541J", "11430000006122244L", "11330105002500287C", "91610800064834709T"} {
		if err := CheckUSCC(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for s, want := range map[string]string{
		"":                   "form.uscc_length",
		"11100000000013338w": "form.uscc_characters",
		"1110000000001333OW": "form.uscc_characters",
		"1110000A000013338W": "form.uscc_region",
		"11100000000013338X": "form.uscc_check",
		"11100000000031338W": "form.uscc_check",
	} {
		if err := CheckUSCC(s); keyOf(err) != want {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

func TestMadeUpCompanyNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"91", "92", "11", "12"}).Draw(t, "kind")
		s := NewUSCC(kind, "990101", rapid.IntRange(0, 99_999_999).Draw(t, "seq"))
		if err := CheckUSCC(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		i := rapid.IntRange(8, 17).Draw(t, "at")
		c := usccAlphabet[(strings.IndexByte(usccAlphabet, s[i])+rapid.IntRange(1, 30).Draw(t, "by"))%31]
		if wrong := s[:i] + string(c) + s[i+1:]; CheckUSCC(wrong) == nil {
			t.Fatalf("%s for %s", wrong, s)
		}
	})
}

func TestImpossibleMadeUpNumbersPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"region":   func() { NewCitizenNumber("9901", day("1990-01-01"), 0, true) },
		"letters":  func() { NewCitizenNumber("99010A", day("1990-01-01"), 0, true) },
		"sequence": func() { NewCitizenNumber("990101", day("1990-01-01"), 500, true) },
		"birth":    func() { NewCitizenNumber("990101", Date{Year: 1990, Month: 2, Day: 30}, 0, true) },
		"kind":     func() { NewUSCC("9", "990101", 1) },
		"number":   func() { NewUSCC("91", "990101", 100_000_000) },
		"negative": func() { NewUSCC("91", "990101", -1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
