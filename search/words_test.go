package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"高龄津贴":                         "高龄 龄津 津贴 贴",
		"王 小明":                         "王 小明 明",
		"JH-2026-004817-3":             "jh 2026 004817 3",
		"ＪＨ－２０２６":                      "jh 2026",
		"Food permit, No.7":            "food permit no 7",
		"A座101室":                       "a 座 101 室",
		"  ":                           "",
		"！？。":                          "",
		"Ünïcode café":                 "ünïcode café",
		"㍿と々":                          "株式 式会 会社 社と と々 々",
		"x\x00y\xffz":                  "x y z",
		strings.Repeat("a", 100):       strings.Repeat("a", 64),
		strings.Repeat("字", 3) + "'\\": "字字 字字 字",
	} {
		if got := strings.Join(words(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestParts(t *testing.T) {
	for query, want := range map[string]string{
		"高龄津贴":            "[{[高龄 龄津 津贴] false}]",
		"陈":               "[{[陈] true}]",
		"陈 海棠":            "[{[陈] true} {[海棠] false}]",
		"JH-2026-0048":    "[{[jh 2026 0048] true}]",
		"jh-2026-0048 ":   "[{[jh 2026 0048] false}]",
		"food per":        "[{[food] false} {[per] true}]",
		"a":               "[{[a] false}]",
		"wang 2026-1":     "[{[wang] false} {[2026 1] true}]",
		"海棠街道5号":          "[{[海棠 棠街 街道] false} {[5] false} {[号] true}]",
		"":                "[]",
		"  -- ":           "[]",
		`" OR tokens : *`: "[{[or] false} {[tokens] false}]",
		"一 二 三 四 五 六 七 八 九 十": "[{[一] true} {[二] true} {[三] true} {[四] true} {[五] true} {[六] true} {[七] true} {[八] true}]",
	} {
		if got := fmt.Sprint(parts(query)); got != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
}

// Whatever stands in a text is found by it: any two neighbouring characters, any
// one, any beginning of a word. And whatever is typed is words of the index,
// nothing that either database takes for its own language.
func TestAnyPieceOfATextFindsIt(t *testing.T) {
	alphabet := rapid.StringOfN(rapid.RuneFrom([]rune("王小明陈海棠街道津贴々かabcXYZ019 -，·'\"\\:*&|!()é")), 0, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		text := alphabet.Draw(t, "text")
		have := words(text)
		for _, r := range runs(plain(text)) {
			from := rapid.IntRange(0, len(r.text)-1).Draw(t, "from")
			to := rapid.IntRange(from+1, len(r.text)).Draw(t, "to")
			if !r.han {
				from = 0
			}
			piece := string(r.text[from:to])
			for _, p := range parts(piece) {
				if !holds(have, p) && (p.prefix || r.han) {
					t.Fatalf("%q does not find %q: %v in %v", piece, text, p, have)
				}
			}
		}
		for _, p := range parts(text) {
			for _, w := range p.words {
				if w == "" || strings.ContainsAny(w, " '\"\\:*&|!()") || !utf8.ValidString(w) {
					t.Fatalf("%q is no word", w)
				}
			}
		}
	})
}

// holds is what a database does with a part.
func holds(have []string, p part) bool {
	for i := range have {
		ok := i+len(p.words) <= len(have)
		for k := 0; ok && k < len(p.words); k++ {
			w := have[i+k]
			ok = w == p.words[k] || p.prefix && k == len(p.words)-1 && strings.HasPrefix(w, p.words[k])
		}
		if ok {
			return true
		}
	}
	return false
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"高龄津贴", "JH-2026", `" OR 1`, "a'b\\c", "\xff\xfe", "İ", "ﷺ", "e\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range parts(s) {
			for _, w := range p.words {
				for _, r := range w {
					if !isHan(r) && !isWord(r) {
						t.Fatalf("%q of %q holds %q", w, s, r)
					}
				}
			}
		}
		if w := words(s); slices.Contains(w, "") {
			t.Fatalf("an empty word of %q", s)
		}
	})
}
