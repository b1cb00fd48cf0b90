package search

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"yiwang/city"
)

// Item is a service item as it is looked for.
type Item struct {
	Code     city.ItemCode
	Name     city.Text
	Summary  city.Text
	Keywords map[city.Lang][]string // other words for it: what people say
	Guide    city.Text
	Weight   int // of two that fit alike the one with more stands first: how often it is applied for
}

// ItemHit is an item found. Score falls from one to the next; Why says what fitted.
type ItemHit struct {
	Code  city.ItemCode
	Name  city.Text
	Score float64
	Why   Fit
}

// Fit is how an item fits a query, best first.
type Fit string

const (
	FitCode    Fit = "code"
	FitName    Fit = "name"    // the whole name
	FitBegins  Fit = "begins"  // the name begins so
	FitHas     Fit = "has"     // the name has it, or the question has the name
	FitKeyword Fit = "keyword" // another word for it
	FitNear    Fit = "near"    // the name but for a slip of the pen
	FitSummary Fit = "summary" // said in one sentence
	FitWords   Fit = "words"   // the words stand somewhere, in the guide at the least
)

var fitScore = map[Fit]float64{FitCode: 1000, FitName: 1000, FitBegins: 900, FitHas: 800, FitKeyword: 700, FitNear: 600, FitSummary: 500}

const (
	mostItems = 200   // of one answer
	wordsAll  = 690.0 // score of an item that has all words in its name
	wordsSome = 400.0 // and of one that lacks some
	wordsLow  = 0.6   // share of the words that an item must have
	unheardOf = 0.7   // how much a word counts that no item has: pairs across two words are many
)

// itemIndex is immutable.
type itemIndex struct {
	items   []Item
	texts   []map[city.Lang]itemText
	found   map[string][]posting // by word
	fillers map[city.Lang][]string
}

// itemText is what one language says of an item, in plain form.
type itemText struct {
	name     []rune // Chinese without spaces, English with single ones
	words    []string
	keywords []string
	summary  string
}

type posting struct {
	item   int
	weight float64
}

