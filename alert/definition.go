// Package alert watches signals and says when one needs somebody. A city's pack
// names its sensors and the thresholds (with hysteresis) at which a reading
// becomes an alert. Readings stay in memory and never enter the journal; an
// alert's row and its event are committed together. A sensor that talks nonsense
// or too much is put in quarantine: an operator is told once, and nothing it says
// counts until somebody releases it.
package alert

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"yiwang/city"
)

// Definition is sensors.yaml of a pack.
type Definition struct {
	Operator   city.PostID `yaml:"operator"` // who is told of a quarantine
	Quarantine Quarantine  `yaml:"quarantine"`
	Clock      Clock       `yaml:"clock"`
	Kinds      []Kind      `yaml:"kinds"`
	Rules      []Rule      `yaml:"rules"`
	Devices    []Device    `yaml:"devices"`
}

// Quarantine says what a sensor may do before it is no longer listened to.
type Quarantine struct {
	Absurd    int `yaml:"absurd"`     // readings that can't be true, within an hour
	PerMinute int `yaml:"per_minute"` // readings of any sort, in one minute
}

// Clock says how far a device's own clock may be from the city's.
type Clock struct {
	Ahead  time.Duration `yaml:"ahead"`  // beyond it, and
	Behind time.Duration `yaml:"behind"` // older than this, the city's time counts
}

// Kind is a sort of sensor with what it measures.
type Kind struct {
	ID     string    `yaml:"id"`
	Name   city.Text `yaml:"name"`
	Values []Value   `yaml:"values"`
}

// Value is a quantity; readings outside Least and Most can't be true.
type Value struct {
	ID    string    `yaml:"id"`
	Name  city.Text `yaml:"name"`
	Unit  string    `yaml:"unit"`
	Least float64   `yaml:"least"`
	Most  float64   `yaml:"most"`
}

// Rule raises an alert when a value has been at or beyond Raise for the time For,
// and clears it when the value is at or short of Clear. With Clear below Raise
// high values are watched; with Clear above Raise low ones.
type Rule struct {
	ID      string        `yaml:"id"`
	Kind    string        `yaml:"kind"`
	Value   string        `yaml:"value"`
	Raise   float64       `yaml:"raise"`
	Clear   float64       `yaml:"clear"`
	For     time.Duration `yaml:"for"`
	Silence time.Duration `yaml:"silence"` // after an alert, before the next from the same device
	Class   city.ItemCode `yaml:"class"`   // of the incident that follows
	Text    city.Text     `yaml:"text"`    // {device}, {value} and {unit} are filled in
}

// beyond and short tell on which side of the thresholds a value lies; between
// them nothing changes.
func (r Rule) beyond(v float64) bool {
	if r.Clear > r.Raise {
		return v <= r.Raise
	}
	return v >= r.Raise
}

func (r Rule) short(v float64) bool {
	if r.Clear > r.Raise {
		return v >= r.Clear
	}
	return v <= r.Clear
}

// Device is one sensor in its place.
type Device struct {
	ID    string     `yaml:"id"`
	Kind  string     `yaml:"kind"`
	Name  city.Text  `yaml:"name"`
	Place city.Place `yaml:"place"`
}

var (
	namePattern  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	placePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
)

const (
	mostDevices = 100_000
	mostValue   = 1e12 // thousandths of it fit a column
	longestFor  = 30 * 24 * time.Hour
)

// Check finds what is wrong with a definition, at dotted paths such as
// "rules.3.clear". Whether posts, classes and regions exist is for the pack.
func (d *Definition) Check() []city.Field {
	var found []city.Field
	add := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	text := func(at string, t city.Text) {
		for _, lang := range t.Missing() {
			add(at, "alert.text_missing", "language", string(lang))
		}
	}
	once := func(at string, seen map[string]bool, id string, pattern *regexp.Regexp) {
		switch {
		case !pattern.MatchString(id):
			add(at, "alert.id", "id", id)
		case seen[id]:
			add(at, "alert.twice", "id", id)
		}
		seen[id] = true
	}
	if d.Quarantine.Absurd < 1 {
		add("quarantine.absurd", "alert.least", "n", 1)
	}
	if d.Quarantine.PerMinute < 1 {
		add("quarantine.per_minute", "alert.least", "n", 1)
	}
	if d.Clock.Ahead <= 0 || d.Clock.Ahead > longestFor {
		add("clock.ahead", "alert.duration")
	}
	if d.Clock.Behind <= 0 || d.Clock.Behind > longestFor {
		add("clock.behind", "alert.duration")
	}
	seen := map[string]bool{}
	for i, k := range d.Kinds {
		at := fmt.Sprintf("kinds.%d", i)
		once(at+".id", seen, k.ID, namePattern)
		text(at+".name", k.Name)
		if len(k.Values) == 0 {
			add(at+".values", "alert.no_values")
		}
		values := map[string]bool{}
		for j, v := range k.Values {
			at := fmt.Sprintf("%s.values.%d", at, j)
			once(at+".id", values, v.ID, namePattern)
			text(at+".name", v.Name)
			if !(v.Least < v.Most) || v.Least < -mostValue || v.Most > mostValue {
				add(at+".most", "alert.range")
			}
		}
	}
	seen = map[string]bool{}
	for i, r := range d.Rules {
		at := fmt.Sprintf("rules.%d", i)
		once(at+".id", seen, r.ID, placePattern)
		text(at+".text", r.Text)
		k, ok := d.kind(r.Kind)
		if !ok {
			add(at+".kind", "alert.no_kind", "id", r.Kind)
			continue
		}
		v, ok := k.value(r.Value)
		switch {
		case !ok:
			add(at+".value", "alert.no_value", "id", r.Value, "kind", r.Kind)
			continue
		case !(r.Raise >= v.Least && r.Raise <= v.Most):
			add(at+".raise", "alert.outside", "least", v.Least, "most", v.Most)
		case !(r.Clear >= v.Least && r.Clear <= v.Most):
			add(at+".clear", "alert.outside", "least", v.Least, "most", v.Most)
		case r.Clear == r.Raise:
			add(at+".clear", "alert.no_hysteresis")
		}
		if r.For < 0 || r.For > longestFor {
			add(at+".for", "alert.duration")
		}
		if r.Silence < 0 || r.Silence > longestFor {
			add(at+".silence", "alert.duration")
		}
		if r.Class == "" {
			add(at+".class", "alert.no_class")
		}
	}
	if len(d.Devices) > mostDevices {
		add("devices", "alert.many_devices", "max", mostDevices)
		return found
	}
	seen = map[string]bool{}
	for i, dev := range d.Devices {
		at := fmt.Sprintf("devices.%d", i)
		once(at+".id", seen, dev.ID, placePattern)
		text(at+".name", dev.Name)
		if _, ok := d.kind(dev.Kind); !ok {
			add(at+".kind", "alert.no_kind", "id", dev.Kind)
		}
		p := dev.Place
		if !(p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180) || p.Lat == 0 && p.Lon == 0 && p.Region == "" {
			add(at+".place", "alert.no_place")
		}
	}
	return found
}

func (d *Definition) kind(id string) (Kind, bool) {
	i := slices.IndexFunc(d.Kinds, func(k Kind) bool { return k.ID == id })
	if i < 0 {
		return Kind{}, false
	}
	return d.Kinds[i], true
}

func (k Kind) value(id string) (Value, bool) {
	i := slices.IndexFunc(k.Values, func(v Value) bool { return v.ID == id })
	if i < 0 {
		return Value{}, false
	}
	return k.Values[i], true
}
