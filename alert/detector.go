package alert

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
)

// Detection is detection.yaml of a pack: what the city lets programs notice.
type Detection struct {
	Public    Public     `yaml:"public"`
	Detectors []Detector `yaml:"detectors"`
}

// Public is what the algorithm register says of every detector alike.
type Public struct {
	Reads  []Read    `yaml:"reads"`  // all that they look at
	Effect city.Text `yaml:"effect"` // what follows from what they say
	Human  city.Text `yaml:"human"`  // who decides
	Appeal city.Text `yaml:"appeal"` // what to do for whoever doesn't agree
}

// Read is something that detectors look at.
type Read struct {
	Label city.Text `yaml:"label"`
	From  city.Text `yaml:"from"`
}

// Detector is a rule of detection: what it looks for, on which ground, with which
// numbers, and what follows. The program that looks has the same id.
type Detector struct {
	ID         string        `yaml:"id"`
	Name       city.Text     `yaml:"name"`
	About      city.Text     `yaml:"about"` // what it looks for, in plain words
	Clauses    []Clause      `yaml:"clauses"`
	Parameters []Parameter   `yaml:"parameters"`
	Kinds      []Choice      `yaml:"kinds"`    // that it tells apart; may be empty
	Confirms   []string      `yaml:"confirms"` // what may turn out to be so: choices of the kind of case
	Grade      string        `yaml:"grade"`    // A, B or C
	Class      city.ItemCode `yaml:"class"`    // of the matter that follows
	Post       city.PostID   `yaml:"post"`     // that looks; its body answers for it
	Silence    time.Duration `yaml:"silence"`  // after the outcome, before the same matter is a case again
	Text       city.Text     `yaml:"text"`     // with the names of Arguments in brackets
}

// Number is a parameter of a rule, as Detector.Number has it; ok is false where the
// city has no such rule or parameter.
func (d Detection) Number(rule, parameter string) (v float64, ok bool) {
	for _, of := range d.Detectors {
		if of.ID != rule {
			continue
		}
		for _, p := range of.Parameters {
			if p.ID == parameter {
				return of.Number(parameter, p.Type)
			}
		}
	}
	return 0, false
}

// Clause is a law that something would be against, and what it says.
type Clause struct {
	Law  city.Text `yaml:"law"`
	Says city.Text `yaml:"says"`
}

// Choice is a value of a closed list.
type Choice struct {
	ID   string    `yaml:"id"`
	Name city.Text `yaml:"name"`
}

// Parameter is a number that a detector works with. Value lies between Least and
// Most; all three are written as their type wants.
type Parameter struct {
	ID    string    `yaml:"id"`
	Name  city.Text `yaml:"name"`
	Type  ParamType `yaml:"type"`
	Value string    `yaml:"value"`
	Least string    `yaml:"least"`
	Most  string    `yaml:"most"`
}

// ParamType says what a number means.
type ParamType string

// The types of parameters.
const (
	Metres ParamType = "metres"
	Time   ParamType = "time"  // a duration, such as 4h or 20m
	Count  ParamType = "count" // a whole number of things
	Speed  ParamType = "kmh"
	Share  ParamType = "share" // 0 to 1
	Hour   ParamType = "hour"  // of the day in the city, such as 22:00
)

// Arguments are the names that a detector's text may use. Kind is filled in from
// the finding's; what a finding leaves out is shown as "…".
var Arguments = []string{"vehicle", "other", "firm", "site", "substance", "road", "zone", "kind", "n", "days", "vehicles", "minutes", "hours", "metres", "km", "speed", "limit", "amount", "licence", "from", "to", "day"}

var argumentPattern = regexp.MustCompile(`\{([a-z_]+)`)

// number reads a value of the type: metres, seconds, things, km/h, shares, or
// minutes of the day.
func (t ParamType) number(s string) (float64, bool) {
	switch t {
	case Time:
		d, err := time.ParseDuration(s)
		return d.Seconds(), err == nil && d >= 0
	case Hour:
		at, err := time.Parse("15:04", s)
		return float64(at.Hour()*60 + at.Minute()), err == nil
	case Count:
		n, err := strconv.Atoi(s)
		return float64(n), err == nil && n >= 0
	case Metres, Speed, Share:
		v, err := strconv.ParseFloat(s, 64)
		return v, err == nil && v >= 0 && v < 1e9 && (t != Share || v <= 1)
	}
	return 0, false
}

// Number is the value of a parameter: metres, things, km/h or a share, seconds of a
// time, minutes since midnight of an hour. ok is false where the detector has none
// of the name and type.
func (d Detector) Number(id string, t ParamType) (v float64, ok bool) {
	i := slices.IndexFunc(d.Parameters, func(p Parameter) bool { return p.ID == id && p.Type == t })
	if i < 0 {
		return 0, false
	}
	return t.number(d.Parameters[i].Value)
}

