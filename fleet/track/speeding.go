package track

// Pace follows how fast one object is where only so much is allowed, by what
// its terminal measures.
type Pace struct {
	gap  int64
	open Event
}

// NewPace begins to follow; a silence longer than the rule's gap ends what was
// seen.
func NewPace(r *Rule) Pace { return Pace{gap: r.gap} }

// Push takes the next point with what is allowed there, in km/h; 0 is anything. It
// gives Speeding when that has come to an end, by a slower point, a silence or
// another limit.
func (s *Pace) Push(p Point, limit float32, cut bool) Event {
	over := limit > 0 && p.Flags&HasSpeed != 0 && p.Speed > limit
	var ended Event
	if s.open.Points > 0 && (!over || cut || limit != s.open.Limit || p.At-s.open.End > s.gap) {
		ended, s.open = s.open, Event{}
	}
	if over {
		if s.open.Points == 0 {
			s.open = Event{Kind: Speeding, Whole: true, Start: p.At, Lat: p.Lat, Lon: p.Lon, Limit: limit}
		}
		s.open.End, s.open.ToLat, s.open.ToLon = p.At, p.Lat, p.Lon
		s.open.Peak = max(s.open.Peak, p.Speed)
		s.open.Points++
	}
	return ended
}

// Open is the speeding that goes on; false when there is none.
func (s *Pace) Open() (Event, bool) { return s.open, s.open.Points > 0 }
