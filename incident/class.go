package incident

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"yiwang/city"
)

// Category is what a class is about: a thing that stands in the city, or
// something that happens in it (GB/T 30428.2).
type Category string

const (
	Component Category = "component" // 部件
	Event     Category = "event"     // 事件
)

// Group is a large class, a file of the pack's classes.
type Group struct {
	ID      string    `yaml:"id"`
	Kind    Category  `yaml:"kind"`
	Name    city.Text `yaml:"name"`
	Classes []Class   `yaml:"classes"`
}

// Class is a small class: who mends it, within which time, and what has to be
// shown. Its code is c or e for component or event, two digits of the group and
// two of its own.
type Class struct {
	Code      city.ItemCode `yaml:"code"`
	Group     string        `yaml:"-"` // the file's
	Kind      Category      `yaml:"-"`
	Name      city.Text     `yaml:"name"`
	About     city.Text     `yaml:"about"` // what belongs here, in a sentence for reporters
	Body      city.BodyID   `yaml:"body"`
	Post      city.PostID   `yaml:"post"`
	Grade     string        `yaml:"grade"`   // A, B or C
	Limit     city.Limit    `yaml:"limit"`   // to mend it
	Contact   city.Limit    `yaml:"contact"` // to get in touch with the reporter
	Evidence  []string      `yaml:"evidence"`
	Public    bool          `yaml:"public"` // shown on the public map and to other programs
	Emergency bool          `yaml:"emergency"`
	Examples  []string      `yaml:"examples"` // what people say; the classifier learns from them
	Fields    []Field       `yaml:"fields"`
}

// wants reports whether a picture of that kind has to be shown.
func (c *Class) wants(evidence string) bool { return slices.Contains(c.Evidence, evidence) }

// Field is a question of a class, as Open311 has it.
type Field struct {
	Code     string    `yaml:"code"`
	Datatype string    `yaml:"datatype"` // string, number, datetime, text, singlevaluelist, multivaluelist
	Required bool      `yaml:"required"`
	Label    city.Text `yaml:"label"`
	Help     city.Text `yaml:"help"`
	Values   []Choice  `yaml:"values"` // for the lists
}

// Choice is a possible answer.
type Choice struct {
	Key  string    `yaml:"key"`
	Name city.Text `yaml:"name"`
}

var (
	codePattern  = regexp.MustCompile(`^([ce])[0-9]{4}$`)
	fieldPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	evidences    = []string{"before", "after", "near", "far"}
	datatypes    = []string{"string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"}
)

const (
	leastExamples = 2 // fewer teach nothing
	longExample   = 200
)

// Check finds what is wrong with a group in itself, at dotted paths such as
// "classes.2.limit". Whether bodies and posts exist is for the pack.
func (g *Group) Check() []city.Field {
	var found []city.Field
	add := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	text := func(at string, t city.Text) {
		for _, lang := range t.Missing() {
			add(at, "incident.text_missing", "language", string(lang))
		}
	}
	if g.Kind != Component && g.Kind != Event {
		add("kind", "incident.kind", "kind", string(g.Kind))
	}
	text("name", g.Name)
	if len(g.Classes) == 0 {
		add("classes", "incident.empty")
	}
	for i, c := range g.Classes {
		at := fmt.Sprintf("classes.%d", i)
		m := codePattern.FindStringSubmatch(string(c.Code))
		if m == nil || m[1] != string(g.Kind[:min(1, len(g.Kind))]) {
			add(at+".code", "incident.code", "code", string(c.Code))
		}
		text(at+".name", c.Name)
		text(at+".about", c.About)
		if !slices.Contains([]string{"A", "B", "C"}, c.Grade) {
			add(at+".grade", "incident.grade", "grade", c.Grade)
		}
		for path, l := range map[string]city.Limit{".limit": c.Limit, ".contact": c.Contact} {
			if _, err := city.ParseLimit(l.Encode()); err != nil {
				add(at+path, "incident.limit")
			}
		}
		for j, e := range c.Evidence {
			if !slices.Contains(evidences, e) {
				add(at+".evidence."+strconv.Itoa(j), "incident.evidence", "value", e)
			}
		}
		if len(c.Examples) < leastExamples {
			add(at+".examples", "incident.examples", "least", leastExamples)
		}
		for j, e := range c.Examples {
			if n := len([]rune(e)); n == 0 || n > longExample {
				add(at+".examples."+strconv.Itoa(j), "incident.example", "max", longExample)
			}
		}
		seen := map[string]bool{}
		for j, f := range c.Fields {
			at := fmt.Sprintf("%s.fields.%d", at, j)
			if !fieldPattern.MatchString(f.Code) || seen[f.Code] {
				add(at+".code", "incident.field", "code", f.Code)
			}
			seen[f.Code] = true
			text(at+".label", f.Label)
			if !slices.Contains(datatypes, f.Datatype) {
				add(at+".datatype", "incident.datatype", "value", f.Datatype)
			}
			if list := f.Datatype == "singlevaluelist" || f.Datatype == "multivaluelist"; list != (len(f.Values) > 0) {
				add(at+".values", "incident.values")
			}
			for k, v := range f.Values {
				text(fmt.Sprintf("%s.values.%d.name", at, k), v.Name)
			}
		}
	}
	return found
}
