package pass

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"yiwang/city"
)

// Purpose is what pass codes are made for (passes/<id>.yaml of a pack).
type Purpose struct {
	ID      string        `yaml:"id"`
	Name    city.Text     `yaml:"name"`
	About   city.Text     `yaml:"about"` // what it is for, and where it has to be shown
	Body    city.BodyID   `yaml:"body"`  // answers for it
	Post    city.PostID   `yaml:"post"`  // sets states, and looks at them again when contested
	LookUp  []city.PostID `yaml:"look_up"`
	Grounds []Ground      `yaml:"grounds"`
	Fields  []string      `yaml:"fields"` // that a code carries beside the state
	States  []State       `yaml:"states"` // the first is everybody's who has no other
	From    city.Date     `yaml:"from"`
	Ends    city.Date     `yaml:"ends"`   // its last day
	Review  city.Date     `yaml:"review"` // by then somebody looks whether it is still needed
	Screen  time.Duration `yaml:"screen"` // how long a code on a screen counts
	Paper   time.Duration `yaml:"paper"`  // and a printed one; zero: none are printed
	Kind    city.KindID   `yaml:"contest"`
	Accepts []Mapping     `yaml:"accepts"`
}

// Ground is a law that allows the purpose, and what it says.
type Ground struct {
	Law  city.Text `yaml:"law"`
	Says city.Text `yaml:"says"`
}

// State is what a code can say of somebody.
type State struct {
	ID     string        `yaml:"id"`
	Name   city.Text     `yaml:"name"`
	Tell   city.Text     `yaml:"tell"`   // what whoever has it should do
	Colour string        `yaml:"colour"` // of Colours
	Enters bool          `yaml:"enters"` // whether the purpose lets them in
	Most   time.Duration `yaml:"most"`   // how long it may be set for; zero for the first only
}

// Mapping says what another region's codes count as here. It is published.
type Mapping struct {
	City    string            `yaml:"city" json:"city"`
	Purpose string            `yaml:"purpose" json:"purpose"`
	States  map[string]string `yaml:"states" json:"states"` // theirs to ours
}

// Colours are what a state may be shown in; a word and a sign always stand beside it.
var Colours = []string{"green", "amber", "red", "blue"}

// Fields are what a code may carry: the name with its middle hidden.
var Fields = []string{"name"}

// The longest lives of codes, and the longest time from one review to the end.
const (
	longestScreen = 24 * time.Hour
	longestPaper  = 7 * 24 * time.Hour
	longestState  = 90 * 24 * time.Hour
	longestLife   = 366 // days
)

var idPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{1,40}$`)

// Check finds what is wrong with a purpose, at dotted paths. Whether bodies, posts and
// kinds exist is for the pack.
func (p *Purpose) Check() []city.Field {
	var w wrong
	if !idPattern.MatchString(p.ID) {
		w.add("id", "pass.purpose.id")
	}
	w.words("name", p.Name)
	w.words("about", p.About)
	if p.Body == "" || p.Post.Body() != p.Body {
		w.add("post", "pass.purpose.post")
	}
	if len(p.Grounds) == 0 {
		w.add("grounds", "pass.purpose.ground")
	}
	for i, g := range p.Grounds {
		w.words("grounds."+strconv.Itoa(i)+".law", g.Law)
		w.words("grounds."+strconv.Itoa(i)+".says", g.Says)
	}
	for i, f := range p.Fields {
		if !slices.Contains(Fields, f) {
			w.add("fields."+strconv.Itoa(i), "pass.purpose.field", "field", f)
		}
	}
	if p.From.IsZero() || p.Ends.IsZero() || p.Ends.Before(p.From) || p.From.AddDays(longestLife).Before(p.Ends) {
		w.add("ends", "pass.purpose.ends", "days", longestLife)
	}
	if p.Review.IsZero() || p.Review.Before(p.From) || p.Ends.Before(p.Review) {
		w.add("review", "pass.purpose.review")
	}
	if p.Screen <= 0 || p.Screen > longestScreen {
		w.add("screen", "pass.purpose.screen")
	}
	if p.Paper < 0 || p.Paper > longestPaper {
		w.add("paper", "pass.purpose.paper")
	}
	if p.Kind == "" {
		w.add("contest", "pass.purpose.contest")
	}
	p.checkStates(&w)
	for i, m := range p.Accepts {
		for theirs, ours := range m.States {
			if _, ok := p.State(ours); !ok || theirs == "" {
				w.add("accepts."+strconv.Itoa(i)+".states."+theirs, "pass.purpose.state", "state", ours)
			}
		}
		if m.City == "" || m.Purpose == "" || len(m.States) == 0 {
			w.add("accepts."+strconv.Itoa(i), "pass.purpose.mapping")
		}
	}
	return w
}

func (p *Purpose) checkStates(w *wrong) {
	if len(p.States) == 0 {
		w.add("states", "pass.purpose.states")
	}
	for i, s := range p.States {
		path := "states." + strconv.Itoa(i)
		if !idPattern.MatchString(s.ID) || slices.IndexFunc(p.States, func(o State) bool { return o.ID == s.ID }) != i {
			w.add(path+".id", "pass.purpose.id")
		}
		w.words(path+".name", s.Name)
		w.words(path+".tell", s.Tell)
		if !slices.Contains(Colours, s.Colour) {
			w.add(path+".colour", "pass.purpose.colour", "colour", s.Colour)
		}
		if (i == 0) != (s.Most == 0) || s.Most < 0 || s.Most > longestState {
			w.add(path+".most", "pass.purpose.most")
		}
	}
}

// wrong gathers what is wrong with a purpose.
type wrong []city.Field

func (w *wrong) add(path, key string, args ...any) {
	*w = append(*w, city.Field{Name: path, Message: city.Message{Key: key, Args: args}})
}

func (w *wrong) words(path string, t city.Text) {
	for _, l := range t.Missing() {
		w.add(path+"."+string(l), "pass.purpose.text", "lang", string(l))
	}
}

// State finds a state.
func (p *Purpose) State(id string) (State, bool) {
	for _, s := range p.States {
		if s.ID == id {
			return s, true
		}
	}
	return State{}, false
}

// Over is the first moment after the purpose, in the city's zone.
func (p *Purpose) Over(zone *time.Location) time.Time { return p.Ends.AddDays(1).In(zone) }

// Open reports whether codes are made at a moment.
func (p *Purpose) Open(at time.Time, zone *time.Location) bool {
	return !at.Before(p.From.In(zone)) && at.Before(p.Over(zone))
}

// Takes is what another region's code counts as under this purpose; ok is false where
// no mapping says.
func (p *Purpose) Takes(city, purpose, state string) (s State, ok bool) {
	for _, m := range p.Accepts {
		if m.City == city && m.Purpose == purpose {
			return p.State(m.States[state])
		}
	}
	return State{}, false
}
