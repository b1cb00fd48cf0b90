package track

import "yiwang/geo"

// Stays watches one object. The zero value watches nothing; Rule.Stays makes one.
// It is not safe for concurrent use. A copy of the struct shares memory with it;
// Clone doesn't.
type Stays struct {
	rule   *Rule
	anchor anchor
	start  int64 // time of the anchor
	last   Point // of the run; its Speed and Flags are not kept
	points int32 // of the run, the anchor included; 0 before the first point
	seen   coords
}

// Stays begins to watch an object.
func (r *Rule) Stays() Stays { return Stays{rule: r} }

// Push takes the next point and gives what it brought to an end: a stay, a gap, or
// Nothing. A point earlier than the last is Late and changes nothing. Points at the
// same moment are taken in the order in which they come.
func (s *Stays) Push(p Point) Event {
	if s.points == 0 {
		s.begin(p)
		return Event{}
	}
	silent := p.At - s.last.At
	if silent < 0 {
		return Event{Kind: Late, Start: p.At, End: s.last.At, Lat: p.Lat, Lon: p.Lon, ToLat: s.last.Lat, ToLon: s.last.Lon}
	}
	if silent > s.rule.gap {
		return s.Cut(p)
	}
	if s.rule.broken(&s.anchor, p.Lat, p.Lon) {
		var e Event
		if p.At-s.start >= s.rule.time {
			e = s.run(p)
		}
		s.begin(p)
		return e
	}
	s.last.At, s.last.Lat, s.last.Lon = p.At, p.Lat, p.Lon
	if s.points < maxPoints {
		s.points++
	}
	s.seen.add(p.Lat, p.Lon, s.rule.Keep)
	return Event{}
}

// maxPoints is where counting ends.
const maxPoints = 1<<31 - 1

// Cut begins a new run at the point without a stay before it, whatever the time
// between, and gives the gap: for those who know that what lies between can't be
// trusted. The first point of all cuts nothing.
func (s *Stays) Cut(p Point) Event {
	var e Event
	if s.points > 0 {
		e = Event{Kind: Gap, Points: s.points, Start: s.last.At, End: p.At,
			Lat: s.last.Lat, Lon: s.last.Lon, ToLat: p.Lat, ToLon: p.Lon}
	}
	s.begin(p)
	return e
}

// Open is the run that isn't broken yet, as the stay that it would be if its last
// point broke it; false before the first point. Whether it is long enough is for
// the reader to say.
func (s *Stays) Open() (Event, bool) {
	if s.points == 0 {
		return Event{}, false
	}
	return s.run(s.last), true
}

// Anchor is where the present run began; false before the first point.
func (s *Stays) Anchor() (at int64, place geo.Point, ok bool) {
	return s.start, geo.Point{Lat: s.anchor.lat, Lon: s.anchor.lon}, s.points > 0
}

// Last is the last point that was taken, without speed and flags; false before the
// first.
func (s *Stays) Last() (Point, bool) { return s.last, s.points > 0 }

// Clone is a copy that shares nothing with s but the rule.
func (s *Stays) Clone() Stays {
	c := *s
	c.seen.list = append([]coord(nil), s.seen.list...)
	c.seen.index = append([]uint32(nil), s.seen.index...)
	return c
}

func (s *Stays) begin(p Point) {
	s.anchor = s.rule.anchor(p.Lat, p.Lon)
	s.start = p.At
	s.last.At, s.last.Lat, s.last.Lon = p.At, p.Lat, p.Lon
	s.points = 1
	s.seen.reset()
	s.seen.add(p.Lat, p.Lon, s.rule.Keep)
}

func (s *Stays) run(end Point) Event {
	e := Event{Kind: Stay, Points: s.points, Distinct: int32(len(s.seen.list)), Whole: !s.seen.lost,
		Start: s.start, End: end.At, ToLat: end.Lat, ToLon: end.Lon}
	e.Lat, e.Lon = s.seen.mean()
	return e
}
