package city_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yiwang/city"
)

func TestCaseNumbers(t *testing.T) {
	n := city.NewCaseNumber("JH", 2026, 4817)
	for _, typed := range []string{string(n), " jh-2026-004817-" + string(n[len(n)-1]) + " ", "JH－2026－004817－" + string(n[len(n)-1])} {
		if got, err := city.ParseCaseNumber(typed); err != nil || got != n {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, bad := range []string{"", "JH-2026", "JH-2026-004817", "JH-2026-4817-3", "JH-20x6-004817-3", "JH-2026-00481712345678901234-1"} {
		if _, err := city.ParseCaseNumber(bad); city.KindOf(err) != city.KindInvalid {
			t.Errorf("%q was accepted: %v", bad, err)
		}
	}
	// Every single wrong digit is found.
	rapid.Check(t, func(t *rapid.T) {
		s := []byte(city.NewCaseNumber("JH", rapid.IntRange(2000, 2099).Draw(t, "year"), rapid.Int64Range(0, 99999999).Draw(t, "n")))
		var digits []int
		for i, c := range s {
			if c >= '0' && c <= '9' {
				digits = append(digits, i)
			}
		}
		at := rapid.SampledFrom(digits).Draw(t, "at")
		s[at] = '0' + (s[at]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if _, err := city.ParseCaseNumber(string(s)); err == nil {
			t.Fatalf("%s passed", s)
		}
	})
}

func TestIDs(t *testing.T) {
	a, b := city.NewCaseID(), city.NewCaseID()
	if a == b || a.String() > b.String() {
		t.Errorf("%s is not before %s", a, b)
	}
	var back city.CaseID
	if v, _ := a.Value(); back.Scan(v) != nil || back != a {
		t.Errorf("stored and read: %s", back)
	}
	if err := back.Scan("text"); err == nil {
		t.Error("text was taken for an identifier")
	}
	if v, _ := (city.CaseID{}).Value(); v != nil {
		t.Errorf("none is stored as %v", v)
	}
	if err := back.UnmarshalJSON([]byte(`"nonsense"`)); err == nil {
		t.Error("nonsense was read")
	}
}

func TestLanguages(t *testing.T) {
	for accept, want := range map[string]city.Lang{"": city.Chinese, "en-GB,en;q=0.9": city.English, "zh-CN,en;q=0.8": city.Chinese,
		"fr, en;q=0.5, zh;q=0.4": city.English, "zh-TW": city.Chinese, "de": city.Chinese, "en;q=0.1,zh;q=0.9": city.Chinese} {
		if got := city.LangOf(accept); got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
}

func TestFill(t *testing.T) {
	day := time.Date(2026, 12, 3, 17, 30, 0, 0, zone)
	for _, tt := range []struct {
		lang city.Lang
		text string
		args []any
		want string
	}{
		{city.Chinese, "最晚 {due} 答复", []any{"due", day}, "最晚 12 月 3 日（星期四） 答复"},
		{city.English, "by {due}", []any{"due", day}, "by Thursday 3 December"},
		{city.English, "{n|day|days} left", []any{"n", 1}, "1 day left"},
		{city.English, "{n|day|days} left", []any{"n", 3}, "3 days left"},
		{city.Chinese, "还剩 {n} 天", []any{"n", 3}, "还剩 3 天"},
		{city.English, "{due:datetime}, {due:time}, {due:fulldate}", []any{"due", day}, "Thursday 3 December 17:30, 17:30, 3 December 2026"},
		{city.English, "{what} and {who}", []any{"what", city.Text{ZhHans: "甲", En: "A"}}, "A and {who}"},
		{city.English, "open { brace", nil, "open { brace"},
	} {
		if got := city.Fill(tt.lang, tt.text, tt.args...); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
	if city.SayMoney(city.Chinese, 20000) != "200 元" || city.SayMoney(city.English, 20050) != "¥200.50" {
		t.Error("money is said wrong")
	}
}

func TestErrorKinds(t *testing.T) {
	wrapped := fmt.Errorf("filing: %w", city.Conflict("case.changed"))
	for err, want := range map[error]city.Kind{nil: "", errors.New("boom"): city.KindInternal, wrapped: city.KindConflict,
		city.Unavailable(errors.New("gone"), time.Second): city.KindUnavailable} {
		if got := city.KindOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestRegionsCover(t *testing.T) {
	a := city.Actor{Regions: []city.RegionCode{"990101"}}
	if !a.Covers("990101002003") || a.Covers("990102001001") || !a.Covers("") || !(city.Actor{}).Covers("990102") {
		t.Error("coverage is wrong")
	}
}
