package detect

import (
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
)

// Ground is what is known of the roads beneath a vehicle. The zero value knows none:
// then nothing is a motorway and nobody stands on a road.
type Ground struct {
	Motorway *Raster // places on motorways
	Road     *Raster // places on any road
}

// Vehicle is what is remembered of one vehicle. It is not safe for concurrent use.
// A copy of the struct shares memory with it; Clone doesn't.
type Vehicle struct {
	ID    register.VehicleID
	Track track.Vehicle

	zone, route spell
	stretch     Said // driving without a rest
	night       Said // driving at night
	tiredDay    Said // the day whose sum was too much
	pace        Said // speeding
	routes      []*register.Route
	serial      uint64      // of the book that the routes stand in
	away        track.Event // a silence after which it was elsewhere, until another reading says so too
}

// Read looks up what the book has of the vehicle, unless that was done. Push does, too;
// whoever watches vehicles that are not heard any more lets go of an old book by it.
func (v *Vehicle) Read(b *register.Book) {
	if v.serial != b.Serial() {
		v.routes, v.serial = b.RoutesOf(v.ID), b.Serial()
	}
}

// spell is something that goes on.
type spell struct {
	since, last int64
	at          geo.Point
	most        float64
	points      int32
	deep        int32 // of points, those that no error of a receiver brings there
	told        Said
	id          string
}

// Said is what was told of something that began at start, up to when. What goes on is
// told again every hour, since what held it back may be over.
type Said struct{ start, until int64 }

const again = hour

// Due reports whether something that goes on until now is to be told, and notes that it
// is.
func (t *Said) Due(start, now int64) bool {
	if t.start == start && now-t.until < again {
		return false
	}
	*t = Said{start, now}
	return true
}

// Vehicle begins to watch one.
func (r *Rules) Vehicle(id register.VehicleID) Vehicle {
	return Vehicle{ID: id, Track: r.watch.Vehicle()}
}

// Clone is a copy that shares nothing with v but the rules.
func (v *Vehicle) Clone() Vehicle {
	c := *v
	c.Track = v.Track.Clone()
	return c
}

// Seen is what a reading brought.
type Seen struct {
	Why    track.Reason  // Fine, or why the reading doesn't count
	Events []track.Event // stays and gaps that came to an end; for Memory
}

// restless are uses whose drivers have to rest by law, and nightly those that may
// not drive at night.
func restless(u register.VehicleUse) bool {
	switch u {
	case register.UseHazmat, register.UseCoach, register.UseCharter, register.UseFreight, register.UseMuckTruck, register.UseWaste, register.UseBus:
		return true
	}
	return false
}

func nightly(u register.VehicleUse) bool {
	return u == register.UseHazmat || u == register.UseCoach || u == register.UseCharter || u == register.UseWaste
}

func hazardous(u register.VehicleUse) bool { return u == register.UseHazmat || u == register.UseWaste }

// Push takes a reading of the vehicle as it stands in the book (nil: nobody knows
// the vehicle) and adds to out what is noticed with it. seen holds the events that
// ended in its own memory, which the next call uses again.
func (r *Rules) Push(b *register.Book, g Ground, v *Vehicle, reg *register.Vehicle, p track.Reading, seen *Seen, out []Finding) []Finding {
	seen.Events = seen.Events[:0]
	hazmat := reg != nil && hazardous(reg.Use)
	if r.each.pace && hazmat && p.Flags&track.HasSpeed != 0 && p.Speed > r.pace.other {
		p.Limit = r.pace.other
		if g.Motorway.Has(p.Place()) {
			p.Limit = r.pace.motorway
		}
	}
	seen.Events, seen.Why = v.Track.Push(p, seen.Events)
	if seen.Why != track.Fine {
		return out
	}
	if e := v.away; e.Kind == track.Gap {
		v.away = track.Event{}
		if reg != nil && geo.Distance(e.Place(), p.Place()) >= r.off.metres { // the first place after a silence is often wrong
			out = r.gap(v, reg, e, out)
		}
	}
	kept := seen.Events[:0]
	for _, e := range seen.Events {
		switch e.Kind {
		case track.Gap:
			if r.movedOff(reg, e) {
				v.away = e
			}
			v.zone, v.route = spell{}, spell{}
			kept = append(kept, e)
		case track.Stay:
			kept = append(kept, e)
		case track.Speeding:
			out = r.speeding(v, e, out)
		}
	}
	seen.Events = kept
	if reg == nil {
		return out
	}
	if r.each.fatigue && restless(reg.Use) {
		out = r.fatigue(b, v, reg, out)
	}
	if r.each.night && nightly(reg.Use) {
		out = r.nightDriving(b, v, reg, out)
	}
	if hazmat {
		if e, ok := v.Track.Pace.Open(); ok {
			out = r.speeding(v, e, out)
		}
		out = r.forbidden(b, v, reg, p, out)
		out = r.offRoute(b, v, reg, p, out)
	}
	return out
}

