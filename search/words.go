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

// words lists the words that an entry is found by, in order: pairs of Chinese
// characters and, last of each stretch, its single final one, so that every
// character begins some word.
func words(s string) []string {
	if len(s) > mostText {
		s = strings.ToValidUTF8(s[:mostText], "")
	}
	var out []string
	for _, r := range runs(plain(s)) {
		if !r.han {
			out = append(out, string(r.text[:min(len(r.text), mostWord)]))
			continue
		}
		for i := range r.text {
			out = append(out, string(r.text[i:min(i+2, len(r.text))]))
		}
	}
	return out
}

// part is something that a query asks for: words that follow each other, the
// last of which may be a beginning.
type part struct {
	words  []string
	prefix bool
}

// parts reads a query. It is empty when nothing in the query can be looked for.
func parts(query string) []part {
	if r := []rune(query); len(r) > mostQuery {
		query = string(r[:mostQuery])
	}
	var out []part
	for _, r := range runs(plain(query)) {
		if r.han {
			p := part{prefix: len(r.text) == 1}
			if p.prefix {
				p.words = []string{string(r.text)}
			}
			for i := 0; i+1 < len(r.text); i++ {
				p.words = append(p.words, string(r.text[i:i+2]))
			}
			out = append(out, p)
			continue
		}
		w := string(r.text[:min(len(r.text), mostWord)])
		prefix := r.last && (len(r.text) > 1 || !r.after)
		if n := len(out); n > 0 && !r.after && !isHan([]rune(out[n-1].words[0])[0]) { // JH-2026-0048 is one thing
			out[n-1].words = append(out[n-1].words, w)
			out[n-1].prefix = prefix
			continue
		}
		out = append(out, part{words: []string{w}, prefix: prefix})
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
