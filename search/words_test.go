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
		"高龄津贴":                         "高龄 龄津 津贴",
		"王 小明":                         "王 小明",
		"JH-2026-004817-3":             "jh 2026 004817 3",
		"ＪＨ－２０２６":                      "jh 2026",
		"Food permit, No.7":            "food permit no 7",
		"A座101室":                       "a 座 101 室",
		"  ":                           "",
		"！？。":                          "",
		"Ünïcode café":                 "ünïcode café",
		"㍿と々":                          "株式 式会 会社 社と と々",
		"x\x00y\xffz":                  "x y z",
		strings.Repeat("a", 100):       strings.Repeat("a", 64),
		strings.Repeat("字", 3) + "'\\": "字字 字字",
	} {
		if got := strings.Join(words(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestHeads(t *testing.T) {
	for text, want := range map[string]string{
		"王小明 小店":           "王 小 明 店",
		"JH-2026-004817-3": "20 202 00 004 0048 00481",
		"a ab abc":         "ab",
		"990101194011":     "99 990 9901 99010 990101 9901011 99010119",
		"é":                "",
	} {
		if got := strings.Join(heads(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestParts(t *testing.T) {
	for query, want := range map[string]string{
		"高龄津贴":            "[{[高龄 龄津 津贴] }]",
		"陈":               "[{[] 陈}]",
		"陈 海棠":            "[{[] 陈} {[海棠] }]",
		"JH-2026-0048":    "[{[jh 2026] 0048}]",
		"jh-2026-0048 ":   "[{[jh 2026 0048] }]",
		"JH-2026-0048-1":  "[{[jh 2026 0048 1] }]",
		"food per":        "[{[food] } {[] per}]",
		"a":               "[{[a] }]",
		"wang 2026-1":     "[{[wang] } {[2026 1] }]",
		"海棠街道5号":          "[{[海棠 棠街 街道] } {[5] } {[] 号}]",
		"5号楼":             "[{[5] } {[号楼] }]",
		"":                "[]",
		"  -- ":           "[]",
		`" OR tokens : *`: "[{[or] } {[tokens] }]",
		"一 二 三 四 五 六 七 八 九 十": "[{[] 一} {[] 二} {[] 三} {[] 四} {[] 五} {[] 六} {[] 七} {[] 八}]",
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
		have, begin := words(text), heads(text)
		for _, r := range runs(plain(text)) {
			from := rapid.IntRange(0, len(r.text)-1).Draw(t, "from")
			to := rapid.IntRange(from+1, len(r.text)).Draw(t, "to")
			if !r.han {
				from = 0
			}
			piece := string(r.text[from:to])
			for _, p := range parts(piece) {
				if !holds(have, begin, p) && (p.head != "" || r.han) {
					t.Fatalf("%q does not find %q: %v in %v", piece, text, p, have)
				}
			}
		}
		for _, p := range parts(text) {
			for _, w := range append(slices.Clone(p.words), p.head+"x") {
				if w == "" || strings.ContainsAny(w, " '\"\\:*&|!()") || !utf8.ValidString(w) {
					t.Fatalf("%q is no word", w)
				}
			}
		}
	})
}

// holds is what a database does with a part.
func holds(have, begin []string, p part) bool {
	if p.head != "" {
		if len([]rune(p.head)) <= longestHead {
			if !slices.Contains(begin, p.head) && !slices.Contains(have, p.head) {
				return false
			}
		} else if !slices.ContainsFunc(have, func(w string) bool { return strings.HasPrefix(w, p.head) }) {
			return false
		}
	}
	for i := range have {
		if i+len(p.words) <= len(have) && slices.Equal(have[i:i+len(p.words)], p.words) {
			return true
		}
	}
	return len(p.words) == 0
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"高龄津贴", "JH-2026", `" OR 1`, "a'b\\c", "\xff\xfe", "İ", "ﷺ", "e\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range parts(s) {
			for _, w := range append(p.words, p.head) {
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
