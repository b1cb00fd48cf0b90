package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
)

// Doors that positions come by, as history.Position.Source says; the gateway's is 1.
const (
	ByHTTP uint8 = 2
	ByMQTT uint8 = 3
	ByFile uint8 = 4
)

// Bits of history.Position.Status that JT/T 808 leaves free, for doors whose senders
// need not know so much.
const (
	noEngine = 1 << 30 // nothing is said of the ignition
	noSpeed  = 1 << 31 // nor of the speed
)

// LongestSent is how many bytes a position may have on its way.
const LongestSent = 4 << 10

// Sent is a position as another system tells it. Vehicle or Terminal says whose it
// is; Datum is "gcj02" where the place is in the coordinates of Chinese maps.
type Sent struct {
	Vehicle  string    `json:"vehicle,omitempty"`
	Terminal string    `json:"terminal,omitempty"`
	At       time.Time `json:"at"`
	Lat      *float64  `json:"lat"`
	Lon      *float64  `json:"lon"`
	Datum    string    `json:"datum,omitempty"`    // wgs84, the usual, or gcj02
	Speed    *float64  `json:"speed,omitempty"`    // km/h
	Course   float64   `json:"course,omitempty"`   // degrees, 0 north
	Altitude float64   `json:"altitude,omitempty"` // metres
	Ignition *bool     `json:"ignition,omitempty"`
	Fix      *bool     `json:"fix,omitempty"` // false: the terminal had no satellites
}

// ReadSent reads one JSON object. Members that nobody knows are passed over; the
// time has to bear its zone.
func ReadSent(raw []byte) (s Sent, err error) {
	if len(raw) > LongestSent {
		return s, city.TooLarge("fleet.sent.long", "max", LongestSent)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 || d.Decode(&s) != nil {
		return s, city.Invalid("fleet.sent.malformed")
	}
	if _, err := d.Token(); err != io.EOF {
		return s, city.Invalid("fleet.sent.malformed")
	}
	return s, nil
}

// position makes of it what is kept, or says why it can't be.
func (s *Sent) position(book *register.Book, received time.Time, door uint8) (p history.Position, err error) {
	v := book.Vehicle(register.VehicleID(s.Vehicle))
	if s.Vehicle == "" {
		v = book.VehicleByTerminal(s.Terminal)
	}
	switch {
	case v == nil:
		return p, city.Invalid("fleet.sent.vehicle", "vehicle", s.Vehicle+s.Terminal)
	case s.Lat == nil || s.Lon == nil:
		return p, city.Invalid("fleet.sent.place")
	case s.At.IsZero() || s.At.Year() < 2000 || s.At.Year() > 2099:
		return p, city.Invalid("fleet.sent.at")
	case s.Datum != "" && s.Datum != "wgs84" && s.Datum != "gcj02":
		return p, city.Invalid("fleet.sent.datum", "datum", s.Datum)
	case s.Speed != nil && !(*s.Speed >= 0 && *s.Speed <= 1000) || !(math.Abs(s.Course) <= 360) || !(math.Abs(s.Altitude) <= 20_000):
		return p, city.Invalid("fleet.sent.number")
	}
	place := geo.Point{Lat: *s.Lat, Lon: *s.Lon}
	if s.Datum == "gcj02" && place.Valid() {
		place = geo.FromGCJ02(place)
	}
	p = history.Position{Vehicle: string(v.ID), At: city.Micros(s.At), Received: city.Micros(received), Lat: place.Lat, Lon: place.Lon,
		Heading: uint16(math.Mod(s.Course+360, 360)), Altitude: int16(s.Altitude), Source: door}
	if s.Speed == nil {
		p.Status |= noSpeed
	} else {
		p.Speed = float32(*s.Speed)
	}
	switch {
	case s.Ignition == nil:
		p.Status |= noEngine
	case *s.Ignition:
		p.Status |= 1
	}
	if s.Fix == nil || *s.Fix {
		p.Status |= 2
	}
	return p, p.Check()
}

// Take records what another system tells and says for each why it is not kept; nil
// is kept, on the disk when this returns. The same position again changes nothing.
// Old ones are kept and looked at like any that come late.
func (m *Monitor) Take(ctx context.Context, actor city.Actor, sent []Sent, door uint8) ([]error, error) {
	book, now := m.Registers.Book(), m.Clock.Now()
	faults := make([]error, len(sent))
	var good []history.Position
	for i := range sent {
		var p history.Position
		if p, faults[i] = sent[i].position(book, now, door); faults[i] == nil {
			good = append(good, p)
		}
	}
	return faults, m.Record(ctx, actor, good)
}

// Counts say what a monitor saw since it was made.
type Counts struct {
	Verdicts map[string]int64 // positions by what the noise filter said of them
	Strange  int64            // positions of vehicles that nobody registered
	Found    int64            // what the rules noticed
	Late     int64            // positions that came after later ones
	Anew     int64            // tracks that were read anew for them
	PutOff   int64            // times that one had to wait, since it had been read anew so often
}

// Counts are for whoever operates the program.
func (m *Monitor) Counts() Counts {
	c := Counts{Verdicts: map[string]int64{}, Strange: m.counts.strange.Load(), Found: m.counts.found.Load(), Late: m.counts.late.Load(),
		Anew: m.counts.anew.Load(), PutOff: m.counts.put.Load()}
	for why := range track.Reasons {
		c.Verdicts[why.String()] = m.counts.reasons[why].Load()
	}
	return c
}
