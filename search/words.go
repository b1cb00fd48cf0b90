package search

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// How much is indexed of one entry and read of one query.
const (
	mostText  = 16 << 10 // bytes of an entry's terms
	mostQuery = 200      // characters
	mostParts = 8
	mostWord  = 64 // characters of a word
)

// plain is the form in which texts are compared: full width to half, composed,
// small letters.
func plain(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

func isHan(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r == 0x3005 // the mark that repeats a character
}

func isWord(r rune) bool {
	return !isHan(r) && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r))
}

// run is a stretch of text of one kind: Chinese, or a word of letters and digits.
type run struct {
	text  []rune
	han   bool
	after bool // a space, not a hyphen or nothing, stands before it
	last  bool // the text ends with it
}

// runs cuts a plain text.
func runs(s string) []run {
	var out []run
	text := []rune(s)
	gap := true
	for i := 0; i < len(text); {
		kind := isHan
		switch r := text[i]; {
		case isHan(r):
		case isWord(r):
			kind = isWord
		default:
			gap = gap || unicode.IsSpace(r)
			i++
			continue
		}
		j := i
		for j < len(text) && kind(text[j]) {
			j++
		}
		out = append(out, run{text: text[i:j], han: isHan(text[i]), after: gap, last: j == len(text)})
		gap, i = false, j
	}
	return out
}

// words lists the words that an entry is found by, in order: pairs of neighbours
// in a stretch of Chinese, or the one character that it has.
func words(s string) []string {
	var out []string
	for _, r := range runs(plain(bounded(s))) {
		switch {
		case !r.han:
			out = append(out, string(r.text[:min(len(r.text), mostWord)]))
		case len(r.text) == 1:
			out = append(out, string(r.text))
		}
		for i := 0; r.han && i+1 < len(r.text); i++ {
			out = append(out, string(r.text[i:i+2]))
		}
	}
	return out
}

// Beginnings of words that are words of the index themselves. Longer ones are
// rare, and the databases look them up among the words.
const shortestHead, longestHead = 2, 8

// heads lists what else an entry is found by: each of its Chinese characters, and
// the beginnings of its other words.
func heads(s string) []string {
	seen := map[string]bool{}
	var out []string
	see := func(h string) {
		if !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	for _, r := range runs(plain(bounded(s))) {
		if r.han {
			for _, c := range r.text {
				see(string(c))
			}
			continue
		}
		for n := shortestHead; n <= longestHead && n < len(r.text); n++ {
			see(string(r.text[:n]))
		}
	}
	return out
}

func bounded(s string) string {
	if len(s) > mostText {
		return strings.ToValidUTF8(s[:mostText], "")
	}
	return s
}

// part is something that a query asks for: words that follow each other, a
// beginning of a word (or one Chinese character), or both.
type part struct {
	words []string
	head  string
}

// parts reads a query. It is empty when nothing in the query can be looked for.
func parts(query string) []part {
	if r := []rune(query); len(r) > mostQuery {
		query = string(r[:mostQuery])
	}
	var out []part
	number := false // the last part can be gone on with: JH-2026-0048 is one thing
	for _, r := range runs(plain(query)) {
		if r.han {
			number = false
			if len(r.text) == 1 {
				out = append(out, part{head: string(r.text)})
				continue
			}
			var p part
			for i := 0; i+1 < len(r.text); i++ {
				p.words = append(p.words, string(r.text[i:i+2]))
			}
			out = append(out, p)
			continue
		}
		w := string(r.text[:min(len(r.text), mostWord)])
		if !number || r.after {
			out = append(out, part{})
		}
		number = true
		if p := &out[len(out)-1]; r.last && len(r.text) >= shortestHead {
			p.head = w
		} else {
			p.words = append(p.words, w)
		}
	}
	return out[:min(len(out), mostParts)]
}

// joined is a number without its hyphens: how it is found however it is typed.
func joined(s string) string {
	return strings.Map(func(r rune) rune {
		if isWord(r) {
			return r
		}
		return -1
	}, plain(s))
}
