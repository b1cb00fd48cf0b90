package detect

import (
	"math"
	"slices"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// way is what became of a sheet's waste so far.
type way struct {
	loaded int64
	done   bool
}

// tripper is a private vehicle's comings and goings of a day, and the days on which
// it went to and fro as those do who carry for others.
type tripper struct {
	day   city.Date
	stops []stay
	days  []city.Date // like an operating vehicle, in order
	told  city.Date   // first of the days of the matter that was told
	seen  city.Date   // last of them
	ways  map[register.SheetID]*way
}

func (m *Memory) of(v register.VehicleID) *tripper {
	t := m.trips[v]
	if t == nil {
		t = &tripper{}
		m.trips[v] = t
	}
	return t
}

func (m *Memory) ways(v register.VehicleID, sheet register.SheetID) *way {
	t := m.of(v)
	if t.ways == nil {
		t.ways = map[register.SheetID]*way{}
	}
	w := t.ways[sheet]
	if w == nil {
		if len(t.ways) > 64 { // sheets of long ago
			clear(t.ways)
		}
		w = &way{}
		t.ways[sheet] = w
	}
	return w
}

const (
	sameEnd  = 300.0  // metres within which two stops are one end of a trip
	trip     = 2000.0 // metres: shorter ways are no trips
	mostStay = 64     // stops of a day that are looked at
)

// trip counts a private vehicle's ways to and fro between the same two ends.
func (m *Memory) trip(b *register.Book, v *register.Vehicle, s stay, out []Finding) []Finding {
	if !m.rules.on[NonOperating] {
		return out
	}
	t, today := m.of(v.ID), dayOf(b, s.start)
	if today != t.day {
		t.day, t.stops = today, t.stops[:0]
	}
	if slices.ContainsFunc(t.stops, func(o stay) bool { return o.start == s.start }) || len(t.stops) == mostStay {
		return out
	}
	t.stops = append(t.stops, s)
	if round(t.stops) < m.rules.trips.trips {
		return out
	}
	if i := len(t.days); i == 0 || t.days[i-1] != today {
		t.days = append(t.days, today)
	}
	span := int(m.rules.trips.within / day)
	t.days = slices.DeleteFunc(t.days, func(d city.Date) bool { return number(today)-number(d) >= span })
	if len(t.days) < m.rules.trips.days {
		return out
	}
	if t.told.IsZero() || number(today)-number(t.seen) >= span { // for so long nothing: another matter
		t.told = t.days[0]
	}
	t.seen = today
	f := Finding{Rule: NonOperating, Subject: subject(v.ID), Key: keyOf(v.ID, t.told), From: t.stops[0].start, To: s.end, At: s.at,
		Sure:    math.Min(0.9, 0.6+0.05*float64(len(t.days)-m.rules.trips.days)),
		Numbers: Numbers{"days": float64(len(t.days)), "n": float64(round(t.stops))}, Names: Names{"vehicle": string(v.ID)}}
	f.Evidence = bounded(append(evidenceOf(t.stops), record(v.Ref())))
	return append(out, f)
}

// round is how many times a day's stops go to and fro between the same two ends.
func round(stops []stay) int {
	most := 0
	for i := 1; i < len(stops); i++ {
		a, b := stops[i-1].at, stops[i].at
		if geo.Distance(a, b) < trip {
			continue
		}
		legs := 0
		for j := 1; j < len(stops); j++ {
			p, q := stops[j-1].at, stops[j].at
			if geo.Distance(p, a) < sameEnd && geo.Distance(q, b) < sameEnd || geo.Distance(p, b) < sameEnd && geo.Distance(q, a) < sameEnd {
				legs++
			}
		}
		most = max(most, (legs+1)/2)
	}
	return most
}
