package demo

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/geo"
)

const (
	heartbeat    = time.Second      // between two batches of positions
	saysDriving  = 10 * time.Second // a vehicle that drives tells where it is so often
	saysStanding = 30 * time.Second
	wrongAfter   = 4 * time.Minute  // between two that do what they must not, at least
	restAfter    = 80 * time.Minute // of driving, at the next end of a way; the law says four hours
	restLong     = 26 * time.Minute
	enough       = 7 * time.Hour // of driving in a day
)

// traffic is the vehicles of the registers on the roads of the city, each with a
// terminal that tells where it is. Nearly all do as they should; now and then one is
// too fast, where it must not be, or off its way.
type traffic struct {
	rand    *rand.Rand
	book    *register.Book
	ways    *ways
	zone    *time.Location
	drivers []*driver
	rests   []place // where one may stand for longer
	wrong   time.Time
	turn    int
	honest  bool // nobody does anything wrong
	begun   bool
}

// place is somewhere one can drive to.
type place struct {
	node int
	at   geo.Point
}

// driver is one vehicle and whoever drives it.
type driver struct {
	v       *register.Vehicle
	rand    *rand.Rand
	goes    []place     // its destinations
	route   []geo.Point // the way declared for it, where one is
	back    bool        // it comes back on its route
	at      geo.Point
	heading float64
	line    []mile
	kmh     float64
	haste   float64   // km/h beyond what is allowed; 0 is nearly always
	stands  time.Time // until when
	moved   time.Time
	says    time.Time
	driven  time.Duration // since its last rest
	today   time.Duration
	day     city.Date
	ends    time.Duration // how long it stands at the end of its way
	doing   string        // what it does wrong; "" is nothing
	fresh   bool          // nobody has heard of it yet
}

const streamTraffic = 0x7af1c << 32

// Drive lets the registered vehicles drive about until the context ends, where the
// city watches vehicles and has a map. It needs Cast only.
func (d *Demo) Drive(ctx context.Context) error {
	p := d.now
	if p.Vehicles == nil || p.Registers == nil || p.Pack.Roads == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	book, err := p.Registers.On(ctx, program, city.Date{})
	if err != nil {
		return err
	}
	t := d.traffic(book)
	where := map[register.VehicleID]geo.Point{}
	for _, dr := range t.drivers {
		l, ok, err := p.Vehicles.Where(ctx, program, dr.v.ID)
		if err != nil {
			return err
		}
		if ok {
			where[dr.v.ID] = geo.Point{Lat: l.Lat, Lon: l.Lon}
		}
	}
	t.begin(p.Clock.Now(), where)
	for {
		if batch := t.step(p.Clock.Now()); len(batch) > 0 {
			if err := p.Vehicles.Record(ctx, program, batch); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "the made-up traffic stumbled", "err", err)
			}
		}
		if err := breathe(ctx, heartbeat); err != nil {
			return err
		}
	}
}

// traffic puts a driver into every vehicle that may be on the road.
func (d *Demo) traffic(book *register.Book) *traffic {
	t := &traffic{rand: d.chance(streamTraffic), book: book, ways: newWays(d.now.Pack.Roads), zone: d.now.Pack.Zone}
	var plants, streets []place
	for _, s := range book.Sites() {
		if s.Status == register.Operating && t.licensed(s) {
			plants = t.add(plants, s.Area.Middle(), 250)
		}
	}
	for _, p := range book.POIs() {
		t.rests = t.add(t.rests, p.At, 150)
	}
	for range 60 {
		n := t.rand.IntN(len(t.ways.at))
		streets = append(streets, place{n, t.ways.at[n]})
	}
	for i, v := range book.Vehicles() {
		if v.Status != register.Active {
			continue
		}
		dr := &driver{v: v, rand: rand.New(rand.NewPCG(d.seed, streamTraffic+uint64(i)+1))}
		switch v.Use {
		case register.UseHazmat, register.UseWaste:
			if routes := book.RoutesOf(v.ID); len(routes) > 0 {
				dr.route = routes[0].Line
			}
			dr.goes = t.allowed(dr, plants, t.rests)
		case register.UsePrivate:
			dr.goes = streets
		default:
			dr.goes = append(append([]place(nil), streets...), t.rests...)
		}
		if len(dr.goes) > 0 {
			t.drivers = append(t.drivers, dr)
		}
	}
	return t
}

