package report

import (
	"net/url"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/web"
)

// Form is the page on which anybody reports.
type Form struct {
	Key     string               // sent back; the same report counts once
	Place   []web.Field          // community and address
	Picked  geo.Point            // on the map; zero for none
	Outside []incident.Neighbour // whom to call: the place lies outside the city
	Photos  []KeptPhoto          // sent before
	Photo   web.Field            // for more
	Text    web.Field            // what is wrong
	Guess   Guess                // what it may be
	Contact []web.Field          // where to tell the result
	Others  []city.Field         // faults of no field
	Look    bool                 // nothing is wrong: the guess is shown for the first time
	Wait    time.Duration        // reported too much from here: when to try again
	Mine    bool                 // the reader is signed in: the matter will stand with theirs
	Join    city.CaseNumber      // a matter that the reader came from: "I see this too"
	Joined  *web.Link            // what that is
}

// KeptPhoto is a photo that was sent with the form before.
type KeptPhoto struct {
	ID   string
	Href string
}

// Guess is what a report may be about, and what follows from that.
type Guess struct {
	Class     *ClassLine    // the words are clear enough; nil when they are not
	Why       []string      // what of the words decided
	Choices   []ClassLine   // to choose among, the likeliest first
	Offered   city.ItemCode // the one that the words fit best
	All       []web.Option
	Chosen    string // a class, classOther or classHotline
	Other     string // chosen among all
	Fault     city.Message
	Open      bool   // the choice stands open
	Shown     string // sent back: the class that was guessed, guessNone for none
	Emergency bool
	Questions []web.Field
	Similar   []SimilarLine
	Same      string // number of the one it is, sameNone for none, "" while nobody said
	SameFault city.Message
}

// Values of the choices that are no class and no number.
const (
	classOther   = "other"   // one of all classes, named beside
	classHotline = "hotline" // whoever sits at the hotline decides
	guessNone    = "none"
	sameNone     = "none"
)

// ClassLine is a class as a reporter reads it.
type ClassLine struct {
	Code   city.ItemCode
	Name   city.Text
	About  city.Text
	Office city.Text
	Limit  city.Text
}

// SimilarLine is an open matter that the report may belong to.
type SimilarLine struct {
	Number  city.CaseNumber
	Name    city.Text
	Metres  int
	At      time.Time
	Reports int
	Tell    city.Text
}

// fields are all that can be at fault, for the summary.
func (f Form) fields() []web.Field {
	out := append([]web.Field{}, f.Place...)
	out = append(out, f.Photo, f.Text)
	out = append(out, f.Guess.fields()...)
	return append(out, f.Contact...)
}

func (g Guess) fields() []web.Field {
	out := []web.Field{{Name: "class", Fault: g.Fault}}
	out = append(out, g.Questions...)
	return append(out, web.Field{Name: "same", Fault: g.SameFault})
}

// sent is what was typed and chosen, as the browser sent it.
type sent struct {
	region, address string
	lat, lon        string
	text            string
	class, other    string
	shown           string
	same            string
	phone, email    string
	key             string
	join            string
	kept            []string
	drop            string
	do              string
	answers         map[string]string
}

const (
	mostAnswers   = 100
	answersPrefix = "answers." // of the inputs for a class's questions
)

// sentOf reads the fields of a form, bounded.
func sentOf(v url.Values) sent {
	s := sent{region: cut(v.Get("region"), 20), address: cut(v.Get("address"), 1000), lat: cut(v.Get("place.lat"), 24), lon: cut(v.Get("place.lon"), 24),
		text: v.Get("text"), class: cut(v.Get("class"), 20), other: cut(v.Get("class_other"), 20), shown: cut(v.Get("shown"), 20),
		same: cut(v.Get("same"), 40), phone: cut(v.Get("phone"), 200), email: cut(v.Get("email"), 1000), key: cut(v.Get("key"), 64),
		join: cut(v.Get("join"), 40), drop: cut(v.Get("drop"), 64), do: cut(v.Get("do"), 20), answers: map[string]string{}}
	for name, values := range v {
		if code, ok := strings.CutPrefix(name, answersPrefix); ok && len(s.answers) < mostAnswers {
			s.answers[cut(code, 60)] = strings.Join(values, ",")
		}
	}
	for _, id := range v["kept"] {
		if len(s.kept) < incident.MostPhotos && len(id) <= 64 && id != s.drop {
			s.kept = append(s.kept, id)
		}
	}
	return s
}

// point is the place on the map; zero when none was chosen or it is no place.
func (s sent) point() geo.Point {
	p, err := web.ReadPoint(url.Values{"place.lat": {s.lat}, "place.lon": {s.lon}}.Get, "place")
	if err != nil {
		return geo.Point{}
	}
	return p
}

func (s sent) place() city.Place {
	at := s.point()
	return city.Place{Address: s.address, Region: city.RegionCode(s.region), Lat: at.Lat, Lon: at.Lon}
}

// answer is what was answered to a question, as incident takes it.
func (s sent) answer(q web.Field, code string, zone *time.Location) string {
	if q.Type != web.FieldDate {
		return s.answers[code]
	}
	typed := strings.Trim(s.answers[code+".year"]+"-"+s.answers[code+".month"]+"-"+s.answers[code+".day"], "-")
	day, err := time.ParseInLocation("2006-1-2", typed, zone)
	if err != nil {
		return typed
	}
	return day.Format(time.RFC3339)
}

// cut keeps the first characters of what is longer than anybody types.
func cut(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}
