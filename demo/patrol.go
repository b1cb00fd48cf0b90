package demo

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/internal/db"
)

// Shifts of eight hours begin at these hours; of five officers two have the first,
// two the second and one the last.
var shiftBegins = []int{6, 14, 22}

const (
	shiftHours  = 8
	patrolEvery = 25 * time.Second
	walkSpeed   = 1.3 // metres a second
	rideSpeed   = 4.0
)

// patrol is who is in the streets: they go on duty when their shift begins, and
// move along the roads. Only where somebody is now is told, as their own telephones
// would.
type patrol struct {
	*Demo
	rand    *rand.Rand
	walkers []*walker
	roads   []geo.Road
	meet    map[geo.Point][]way // where roads have a point in common
	last    time.Time
}

// way is a road at one of its points.
type way struct{ road, point int }

type walker struct {
	officer
	post  city.PostID
	shift int
	speed float64
	until time.Time // the end of the shift that was begun
	at    geo.Point
	on    way
	step  int // 1 or -1 along the road
}

func (d *Demo) patrol(ctx context.Context) (*patrol, error) {
	p := &patrol{Demo: d, rand: d.chance(streamStreets), meet: map[geo.Point][]way{}}
	if d.now.Pack.Roads != nil {
		p.roads = d.now.Pack.Roads.Roads
	}
	for i, r := range p.roads {
		for j, at := range r.Line {
			if r.Class != geo.Motorway {
				p.meet[at] = append(p.meet[at], way{i, j})
			}
		}
	}
	s := d.streets()
	err := d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, c := range d.words.Streets.Crews {
			list, err := d.officersFor(ctx, tx, c.Post, "")
			if err != nil {
				return err
			}
			for i, o := range list {
				w := &walker{officer: o, post: c.Post, shift: (i % 5) / 2, speed: rideSpeed, step: 1}
				region := city.RegionCode("")
				if len(o.Regions) > 0 {
					region = o.Regions[0]
				}
				if b, ok := d.now.Pack.Body(c.Post.Body()); ok && len(b.Region) > 6 {
					w.speed = walkSpeed
				}
				w.at = s.in(p.rand, region).at
				w.on = p.nearest(w.at)
				p.walkers = append(p.walkers, w)
			}
		}
		return nil
	})
	return p, err
}

// nearest is the point of a road nearest to a place; road is -1 where there is no
// road.
func (p *patrol) nearest(at geo.Point) way {
	best, least := way{road: -1}, math.Inf(1)
	for i, r := range p.roads {
		if r.Class == geo.Motorway || !r.Box.Meets(geo.Around(at, aroundMiddle)) {
			continue
		}
		for j, q := range r.Line {
			if d := geo.Distance(at, q); d < least {
				best, least = way{i, j}, d
			}
		}
	}
	return best
}

// tick lets some time pass in the streets, if enough of it has.
func (p *patrol) tick(ctx context.Context) error {
	now := p.now.Clock.Now().In(p.now.Pack.Zone)
	past := now.Sub(p.last)
	if past < patrolEvery {
		return nil
	}
	p.last = now
	return p.now.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, w := range p.walkers {
			end, on := shiftAt(now, w.shift)
			if !on {
				continue
			}
			if w.until != end {
				if _, err := p.now.Directory.GoOnDuty(ctx, tx, w.Actor, directory.Shift{Post: w.post, Until: end}); err != nil {
					return err
				}
				w.until = end
			}
			p.walk(w, min(past, 2*time.Minute).Seconds()*w.speed*(0.5+p.rand.Float64()))
			if _, err := p.now.Directory.Stand(ctx, tx, w.Actor, directory.Fix{Point: w.at, At: now}); err != nil && city.KindOf(err) != city.KindConflict {
				return err // a superior may have relieved them
			}
		}
		return nil
	})
}

// shiftAt says whether a shift runs at the moment, and when it ends.
func shiftAt(now time.Time, shift int) (end time.Time, on bool) {
	begin := city.DateOf(now).In(now.Location()).Add(time.Duration(shiftBegins[shift]) * time.Hour)
	if now.Before(begin) {
		begin = begin.AddDate(0, 0, -1)
	}
	end = begin.Add(shiftHours * time.Hour)
	return end, now.Before(end)
}

// walk moves somebody so many metres along the roads, now and then into another
// where two meet.
func (p *patrol) walk(w *walker, metres float64) {
	if w.on.road < 0 {
		w.at = geo.Move(w.at, p.rand.Float64()*360, metres/4)
		return
	}
	for range 200 {
		line := p.roads[w.on.road].Line
		next := w.on.point + w.step
		if next < 0 || next >= len(line) {
			w.step = -w.step
			if len(line) < 2 {
				return
			}
			continue
		}
		d := geo.Distance(w.at, line[next])
		if d > metres {
			w.at = geo.Move(w.at, geo.Bearing(w.at, line[next]), metres)
			return
		}
		metres -= d
		w.at, w.on.point = line[next], next
		if ways := p.meet[w.at]; len(ways) > 1 && p.rand.IntN(2) == 0 {
			w.on, w.step = pick(p.rand, ways), 1-2*p.rand.IntN(2)
		}
	}
}