// add puts a place with others if a road is so near.
func (t *traffic) add(list []place, p geo.Point, within float64) []place {
	if n, far := t.ways.near(p); n >= 0 && far <= within {
		return append(list, place{n, p})
	}
	return list
}

// licensed reports whether work may go on at a site.
func (t *traffic) licensed(s *register.Site) bool {
	for _, l := range append(append([]*register.Licence(nil), t.book.LicencesAt(s.ID)...), t.book.LicencesOf(s.Firm)...) {
		if l.Link == s.Link && l.InForce(t.book.Day()) {
			return true
		}
	}
	return s.Link != register.Production && s.Link != register.Storing && s.Link != register.Disposal
}

// allowed are the places where a vehicle may go.
func (t *traffic) allowed(dr *driver, lists ...[]place) (out []place) {
	for _, list := range lists {
		for _, p := range list {
			if !t.closed(dr, p.at) && !t.closed(dr, t.ways.at[p.node]) {
				out = append(out, p)
			}
		}
	}
	return out
}

// closed reports whether a place is, at some hour of the day, closed to what the
// vehicle may carry.
func (t *traffic) closed(dr *driver, p geo.Point) bool {
	if dr.v.Use != register.UseHazmat && dr.v.Use != register.UseWaste {
		return false
	}
	var room [4]*register.Zone
	for _, z := range t.book.ZonesAt(room[:0], p) {
		for _, c := range dr.v.Permit.Classes {
			if z.ClosedTo(c) {
				return true
			}
		}
	}
	return false
}

// begin puts every vehicle where it was seen last, or somewhere on its way.
func (t *traffic) begin(now time.Time, where map[register.VehicleID]geo.Point) {
	for _, dr := range t.drivers {
		dr.moved, dr.says = now, now.Add(time.Duration(dr.rand.Int64N(int64(saysDriving))))
		dr.day = city.DateOf(now.In(t.zone))
		last, known := where[dr.v.ID]
		switch {
		case known:
			dr.at = last
		case dr.route != nil:
			dr.at = dr.route[0]
		default:
			dr.at = dr.goes[dr.rand.IntN(len(dr.goes))].at
		}
		t.off(dr, now)
		dr.fresh = !known
		if known || t.nightly(dr, now) {
			continue
		}
		for left := length(dr.at, dr.line) * dr.rand.Float64() * 0.8; left > 0 && len(dr.line) > 1; { // on its way already
			left -= geo.Distance(dr.at, dr.line[0].at)
			dr.at, dr.line = dr.line[0].at, dr.line[1:]
		}
	}
}

// nightly reports whether the vehicle must not drive now, or soon: dangerous goods and
// coaches not from two to five.
func (t *traffic) nightly(dr *driver, now time.Time) bool {
	switch dr.v.Use {
	case register.UseHazmat, register.UseWaste, register.UseCoach, register.UseCharter:
		l := now.In(t.zone)
		m := l.Hour()*60 + l.Minute()
		return m >= 75 && m < 310
	}
	return false
}

// step moves everybody up to the moment and gives what the terminals tell.
func (t *traffic) step(now time.Time) (batch []history.Position) {
	t.mischief(now)
	for _, dr := range t.drivers {
		t.move(dr, now)
		if now.Before(dr.says) {
			continue
		}
		batch = append(batch, dr.tell(now))
		every := saysDriving
		if dr.kmh == 0 {
			every = saysStanding
		}
		dr.says = now.Add(every)
	}
	return batch
}

func (dr *driver) tell(now time.Time) history.Position {
	at := jitter(dr.at, dr.rand.Float64)
	if dr.rand.IntN(2000) == 0 { // by way of a wall
		at = geo.Move(dr.at, 360*dr.rand.Float64(), 100+200*dr.rand.Float64())
	}
	us := city.Micros(now)
	return history.Position{Vehicle: string(dr.v.ID), At: us, Received: us, Lat: at.Lat, Lon: at.Lon, Speed: float32(dr.kmh), Heading: uint16(dr.heading), Altitude: 4, Status: 3}
}

