package nantong

import (
	"math"
	"math/rand/v2"

	"yiwang/fleet/register"
	"yiwang/fleet/track"
)

// pen writes down where a vehicle is as its terminal tells it, with what receivers
// get wrong.
type pen struct {
	ground
	r     *rand.Rand
	at    float64 // seconds of the day
	place spot
	kmh   float64 // usual speed
	due   float64 // next report
	base  int64   // µs UTC of midnight
	last  int64
	awake bool // never sleeps: what happens once and isn't told at all can't be noticed by anybody
	out   []track.Reading
}

func (p *pen) put(kmh float64) {
	us := p.base + int64(p.at*1e6)
	if us-p.last < 1e6 {
		return
	}
	p.last = us
	jitter := func() float64 { return (p.r.Float64() + p.r.Float64() + p.r.Float64() - 1.5) * 7 }
	s := spot{p.place.x + jitter(), p.place.y + jitter()}
	luck := p.r.Float64()
	off := 0.0
	switch {
	case luck < 0.002: // somewhere else altogether
		off = 40_000
	case luck < 0.003: // where one could nearly have driven to
		off = 1000 + 7000*p.r.Float64()
	case luck < 0.006: // a signal that came by way of a wall
		off = 100 + 200*p.r.Float64()
	}
	if off > 0 {
		a := p.r.Float64() * 2 * math.Pi
		s = spot{s.x + off*math.Cos(a), s.y + off*math.Sin(a)}
	}
	g := p.point(s)
	if luck > 0.999 { // no satellites, and not saying so
		g.Lat, g.Lon = 0, 0
	}
	x := track.Reading{Point: track.Point{At: us, Lat: g.Lat, Lon: g.Lon, Speed: float32(kmh), Flags: track.HasSpeed}, Received: us}
	p.out = append(p.out, x)
	if luck > 0.998 && luck < 0.9985 { // once more
		p.out = append(p.out, x)
	}
}

// line drives straight to a place.
func (p *pen) line(to spot, kmh float64) {
	v := kmh / 3.6
	from, far := p.place, p.place.near(to)
	if far < 1 {
		return
	}
	for done := 0.0; ; {
		step := max(0, p.due-p.at) * v
		if done+step >= far {
			p.at += (far - done) / v
			p.place = to
			return
		}
		done += step
		p.at = max(p.at, p.due)
		p.place = spot{from.x + (to.x-from.x)*done/far, from.y + (to.y-from.y)*done/far}
		p.put(kmh)
		p.due = p.at + 30 + 30*p.r.Float64()
	}
}

// way is how one goes from a place to another: to the nearest road, along it, along
// the road that is nearest to the other, and there.
func way(a, b spot) []spot {
	y, x := math.Round(a.y/block)*block, math.Round(b.x/block)*block
	return []spot{a, {a.x, y}, {x, y}, {x, b.y}, b}
}

func (p *pen) speed() float64 { return p.kmh * (0.8 + 0.35*p.r.Float64()) }

func (p *pen) to(b spot) { p.follow(way(p.place, b)) }

func (p *pen) follow(line []spot) {
	for _, s := range line {
		p.line(s, p.speed())
		if p.r.IntN(6) == 0 { // lights, or traffic
			p.stand(20 + 40*p.r.Float64())
		}
	}
}

func (p *pen) back(line []spot) {
	for i := len(line) - 1; i >= 0; i-- {
		p.line(line[i], p.speed())
	}
}

func (p *pen) stand(seconds float64) {
	end := p.at + seconds
	p.put(0)
	quiet := seconds > 1500 && p.r.IntN(100) == 0 && !p.awake // the terminal sleeps
	for p.due = p.at + 120; p.due < end; p.due += 115 + 10*p.r.Float64() {
		if !quiet {
			p.at = p.due
			p.put(0)
		}
	}
	p.at = end
	p.put(0)
	p.due = p.at + 30 + 30*p.r.Float64()
}

func (p *pen) minutes(least, more float64) { p.stand(60 * (least + more*p.r.Float64())) }

// cruise drives about on the roads for so many hours, without a rest.
func (p *pen) cruise(hours float64) {
	end := p.at + hours*3600
	at := spot{math.Round(p.place.x/block) * block, math.Round(p.place.y/block) * block}
	p.line(spot{p.place.x, at.y}, p.speed())
	p.line(at, p.speed())
	for east := true; p.at < end; east = !east {
		next := at
		far := float64(p.r.IntN(blocks+1)) * block
		if east {
			next.x = far
		} else {
			next.y = far
		}
		v := p.speed()
		if left := (end - p.at) * v / 3.6; at.near(next) > left { // as far as it gets
			f := (math.Floor(left/block) + 1) * block / at.near(next)
			next = spot{at.x + (next.x-at.x)*min(1, f), at.y + (next.y-at.y)*min(1, f)}
		}
		p.line(next, v)
		at = next
	}
}

