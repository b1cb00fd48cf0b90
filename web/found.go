package web

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/geo"
)

// Found is what a program noticed, as an officer reads it: what, by which rule, on
// which ground, how sure, and what it rests on.
type Found struct {
	Href     string // of the alert's own page; "" where the reader is on it
	Rule     city.Text
	About    city.Text // what the rule looks for
	State    Tagged
	Says     city.Text
	Why      city.Text
	Percent  int // how sure
	Clauses  []Row
	Facts    []Row
	Evidence []FoundAt
	At       geo.Point
}

// FoundAt is one time that it was found.
type FoundAt struct {
	Alert  alert.Sighting
	Pieces []FoundPiece
}

// FoundPiece is a piece of evidence in words.
type FoundPiece struct {
	What    city.Text
	About   string // code of the Subject
	Href    string // to more about it; "" where the reader has none
	Subject city.Text
	Numbers []Row
	At      geo.Point
}

// mostFound are so many sightings as one page shows, the newest of them.
const mostFound = 12

// FoundOf makes it of an alert. names gives the words for what was found in the end.
func FoundOf(b *alert.Board, a alert.Alert, list []alert.Sighting, names func(code string) city.Text) Found {
	f := Found{State: AlertState(a.State), Says: a.Text, Why: a.Why, Percent: int(a.Sure*100 + 0.5), At: geo.Point{Lat: a.Place.Lat, Lon: a.Place.Lon}}
	f.Rule, _ = b.RuleName(a.Rule)
	if f.Rule.IsZero() {
		f.Rule = Plain(a.Rule)
	}
	if d, ok := b.Detector(a.Rule); ok {
		f.About = d.About
		for _, c := range d.Clauses {
			f.Clauses = append(f.Clauses, Row{Name: c.Law, Value: c.Says})
		}
	}
	f.Facts = append(f.Facts, Row{Name: Words("web.found.subject"), Value: SubjectWords(a.Subject)}, Row{Name: Words("web.found.times"), Value: Words("web.found.times.n", "n", a.Times)})
	if a.Outcome != "" {
		f.Facts = append(f.Facts, Row{Name: Words("web.found.outcome"), Value: names(a.Outcome)})
	}
	for _, s := range slices.Backward(list) {
		if len(f.Evidence) == mostFound {
			break
		}
		at := FoundAt{Alert: s}
		for _, e := range s.Evidence {
			at.Pieces = append(at.Pieces, pieceOf(e))
		}
		f.Evidence = append(f.Evidence, at)
	}
	return f
}

func pieceOf(e alert.Evidence) FoundPiece {
	p := FoundPiece{What: coded("web.found.what."+e.What, e.What), About: e.Subject, At: geo.Point{Lat: e.Lat, Lon: e.Lon}}
	switch {
	case e.Subject != "":
		p.Subject = SubjectWords(e.Subject)
	case e.Record != "":
		p.Subject = Plain(e.Record)
	}
	codes := make([]string, 0, len(e.Numbers))
	for code := range e.Numbers {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		p.Numbers = append(p.Numbers, Row{Name: coded("web.found.number."+code, code), Value: Plain(strconv.FormatFloat(e.Numbers[code], 'f', -1, 64))})
	}
	return p
}

// coded are the words for a code; a code that has none stands for itself.
func coded(key, code string) city.Text {
	if t, ok := city.LookupText(key); ok {
		return t
	}
	return Plain(code)
}

// SubjectWords say what an alert is about: "vehicle:AB1234" is "vehicle AB1234".
func SubjectWords(subject string) city.Text {
	sort, id, ok := strings.Cut(subject, ":")
	if !ok {
		return Plain(subject)
	}
	t := coded("web.found.sort."+sort, sort)
	return city.Text{ZhHans: t.ZhHans + " " + id, En: t.En + " " + id}
}

// AlertState is a state as people see it: a word and a shape.
func AlertState(s alert.State) Tagged {
	shape := map[alert.State]State{alert.Open: StateWaiting, alert.Filed: StateWorking, alert.Silenced: StatePaused, alert.Confirmed: StateDone, alert.Refuted: StateRefused, alert.Cleared: StateEnded}[s]
	return Tagged{State: shape, Word: coded("web.alert.state."+string(s), string(s))}
}

// foundMap is where it was, and the pieces of the newest sighting around it.
func foundMap(ctx context.Context, f Found) MapView {
	v := MapView{Name: "found", Title: Words("web.found.map"), Centre: f.At, Radius: 1500, NoList: true}
	if !f.At.IsZero() {
		v.Pins = append(v.Pins, Pin{At: f.At, Kind: PinPlace, Text: f.Says})
	}
	if len(f.Evidence) > 0 {
		for _, p := range f.Evidence[0].Pieces {
			if !p.At.IsZero() && p.At != f.At {
				v.Pins = append(v.Pins, Pin{At: p.At, Kind: PinOther, Text: p.What})
			}
		}
	}
	return v
}