// move drives a vehicle from where it was to where it is now.
func (t *traffic) move(dr *driver, now time.Time) {
	long := now.Sub(dr.moved)
	dr.moved = now
	if today := city.DateOf(now.In(t.zone)); today != dr.day {
		dr.day, dr.today = today, 0
	}
	if now.Before(dr.stands) {
		dr.kmh = 0
		return
	}
	if len(dr.line) == 0 {
		t.off(dr, now)
		if dr.kmh = 0; len(dr.line) == 0 || now.Before(dr.stands) {
			return
		}
	}
	dr.driven, dr.today = dr.driven+long, dr.today+long
	for left := long.Seconds(); left > 0 && len(dr.line) > 0; {
		next := dr.line[0]
		dr.kmh = pace(next.class) + dr.haste
		if dr.haste > 0 && next.class != geo.Motorway {
			dr.kmh = 60 + dr.haste
		}
		far := geo.Distance(dr.at, next.at)
		reach := dr.kmh / 3.6 * left
		if far > 0.5 {
			dr.heading = geo.Bearing(dr.at, next.at)
		}
		if reach < far {
			dr.at = geo.Move(dr.at, dr.heading, reach)
			break
		}
		left -= far / (dr.kmh / 3.6)
		dr.at, dr.line = next.at, dr.line[1:]
	}
	if len(dr.line) == 0 { // there
		dr.kmh, dr.haste, dr.doing = 0, 0, ""
		dr.stands = now.Add(dr.ends)
		if dr.ends >= restLong {
			dr.driven = 0
		}
		dr.says = now
	}
}

// off decides where a vehicle goes next, and for how long it stands there.
func (t *traffic) off(dr *driver, now time.Time) {
	dr.ends = 3*time.Minute + time.Duration(dr.rand.Int64N(int64(4*time.Minute)))
	if t.nightly(dr, now) { // stays where it is
		dr.stands = now.Add(10 * time.Minute)
		dr.driven = 0
		return
	}
	if dr.today > enough {
		dr.stands = now.Add(time.Hour)
		dr.driven = 0
		return
	}
	if dr.driven > restAfter {
		dr.ends = restLong + time.Duration(dr.rand.Int64N(int64(10*time.Minute)))
	}
	if dr.route != nil {
		t.along(dr)
		return
	}
	list := dr.goes
	if dr.ends >= restLong {
		if rests := t.allowed(dr, t.rests); len(rests) > 0 {
			list = rests
		}
	}
	for range 5 {
		if t.head(dr, list[dr.rand.IntN(len(list))]) {
			return
		}
	}
}

// head sets a vehicle on its way to a place; false where there is none, or where it
// is already.
func (t *traffic) head(dr *driver, to place) bool {
	from, _ := t.ways.near(dr.at)
	if from < 0 || from == to.node {
		return false
	}
	line := t.ways.find(from, to.node, func(p geo.Point) bool { return t.closed(dr, p) })
	if line == nil {
		return false
	}
	dr.line = append([]mile{{t.ways.at[from], geo.Residential}}, line...)
	dr.line = append(dr.line, mile{to.at, geo.Residential})
	return true
}

// along sends a vehicle along its declared route, from where it is on it to the end
// that it was bound for, and from the end back.
func (t *traffic) along(dr *driver) {
	near, least := 0, -1.0
	for i, p := range dr.route {
		if far := geo.Distance(p, dr.at); least < 0 || far < least {
			near, least = i, far
		}
	}
	last := len(dr.route) - 1
	if geo.Distance(dr.at, dr.route[last]) < 30 {
		dr.back, near = true, last
	} else if geo.Distance(dr.at, dr.route[0]) < 30 {
		dr.back, near = false, 0
	}
	dr.line = dr.line[:0]
	if least > 200 { // it had left it
		if n, _ := t.ways.near(dr.route[near]); n >= 0 && t.head(dr, place{n, dr.route[near]}) {
			dr.ends = time.Minute
			return
		}
	}
	if dr.back {
		for i := near; i >= 0; i-- {
			dr.line = append(dr.line, mile{dr.route[i], geo.Secondary})
		}
		return
	}
	for i := near; i <= last; i++ {
		dr.line = append(dr.line, mile{dr.route[i], geo.Secondary})
	}
}
