package track

import (
	"time"

	"yiwang/city"
	"yiwang/geo"
)

// Roadcraft is what driving, rest and night mean. Regulation 62(7) for the Road
// Traffic Safety Law: nobody drives for more than four hours without a rest of at
// least 20 minutes.
type Roadcraft struct {
	Moving    float64        // km/h from which on something drives
	Step      time.Duration  // shortest time over which that is judged; jitter moves too
	Rest      time.Duration  // shortest rest
	Gap       time.Duration  // a longer silence is neither driving nor proof of rest; at most a day
	NightFrom time.Duration  // since midnight, in Zone
	NightTo   time.Duration  // may lie before NightFrom: the night goes over midnight; equal: there is none
	Zone      *time.Location // of days and nights; nil is UTC
}

// Law is driving as the regulation sees it.
var Law = Roadcraft{Moving: 5, Step: 10 * time.Second, Rest: 20 * time.Minute, Gap: 15 * time.Minute}

func (r Roadcraft) check() error {
	const day = 24 * time.Hour
	if !(r.Moving > 0) || r.Step < 0 || r.Rest <= 0 || r.Gap <= 0 || r.Gap > day || r.Step > r.Gap ||
		r.NightFrom < 0 || r.NightFrom > day || r.NightTo < 0 || r.NightTo > day {
		return city.Invalid("track.setting.driving")
	}
	return nil
}

// Driving follows one object, or one driver, from rest to rest. Between two points
// it drove when they are too far apart for anything else, or, if they are within a
// minute, when the terminal says so at both. Where it says of one of them that it
// stood, it drove for no longer than the way takes at the speed of the other. Standing
// for less than a rest interrupts no stretch and is not counted as driving. A silence
// is nobody's driving and counts towards a rest: what isn't seen is held against
// nobody. It says Drive when a stretch ends with a rest, Rest when that ends, Night
// when driving at night does, and Day with the sums of each day on which something was
// driven.
type Driving struct {
	craft *Roadcraft
	some  bool
	mark  Point // up to here everything is judged
	last  Point // that was taken

	drive   Event // the present stretch; Points is 0 when there is none
	rest    Event // the present standing; Start is when driving ended
	resting bool  // rest is long enough to be one
	unseen  bool  // some of rest was silence

	night    Event // driving at night, open when Points isn't 0
	day      Event // sums of the present day
	from, to int64 // when night begins and ends on that day
}

// NewDriving begins to follow; the craft is shared and must not change.
func NewDriving(c *Roadcraft) Driving { return Driving{craft: c} }

// Stretch is the driving since the last rest, so far; false while there is none.
func (d *Driving) Stretch() (Event, bool) { return d.drive, d.drive.Points > 0 }

// Tonight is the driving of the night that goes on; false when there is none.
func (d *Driving) Tonight() (Event, bool) { return d.night, d.night.Points > 0 }

// Today is the sums of the day of the last point that was judged.
func (d *Driving) Today() Event { return d.day }

// Push takes the next point, which isn't earlier than the last, and adds to out
// what came to an end. cut is a silence, however short.
func (d *Driving) Push(p Point, cut bool, out []Event) []Event {
	if !d.some {
		d.some, d.mark, d.last = true, p, p
		d.rest = Event{Kind: Rest, Start: p.At, End: p.At, Lat: p.Lat, Lon: p.Lon, ToLat: p.Lat, ToLon: p.Lon}
		return out
	}
	if unseen := p.At - d.last.At; cut || unseen > d.craft.Gap.Microseconds() {
		if d.last.At > d.mark.At {
			out = d.judge(d.last, out)
		}
		out = d.stood(p, true, out)
		d.mark, d.last = p, p
		return out
	}
	d.last = p
	if p.At-d.mark.At < d.craft.Step.Microseconds() || p.At == d.mark.At {
		return out
	}
	return d.judge(p, out)
}

// sure is how far a place has to move to be believed against the terminal's word
// that it stands.
const sure = 100

func (d *Driving) judge(p Point, out []Event) []Event {
	m := d.mark
	metres := geo.Distance(m.Place(), p.Place())
	fast := metres*3.6e6 >= d.craft.Moving*float64(p.At-m.At)
	known := m.Flags&p.Flags&HasSpeed != 0
	slowest := min(float64(m.Speed), float64(p.Speed))
	moved := fast && (!known || metres >= sure) || known && p.At-m.At <= minute && slowest >= d.craft.Moving
	d.mark = p
	if !moved {
		return d.stood(p, false, out)
	}
	if known && slowest == 0 {
		return d.partly(m, p, metres, out)
	}
	return d.drove(m, p, metres, out)
}

