package detect

import (
	"cmp"
	"math"
	"slices"

	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
)

// Memory holds those stays of all vehicles that rules about what repeats or meets
// rest on, for as long as they look back. It is not safe for concurrent use; stays
// are rare against positions, so one for a city is enough.
type Memory struct {
	rules  *Rules
	ground Ground

	closed  map[register.SiteID]*matter // stays at plants that should stand still
	unknown *geo.Grid[int]              // stays where nobody is registered, by number
	stays   map[int]stay                // behind unknown and recent
	spots   []*matter                   // places that were told
	recent  *geo.Grid[int]              // stays of the last day, by number, for meetings
	order   []int                       // of recent, by when they came in
	next    int

	tankers map[register.VehicleID][]meeting
	waste   map[register.SheetID]bool // told
	trips   map[register.VehicleID]*tripper
	permits map[string]lasting // contradictions of records
}

// stay is a stay of somebody.
type stay struct {
	vehicle    register.VehicleID
	use        register.VehicleUse
	start, end int64
	at         geo.Point
	dense      bool // kept for what repeats, too
}

func (s stay) minutes() float64 { return float64(s.end-s.start) / float64(minute) }

func (s stay) evidence() Evidence {
	return Evidence{What: "stay", Vehicle: s.vehicle, From: s.start, To: s.end, At: s.at}
}

// matter is something that repeats: while it does, it is one.
type matter struct {
	stays []stay
	key   string
	at    geo.Point
	last  int64
}

type meeting struct {
	stay
	other stay
	day   string
}

// lasting is a contradiction that was told and goes on.
type lasting struct{ first, last int }

// NewMemory makes an empty memory. near is where the city is.
func NewMemory(r *Rules, g Ground) *Memory {
	return &Memory{rules: r, ground: g, closed: map[register.SiteID]*matter{}, unknown: geo.NewGrid[int](max(50, r.unknown.radius)), stays: map[int]stay{},
		recent: geo.NewGrid[int](200), tankers: map[register.VehicleID][]meeting{}, waste: map[register.SheetID]bool{}, trips: map[register.VehicleID]*tripper{}, permits: map[string]lasting{}}
}

// Stay takes a stay or a gap of a vehicle and adds to out what is noticed with it. A
// stay that was taken before changes nothing and is told again. book is that of the
// stay's day.
func (m *Memory) Stay(b *register.Book, v *register.Vehicle, e track.Event, out []Finding) []Finding {
	if e.Kind != track.Stay || v == nil {
		return out
	}
	s := stay{vehicle: v.ID, use: v.Use, start: e.Start, end: e.End, at: e.Place()}
	if !v.Operating && v.Use == register.UsePrivate {
		return m.trip(b, v, s, out)
	}
	if m.rules.on[MobileRefuelling] {
		out = m.meet(b, v, s, out)
	}
	if !hazardous(v.Use) {
		return out
	}
	if m.rules.on[WasteElsewhere] {
		out = m.elsewhere(b, v, s, out)
	}
	if m.rules.on[RepeatClosed] && s.end-s.start >= m.rules.closed.long {
		var room [4]register.SiteHit
		for _, hit := range b.SitesNear(room[:0], s.at, m.rules.closed.radius) {
			if shut(b, hit.Site) {
				return m.again(b, hit.Site, s, out)
			}
		}
	}
	if m.rules.on[RepeatUnknown] && s.end-s.start >= m.rules.unknown.long {
		out = m.nowhere(b, s, out)
	}
	return out
}

// shut reports whether nothing may go on at a site: it is closed, suspended or was
// never licensed, or it handles goods and no licence of it is in force.
func shut(b *register.Book, s *register.Site) bool {
	if s.Status != register.Operating {
		return true
	}
	if s.Link != register.Production && s.Link != register.Storing && s.Link != register.Disposal {
		return false
	}
	of := b.LicencesAt(s.ID)
	for _, l := range b.LicencesOf(s.Firm) {
		if l.Site == "" && l.Link == s.Link {
			of = append(slices.Clip(of), l)
		}
	}
	for _, l := range of {
		if l.InForce(b.Day()) {
			return false
		}
	}
	return len(of) > 0
}

