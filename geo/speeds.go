package geo

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"yiwang/city"
)

// Pace is how fast the classes of roads are driven at some moment, by rank, km/h.
type Pace [4]float64

// Speeds say how fast the roads of a city are driven over the day.
type Speeds struct {
	Free  map[RoadClass]float64 `yaml:"free"`  // km/h when nobody is in the way
	Peaks []Peak                `yaml:"peaks"` // the first that fits counts
}

// Peak is a part of the day that is slower.
type Peak struct {
	From     string                `yaml:"from"` // such as 07:00
	Until    string                `yaml:"until"`
	Workdays bool                  `yaml:"workdays"` // on working days only
	Share    map[RoadClass]float64 `yaml:"share"`    // of the free speed; 1 where a class is missing
}

// classes are those of roads, the largest first.
var classes = []RoadClass{Motorway, Primary, Secondary, Residential}

// usualSpeeds hold where a city says nothing: what the Regulation on the
// Implementation of the Road Traffic Safety Law (道路交通安全法实施条例) allows in
// articles 45 and 78 for roads without signs, for a truck.
var usualSpeeds = Pace{80, 60, 50, 30}

// At is the pace at a minute of the day, from 0 to 1439.
func (s *Speeds) At(minute int, workday bool) Pace {
	pace := usualSpeeds
	for i, c := range classes {
		if v := s.Free[c]; v > 0 {
			pace[i] = v
		}
	}
	at := slices.IndexFunc(s.Peaks, func(p Peak) bool {
		from, _ := minuteOf(p.From)
		until, _ := minuteOf(p.Until)
		return minute >= from && minute < until && (workday || !p.Workdays)
	})
	if at >= 0 {
		for i, c := range classes {
			if share := s.Peaks[at].Share[c]; share > 0 {
				pace[i] *= share
			}
		}
	}
	return pace
}

// minuteOf reads 07:30; 24:00 is the end of the day.
func minuteOf(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == 5
}

// Bounds of speeds.
const (
	slowest, fastest = 3, 150    // km/h
	least, most      = 0.05, 1.5 // shares of it
	mostPeaks        = 50
)

// Check tells what is wrong, and where.
func (s *Speeds) Check() []city.Field {
	var faults []city.Field
	add := func(at, key string, args ...any) {
		faults = append(faults, city.Field{Name: at, Message: city.Message{Key: key, Args: args}})
	}
	for _, c := range classes {
		if _, ok := s.Free[c]; !ok {
			add("free", "geo.speeds.missing", "class", c)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(s.Free)) {
		if c.Rank() < 0 {
			add("free."+string(c), "geo.speeds.class", "class", c)
		} else if v := s.Free[c]; !(v >= slowest && v <= fastest) {
			add("free."+string(c), "geo.speeds.speed", "least", slowest, "most", fastest)
		}
	}
	if len(s.Peaks) > mostPeaks {
		add("peaks", "geo.speeds.peaks", "most", mostPeaks)
		return faults
	}
	for i, p := range s.Peaks {
		at := fmt.Sprintf("peaks.%d", i)
		from, ok := minuteOf(p.From)
		until, also := minuteOf(p.Until)
		if !ok || !also || from >= until {
			add(at+".from", "geo.speeds.time")
		}
		for _, c := range slices.Sorted(maps.Keys(p.Share)) {
			if c.Rank() < 0 {
				add(at+".share."+string(c), "geo.speeds.class", "class", c)
			} else if v := p.Share[c]; !(v >= least && v <= most) {
				add(at+".share."+string(c), "geo.speeds.share", "least", least, "most", most)
			}
		}
	}
	return faults
}
