package app_test

import (
	"net"
	"time"

	"yiwang/fleet/jt808"
	"yiwang/fleet/register"
	"yiwang/geo"
)

// trespass finds a truck with dangerous goods, and a way along a road into an area that
// is closed to it: too short to count as off its route.
func (p *place) trespass() (truck *register.Vehicle, way []geo.Point) {
	p.Helper()
	book := p.app.Registers.Book()
	for _, v := range book.Vehicles() {
		if v.Use == register.UseHazmat && v.Terminal != "" && v.Status == register.Active && v.Permit.InForce(book.Day()) {
			truck = v
			break
		}
	}
	if truck == nil {
		p.Fatal("no truck with a terminal")
	}
	closed := func(at geo.Point) bool {
		for _, z := range book.ZonesAt(nil, at) {
			if len(z.Hours) == 0 && len(z.Classes) == 0 {
				return true
			}
		}
		return false
	}
	for i := range p.app.Pack.Roads.Roads {
		r := &p.app.Pack.Roads.Roads[i]
		if r.Class == geo.Motorway {
			continue
		}
		steps := paced(r.Line, 100)
		for j := 1; j < len(steps); j++ {
			if closed(steps[j-1]) || !closed(steps[j]) {
				continue
			}
			within := j
			for within < len(steps) && closed(steps[within]) && within < j+16 {
				within++
			}
			if within-j >= 14 && (way == nil || j > 5) {
				way = steps[max(0, j-6):within]
			}
		}
	}
	if way == nil {
		p.Fatal("no road leads into a closed area")
	}
	return truck, way
}

// paced is a line as points so many metres apart.
func paced(line []geo.Point, metres float64) []geo.Point {
	out := []geo.Point{line[0]}
	left := metres
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		for d := geo.Distance(a, b); d >= left; d = geo.Distance(a, b) {
			a = geo.Move(a, geo.Bearing(a, b), left)
			out, left = append(out, a), metres
		}
		left -= geo.Distance(a, b)
	}
	return out
}

// terminal connects one, registered and known.
func (p *place) terminal(addr, phone string) *terminal {
	p.Helper()
	conn, err := net.Dial("tcp", addr)
	p.ok(err)
	p.Cleanup(func() { _ = conn.Close() })
	x := &terminal{T: p.T, conn: conn, in: jt808.NewScanner(conn), phone: phone}
	reply, ok := x.says(jt808.Register{Colour: 2}).(jt808.RegisterReply)
	if !ok || len(reply.Code) == 0 {
		p.Fatalf("%+v", reply)
	}
	x.says(jt808.Authenticate{Code: reply.Code})
	return x
}

// drive tells of a way, a place every ten seconds.
func (x *terminal) drive(way []geo.Point, from time.Time) {
	x.Helper()
	for i, at := range way {
		heading := geo.Bearing(way[max(0, i-1)], way[max(1, i)])
		pos := jt808.Position{Time: from.Add(time.Duration(i) * 10 * time.Second), Lat: int64(at.Lat * 1e6), Lon: int64(at.Lon * 1e6), Speed: 360, Course: uint16(heading), Status: 3}
		if r, ok := x.says(pos).(jt808.Reply); !ok || r.Result != jt808.Done {
			x.Fatalf("position %d: %+v", i, r)
		}
	}
}