// again adds a stay at a plant that should stand still.
func (m *Memory) again(b *register.Book, site *register.Site, s stay, out []Finding) []Finding {
	at := m.closed[site.ID]
	if at == nil {
		at = &matter{}
		m.closed[site.ID] = at
	}
	days, vehicles, n := at.add(b, s, m.rules.closed.within)
	if max(days, vehicles) < m.rules.closed.days {
		return out
	}
	if at.key == "" {
		at.key = keyOf(site.ID, dayOf(b, at.stays[0].start))
	}
	f := Finding{Rule: RepeatClosed, Subject: "site:" + string(site.ID), Key: at.key, From: at.stays[0].start, To: s.end, At: site.Area.Middle(),
		Sure:    math.Min(0.95, 0.6+0.1*float64(max(days, vehicles)-m.rules.closed.days)),
		Numbers: Numbers{"n": float64(n), "days": float64(days), "vehicles": float64(vehicles), "minutes": s.minutes()},
		Names:   Names{"site": string(site.ID), "firm": string(site.Firm), "vehicle": string(s.vehicle)}}
	f.Evidence = bounded(append(evidenceOf(at.stays), record(site.Ref())))
	return append(out, f)
}

// add puts a stay with the others and forgets those that are too old. When nothing
// came for as long as the rule looks back, what comes is another matter.
func (t *matter) add(b *register.Book, s stay, within int64) (days, vehicles, n int) {
	if i := slices.IndexFunc(t.stays, func(o stay) bool { return o.vehicle == s.vehicle && o.start == s.start }); i >= 0 {
		t.stays[i] = s
	} else {
		i, _ := slices.BinarySearchFunc(t.stays, s, func(a, b stay) int { return cmp.Compare(a.start, b.start) })
		t.stays = slices.Insert(t.stays, i, s)
	}
	newest := t.stays[len(t.stays)-1].end
	if t.last > 0 && s.start-t.last > within {
		t.key = ""
	}
	t.last = max(t.last, s.end)
	t.stays = slices.DeleteFunc(t.stays, func(o stay) bool { return newest-o.end > within })
	return tally(b, t.stays)
}

// tally counts the different days and vehicles of stays.
func tally(b *register.Book, list []stay) (days, vehicles, n int) {
	seenDays, seen := map[string]bool{}, map[register.VehicleID]bool{}
	for _, s := range list {
		seenDays[dayOf(b, s.start).String()] = true
		seen[s.vehicle] = true
	}
	return len(seenDays), len(seen), len(list)
}

func evidenceOf(list []stay) (out []Evidence) {
	for _, s := range list {
		out = append(out, s.evidence())
	}
	return out
}

// nowhere adds a stay at a place where no firm is registered and nobody stops.
func (m *Memory) nowhere(b *register.Book, s stay, out []Finding) []Finding {
	if site, _ := b.NearestSite(s.at, m.rules.unknown.near); site != nil {
		return out
	}
	if poi, _ := b.NearestPOI(s.at, m.rules.unknown.near); poi != nil {
		return out
	}
	if s.end-s.start < 45*minute && m.ground.Road.Has(s.at) { // a jam, or a driver on the telephone
		return out
	}
	n := m.keep(s, true)
	m.unknown.Put(n, s.at)
	var near []stay
	for _, hit := range m.unknown.Within(s.at, m.rules.unknown.radius) {
		o := m.stays[hit.Key]
		if s.end-o.end > m.rules.unknown.within {
			m.unknown.Remove(hit.Key)
			m.forget(hit.Key)
			continue
		}
		near = append(near, o)
	}
	slices.SortFunc(near, func(a, b stay) int { return cmp.Compare(a.start, b.start) })
	days, vehicles, times := tally(b, near)
	if max(days, vehicles) < m.rules.unknown.days {
		return out
	}
	spot := m.spot(b, s, near[0])
	f := Finding{Rule: RepeatUnknown, Subject: "place:" + placeName(spot.at), Key: spot.key, From: near[0].start, To: s.end, At: spot.at,
		Sure:    math.Min(0.9, 0.5+0.1*float64(max(days, vehicles)-m.rules.unknown.days)),
		Numbers: Numbers{"n": float64(times), "days": float64(days), "vehicles": float64(vehicles), "metres": m.rules.unknown.near, "minutes": s.minutes()},
		Names:   Names{"vehicle": string(s.vehicle)}}
	f.Evidence = bounded(evidenceOf(near))
	return append(out, f)
}