// Duration is the value of a parameter of type Time; 0 where there is none.
func (d Detector) Duration(id string) time.Duration {
	v, _ := d.Number(id, Time)
	return time.Duration(v * float64(time.Second))
}

// Body answers for what the detector finds.
func (d Detector) Body() city.BodyID { return d.Post.Body() }

// Detector finds a detector by its id.
func (d *Detection) Detector(id string) (Detector, bool) {
	i := slices.IndexFunc(d.Detectors, func(x Detector) bool { return x.ID == id })
	if i < 0 {
		return Detector{}, false
	}
	return d.Detectors[i], true
}

const longestSilence = 400 * 24 * time.Hour

// Check finds what is wrong with the rules in themselves, at dotted paths such as
// "detectors.3.post". Whether posts, classes and choices exist is for the pack.
func (d *Detection) Check() []city.Field {
	var found []city.Field
	add := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	text := func(at string, t city.Text) {
		for _, lang := range t.Missing() {
			add(at, "alert.text_missing", "language", string(lang))
		}
	}
	id := func(at string, seen map[string]bool, id string) {
		switch {
		case !codePattern.MatchString(id):
			add(at, "alert.id", "id", id)
		case seen[id]:
			add(at, "alert.twice", "id", id)
		}
		seen[id] = true
	}
	if len(d.Detectors) > 0 {
		text("public.effect", d.Public.Effect)
		text("public.human", d.Public.Human)
		text("public.appeal", d.Public.Appeal)
		if len(d.Public.Reads) == 0 {
			add("public.reads", "alert.reads_nothing")
		}
	}
	for i, r := range d.Public.Reads {
		text(fmt.Sprintf("public.reads.%d.label", i), r.Label)
		text(fmt.Sprintf("public.reads.%d.from", i), r.From)
	}
	seen := map[string]bool{}
	for i, x := range d.Detectors {
		at := fmt.Sprintf("detectors.%d", i)
		id(at+".id", seen, x.ID)
		text(at+".name", x.Name)
		text(at+".about", x.About)
		text(at+".text", x.Text)
		for _, lang := range city.Langs {
			for _, m := range argumentPattern.FindAllStringSubmatch(x.Text.In(lang), -1) {
				if !slices.Contains(Arguments, m[1]) || m[1] == "kind" && len(x.Kinds) == 0 {
					add(at+".text", "alert.argument", "name", m[1], "known", strings.Join(Arguments, ", "))
				}
			}
		}
		if len(x.Clauses) == 0 {
			add(at+".clauses", "alert.no_clause")
		}
		for j, c := range x.Clauses {
			text(fmt.Sprintf("%s.clauses.%d.law", at, j), c.Law)
			text(fmt.Sprintf("%s.clauses.%d.says", at, j), c.Says)
		}
		params := map[string]bool{}
		for j, p := range x.Parameters {
			at := fmt.Sprintf("%s.parameters.%d", at, j)
			id(at+".id", params, p.ID)
			text(at+".name", p.Name)
			if !slices.Contains([]ParamType{Metres, Time, Count, Speed, Share, Hour}, p.Type) {
				add(at+".type", "alert.param_type", "type", string(p.Type))
				continue
			}
			v, okV := p.Type.number(p.Value)
			least, okL := p.Type.number(p.Least)
			most, okM := p.Type.number(p.Most)
			switch {
			case !okL:
				add(at+".least", "alert.param_value", "value", p.Least, "type", string(p.Type))
			case !okM || most < least:
				add(at+".most", "alert.param_value", "value", p.Most, "type", string(p.Type))
			case !okV:
				add(at+".value", "alert.param_value", "value", p.Value, "type", string(p.Type))
			case v < least || v > most:
				add(at+".value", "alert.outside", "least", p.Least, "most", p.Most)
			}
		}
		kinds := map[string]bool{}
		for j, k := range x.Kinds {
			at := fmt.Sprintf("%s.kinds.%d", at, j)
			id(at+".id", kinds, k.ID)
			text(at+".name", k.Name)
		}
		confirms := map[string]bool{}
		for j, c := range x.Confirms {
			id(fmt.Sprintf("%s.confirms.%d", at, j), confirms, c)
		}
		if len(x.Confirms) == 0 {
			add(at+".confirms", "alert.confirms_nothing")
		}
		if !slices.Contains([]string{"A", "B", "C"}, x.Grade) {
			add(at+".grade", "incident.grade", "grade", x.Grade)
		}
		if x.Class == "" {
			add(at+".class", "alert.no_class")
		}
		if x.Post.Body() == "" {
			add(at+".post", "alert.no_post")
		}
		if x.Silence < 0 || x.Silence > longestSilence {
			add(at+".silence", "alert.silence_long", "days", int(longestSilence.Hours()/24))
		}
	}
	return found
}
