package form

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"yiwang/city"
)

// holds checks what Clean promises of any input.
func holds(t interface{ Fatalf(string, ...any) }, c *Compiled, got map[string]any) {
	size := 0
	for id, v := range got {
		f, ok := c.fields[id]
		if !ok {
			t.Fatalf("kept %q, which is no field", id)
		}
		var texts []string
		switch v := v.(type) {
		case string:
			texts = []string{v}
		case []string:
			texts = v
			if len(v) == 0 || len(v) > mostChosen+1 {
				t.Fatalf("%s has %d values", id, len(v))
			}
		case map[string]string:
			for part, s := range v {
				if !slices.Contains(f.Type.Parts(), part) {
					t.Fatalf("%s has a part %q", id, part)
				}
				texts = append(texts, s)
			}
		case bool, int64, float64:
		default:
			t.Fatalf("%s is a %T", id, v)
		}
		for _, s := range texts {
			if s == "" || !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) || strings.ContainsAny(s, "\x00\r\u202e") || strings.TrimSpace(s) != s {
				t.Fatalf("%s keeps %q", id, s)
			}
			if n := utf8.RuneCountInString(s); n > max(f.Most(), defaultText)+spare {
				t.Fatalf("%s keeps %d characters", id, n)
			}
			size += len(s)
		}
	}
	if size > 1<<20 {
		t.Fatalf("%d bytes kept", size)
	}
	if d := cmp.Diff(got, c.Clean(got, nil)); d != "" {
		t.Fatalf("cleaned twice: %s", d)
	}
	faults := c.Validate(got)
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var back map[string]any
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatalf("%v", err)
	}
	if d := cmp.Diff(got, c.Clean(back, nil)); d != "" {
		t.Fatalf("through JSON: %s", d)
	}
	if d := cmp.Diff(faults, c.Validate(back)); d != "" {
		t.Fatalf("faults through JSON: %s", d)
	}
	for _, f := range faults {
		for _, l := range city.Langs {
			if said := f.Message.In(l); said == f.Message.Key || said == "" {
				t.Fatalf("%s says %q", f.Name, said)
			}
		}
	}
}

func FuzzCleanForm(f *testing.F) {
	c := compiled(f, "every-type.yaml").On(day("2026-03-09"))
	for _, s := range []string{
		"text=abc&integer=12", "money=1%2C2&decimal=-0&born=2026.3.9", "father.name=%E5%BC%A0&home.region=9901",
		"born.year=2026&born.month=&born.day=31", "text=%00%ff%e2%80%ae", "longtext=%0d%0a++a%0d", "multi=c&multi=a&multi=zz", "file=x&agree=on",
		"citizen=11010519491231002x", "phone=%2B86+010-12345678", "email=A%40B.C", "decimal=1e5&integer=%2B7&money=%EF%BF%A57%E5%85%83",
		"choice=%CC%81&text=%CC%81e%CC%81", "text=" + strings.Repeat("x", 3000), "integer=" + strings.Repeat("9", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		raw, err := url.ParseQuery(query)
		if err != nil {
			t.Skip()
		}
		holds(t, c, c.CleanForm(raw, nil))
	})
}

func FuzzCleanJSON(f *testing.F) {
	c := compiled(f, "every-type.yaml").On(day("2026-03-09"))
	for _, s := range []string{
		`{"text":1,"integer":1.5,"decimal":1e300,"money":-0.0,"born":20260309}`, `{"father":{"name":[],"citizen_number":1}}`,
		`{"home":"x","multi":[1,"a",null,["b"]],"file":{"a":1},"agree":"false","yesno":0}`, `{"text":{"a":{"b":{}}},"stranger":[[[]]]}`,
		`{"money":12.5,"decimal":"1.10","integer":"12.0","phone":13800138000}`, `{"multi":"a","choice":["a"],"region":9901}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var raw map[string]any
		if json.Unmarshal([]byte(s), &raw) != nil {
			t.Skip()
		}
		holds(t, c, c.Clean(raw, nil))
	})
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"11010519491231002X", "11100000000013338W", " １１010519491231002ｘ", "", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := NormalNumber(s)
		if NormalNumber(n) != n {
			t.Errorf("%q is normal only at second sight", s)
		}
		if who, err := CheckCitizenNumber(n); err == nil && (who.Number != n || who.Birth.IsZero()) {
			t.Errorf("%q: %+v", n, who)
		}
		if err := CheckUSCC(n); err != nil && keyOf(err) == fmt.Sprint(err) {
			t.Errorf("%q: not an error for people: %v", n, err)
		}
	})
}

// What somebody types is refused, understood, or kept: never lost.
func TestNothingTypedIsLost(t *testing.T) {
	c := compiled(t, "every-type.yaml")
	var ids []string
	for _, f := range c.steps[0].fields {
		if f.Type != Statement && f.Type.Parts() == nil {
			ids = append(ids, f.ID)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.SampledFrom(ids).Draw(t, "field")
		typed := rapid.StringMatching(`[0-9a-zA-Z¥元年月日.,:@+\-（）１２ｘ张江 ]{1,30}`).Draw(t, "typed")
		got := c.CleanForm(url.Values{id: {typed}}, nil)
		if strings.TrimSpace(strings.ReplaceAll(typed, "　", " ")) == "" {
			return
		}
		if _, kept := got[id]; !kept {
			t.Fatalf("%s: %q is gone", id, typed)
		}
		holds(t, c, got)
	})
}

// The order in which answers come makes no difference, and a second reading of
// the form none either.
func TestCleanIsDeterministic(t *testing.T) {
	c := compiled(t, "every-type.yaml")
	rapid.Check(t, func(t *rapid.T) {
		raw := url.Values{}
		for _, f := range c.steps[0].fields {
			for range rapid.IntRange(0, 2).Draw(t, f.ID) {
				raw.Add(f.ID, rapid.SampledFrom([]string{"a", "b", "12", "x y", "on", "2026-03-09", "990101"}).Draw(t, "value"))
			}
		}
		first := c.CleanForm(raw, nil)
		for range 3 {
			if d := cmp.Diff(first, c.CleanForm(raw, nil)); d != "" {
				t.Fatal(d)
			}
			if d := cmp.Diff(c.Validate(first), c.Validate(first)); d != "" {
				t.Fatal(d)
			}
		}
		holds(t, c, first)
	})
}