// spot is the place that was told before and is meant again, or a new one.
func (m *Memory) spot(b *register.Book, s, first stay) *matter {
	m.spots = slices.DeleteFunc(m.spots, func(t *matter) bool { return s.start-t.last > m.rules.unknown.within })
	for _, t := range m.spots {
		if geo.Distance(t.at, s.at) <= 2*m.rules.unknown.radius {
			t.last = max(t.last, s.end)
			return t
		}
	}
	t := &matter{at: first.at, last: s.end, key: keyOf(placeName(first.at), dayOf(b, first.start))}
	m.spots = append(m.spots, t)
	return t
}

func (m *Memory) keep(s stay, dense bool) int {
	for _, hit := range m.unknown.Within(s.at, 1) { // the same stay again, as a late batch brings it
		if o := m.stays[hit.Key]; dense && o.vehicle == s.vehicle && o.start == s.start {
			m.stays[hit.Key] = s
			return hit.Key
		}
	}
	m.next++
	s.dense = dense
	m.stays[m.next] = s
	return m.next
}

func (m *Memory) forget(n int) { delete(m.stays, n) }

// meet looks whether a vehicle stood beside another away from where vehicles are
// filled, so that one could fill the other.
func (m *Memory) meet(b *register.Book, v *register.Vehicle, s stay, out []Finding) []Finding {
	if s.end-s.start < m.rules.meeting.long || s.end-s.start > 3*hour {
		return out
	}
	if site, _ := b.NearestSite(s.at, m.rules.meeting.near); site != nil {
		return out
	}
	if poi, _ := b.NearestPOI(s.at, m.rules.meeting.near); poi != nil {
		return out
	}
	for len(m.order) > 0 && s.end-m.stays[m.order[0]].end > day {
		m.recent.Remove(m.order[0])
		m.forget(m.order[0])
		m.order = m.order[1:]
	}
	var with, crowd []stay
	for _, hit := range m.recent.Within(s.at, 150) {
		o := m.stays[hit.Key]
		if o.vehicle == s.vehicle && o.start == s.start {
			return out // the same stay again
		}
		if o.vehicle == s.vehicle || min(o.end, s.end)-max(o.start, s.start) < m.rules.meeting.long {
			continue
		}
		crowd = append(crowd, o)
		if hit.Distance <= m.rules.meeting.metres {
			with = append(with, o)
		}
	}
	n := m.keep(s, false)
	m.recent.Put(n, s.at)
	m.order = append(m.order, n)
	if len(crowd) > 2 { // many stand here: a jam, a queue, a rest place that nobody registered
		for _, o := range crowd { // of which the first had seen only each other
			m.tankers[o.vehicle] = slices.DeleteFunc(m.tankers[o.vehicle], func(x meeting) bool { return x.start == o.start })
		}
		return out
	}
	for _, o := range with {
		if tanker(v) {
			out = m.met(b, v, s, o, out)
		}
		if other := b.Vehicle(o.vehicle); other != nil && tanker(other) {
			out = m.met(b, other, o, s, out)
		}
	}
	return out
}

// tanker reports whether the vehicle may carry flammable liquids.
func tanker(v *register.Vehicle) bool { return v.Use == register.UseHazmat && v.Permit.Covers("3") }

func (m *Memory) met(b *register.Book, v *register.Vehicle, s, other stay, out []Finding) []Finding {
	today := dayOf(b, s.start).String()
	list := slices.DeleteFunc(m.tankers[v.ID], func(x meeting) bool { return x.day != today })
	list = append(list, meeting{s, other, today})
	m.tankers[v.ID] = list
	if inTurn(list) < m.rules.meeting.meetings {
		return out
	}
	f := Finding{Rule: MobileRefuelling, Subject: subject(v.ID), Key: keyOf(v.ID, today), From: list[0].start, To: s.end, At: s.at,
		Sure:    math.Min(0.9, 0.6+0.1*float64(len(list)-m.rules.meeting.meetings)),
		Numbers: Numbers{"n": float64(len(list)), "metres": geo.Distance(s.at, other.at), "minutes": s.minutes()},
		Names:   Names{"vehicle": string(v.ID), "other": string(other.vehicle)}}
	for _, x := range list {
		from, to := x.span()
		f.Evidence = append(f.Evidence, Evidence{What: "meeting", Vehicle: x.vehicle, From: from, To: to, At: x.at,
			Numbers: Numbers{"distance_m": geo.Distance(x.at, x.other.at)}}, x.other.evidence())
	}
	f.Evidence = bounded(append(f.Evidence, record(v.Ref())))
	return append(out, f)
}

