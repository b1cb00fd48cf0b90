package check

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"yiwang/city"
)

// published numbers stand in STANDARDS §10; they were issued by real bodies.
var published = []string{
	"1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
	"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
	"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.002.S",
	"1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",
	"1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
}

func TestPublishedNumbers(t *testing.T) {
	for _, s := range published {
		n, err := ParseNumber(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if string(n) != s {
			t.Errorf("%s read as %s", s, n)
		}
		again, err := NewNumber(n.Parts())
		if err != nil || again != n {
			t.Errorf("%s recomposed as %s, %v", s, again, err)
		}
	}
	second, err := Number(published[1]).Next()
	if err != nil || string(second) != published[2] {
		t.Errorf("next version is %s, %v", second, err)
	}
}

func TestWrongNumbers(t *testing.T) {
	const good = "1.2.156.3005.2.11100000000013338W050.91610800064834709T.2023000001.001.2"
	if _, err := ParseNumber(good); err != nil {
		t.Fatal(err)
	}
	for s, key := range map[string]string{
		"1.2.156.3005.2.11100000000013338W050.91610800064834709T.2023000001.001.X": "credential.number.check_digit",
		"1.2.156.3005.2.11100000000013338W050.91610800064834709T.2023000010.001.2": "credential.number.check_digit",
		"1.2.156.3005.2.11100000000013338W05.91610800064834709T.2023000001.001.2":  "credential.number.malformed",
		"1.2.156.3005.2.11100000000013338W050.91610800064834709T.2023000001.1.2":   "credential.number.malformed",
		"1.2.156.3005.2.11100000000013338W050.91610800064834709T..001.2":           "credential.number.malformed",
		"1.2.156.3005.2.11100000000013338W050.91610800064834709T.2023000001.000.2": "credential.number.malformed",
		"1.2.156.3005.2.11100000000013338W050.91610800064834709T.2023000001.+01.2": "credential.number.malformed",
		"1.2.156.3005.2.11100000000013338W050.91610800064834709T.20230证001.001.2":  "credential.number.malformed",
		"1.2.156.3005.3.11100000000013338W050.91610800064834709T.2023000001.001.2": "credential.number.malformed",
		"":                         "credential.number.malformed",
		strings.Repeat("1.", 5000): "credential.number.malformed",
	} {
		_, err := ParseNumber(s)
		e, ok := err.(*city.Error)
		if !ok || e.Kind != city.KindInvalid || e.Message.Key != key {
			t.Errorf("%.80q: %v, want %s", s, err, key)
		}
	}
}

func TestNumberAsPeopleTypeIt(t *testing.T) {
	want := Number(published[0])
	for _, s := range []string{
		strings.ToLower(published[0]),
		" " + published[0] + "\n",
		want.Short(),
		"1.2.156.3005.2.11100000000013338W032. 11220000013544541J. 2430599. 001. F",
		"１．２．１５６．３００５．２．11100000000013338Ｗ032．11220000013544541j．2430599．001．ｆ",
	} {
		if !LooksLikeNumber(s) {
			t.Errorf("%q doesn't look like a number", s)
		}
		if n, err := ParseNumber(s); err != nil || n != want {
			t.Errorf("%q read as %q, %v", s, n, err)
		}
	}
	for _, s := range []string{"", "hello", "JH-2026-004817-3", "YW1:ABC", "1.2.3.4.5"} {
		if LooksLikeNumber(s) {
			t.Errorf("%q looks like a number", s)
		}
	}
}

// Whatever single character is misread, the check character finds it.
func TestEverySingleWrongCharacterIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := genNumber().Draw(t, "number")
		if back, err := ParseNumber(string(n)); err != nil || back != n {
			t.Fatalf("%s doesn't come back: %s, %v", n, back, err)
		}
		at := rapid.IntRange(len(numberRoot), len(n)-1).Draw(t, "at")
		c := base36[rapid.IntRange(0, 35).Draw(t, "c")]
		if n[at] == '.' || n[at] == c {
			return
		}
		wrong := string(n[:at]) + string(c) + string(n[at+1:])
		if _, err := ParseNumber(wrong); err == nil {
			t.Fatalf("%s passes for %s", wrong, n)
		}
	})
}

func genNumber() *rapid.Generator[Number] {
	chars := func(min, max int) *rapid.Generator[string] {
		return rapid.StringOfN(rapid.SampledFrom([]rune(base36)), min, max, -1)
	}
	return rapid.Custom(func(t *rapid.T) Number {
		n, err := NewNumber(NumberParts{
			Type: chars(21, 21).Draw(t, "type"), Issuer: chars(6, 18).Draw(t, "issuer"),
			Serial: chars(1, 32).Draw(t, "serial"), Version: rapid.IntRange(1, 999).Draw(t, "version"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	})
}
