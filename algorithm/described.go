package algorithm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"yiwang/city"
)

// Kind says what an algorithm may do.
type Kind string

const (
	Decides  Kind = "rule"     // grants by its clauses, or gives to a person
	Suggests Kind = "model"    // says what something is most likely
	Notices  Kind = "detector" // says that somebody should look
)

// Description is how a city describes an algorithm that has no clauses to speak for
// it: a file of the pack.
type Description struct {
	ID      city.RuleID `yaml:"id" json:"id"`
	Name    city.Text   `yaml:"name" json:"name"`
	Purpose city.Text   `yaml:"purpose" json:"purpose"`
	Owner   city.BodyID `yaml:"owner" json:"owner"`   // the body that answers for it
	Reads   []Reading   `yaml:"reads" json:"reads"`   // all that it looks at
	Effect  city.Text   `yaml:"effect" json:"effect"` // what follows from what it says
	Human   city.Text   `yaml:"human" json:"human"`   // who decides, and how they change it
	Appeal  city.Text   `yaml:"appeal" json:"appeal"` // what to do for whoever doesn't agree
	Legal   []city.Text `yaml:"legal" json:"legal"`   // may be empty
}

// Reading is something that an algorithm looks at.
type Reading struct {
	Label city.Text `yaml:"label" json:"label"`
	From  city.Text `yaml:"from" json:"from"` // where it comes from
}

const longestText = 600 // characters

// Check finds what is wrong with a description in itself, at dotted paths such as
// "reads.0.from". Whether the owner exists is for the pack.
func (d *Description) Check() []city.Field {
	var found []city.Field
	add := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	text := func(at string, t city.Text) {
		for _, lang := range t.Missing() {
			add(at, "algorithm.text_missing", "language", string(lang))
		}
		if max(utf8.RuneCountInString(t.ZhHans), utf8.RuneCountInString(t.En)) > longestText {
			add(at, "algorithm.text_long", "max", longestText)
		}
	}
	text("name", d.Name)
	text("purpose", d.Purpose)
	text("effect", d.Effect)
	text("human", d.Human)
	text("appeal", d.Appeal)
	if len(d.Reads) == 0 {
		add("reads", "algorithm.reads_nothing")
	}
	for i, r := range d.Reads {
		at := "reads." + strconv.Itoa(i)
		text(at+".label", r.Label)
		text(at+".from", r.From)
	}
	for i, l := range d.Legal {
		text("legal."+strconv.Itoa(i), l)
	}
	return found
}

// Described is a model or a detector, for the register.
type Described struct {
	Description
	Kind       Kind
	Parameters []Parameter
	// Definition is all that its answers follow from, beside the program, as JSON
	// makes it: with another definition it is another algorithm. Nothing personal.
	Definition any
	// Measure tries the algorithm on cases whose answer is known; nil when there are
	// none. It is called at most once.
	Measure func() Measured
}

// Parameter is a number that the algorithm works with, by its code.
type Parameter struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Words say it with its unit, as people read it; empty where the catalogue has
	// algorithm.parameter.NAME, which gets the whole number as n.
	Words city.Text `json:"words,omitzero"`
}

// Measured is how an algorithm did when it was tried.
type Measured struct {
	At       time.Time // when; zero: it was not tried
	How      string    // code of the method, such as MeasuredByFolds
	Parts    int       // of the method, such as how many folds
	Measures []Measure
}

// MeasuredByFolds is cross-validation: the cases are parted, and each part is judged
// by an algorithm that has learnt from the others alone.
const MeasuredByFolds = "folds"

// Measure counts hits.
type Measure struct {
	Name  string `json:"name"`            // code of what is a hit, such as MeasuredRight
	Group string `json:"group,omitempty"` // code of the cases looked at, such as their language; "" is all
	Hits  int    `json:"hits"`
	Of    int    `json:"of"`
}

// Codes of measures that every face has words for.
const (
	MeasuredRight     = "right"     // what it said first
	MeasuredAmong     = "among"     // one of those that it offers
	MeasuredSure      = "sure"      // what it said first, where it was sure enough to act
	MeasuredCommonest = "commonest" // whoever always says the commonest answer
)

// Share is hits of all, 0 to 1; 0 where nothing was looked at.
func (m Measure) Share() float64 {
	if m.Of == 0 {
		return 0
	}
	return float64(m.Hits) / float64(m.Of)
}

// Find gives the measure of all cases by its code.
func (m Measured) Find(name string) (Measure, bool) {
	for _, x := range m.Measures {
		if x.Name == name && x.Group == "" {
			return x, true
		}
	}
	return Measure{}, false
}

// described is a model or detector that stands in the register.
type described struct {
	Described
	words []byte // the wording that is put on record

	once     sync.Once
	measured Measured
}

func (d *described) measure(now time.Time) Measured {
	d.once.Do(func() {
		if d.Measure != nil {
			d.measured = d.Measure()
			d.measured.At = now
		}
	})
	return d.measured
}

// Add puts a model or a detector into the register, before Publish.
func (r *Register) Add(d Described) error {
	if d.Kind != Suggests && d.Kind != Notices {
		return fmt.Errorf("algorithm %s: a %q is not described", d.ID, d.Kind)
	}
	if _, taken := r.Entry(d.ID); taken {
		return fmt.Errorf("algorithm %s stands twice", d.ID)
	}
	words, err := json.Marshal(struct {
		Kind        Kind        `json:"kind"`
		Description Description `json:"description"`
		Parameters  []Parameter `json:"parameters"`
		Definition  any         `json:"definition"`
	}{d.Kind, d.Description, d.Parameters, d.Definition})
	if err != nil {
		return fmt.Errorf("algorithm %s: %w", d.ID, err)
	}
	e := Entry{Rule: d.ID, Kind: d.Kind, Digest: digestOf(words), Name: d.Name, Purpose: d.Purpose, Owner: d.Owner, Legal: d.Legal,
		Effect: d.Effect, Human: d.Human, Appeal: d.Appeal, Parameters: d.Parameters}
	for _, x := range d.Reads {
		e.Inputs = append(e.Inputs, Input{Label: x.Label, From: x.From})
	}
	r.described[d.ID] = &described{Described: d, words: words}
	r.enter(e)
	return nil
}

// Measured is how a model or detector did when it was tried, as it stands now; the
// first to ask waits until it was. It is zero for rules, which are tried on their
// tests, and where there is nothing to try it on.
func (r *Register) Measured(id city.RuleID) Measured {
	if d := r.described[id]; d != nil {
		return d.measure(r.clock.Now())
	}
	return Measured{}
}
