package bench

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/pack"
)

// pause between two positions of a vehicle, and how fast it drives: 50 km/h.
const (
	pause  = 10 * time.Second
	metres = 139.0 // in a pause
)

// traffic is tankers that drive to and fro on the routes that the city's own have
// declared, stop for some minutes now and then, and tremble as receivers do. They
// drive through zones that are closed to explosives, which they don't carry, so
// that every position is held against them and little is noticed.
type traffic struct {
	size   FleetSize
	lines  []street
	middle geo.Point
	began  time.Time // of the first position
	radius float64   // of the city, metres
}

// street is a route with how far along it each of its points lies.
type street struct {
	points []geo.Point
	along  []float64
}

func newTraffic(p *pack.City, size FleetSize, now time.Time) (*traffic, error) {
	t := &traffic{size: size}
	// what is sent lies before now, one position after the other, and leaves time for
	// those that go astray at last
	t.began = now.Add(-20*time.Minute - time.Duration(size.Sent+2*size.Positions)*pause).Truncate(time.Second)
	for _, rec := range p.Registers.Records {
		r, ok := rec.(*register.Route)
		if !ok || len(r.Line) < 2 {
			continue
		}
		l := street{points: r.Line, along: make([]float64, len(r.Line))}
		for i := 1; i < len(r.Line); i++ {
			l.along[i] = l.along[i-1] + geo.Distance(r.Line[i-1], r.Line[i])
		}
		if l.along[len(l.along)-1] > 2*metres {
			t.lines = append(t.lines, l)
		}
	}
	if len(t.lines) == 0 || p.Roads == nil {
		return nil, errors.New("bench: the city has no routes or no roads")
	}
	box := geo.BoxOf(t.lines[0].points)
	for _, l := range t.lines {
		for _, q := range l.points {
			box = box.Extend(q)
		}
	}
	t.middle = geo.Point{Lat: (box.South + box.North) / 2, Lon: (box.West + box.East) / 2}
	t.radius = geo.Distance(t.middle, geo.Point{Lat: box.North, Lon: box.East})
	return t, nil
}

func plate(i int) register.VehicleID { return register.VehicleID(fmt.Sprintf("BN%06d", i)) }
func phoneOf(i int) string           { return fmt.Sprintf("13%09d", i) }

// records are the vehicles, their routes, and the zones.
func (t *traffic) records() (list []register.Record) {
	routes := make([]*register.Route, len(t.lines))
	for i, l := range t.lines {
		routes[i] = &register.Route{Entry: register.Entry[register.RouteID]{ID: register.RouteID(fmt.Sprintf("bench-%d", i)), Version: 1}, Corridor: 250, Line: l.points}
	}
	for i := range t.size.Vehicles {
		id := plate(i)
		list = append(list, &register.Vehicle{Entry: register.Entry[register.VehicleID]{ID: id, Version: 1}, Terminal: phoneOf(i), Use: register.UseHazmat, Operating: true, Status: register.Active,
			Permit: register.Permit{Number: "bench", Classes: []register.Class{"3"}}})
		r := routes[i%len(routes)]
		r.Vehicles = append(r.Vehicles, id)
	}
	for _, r := range routes {
		if len(r.Vehicles) > 0 {
			list = append(list, r)
		}
	}
	rnd := rand.New(rand.NewPCG(3, 3))
	for i := range t.size.Zones {
		centre := geo.Move(t.middle, 360*rnd.Float64(), t.radius*math.Sqrt(rnd.Float64()))
		z := &register.Zone{Entry: register.Entry[register.ZoneID]{ID: register.ZoneID(fmt.Sprintf("bench-%d", i)), Version: 1}, Name: city.Text{ZhHans: "bench", En: "bench"}, Classes: []register.Class{"1"}}
		for corner := range 12 {
			z.Area.Border = append(z.Area.Border, geo.Move(centre, 30*float64(corner), 100+500*rnd.Float64()))
		}
		list = append(list, z)
	}
	return list
}

