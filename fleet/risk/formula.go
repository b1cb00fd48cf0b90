package risk

import (
	"fmt"
	"math"
	"regexp"
	"slices"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// Component is one of the three factors.
type Component string

// The factors.
const (
	Hazard   Component = "hazard"   // what could happen
	Exposure Component = "exposure" // to whom
	Control  Component = "control"  // how much of it is not under control
)

// Components are all three, in order.
var Components = []Component{Hazard, Exposure, Control}

// Part is a part of a component.
type Part string

// The parts, and what their amounts are.
const (
	Stored  Part = "stored"  // dangerous goods in store, each as a share of its threshold, summed up
	Trouble Part = "trouble" // sites and firms whose state isn't in order, by weight
	Found   Part = "found"   // what was confirmed lately or is still open, and earlier events, by weight
	Passing Part = "passing" // hours a day that vehicles with dangerous goods were there

	People    Part = "people"    // who lives or works there
	Sensitive Part = "sensitive" // schools, hospitals and the like, by weight
	Visited   Part = "visited"   // places where anybody may stop

	Inspections Part = "inspections" // share of equipment whose inspection doesn't count any more
	Overdue     Part = "overdue"     // what was noticed and is open for too long
	Returned    Part = "returned"    // share of what was confirmed that came back afterwards
	Officers    Part = "officers"    // officers on duty near
	Station     Part = "station"     // metres to the next fire station
)

// shape is how an amount becomes a score.
type shape uint8

const (
	rising  shape = iota // the more the worse: amount / (amount + half)
	falling              // the more the better: half / (amount + half)
	share                // is between 0 and 1 already
)

// parts are those of each component, in the order in which they are told.
var parts = map[Component][]struct {
	id    Part
	shape shape
}{
	Hazard:   {{Stored, rising}, {Trouble, rising}, {Found, rising}, {Passing, rising}},
	Exposure: {{People, rising}, {Sensitive, rising}, {Visited, rising}},
	Control:  {{Inspections, share}, {Overdue, rising}, {Returned, share}, {Officers, falling}, {Station, rising}},
}

// PartsOf are the parts of a component, in the order in which they are told.
func PartsOf(c Component) (ids []Part) {
	for _, p := range parts[c] {
		ids = append(ids, p.id)
	}
	return ids
}

// Level is one of the five colours (五色图): red is extreme, green is none.
type Level string

// The levels, the gravest first.
const (
	Red    Level = "red"
	Orange Level = "orange"
	Yellow Level = "yellow"
	Blue   Level = "blue"
	Green  Level = "green"
)

// Levels are all five, the gravest first.
var Levels = []Level{Red, Orange, Yellow, Blue, Green}

// Weighing is how much a part counts in its component, and at which amount it counts
// one half.
type Weighing struct {
	Weight float64 `yaml:"weight" json:"weight"`
	Half   float64 `yaml:"half" json:"half,omitempty"`
}

// Threshold is how many tonnes count as one, of a class of dangerous goods (GB 6944) or
// of one substance.
type Threshold struct {
	Class     register.Class       `yaml:"class" json:"class,omitempty"`
	Substance register.SubstanceID `yaml:"substance" json:"substance,omitempty"`
	Tonnes    float64              `yaml:"tonnes" json:"tonnes"`
}

// Place is a school, a hospital, a fire station or the like.
type Place struct {
	Kind string    `yaml:"kind" json:"kind"`
	Name city.Text `yaml:"name" json:"name"`
	Lat  float64   `yaml:"lat" json:"lat"`
	Lon  float64   `yaml:"lon" json:"lon"`
}

// At is where it is.
func (p *Place) At() geo.Point { return geo.Point{Lat: p.Lat, Lon: p.Lon} }

// Kind is a kind of place: how much it counts among Sensitive; a fire station counts
// nothing there and for Station instead.
type Kind struct {
	ID     string    `yaml:"id" json:"id"`
	Name   city.Text `yaml:"name" json:"name"`
	Weight float64   `yaml:"weight" json:"weight"`
}

// FireStation is the kind of place that Station looks for.
const FireStation = "fire_station"

// Formula is a city's (risk.yaml). The index is
//
//	100 × (hazard × exposure × (least + (1 − least) × control)) ^ power
//
// rounded to a whole number.
type Formula struct {
	Power  float64           `yaml:"power" json:"power"`
	Least  float64           `yaml:"least" json:"least"`   // what the best control leaves
	Levels map[Level]float64 `yaml:"levels" json:"levels"` // the index from which each begins; green begins at 0

	Hazard   map[Part]Weighing `yaml:"hazard" json:"hazard"`
	Exposure map[Part]Weighing `yaml:"exposure" json:"exposure"`
	Control  map[Part]Weighing `yaml:"control" json:"control"`

	Thresholds    []Threshold           `yaml:"thresholds" json:"thresholds"`
	TonnesPerM3   float64               `yaml:"tonnes_per_m3" json:"tonnes_per_m3"` // of what is counted in volume
	Troubles      map[TroubleID]float64 `yaml:"troubles" json:"troubles"`
	Grades        []float64             `yaml:"grades" json:"grades"` // of earlier events, the gravest first
	FindingDays   int                   `yaml:"finding_days" json:"finding_days"`
	EventDays     int                   `yaml:"event_days" json:"event_days"`
	PassingDays   int                   `yaml:"passing_days" json:"passing_days"`
	OverdueDays   int                   `yaml:"overdue_days" json:"overdue_days"`
	Reach         float64               `yaml:"reach" json:"reach"`                   // metres from the middle of a community
	OfficersReach float64               `yaml:"officers_reach" json:"officers_reach"` // metres from the middle
	OfficerBodies []city.BodyID         `yaml:"officer_bodies" json:"officer_bodies"` // whose officers count
	KeepDays      int                   `yaml:"keep_days" json:"keep_days"`           // how long daily values are kept
	Kinds         []Kind                `yaml:"kinds" json:"kinds"`
	Places        []Place               `yaml:"places" json:"places"`
}

// TroubleID is what isn't in order with a site.
type TroubleID string

// What can be out of order with a site.
const (
	NoLicence TroubleID = "no_licence" // works without a licence in force
	StillFull TroubleID = "still_full" // closed or suspended, and goods are still there
	Beyond    TroubleID = "beyond"     // a store holds more than is licensed
	FirmGone  TroubleID = "firm_gone"  // the firm is revoked, deregistered or unknown
)

var troubles = []TroubleID{NoLicence, StillFull, Beyond, FirmGone}

// Of are the weighings of a component.
func (f *Formula) Of(c Component) map[Part]Weighing {
	return map[Component]map[Part]Weighing{Hazard: f.Hazard, Exposure: f.Exposure, Control: f.Control}[c]
}

// Level is the colour of an index.
func (f *Formula) Level(index int) Level {
	for _, l := range Levels[:len(Levels)-1] {
		if float64(index) >= f.Levels[l] {
			return l
		}
	}
	return Green
}

// threshold is how many tonnes of a substance count as one.
func (f *Formula) threshold(id register.SubstanceID, class register.Class) (float64, bool) {
	tonnes, known := 0.0, false
	for _, t := range f.Thresholds {
		switch {
		case t.Substance == id && id != "":
			return t.Tonnes, true
		case t.Class != "" && (t.Class == class || t.Class.Covers(class) && !known):
			tonnes, known = t.Tonnes, true
		}
	}
	return tonnes, known
}

const (
	mostPlaces = 5000
	mostDays   = 3660
)

var classPattern = regexp.MustCompile(`^[1-9](\.[1-6])?$`)

// Check finds what is wrong with a formula in itself, at dotted paths. Whether bodies
// exist is for the pack.
func (f *Formula) Check() []city.Field {
	var found []city.Field
	bad := func(at, key string, args ...any) {
		found = append(found, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	number := func(at string, v, least, most float64) {
		if math.IsNaN(v) || v < least || v > most {
			bad(at, "risk.number", "least", least, "most", most)
		}
	}
	number("power", f.Power, 0.1, 3)
	number("least", f.Least, 0, 0.99)
	last := 100.0
	for _, l := range Levels[:len(Levels)-1] {
		v, ok := f.Levels[l]
		if !ok || !(v > 0 && v < last) {
			bad("levels."+string(l), "risk.levels")
			break
		}
		last = v
	}
	if len(f.Levels) != len(Levels)-1 {
		bad("levels", "risk.levels")
	}
	for _, c := range Components {
		f.checkComponent(c, bad)
	}
	for i, t := range f.Thresholds {
		at := fmt.Sprintf("thresholds.%d", i)
		if (t.Class == "") == (t.Substance == "") || t.Class != "" && !classPattern.MatchString(string(t.Class)) {
			bad(at, "risk.threshold")
		}
		number(at+".tonnes", t.Tonnes, 0.001, 1e7)
	}
	number("tonnes_per_m3", f.TonnesPerM3, 0.01, 10)
	for _, id := range troubles {
		if _, ok := f.Troubles[id]; !ok {
			bad("troubles."+string(id), "risk.missing")
		}
	}
	for id, w := range f.Troubles {
		if !slices.Contains(troubles, id) {
			bad("troubles."+string(id), "risk.unknown", "id", string(id))
		}
		number("troubles."+string(id), w, 0, 100)
	}
	if len(f.Grades) != 4 {
		bad("grades", "risk.grades")
	}
	for i, w := range f.Grades {
		number(fmt.Sprintf("grades.%d", i), w, 0, 100)
	}
	for at, n := range map[string]int{"finding_days": f.FindingDays, "event_days": f.EventDays, "passing_days": f.PassingDays, "overdue_days": f.OverdueDays, "keep_days": f.KeepDays} {
		number(at, float64(n), 1, mostDays)
	}
	number("reach", f.Reach, 10, 1e5)
	number("officers_reach", f.OfficersReach, 10, 1e5)
	f.checkPlaces(bad, number)
	slices.SortFunc(found, func(a, b city.Field) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return found
}

func (f *Formula) checkComponent(c Component, bad func(at, key string, args ...any)) {
	of, sum := f.Of(c), 0.0
	for _, p := range parts[c] {
		at := string(c) + "." + string(p.id)
		w, ok := of[p.id]
		switch {
		case !ok:
			bad(at, "risk.missing")
		case !(w.Weight >= 0 && w.Weight <= 1):
			bad(at+".weight", "risk.number", "least", 0, "most", 1)
		case p.shape != share && !(w.Half > 0 && w.Half < 1e9):
			bad(at+".half", "risk.half")
		}
		sum += w.Weight
	}
	for id := range of {
		if !slices.Contains(PartsOf(c), id) {
			bad(string(c)+"."+string(id), "risk.unknown", "id", string(id))
		}
	}
	if math.Abs(sum-1) > 0.001 {
		bad(string(c), "risk.weights", "sum", math.Round(sum*1000)/1000)
	}
}

func (f *Formula) checkPlaces(bad func(at, key string, args ...any), number func(at string, v, least, most float64)) {
	known := map[string]bool{}
	for i, k := range f.Kinds {
		at := fmt.Sprintf("kinds.%d", i)
		if k.ID == "" || known[k.ID] {
			bad(at+".id", "risk.twice", "id", k.ID)
		}
		known[k.ID] = true
		if len(k.Name.Missing()) > 0 {
			bad(at+".name", "risk.name")
		}
		number(at+".weight", k.Weight, 0, 100)
	}
	if len(f.Places) > mostPlaces {
		bad("places", "risk.number", "least", 0, "most", mostPlaces)
		return
	}
	for i := range f.Places {
		p := &f.Places[i]
		at := fmt.Sprintf("places.%d", i)
		if !known[p.Kind] {
			bad(at+".kind", "risk.unknown", "id", p.Kind)
		}
		if len(p.Name.Missing()) > 0 {
			bad(at+".name", "risk.name")
		}
		if !p.At().Valid() || p.At().IsZero() {
			bad(at+".lat", "risk.place")
		}
	}
}
