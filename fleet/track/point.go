package track

import (
	"math"
	"time"

	"yiwang/city"
	"yiwang/geo"
)

// Flags say what a terminal told beside place and time.
type Flags uint8

const (
	HasSpeed  Flags = 1 << iota // Speed holds what the terminal measured
	HasEngine                   // EngineOn says whether the engine runs
	EngineOn
	NoFix // the terminal itself says that the place isn't from satellites now
)

// Point is one position of one object. The zero Flags say that nothing but place
// and time is known.
type Point struct {
	At       int64   // microseconds UTC since 1970
	Lat, Lon float64 // WGS-84 degrees
	Speed    float32 // km/h, with HasSpeed
	Flags    Flags
}

// Place is where the point is.
func (p Point) Place() geo.Point { return geo.Point{Lat: p.Lat, Lon: p.Lon} }

// Columns is a track in time order, column by column; all three are equally long,
// and every place can be (geo.Point.Valid).
type Columns struct {
	At       []int64
	Lat, Lon []float64
}

// Len is the number of points.
func (c Columns) Len() int { return len(c.At) }

// Add puts a point at the end.
func (c *Columns) Add(at int64, lat, lon float64) {
	c.At, c.Lat, c.Lon = append(c.At, at), append(c.Lat, lat), append(c.Lon, lon)
}

// Kind is what an event tells.
type Kind uint8

const (
	Nothing  Kind = iota
	Stay          // stood from Start to End, around Lat, Lon
	Gap           // was silent from Start (at Lat, Lon) to End (at ToLat, ToLon)
	Late          // the point lies before the last one and changed nothing; see Watch.Correct
	Drive         // drove from Start to End without a rest; Driven leaves out short stops
	Rest          // drove nowhere from Start to End, as far as could be seen
	Night         // drove at night
	Day           // what was driven on the local day from Start to End; no place
	Speeding      // was faster than Limit at each point from Start to End
)

// Event is what a point brought to an end. Events can be compared: the same
// points give equal ones.
type Event struct {
	Kind         Kind
	Whole        bool    // of a stay: its place rests on all its coordinates; of driving and rest: none of it was silence
	Points       int32   // points of a run, without the one that ended it; of driving, pieces
	Distinct     int32   // different coordinates that the place of a stay rests on
	Start, End   int64   // microseconds UTC
	Lat, Lon     float64 // of a stay its place; else where it began
	ToLat, ToLon float64 // where the point was that ended it
	Driven       int64   // microseconds of driving
	Metres       float64 // driven, by the straight lines between points
	Peak, Limit  float32 // km/h, of speeding
}

// Long is how long the event lasted.
func (e Event) Long() time.Duration { return time.Duration(e.End-e.Start) * time.Microsecond }

// Place is where the event was, or began.
func (e Event) Place() geo.Point { return geo.Point{Lat: e.Lat, Lon: e.Lon} }

// Settings are the thresholds of a stay.
type Settings struct {
	Distance float64       // metres from the anchor; there and further the run is broken
	Time     time.Duration // a run broken after this long or longer was a stay
	Gap      time.Duration // a silence longer than this ends the run without one
	Keep     int           // most distinct coordinates kept of a run; 0 is all
}

// Rule is Settings made ready. It never changes and is shared by all vehicles.
type Rule struct {
	Settings
	time, gap int64 // microseconds; a run counts from time on, a silence beyond gap
	bands     []band
}

// NewRule checks the settings and makes them ready.
func NewRule(s Settings) (*Rule, error) {
	switch {
	case !(s.Distance >= 0) || math.IsInf(s.Distance, 0):
		return nil, city.Invalid("track.setting.distance")
	case s.Time < 0:
		return nil, city.Invalid("track.setting.time")
	case s.Gap < 0:
		return nil, city.Invalid("track.setting.gap")
	case s.Keep < 0:
		return nil, city.Invalid("track.setting.keep")
	}
	r := &Rule{Settings: s, gap: s.Gap.Microseconds(), bands: bandsOf(s.Distance)}
	r.time = s.Time.Microseconds()
	if time.Duration(r.time)*time.Microsecond < s.Time {
		r.time++
	}
	return r, nil
}