// movedOff reports whether the vehicle seems to have moved in a silence.
func (r *Rules) movedOff(reg *register.Vehicle, e track.Event) bool {
	return r.each.off && reg != nil && restless(reg.Use) && e.End-e.Start >= r.off.long &&
		geo.Distance(e.Place(), geo.Point{Lat: e.ToLat, Lon: e.ToLon}) >= r.off.metres
}

func (r *Rules) gap(v *Vehicle, reg *register.Vehicle, e track.Event, out []Finding) []Finding {
	to := geo.Point{Lat: e.ToLat, Lon: e.ToLon}
	moved := geo.Distance(e.Place(), to)
	return append(out, Finding{Rule: MovedWhileOff, Subject: subject(v.ID), Key: keyOf(v.ID, e.Start), From: e.Start, To: e.End, At: to, Sure: 0.7,
		Numbers: Numbers{"km": moved / 1000, "minutes": float64(e.End-e.Start) / float64(minute)}, Names: Names{"vehicle": string(v.ID)},
		Evidence: []Evidence{{What: "gap", Vehicle: v.ID, From: e.Start, To: e.End, At: e.Place(), Numbers: Numbers{"distance_m": moved}}, record(reg.Ref())}})
}

func (r *Rules) speeding(v *Vehicle, e track.Event, out []Finding) []Finding {
	if !r.each.pace || e.End-e.Start < r.pace.long || !v.pace.Due(e.Start, e.End) {
		return out
	}
	limit := r.pace.otherLimit
	if e.Limit == r.pace.motorway {
		limit = r.pace.motorwayLimit
	}
	return append(out, Finding{Rule: Speeding, Subject: subject(v.ID), Key: keyOf(v.ID, e.Start), From: e.Start, To: e.End, At: e.Place(), Sure: 0.9,
		Numbers: Numbers{"speed": float64(e.Peak), "limit": float64(limit), "minutes": float64(e.End-e.Start) / float64(minute)}, Names: Names{"vehicle": string(v.ID)},
		Evidence: []Evidence{{What: "track", Vehicle: v.ID, From: e.Start, To: e.End, At: e.Place(), Numbers: Numbers{"speed_kmh": float64(e.Peak), "limit_kmh": float64(limit)}}}})
}

func (r *Rules) fatigue(b *register.Book, v *Vehicle, reg *register.Vehicle, out []Finding) []Finding {
	tell := func(e track.Event, driven int64, of, key string) {
		out = append(out, Finding{Rule: Fatigue, Subject: subject(v.ID), Key: keyOf(v.ID, of, key), From: e.Start, To: e.End, At: geo.Point{Lat: e.ToLat, Lon: e.ToLon}, Sure: map[bool]float64{true: 0.95, false: 0.75}[e.Whole],
			Numbers: Numbers{"hours": float64(driven) / float64(hour), "minutes": float64(driven) / float64(minute), "km": e.Metres / 1000}, Names: Names{"vehicle": string(v.ID)},
			Evidence: []Evidence{{What: "track", Vehicle: v.ID, From: e.Start, To: e.End, At: e.Place(), Numbers: Numbers{"driven_s": float64(driven / second), "distance_m": e.Metres}}, record(reg.Ref())}})
	}
	if e, ok := v.Track.Driving.Stretch(); ok && e.Driven > r.tired.driving && v.stretch.Due(e.Start, e.End) {
		tell(e, e.Driven, "stretch", keyOf(e.Start))
	}
	if e := v.Track.Driving.Today(); e.Driven > r.tired.daily && v.stretch.start < e.Start && v.tiredDay.Due(e.Start, e.Driven) {
		last, _ := v.Track.Stays.Last()
		e.End, e.ToLat, e.ToLon, e.Lat, e.Lon = last.At, last.Lat, last.Lon, last.Lat, last.Lon
		tell(e, e.Driven, "day", dayOf(b, e.Start).String())
	}
	return out
}

func (r *Rules) nightDriving(b *register.Book, v *Vehicle, reg *register.Vehicle, out []Finding) []Finding {
	e, ok := v.Track.Driving.Tonight()
	if !ok || e.Driven < r.night.long || !v.night.Due(e.Start, e.End) {
		return out
	}
	return append(out, Finding{Rule: NightDriving, Subject: subject(v.ID), Key: keyOf(v.ID, dayOf(b, e.Start)), From: e.Start, To: e.End, At: geo.Point{Lat: e.ToLat, Lon: e.ToLon}, Sure: 0.95,
		Numbers: Numbers{"minutes": float64(e.Driven) / float64(minute), "km": e.Metres / 1000}, Names: Names{"vehicle": string(v.ID)},
		Evidence: []Evidence{{What: "track", Vehicle: v.ID, From: e.Start, To: e.End, At: e.Place(), Numbers: Numbers{"driven_s": float64(e.Driven / second), "distance_m": e.Metres}}, record(reg.Ref())}})
}

// astray is how far a receiver's place may be from the true one, in metres. On a road
// along the border nobody is held to be within on the word of one reading.
const astray = 30