// where is the place and speed of a vehicle at its k-th position. Of those with an
// odd number some stand all the time, when standing is true.
func (t *traffic) where(i, k int, standing bool) (geo.Point, float64) {
	rnd := rand.New(rand.NewPCG(uint64(i), uint64(k)))
	l := t.lines[i%len(t.lines)]
	long := l.along[len(l.along)-1]
	driven, kmh := float64(k), 50.0
	if round := k % 120; round >= 60 && round < 84 { // four minutes at a gate
		driven, kmh = float64(k-round+60), 0
	}
	if standing && i%2 == 1 {
		driven, kmh = 0, 0
	}
	d := math.Mod(float64(i)*97+driven*metres, 2*long)
	if d > long {
		d = 2*long - d
	}
	n := sort.SearchFloat64s(l.along, d)
	p := l.points[0]
	if n > 0 {
		a, b := l.points[n-1], l.points[n]
		share := (d - l.along[n-1]) / (l.along[n] - l.along[n-1])
		p = geo.Point{Lat: a.Lat + share*(b.Lat-a.Lat), Lon: a.Lon + share*(b.Lon-a.Lon)}
	}
	return geo.Move(p, 360*rnd.Float64(), 3*math.Abs(rnd.NormFloat64())), kmh
}

func (t *traffic) at(k int) time.Time { return t.began.Add(time.Duration(k) * pause) }

// items are the additional items that an ordinary terminal adds: mileage, speed by
// the recorder, strength of the network, satellites.
var items = func() jt808.Items {
	e := jt808.Extras{Mileage: 123_456, Recorder: 500, Radio: 28, Satellites: 11}
	for _, id := range []jt808.ItemID{jt808.ItemMileage, jt808.ItemRecorder, jt808.ItemRadio, jt808.ItemSatellites} {
		e.Set(id)
	}
	list, err := e.Append(nil)
	if err != nil {
		panic(err)
	}
	return list
}()

// told is a position as the terminal tells it.
func told(at time.Time, p geo.Point, kmh float64) jt808.Position {
	return jt808.Position{Status: jt808.StatusACC | jt808.StatusFixed, Lat: int64(math.Round(p.Lat * 1e6)), Lon: int64(math.Round(p.Lon * 1e6)),
		Speed: uint16(kmh * 10), Time: at.UTC(), Items: items}
}

// position is what a vehicle's k-th position is kept as.
func (t *traffic) position(i, k int) history.Position {
	p, kmh := t.where(i, k, false)
	at := city.Micros(t.at(k))
	return history.Position{Vehicle: string(plate(i)), At: at, Received: at, Lat: math.Round(p.Lat*1e6) / 1e6, Lon: math.Round(p.Lon*1e6) / 1e6,
		Speed: float32(kmh), Status: 3, Mileage: 123_456, Source: 1}
}

// terminal says what one vehicle's terminal has to say, one message after the other.
type terminal struct {
	phone  jt808.Phone
	serial uint16
	code   jt808.GBK
	in     bool // it has authenticated
	next   func(serial uint16, phone jt808.Phone) []byte
	buf    []byte
}

func newTerminal(i int, next func(serial uint16, phone jt808.Phone) []byte) (*terminal, error) {
	phone, err := jt808.ParsePhone(phoneOf(i))
	return &terminal{phone: phone, next: next}, err
}

// say is the next message; nil where there is none.
func (t *terminal) say() ([]byte, error) {
	var m jt808.Message
	switch {
	case t.in:
		t.serial++
		return t.next(t.serial-1, t.phone), nil
	case len(t.code) == 0:
		m = jt808.Register{}
	default:
		m = jt808.Authenticate{Code: t.code}
	}
	wire, _, err := jt808.Encode(t.buf[:0], jt808.Header{Phone: t.phone, Serial: t.serial}, m)
	t.buf = wire
	t.serial++
	return wire, err
}

// hear takes the platform's answer. Of those to positions only the length is looked
// at; whether all were kept is compared at the end.
func (t *terminal) hear(wire []byte) error {
	if t.in {
		return nil
	}
	_, m, err := jt808.Decode(wire)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case jt808.RegisterReply:
		if t.code = m.Code; len(t.code) == 0 {
			return errors.New("bench: a terminal was not registered")
		}
	case jt808.Reply:
		if t.in = m.Result == jt808.Done; !t.in {
			return errors.New("bench: a terminal was not let in")
		}
	}
	return nil
}