// partly takes a way of which the terminal says that one end of it was standing: no
// more of the time was driving than the way needs at the speed of the other end.
// Readings are missing there, and what isn't seen is held against nobody.
func (d *Driving) partly(m, p Point, metres float64, out []Event) []Event {
	took := int64(metres * 3.6e6 / max(float64(m.Speed), float64(p.Speed), d.craft.Moving))
	if p.At-m.At-took < d.craft.Step.Microseconds() {
		return d.drove(m, p, metres, out)
	}
	q := p
	if m.Speed == 0 {
		q.Lat, q.Lon, q.At = m.Lat, m.Lon, p.At-took
		return d.drove(q, p, metres, d.stood(q, false, out))
	}
	q.At = m.At + took
	return d.stood(p, false, d.drove(m, q, metres, out))
}

func (d *Driving) drove(m, p Point, metres float64, out []Event) []Event {
	if d.resting {
		r := d.rest
		r.End, r.ToLat, r.ToLon, r.Whole = m.At, m.Lat, m.Lon, !d.unseen
		out = append(out, r)
	}
	if d.drive.Points == 0 {
		d.drive = Event{Kind: Drive, Whole: true, Start: m.At, Lat: m.Lat, Lon: m.Lon}
	}
	if d.unseen && !d.resting {
		d.drive.Whole = false
	}
	drive(&d.drive, p.At, p, metres, p.At-m.At)
	d.resting, d.unseen = false, false
	d.rest = Event{Kind: Rest, Start: p.At, End: p.At, Lat: p.Lat, Lon: p.Lon, ToLat: p.Lat, ToLon: p.Lon}
	// piece by piece, as days and nights cut it
	long := float64(p.At - m.At)
	for at := m.At; at < p.At; {
		out = d.calendar(at, out)
		dark, end := d.dark(at)
		end = min(end, p.At)
		share := metres * float64(end-at) / long
		drive(&d.day, end, p, share, end-at)
		if dark {
			if d.night.Points == 0 {
				d.night = Event{Kind: Night, Whole: true, Start: at, Lat: m.Lat, Lon: m.Lon}
			}
			drive(&d.night, end, p, share, end-at)
		} else {
			out = d.dawn(out)
		}
		at = end
	}
	return out
}

func drive(e *Event, end int64, p Point, metres float64, long int64) {
	if e.Points < maxPoints {
		e.Points++
	}
	e.Driven += long
	e.Metres += metres
	if e.Kind != Day {
		e.End, e.ToLat, e.ToLon = end, p.Lat, p.Lon
	}
}

// stood lengthens the standing to p; where it becomes a rest, the stretch is over.
func (d *Driving) stood(p Point, unseen bool, out []Event) []Event {
	d.rest.End, d.rest.ToLat, d.rest.ToLon = p.At, p.Lat, p.Lon
	d.unseen = d.unseen || unseen
	if !d.resting && d.rest.End-d.rest.Start >= d.craft.Rest.Microseconds() {
		d.resting = true
		out = d.dawn(out)
		if d.drive.Points > 0 {
			out = append(out, d.drive)
			d.drive = Event{}
		}
	}
	return d.calendar(p.At, out)
}

// dawn ends the driving at night that goes on.
func (d *Driving) dawn(out []Event) []Event {
	if d.night.Points > 0 {
		out = append(out, d.night)
		d.night = Event{}
	}
	return out
}

// calendar turns to the day of the moment. The day before is told where something
// was driven.
func (d *Driving) calendar(at int64, out []Event) []Event {
	if at >= d.day.Start && at < d.day.End {
		return out
	}
	if d.day.Driven > 0 {
		out = append(out, d.day)
	}
	start, end := dayOf(at, d.craft.Zone)
	d.day = Event{Kind: Day, Whole: true, Start: start, End: end}
	d.from, d.to = start+d.craft.NightFrom.Microseconds(), start+d.craft.NightTo.Microseconds()
	return out
}

// dark says whether it is night at the moment of the present day, and until when
// that or the day lasts.
func (d *Driving) dark(at int64) (bool, int64) {
	until := d.day.End
	for _, t := range [2]int64{d.from, d.to} {
		if t > at && t < until {
			until = t
		}
	}
	if d.from <= d.to {
		return at >= d.from && at < d.to, until
	}
	return at >= d.from || at < d.to, until
}

// dayOf is the day that the moment lies in, from midnight to midnight.
func dayOf(at int64, zone *time.Location) (start, end int64) {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := time.UnixMicro(at).In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone).UnixMicro(), time.Date(y, m, d+1, 0, 0, 0, 0, zone).UnixMicro()
}