// Day adds to into what a vehicle's terminal told on a day, in the order of time;
// nothing when it stood in its yard, switched off.
func (t *Town) Day(vehicle, day int, into []track.Reading) []track.Reading {
	v := t.fleet[vehicle]
	if !t.moves(v, day) {
		return into
	}
	do := t.special[[2]int{v.n, day}]
	p := &pen{ground: t.ground, r: rand.New(rand.NewPCG(t.seed, uint64(v.n)<<20|uint64(day)<<1)), place: v.base, kmh: 48, base: t.micros(day, 0), out: into}
	p.at = 3600 * (6.5 + 2*p.r.Float64())
	switch do.what {
	case tired, long, rested, longish:
		p.at = 3600 * (5 + p.r.Float64())
	case dark:
		p.at = 3600 * (2.2 + 0.3*p.r.Float64())
	case darkish:
		dry := pen{r: rand.New(rand.NewPCG(1, 1)), place: v.base, kmh: 48}
		dry.plain(way(v.base, v.goes[0]))
		p.at = 3600*2 + 480 - 2*dry.at - 240
	case standing:
		dry := pen{r: rand.New(rand.NewPCG(1, 1)), place: v.base, kmh: 48}
		dry.plain(way(v.base, do.at))
		p.at = do.start - dry.at - 240
	}
	p.awake = do.what == standing || do.what == dumping
	p.due = p.at
	p.stand(240)
	switch {
	case v.reg.Use == register.UsePrivate:
		t.private(p, v, do)
	case v.routed:
		t.routed(p, v, do)
	default:
		t.working(p, v, do)
	}
	p.stand(240)
	return p.out
}

// plain follows a line at the usual speed, without stops.
func (p *pen) plain(line []spot) {
	for _, s := range line {
		p.line(s, p.kmh)
	}
}

func (t *Town) private(p *pen, v *vehicle, do special) {
	switch do.what {
	case shuttling, moving:
		a, b := v.base, v.goes[0]
		if a.near(b) < 2500 || a.near(b) > 12_000 {
			b = spot{math.Mod(a.x+4000, wide), a.y}
		}
		for range do.rounds {
			p.to(b)
			p.minutes(5, 6)
			p.to(a)
			p.minutes(5, 6)
		}
	default:
		p.to(v.goes[0]) // to work; home for lunch now and then, or elsewhere, and back
		p.minutes(150, 60)
		if p.r.IntN(3) == 0 {
			p.to(v.base)
			p.minutes(40, 20)
			p.to(v.goes[0])
			p.minutes(150, 60)
		}
		for range p.r.IntN(4) {
			p.to(v.goes[1+p.r.IntN(len(v.goes)-1)])
			p.minutes(6, 40)
		}
		p.to(v.base)
	}
}

func (t *Town) routed(p *pen, v *vehicle, do special) {
	line := way(v.base, v.goes[0])
	for n := range 2 {
		switch {
		case n == 0 && (do.what == astray || do.what == aside):
			off := 3 * block
			if do.what == aside {
				off = 400
			}
			half := spot{math.Round((line[1].x+line[2].x)/2/block) * block, line[1].y} // a road crosses there
			if v.goes[0].y > half.y {                                                  // away from where it has to go
				off = -off
			}
			p.plain(line[:2])
			p.plain([]spot{half, {half.x, half.y + off}, half, line[2], line[3], line[4]})
		default:
			p.follow(line)
		}
		p.minutes(30, 30)
		p.back(line)
		p.minutes(30, 60)
	}
}

func (t *Town) working(p *pen, v *vehicle, do special) {
	switch do.what {
	case tired:
		p.cruise(2.2)
		p.stand(do.minutes * 60)
		p.cruise(2.2)
	case rested:
		p.cruise(3.6)
		p.stand(do.minutes * 60)
	case long, longish:
		each := 2.8
		if do.what == longish {
			each = 2.1
		}
		for range 3 {
			p.cruise(each)
			p.stand(do.minutes * 60)
		}
	case dark:
		p.cruise(0.8)
	case darkish:
		p.plain(way(p.place, v.goes[0]))
		p.plain(way(p.place, v.base))
		return
	case standing:
		p.plain(way(p.place, do.at))
		p.stand(do.minutes * 60)
	default:
		t.round(p, v, do)
	}
	p.to(v.base)
}

// round is a usual day: loading, a customer or two, lunch, petrol.
func (t *Town) round(p *pen, v *vehicle, do special) {
	lunch := func() {
		if p.r.IntN(3) > 0 {
			p.to(pick(p.r, t.diners))
			p.minutes(25, 25)
		}
	}
	if do.what == visit {
		p.to(spot{do.at.x + 30*(p.r.Float64()-0.5), do.at.y + 30*(p.r.Float64()-0.5)})
		p.minutes(do.minutes, 15)
	}
	p.to(v.goes[0])
	p.minutes(25, 35)
	if do.what == dumping {
		p.to(do.at)
		p.minutes(do.minutes, 10)
	}
	lunch()
	if v.reg.Use == register.UseWaste {
		p.to(t.at[v.treater.ID])
		p.minutes(25, 20)
		return
	}
	for range 1 + p.r.IntN(2) {
		p.to(pick(p.r, v.goes[1:]))
		p.minutes(25, 35)
	}
	if p.r.IntN(3) == 0 {
		p.to(pick(p.r, t.stations))
		p.minutes(5, 6)
	}
}
