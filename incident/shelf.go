package incident

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"

	"yiwang/city"
	"yiwang/incident/words"
)

// Chapter is a part of the knowledge base (知识库), a file of the pack: what the
// hotline can say without asking anybody.
type Chapter struct {
	ID      string    `yaml:"id"`
	Name    city.Text `yaml:"name"`
	Entries []Entry   `yaml:"entries"`
}

// Entry is a question with its answer, who or what says so, and since when.
type Entry struct {
	ID       string    `yaml:"id"`
	Question city.Text `yaml:"question"`
	Answer   city.Text `yaml:"answer"` // as it is read out
	Source   city.Text `yaml:"source"` // the law, or the office
	Day      city.Date `yaml:"day"`    // when somebody last saw that it is right
}

const (
	longQuestion  = 120 // characters
	longestAnswer = 600
)

var entryPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Check finds what is wrong with a chapter, at dotted paths such as
// "entries.2.answer".
func (c *Chapter) Check() []city.Field {
	var found []city.Field
	add := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	text := func(at string, t city.Text, max int) {
		for _, lang := range t.Missing() {
			add(at, "incident.text_missing", "language", string(lang))
		}
		for _, lang := range city.Langs {
			if len([]rune(t.In(lang))) > max*2 || lang == city.Chinese && len([]rune(t.In(lang))) > max {
				add(at, "incident.knowledge.long", "max", max)
				break
			}
		}
	}
	text("name", c.Name, longQuestion)
	if len(c.Entries) == 0 {
		add("entries", "incident.knowledge.empty")
	}
	seen := map[string]bool{}
	for i, e := range c.Entries {
		at := fmt.Sprintf("entries.%d", i)
		if !entryPattern.MatchString(e.ID) || seen[e.ID] {
			add(at+".id", "incident.knowledge.id", "id", e.ID)
		}
		seen[e.ID] = true
		text(at+".question", e.Question, longQuestion)
		text(at+".answer", e.Answer, longestAnswer)
		text(at+".source", e.Source, longQuestion)
		if e.Day.IsZero() {
			add(at+".day", "incident.knowledge.day")
		}
	}
	return found
}

// Leaf is something on a shelf: an entry of the knowledge base, or what a guide or
// the text of a class says.
type Leaf struct {
	ID       string // of an entry "chapter/entry"; else as whoever put it there calls it
	Question city.Text
	Answer   city.Text
	Source   city.Text
	Day      city.Date // zero where it isn't said
	Also     []string  // other words for it, not shown
}

// Read is a leaf that was found.
type Read struct {
	Leaf
	Score float64  // of two the better fit has more
	Why   []string // the words that spoke for it most
}

// Shelf finds leaves by what somebody says in whole sentences: a word counts the
// more the fewer leaves have it, and in the question more than in the answer. It
// is immutable and safe for concurrent use.
type Shelf struct {
	leaves []Leaf
	has    map[string]map[int]float64 // by term: the leaves, and how much it counts there
	filler map[string]bool
	size   []float64 // what all the words of its question count, by leaf
}

const (
	inAnswer  = 0.35 // what a word of the answer counts beside one of the question
	leastFit  = 0.35 // what a leaf has to reach; below it only filler words met
	mostFound = 20
	mostMet   = 4 // words told of a leaf
)

// NewShelf makes a shelf of leaves.
func NewShelf(leaves []Leaf) *Shelf {
	s := &Shelf{leaves: slices.Clone(leaves), has: map[string]map[int]float64{}, filler: words.Fillers(), size: make([]float64, len(leaves))}
	for i, l := range leaves {
		see := func(text string, weight float64) {
			for _, t := range words.Terms(text) {
				if s.has[t] == nil {
					s.has[t] = map[int]float64{}
				}
				s.has[t][i] = max(s.has[t][i], weight)
			}
		}
		for _, lang := range city.Langs {
			see(l.Question.In(lang), 1)
			see(l.Answer.In(lang), inAnswer)
		}
		for _, a := range l.Also {
			see(a, 1)
		}
	}
	for t, in := range s.has {
		for i, w := range in {
			if w == 1 {
				s.size[i] += s.rare(t)
			}
		}
	}
	return s
}

// rare is how much a term says, from 0 to 1: the logarithm of how few leaves have
// it, 1 where it is only one.
func (s *Shelf) rare(term string) float64 {
	n := float64(len(s.leaves))
	return math.Log(1+n/float64(1+len(s.has[term]))) / math.Log(1+n/2)
}

// Find gives at most limit leaves for what was said, the best fit first; none where
// no telling word met.
func (s *Shelf) Find(text string, limit int) []Read {
	score := map[int]float64{}
	why := map[int][]string{}
	asked := words.Terms(text)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	slices.SortStableFunc(asked, func(a, b string) int { return cmp.Compare(s.rare(b), s.rare(a)) })
	for _, t := range asked {
		if s.filler[t] {
			continue
		}
		for i, w := range s.has[t] {
			score[i] += w * s.rare(t)
			if len(why[i]) < mostMet {
				why[i] = append(why[i], t)
			}
		}
	}
	var out []Read
	for i, n := range score {
		if n /= math.Pow(s.size[i], 0.35); n >= leastFit {
			out = append(out, Read{Leaf: s.leaves[i], Score: n, Why: why[i]})
		}
	}
	slices.SortFunc(out, func(a, b Read) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return out[:min(len(out), limit, mostFound)]
}