// forbidden looks whether the vehicle is where dangerous goods may not be.
func (r *Rules) forbidden(b *register.Book, v *Vehicle, reg *register.Vehicle, p track.Reading, out []Finding) []Finding {
	if !r.each.zone {
		return out
	}
	var room [8]*register.Zone
	var in *register.Zone
	for _, z := range b.ZonesAt(room[:0], p.Place()) {
		if closedTo(z, reg) && z.ClosedAt(b.Minute(p.At)) {
			in = z
			break
		}
	}
	if in == nil {
		v.zone = spell{}
		return out
	}
	s := &v.zone
	if s.points == 0 || s.id != string(in.ID) {
		*s = spell{since: p.At, at: p.Place(), id: string(in.ID)}
	}
	s.last, s.points = p.At, s.points+1
	if s.deep < 2 && in.Area.Depth(p.Place()) >= astray {
		s.deep++
	}
	if s.deep < 2 || s.last-s.since < r.zone.long || !s.told.Due(s.since, s.last) {
		return out
	}
	return append(out, Finding{Rule: ForbiddenZone, Subject: subject(v.ID), Key: keyOf(v.ID, in.ID, s.since), From: s.since, To: s.last, At: p.Place(), Sure: 0.95,
		Numbers: Numbers{"minutes": float64(s.last-s.since) / float64(minute)}, Names: Names{"vehicle": string(v.ID), "zone": string(in.ID)},
		Evidence: []Evidence{{What: "track", Vehicle: v.ID, From: s.since, To: s.last, At: s.at}, record(in.Ref()), record(reg.Ref())}})
}

// offRoute looks whether the vehicle has left every route that was declared for it.
func (r *Rules) offRoute(b *register.Book, v *Vehicle, reg *register.Vehicle, p track.Reading, out []Finding) []Finding {
	if !r.each.route {
		return out
	}
	v.Read(b)
	route, beyond := register.Beyond(v.routes, p.Place())
	if route == nil || beyond < r.route.metres {
		v.route = spell{}
		return out
	}
	s := &v.route
	if s.points == 0 {
		*s = spell{since: p.At, at: p.Place()}
	}
	s.last, s.points, s.most = p.At, s.points+1, max(s.most, beyond)
	if s.points < 3 || s.last-s.since < r.route.long || !s.told.Due(s.since, s.last) {
		return out
	}
	sure := 0.7
	evidence := []Evidence{{What: "track", Vehicle: v.ID, From: s.since, To: s.last, At: s.at, Numbers: Numbers{"distance_m": s.most}}, record(route.Ref()), record(reg.Ref())}
	today := dayOf(b, p.At)
	for _, sheet := range b.SheetsOf(v.ID) {
		if sheet.Day == today {
			sure = 0.9
			evidence = append(evidence, record(sheet.Ref()))
			break
		}
	}
	return append(out, Finding{Rule: OffRoute, Subject: subject(v.ID), Key: keyOf(v.ID, s.since), From: s.since, To: s.last, At: p.Place(), Sure: sure,
		Numbers: Numbers{"km": s.most / 1000, "metres": s.most, "minutes": float64(s.last-s.since) / float64(minute)}, Names: Names{"vehicle": string(v.ID), "route": string(route.ID)},
		Evidence: evidence})
}

// Quiet looks at a vehicle of which nothing was heard for long though it moved when
// it was heard last. now is the city's time.
func (r *Rules) Quiet(v *Vehicle, reg *register.Vehicle, now int64) (Finding, bool) {
	last, ok := v.Track.Stays.Last()
	if !r.on[Silent] || !ok || reg == nil || !restless(reg.Use) || reg.Status != register.Active || now-last.At < r.silent.long {
		return Finding{}, false
	}
	if p, _ := v.Track.Filter.Last(); p.Flags&track.HasSpeed != 0 && p.Speed == 0 { // it said that it stood
		return Finding{}, false
	}
	stretch, driving := v.Track.Driving.Stretch()
	if !driving || last.At-stretch.End > minute { // it stood: whoever is parked may be silent
		return Finding{}, false
	}
	return Finding{Rule: Silent, Subject: subject(v.ID), Key: keyOf(v.ID, last.At), From: last.At, To: now, At: last.Place(), Sure: 0.6,
		Numbers: Numbers{"hours": float64(now-last.At) / float64(hour), "minutes": float64(now-last.At) / float64(minute)}, Names: Names{"vehicle": string(v.ID)},
		Evidence: []Evidence{{What: "gap", Vehicle: v.ID, From: last.At, To: now, At: last.Place()}, record(reg.Ref())}}, true
}

// closedTo reports whether the zone is closed to anything that the vehicle may carry.
// One that says nothing of what it may carry may carry anything.
func closedTo(z *register.Zone, reg *register.Vehicle) bool {
	for _, c := range reg.Permit.Classes {
		if z.ClosedTo(c) {
			return true
		}
	}
	return len(reg.Permit.Classes) == 0
}