// IndexItems takes the city's items in place of those it had.
func (x *Index) IndexItems(items []Item) {
	t := &itemIndex{items: slices.Clone(items), found: map[string][]posting{}, fillers: map[city.Lang][]string{}}
	for _, l := range city.Langs {
		for _, f := range strings.Split(city.Say(l, "search.fillers"), "|") {
			t.fillers[l] = append(t.fillers[l], squeeze(f))
		}
		// Longer ones first, so that none hides a longer one.
		slices.SortStableFunc(t.fillers[l], func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
	for i, item := range t.items {
		best := map[string]float64{}
		see := func(text string, weight float64) {
			for _, w := range itemWords(text) {
				best[w] = max(best[w], weight)
			}
		}
		texts := map[city.Lang]itemText{}
		for _, l := range city.Langs {
			it := itemText{name: []rune(squeeze(item.Name.In(l))), summary: squeeze(item.Summary.In(l)), words: itemWords(item.Name.In(l))}
			for _, k := range item.Keywords[l] {
				if k = squeeze(k); k != "" {
					it.keywords = append(it.keywords, k)
				}
				see(k, 0.9)
			}
			texts[l] = it
			see(item.Name.In(l), 1)
			see(item.Summary.In(l), 0.7)
			see(item.Guide.In(l), 0.5)
		}
		t.texts = append(t.texts, texts)
		for w, weight := range best {
			t.found[w] = append(t.found[w], posting{i, weight})
		}
	}
	x.items.Store(t)
}

// squeeze brings a text to the form in which names are compared: plain, words
// parted by single spaces, Chinese not parted at all.
func squeeze(s string) string {
	var b strings.Builder
	var before *run
	rs := runs(plain(s))
	for i := range rs {
		if before != nil && !before.han && !rs[i].han {
			b.WriteByte(' ')
		}
		b.WriteString(string(rs[i].text))
		before = &rs[i]
	}
	return b.String()
}

// itemWords are words without their English plural.
func itemWords(s string) []string {
	var out []string
	for _, w := range words(s) {
		if r := []rune(w); isHan(r[0]) && len(r) == 1 { // one character says too little
			continue
		}
		out = append(out, stem(w))
	}
	return out
}

func stem(w string) string {
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss"):
		return w[:len(w)-1]
	}
	return w
}

// Items finds service items by what people type, best first. The language is the
// reader's: names in it count a little more than those in the other.
func (x *Index) Items(_ context.Context, query string, lang city.Lang) []ItemHit {
	if r := []rune(query); len(r) > mostQuery {
		query = string(r[:mostQuery])
	}
	t := x.items.Load()
	asked := squeeze(query)
	if asked == "" {
		return nil
	}
	code := city.ItemCode(strings.TrimSpace(query))
	bare := t.bare(asked) // without "how do I apply for"
	shares := t.shares(bare)
	var hits []ItemHit
	sure := false
	for i, item := range t.items {
		hit := ItemHit{Code: item.Code, Name: item.Name}
		better := func(why Fit, score float64) {
			if score > hit.Score {
				hit.Why, hit.Score = why, score
			}
		}
		if code == item.Code {
			better(FitCode, fitScore[FitCode])
		}
		for _, l := range city.Langs {
			own := 0.0
			if l == lang {
				own = 5
			}
			for _, q := range []string{asked, bare} {
				if why, share := t.texts[i][l].fit(q); why != "" {
					better(why, fitScore[why]*share+own-float64(len(t.texts[i][l].name))/100)
				}
				own -= 2 // what was typed counts more than what is left of it
			}
		}
		if s := shares[i]; s.has >= wordsLow {
			top := wordsSome
			if s.has > 0.999 {
				top = wordsAll
			}
			better(FitWords, s.weighed*top-float64(len(t.texts[i][lang].name))/100)
		}
		if hit.Score > 0 {
			sure = sure || hit.Score >= fitScore[FitKeyword]-50
			hit.Score += min(float64(item.Weight), 1e6) / 1e7
			hits = append(hits, hit)
		}
	}
	hits = t.near(hits, bare, sure)
	slices.SortStableFunc(hits, func(a, b ItemHit) int {
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
		return cmp.Compare(a.Code, b.Code)
	})
	return hits[:min(len(hits), mostItems)]
}

// near adds items whose names fit but for one slip, and lifts those found by
// scattered words only. Short words are near to too many: three characters are
// forgiven a slip only when nothing else fits.
func (t *itemIndex) near(hits []ItemHit, asked string, sure bool) []ItemHit {
	q := []rune(asked)
	if len(q) < 3 || len(q) > 40 || len(q) == 3 && sure {
		return hits
	}
	at := map[city.ItemCode]int{}
	for i, h := range hits {
		at[h.Code] = i
	}
	for i, item := range t.items {
		j, found := at[item.Code]
		if found && hits[j].Score >= fitScore[FitNear] {
			continue
		}
		for _, l := range city.Langs {
			slips, ok := t.texts[i][l].near(q)
			if !ok {
				continue
			}
			score := fitScore[FitNear] - 20*float64(slips) - float64(len(t.texts[i][l].name))/100
			if !found {
				hits, j, found = append(hits, ItemHit{Code: item.Code, Name: item.Name}), len(hits), true
			}
			if score > hits[j].Score {
				hits[j].Score, hits[j].Why = score, FitNear
			}
		}
	}
	return hits
}

// fit says how one language's texts fit a squeezed query, and which share of it:
// a question may have more in it than the name.
func (t itemText) fit(q string) (why Fit, share float64) {
	name := string(t.name)
	share = 1
	part := func(s string) float64 { return float64(len(s)) / float64(len(q)) }
	switch {
	case q == "" || name == "":
		return "", 0
	case name == q:
		return FitName, 1
	case strings.HasPrefix(name, q):
		return FitBegins, 1
	case has(name, q):
		return FitHas, 1
	case len(t.name) > 2 && has(q, name):
		return FitHas, part(name)
	}
	for _, k := range t.keywords {
		switch {
		case has(k, q):
			return FitKeyword, 1
		case len([]rune(k)) > 1 && has(q, k) && (why == "" || part(k) > share):
			why, share = FitKeyword, part(k)
		}
	}
	if (why == "" || fitScore[why]*share < fitScore[FitSummary]) && len([]rune(q)) > 1 && has(t.summary, q) {
		return FitSummary, 1
	}
	return why, share
}

// has reports whether part stands in the text, for words of letters only from
// the beginning of a word.
func has(text, part string) bool {
	if part == "" {
		return false
	}
	for from := 0; ; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return false
		}
		i += from
		if i == 0 || part[0] >= 0x80 || text[i-1] == ' ' || text[i-1] >= 0x80 {
			return true
		}
		from = i + 1
	}
}