// span is when both stood there.
func (x meeting) span() (from, to int64) {
	return max(x.start, x.other.start), min(x.end, x.other.end)
}

// inTurn is how many of the meetings were one after the other: who fills others does
// so in turn, who stands among others meets all of them at once. The same two within
// an hour have only moved a little.
func inTurn(list []meeting) int {
	byEnd := slices.SortedFunc(slices.Values(list), func(a, b meeting) int {
		_, x := a.span()
		_, y := b.span()
		return cmp.Compare(x, y)
	})
	n, busy := 0, int64(0)
	parted := map[register.VehicleID]int64{}
	for _, x := range byEnd {
		from, to := x.span()
		before, met := parted[x.other.vehicle]
		parted[x.other.vehicle] = to
		switch {
		case met && from-before < hour:
			busy = to
		case n == 0 || from >= busy:
			n, busy = n+1, to
		}
	}
	return n
}

// elsewhere looks whether waste was taken somewhere else than its sheet says: after
// a stay where it was loaded, one elsewhere, before the receiver was reached.
func (m *Memory) elsewhere(b *register.Book, v *register.Vehicle, s stay, out []Finding) []Finding {
	today := dayOf(b, s.start)
	for _, sheet := range b.SheetsOf(v.ID) {
		if sheet.Kind != register.WasteSheet || sheet.Day != today {
			continue
		}
		from, to := b.Site(sheet.From), b.Site(sheet.To)
		if from == nil || to == nil {
			continue
		}
		way := m.ways(v.ID, sheet.ID)
		switch {
		case from.Area.Distance(s.at) <= m.rules.waste.near:
			way.loaded = s.end
			continue
		case to.Area.Distance(s.at) <= m.rules.waste.near:
			way.done = true
			continue
		case way.loaded == 0 || s.start < way.loaded || way.done || s.end-s.start < m.rules.waste.long:
			continue
		}
		if poi, _ := b.NearestPOI(s.at, m.rules.waste.radius); poi != nil {
			continue
		}
		if s.end-s.start < 45*minute && m.ground.Road.Has(s.at) {
			continue
		}
		if site, _ := b.NearestSite(s.at, m.rules.waste.radius); site != nil && site.Firm == v.Firm && site.Status == register.Operating {
			continue // its own yard
		}
		out = append(out, Finding{Rule: WasteElsewhere, Subject: subject(v.ID), Key: keyOf(sheet.ID), From: s.start, To: s.end, At: s.at, Sure: 0.8,
			Numbers:  Numbers{"minutes": s.minutes(), "km": to.Area.Distance(s.at) / 1000, "metres": to.Area.Distance(s.at)},
			Names:    Names{"vehicle": string(v.ID), "site": string(to.ID), "substance": string(sheet.Substance)},
			Evidence: []Evidence{s.evidence(), record(sheet.Ref()), record(from.Ref()), record(to.Ref()), record(v.Ref())}})
	}
	return out
}

// Forget takes out what a vehicle's stays were from one moment to another, before its
// track is read anew.
func (m *Memory) Forget(v register.VehicleID, from, to int64) {
	old := func(s stay) bool { return s.vehicle == v && s.start >= from && s.start < to }
	for _, t := range m.closed {
		t.stays = slices.DeleteFunc(t.stays, old)
	}
	for n, s := range m.stays {
		if old(s) {
			m.unknown.Remove(n)
			m.recent.Remove(n)
			m.order = slices.DeleteFunc(m.order, func(o int) bool { return o == n })
			m.forget(n)
		}
	}
	m.tankers[v] = slices.DeleteFunc(m.tankers[v], func(x meeting) bool { return old(x.stay) || old(x.other) })
	if t := m.trips[v]; t != nil {
		t.stops = slices.DeleteFunc(t.stops, old)
	}
}
