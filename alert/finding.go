package alert

import (
	"encoding/json"
	"math"
	"regexp"
	"time"
	"unicode/utf8"

	"yiwang/city"
)

// Finding is what a watcher noticed. Nothing in it leads to a person: vehicles,
// firms and places by their codes in the registers, times and numbers.
type Finding struct {
	Rule    string // id of the detector in the pack
	Kind    string // which of the kinds that the detector tells apart; "" where it tells none
	Subject string // sort and id of what it is about: "vehicle:AB1234", "place:31.9330,121.0400"
	Key     string // the matter: while an alert of the rule and key is open, the finding joins it
	From    time.Time
	To      time.Time  // zero: a moment
	Place   city.Place // with a region, a point, or both
	Args    []any      // name, value, … for the text of the detector, as city.Fill takes them; see Arguments
	Sure    float64    // 0 to 1
	Why     city.Text  // why so sure, and no surer; may be empty
	// Evidence is what it rests on. Of a finding that comes again, with the same From,
	// the newer evidence counts.
	Evidence []Evidence
}

// Evidence is a piece of what a finding rests on.
type Evidence struct {
	What    string             `json:"what"`              // code: track, stay, gap, meeting, record, reading …
	Subject string             `json:"subject,omitempty"` // whose track: "vehicle:AB1234"
	From    int64              `json:"from,omitempty"`    // of the piece of the track, microseconds UTC
	To      int64              `json:"to,omitempty"`
	Lat     float64            `json:"lat,omitempty"` // WGS-84
	Lon     float64            `json:"lon,omitempty"`
	Record  string             `json:"record,omitempty"`  // entry of a register and its version: "firms/1234@7"
	Numbers map[string]float64 `json:"numbers,omitempty"` // by code, with the unit behind: "distance_m"
}

// State says how an alert stands.
type State string

// The states. Open, filed and silenced ones are not settled: what is found again
// joins them.
const (
	Open      State = "open"      // a case will come of it
	Filed     State = "filed"     // somebody has a case
	Silenced  State = "silenced"  // came in a silence: kept and shown, no case comes of it
	Confirmed State = "confirmed" // somebody looked, and it is so
	Refuted   State = "refuted"   // somebody looked, and it is not so
	Cleared   State = "cleared"   // passed by itself, or was let go without a finding
)

// States are all of them.
var States = []State{Open, Filed, Silenced, Confirmed, Refuted, Cleared}

// Alert is a matter that a watcher found, once or more often.
type Alert struct {
	ID      city.AlertID
	Rule    string
	Kind    string
	Subject string
	Key     string
	State   State
	Outcome string      // of a confirmed one what it was, of a refuted one why not; codes of the pack
	Body    city.BodyID // answers for such matters; "" where the class says
	Class   city.ItemCode
	Place   city.Place
	Text    city.Text // what it says
	Why     city.Text // why so sure; may be empty
	Sure    float64   // 0 to 1
	Times   int       // how often it was found
	Raised  time.Time
	Since   time.Time       // from when on the first finding was so
	Last    time.Time       // until when the last one was
	Settled time.Time       // zero: not yet
	Case    city.CaseNumber // that came of it; "" none yet
}

// Sighting is one time that an alert was found.
type Sighting struct {
	From, To time.Time
	Evidence []Evidence
}

// Outcome is what somebody who looked found.
type Outcome struct {
	Confirmed bool
	What      string // of a confirmed one what it was, of the rule's closed list; otherwise why it isn't so
}

const (
	mostEvidence  = 32      // pieces of a finding
	longEvidence  = 8 << 10 // bytes of them as JSON
	mostNumbers   = 16
	longSubject   = 120 // bytes
	longWords     = 600 // characters
	longAddress   = 200
	mostSightings = 40 // kept of one alert: the first, and the last ones
)

var (
	codePattern    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	subjectPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}:[^\x00-\x20\x7f]+$`)
)

// check refuses a finding that no detector should send.
func (f *Finding) check(d Detector) error {
	bad := func(what string) error { return city.Invalid("alert.finding", "rule", f.Rule, "what", what) }
	known := f.Kind == "" && len(d.Kinds) == 0
	for _, k := range d.Kinds {
		known = known || k.ID == f.Kind
	}
	lat, lon := f.Place.Lat, f.Place.Lon
	switch {
	case !known:
		return bad("kind")
	case !soundSubject(f.Subject):
		return bad("subject")
	case f.Key == "" || len(f.Key) > longSubject || !utf8.ValidString(f.Key):
		return bad("key")
	case f.From.IsZero() || !f.To.IsZero() && f.To.Before(f.From):
		return bad("from")
	case !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) || lat == 0 && lon == 0 && f.Place.Region == "" || utf8.RuneCountInString(f.Place.Address) > longAddress:
		return bad("place")
	case !(f.Sure >= 0 && f.Sure <= 1):
		return bad("sure")
	case !soundEvidence(f.Evidence):
		return bad("evidence")
	}
	if f.To.IsZero() {
		f.To = f.From
	}
	return nil
}

// soundSubject reports whether something can be about that.
func soundSubject(s string) bool {
	return len(s) <= longSubject && utf8.ValidString(s) && subjectPattern.MatchString(s)
}

func soundEvidence(list []Evidence) bool {
	if len(list) > mostEvidence {
		return false
	}
	for _, e := range list {
		if !codePattern.MatchString(e.What) || len(e.Subject) > longSubject || len(e.Record) > longSubject || len(e.Numbers) > mostNumbers ||
			!(e.Lat >= -90 && e.Lat <= 90 && e.Lon >= -180 && e.Lon <= 180) {
			return false
		}
		for code, v := range e.Numbers {
			if !codePattern.MatchString(code) || math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	raw, err := json.Marshal(list)
	return err == nil && len(raw) <= longEvidence
}

// shorten keeps a text from growing beyond what a page shows.
func shorten(t city.Text) city.Text {
	cut := func(s string) string {
		if r := []rune(s); len(r) > longWords {
			return string(r[:longWords-1]) + "…"
		}
		return s
	}
	return city.Text{ZhHans: cut(t.ZhHans), En: cut(t.En)}
}