// near reports whether the name holds the query but for a slip: in Chinese one
// character wrong, missing, too many or two swapped; in English one a word of
// four letters or more.
func (t itemText) near(q []rune) (slips int, ok bool) {
	if len(t.name) == 0 {
		return 0, false
	}
	if isHan(t.name[0]) {
		if !slices.ContainsFunc(q, isHan) {
			return 0, false
		}
		strange := 0 // characters that the name lacks; a slip makes at most one
		for _, r := range q {
			if !slices.Contains(t.name, r) {
				if strange++; strange > 1 {
					return 0, false
				}
			}
		}
		return 1, slipWithin(q, t.name) <= 1
	}
	for _, w := range strings.Fields(string(q)) {
		if isHan([]rune(w)[0]) {
			return 0, false
		}
		best := math.MaxInt
		for _, n := range t.words {
			best = min(best, wordSlip([]rune(stem(w)), []rune(n)))
		}
		if best > 1 {
			return 0, false
		}
		slips += best
	}
	return slips, slips > 0
}

func wordSlip(a, b []rune) int {
	if len(a) < 4 || len(b) < 4 {
		if slices.Equal(a, b) {
			return 0
		}
		return math.MaxInt
	}
	if a[0] != b[0] && a[1] != b[1] || max(len(a), len(b))-min(len(a), len(b)) > 1 {
		return math.MaxInt
	}
	return slips(a, b, false)
}

// slipWithin is the least number of slips by which the query differs from some
// stretch of the text.
func slipWithin(q, text []rune) int { return slips(q, text, true) }

// slips counts wrong, missing, extra and swapped characters between a and b, or
// between a and that stretch of b which fits best.
func slips(a, b []rune, within bool) int {
	last, now, before := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	if !within {
		for j := range last {
			last[j] = j
		}
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j-1]+cost, last[j]+1, now[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	if within {
		return slices.Min(last)
	}
	return last[len(b)]
}

// bare takes from both ends of a question what is not asked for.
func (t *itemIndex) bare(q string) string {
	for {
		cut := q
		for _, l := range city.Langs {
			for _, f := range t.fillers[l] {
				if f == "" {
					continue
				}
				han := isHan([]rune(f)[0])
				if rest, ok := strings.CutPrefix(cut, f); ok && rest != "" && (han || rest[0] == ' ' || rest[0] >= 0x80) {
					cut = strings.TrimSpace(rest)
				}
				if rest, ok := strings.CutSuffix(cut, f); ok && rest != "" && (han || strings.HasSuffix(rest, " ")) {
					cut = strings.TrimSpace(rest)
				}
			}
		}
		if cut == q {
			return q
		}
		q = cut
	}
}

// share is how much of a query's words an item has, rare words counting more;
// weighed counts words of the guide less than those of the name.
type share struct{ has, weighed float64 }

func (t *itemIndex) shares(q string) map[int]share {
	asked := itemWords(q)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	if len(asked) == 0 {
		return nil
	}
	total := 0.0
	shares := map[int]share{}
	for _, w := range asked {
		found := t.found[w]
		rare := unheardOf
		if len(found) > 0 {
			rare = math.Log(1 + float64(len(t.items)+1)/float64(len(found)+1))
		}
		total += rare
		for _, p := range found {
			s := shares[p.item]
			shares[p.item] = share{s.has + rare, s.weighed + rare*p.weight}
		}
	}
	for i, s := range shares {
		shares[i] = share{s.has / total, s.weighed / total}
	}
	return shares
}
