// Package words finds the class of what people say by their words, and measures how
// often it is right.
package words

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"yiwang/city"
)

// Example is a sentence and the class it belongs to.
type Example struct {
	Class city.ItemCode `json:"class"`
	Text  string        `json:"text"`
}

// Suggestion is a class that what somebody said may belong to.
type Suggestion struct {
	Class city.ItemCode
	Share float64  // of all that speaks, 0 to 1
	Why   []string // the words that spoke for it most, as they were said
}

// Classifier finds classes by the words of a text: multinomial naive Bayes over
// words, and over characters and pairs of neighbours where a language has no spaces.
// Words such as "the" decide nothing. It can say which words did. It is immutable and
// safe for concurrent use.
type Classifier struct {
	classes []city.ItemCode
	prior   []float64            // log of the class's share of the examples
	spoken  map[string][]float64 // by term: how often each class said it
	total   []float64            // terms by class
	filler  map[string]bool      // terms that decide nothing
}

// smooth stands for the words that a class has not said yet.
const smooth = 0.1

const (
	mostTerms = 800 // of a text; what is longer repeats itself
	mostWhy   = 4
)

// Learn makes a classifier from examples.
func Learn(examples []Example) *Classifier {
	c := &Classifier{spoken: map[string][]float64{}, filler: Fillers()}
	at := map[city.ItemCode]int{}
	for _, e := range examples {
		if _, ok := at[e.Class]; !ok {
			at[e.Class] = 0
			c.classes = append(c.classes, e.Class)
		}
	}
	slices.Sort(c.classes)
	for i, code := range c.classes {
		at[code] = i
	}
	c.prior, c.total = make([]float64, len(c.classes)), make([]float64, len(c.classes))
	for _, e := range examples {
		i := at[e.Class]
		c.prior[i]++
		for _, t := range terms(e.Text, true) {
			if c.spoken[t] == nil {
				c.spoken[t] = make([]float64, len(c.classes))
			}
			c.spoken[t][i]++
			c.total[i]++
		}
	}
	for i := range c.prior {
		c.prior[i] = math.Log(c.prior[i] / float64(len(examples)))
	}
	return c
}

// Suggest gives at most limit classes, likeliest first; none when no word of the
// text was ever heard.
func (c *Classifier) Suggest(text string, limit int) []Suggestion {
	if len(c.classes) == 0 || limit < 1 {
		return nil
	}
	score := slices.Clone(c.prior)
	known := map[string][]float64{} // what each term adds to each class
	size := smooth * float64(len(c.spoken))
	for _, t := range terms(text, true) {
		counts := c.spoken[t]
		if counts == nil || c.filler[t] {
			continue
		}
		adds := known[t]
		if adds == nil {
			adds = make([]float64, len(c.classes))
			for i, n := range counts {
				adds[i] = math.Log((n + smooth) / (c.total[i] + size))
			}
			known[t] = adds
		}
		for i, a := range adds {
			score[i] += a
		}
	}
	if len(known) == 0 {
		return nil
	}
	best, sum := slices.Max(score), 0.0
	for i := range score {
		score[i] = math.Exp(score[i] - best)
		sum += score[i]
	}
	out := make([]Suggestion, len(c.classes))
	for i, code := range c.classes {
		out[i] = Suggestion{Class: code, Share: score[i] / sum}
	}
	slices.SortStableFunc(out, func(a, b Suggestion) int { return cmp.Compare(b.Share, a.Share) })
	out = out[:min(limit, len(out))]
	for i := range out {
		at, _ := slices.BinarySearch(c.classes, out[i].Class)
		out[i].Why = why(known, at)
	}
	return out
}

// why lists the terms that spoke for a class more than for the others on average,
// without characters that stand in a pair on the list.
func why(known map[string][]float64, class int) []string {
	type spoke struct {
		term string
		more float64
	}
	var all []spoke
	for t, adds := range known {
		mean := 0.0
		for _, a := range adds {
			mean += a
		}
		if more := adds[class] - mean/float64(len(adds)); more > 0.5 {
			all = append(all, spoke{t, more})
		}
	}
	slices.SortFunc(all, func(a, b spoke) int { return cmp.Or(cmp.Compare(b.more, a.more), cmp.Compare(a.term, b.term)) })
	var out []string
	for _, s := range all {
		within := func(o spoke) bool { return len(o.term) > len(s.term) && strings.Contains(o.term, s.term) }
		if single := utf8.RuneCountInString(s.term) == 1; single && slices.ContainsFunc(all, within) {
			continue
		}
		if out = append(out, s.term); len(out) == mostWhy {
			break
		}
	}
	return out
}

// Terms are the words of a text in lower case, English plurals as singulars, and
// pairs of neighbouring Han characters.
func Terms(text string) []string { return terms(text, false) }

// terms are Terms, with each Han character alone too where single is set.
func terms(text string, single bool) (out []string) {
	var word strings.Builder
	var last rune // Han character before this one
	flush := func() {
		if w := word.String(); w != "" {
			if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
				w = strings.TrimSuffix(w, "s")
			}
			out = append(out, w)
			word.Reset()
		}
	}
	for _, r := range text {
		if len(out) >= mostTerms {
			return out
		}
		switch {
		case unicode.Is(unicode.Han, r):
			flush()
			if single {
				out = append(out, string(r))
			}
			if last != 0 {
				out = append(out, string([]rune{last, r}))
			}
			last = r
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if word.Len() < 64 {
				word.WriteRune(unicode.ToLower(r))
			}
		case r == '\'' || r == '’': // within a word
		default:
			flush()
		}
		last = 0
	}
	flush()
	return out
}

// Fillers are the terms that say nothing of what somebody means.
func Fillers() map[string]bool {
	all := map[string]bool{}
	for _, lang := range city.Langs {
		for _, w := range strings.Split(city.Say(lang, "incident.knowledge.fillers"), "|") {
			all[w] = true
		}
	}
	return all
}
