package command

import (
	"context"
	"slices"
	"time"

	"yiwang/city"
	"yiwang/fleet"
	"yiwang/fleet/intercept"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/web"
)

// Ahead is where a vehicle can be in some minutes, and who can be there before it.
type Ahead struct {
	None      city.Message // why nothing can be said; everything else is empty then
	From      time.Time    // of the position that it begins at
	Road      city.Text
	Km        float64 // of road
	Junctions []Junction
	More      int // junctions that are not listed
	Comers    []Comer
}

// Junction is one that the vehicle can come to.
type Junction struct {
	N     int // from 1, as on the map
	Roads city.Text
	After time.Duration
	at    geo.Point
}

// Comer is somebody on duty near enough to come.
type Comer struct {
	Candidate
	At     geo.Point
	Words  city.Text // where they meet it, and by how much
	InTime bool
	Send   bool // the matter can be given to them
	Has    bool // it is theirs
}

const (
	shownJunctions = 6
	shownComers    = 5
)

// lookAhead adds where the vehicle can be.
func (p *Pages) lookAhead(ctx context.Context, actor city.Actor, l fleet.Live, s *Sight) error {
	if p.Reach == nil {
		return nil
	}
	var found intercept.Answer
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		found, err = p.Reach.Reachable(ctx, tx, actor, question(l, s.Minutes))
		return err
	})
	switch city.KindOf(err) {
	case "":
	case city.KindInvalid:
		s.Ahead = &Ahead{None: messageOf(err)}
		return nil
	case city.KindForbidden:
		return nil
	}
	if err != nil {
		return err
	}
	a := Ahead{From: city.FromMicros(l.At), Road: found.From.Road.Name, Km: found.Metres / 1000, More: max(0, len(found.Junctions)-shownJunctions)}
	for i, j := range found.Junctions[:min(len(found.Junctions), shownJunctions)] {
		a.Junctions = append(a.Junctions, Junction{N: i + 1, Roads: junctionName(j), After: j.After, at: j.At})
	}
	a.Comers = p.comers(found, s.Matter)
	s.Ahead = &a
	s.Drawn.reach(found, a)
	return nil
}

// question is about a vehicle as it was heard last. One that stands may go either way.
func question(l fleet.Live, minutes int) intercept.Question {
	q := intercept.Question{At: geo.Point{Lat: l.Lat, Lon: l.Lon}, Heading: -1, Within: time.Duration(minutes) * time.Minute}
	if l.Speed >= slowest {
		q.Heading = float64(l.Heading)
	}
	return q
}

// comers are officers who could be in its way, in the order in which they can; those
// who can be given the matter, wherever they are, follow.
func (p *Pages) comers(found intercept.Answer, m *Chosen) (list []Comer) {
	can := map[city.AccountID]Candidate{}
	if m != nil && m.Send {
		for _, c := range m.Near {
			can[c.Account] = c
		}
	}
	for _, o := range found.Officers {
		c, ok := can[o.Account]
		delete(can, o.Account)
		if !ok {
			c = Candidate{Account: o.Account, Post: p.postName(o.Post)}
		}
		x := Comer{Candidate: c, At: o.At, Words: meets(found, o), InTime: o.Lead >= 0, Send: ok, Has: m != nil && m.holder == o.Account && !o.Account.IsZero()}
		list = append(list, x)
	}
	if m != nil && m.Send {
		for _, c := range m.Near {
			if _, rest := can[c.Account]; rest {
				list = append(list, Comer{Candidate: c, Words: c.Why, Send: true})
			}
		}
	}
	rank := func(c Comer) int { // whoever has it, then those who can be sent and come in time
		switch {
		case c.Has:
			return 0
		case c.Send && c.InTime:
			return 1
		case c.Send:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(list, func(a, b Comer) int { return rank(a) - rank(b) })
	return list[:min(len(list), shownComers)]
}

// meets says where an officer meets the vehicle.
func meets(found intercept.Answer, o intercept.Officer) city.Text {
	at := junctionName(found.Junctions[o.Junction])
	if o.Lead < 0 {
		return web.Words("command.comes.late", "at", at, "needs", spell(o.Needs), "late", spell(-o.Lead))
	}
	return web.Words("command.comes", "at", at, "needs", spell(o.Needs), "lead", spell(o.Lead))
}

func junctionName(j geo.Junction) city.Text {
	switch len(j.Roads) {
	case 0:
		return web.Words("command.junction.nameless")
	case 1:
		return web.Words("command.junction.one", "road", j.Roads[0])
	}
	return web.Words("command.junction", "a", j.Roads[0], "b", j.Roads[1])
}

// spell says a short time: "2 分 10 秒".
func spell(d time.Duration) city.Text {
	n := int(d.Round(time.Second) / time.Second)
	switch m, s := n/60, n%60; {
	case m == 0:
		return web.Words("command.seconds", "s", s)
	case s == 0:
		return web.Words("command.minutes", "m", m)
	default:
		return web.Words("command.minutes_seconds", "m", m, "s", s)
	}
}

// reach draws roads, border and junctions, and who could come.
func (d *Drawing) reach(found intercept.Answer, a Ahead) {
	for _, area := range found.Area {
		if ring := line(area.Border()); len(ring) > 2 {
			d.Reach.Features = append(d.Reach.Features, feature{"Feature", map[string]any{"kind": "border"}, geometry{"Polygon", [][][2]float64{append(ring, ring[0])}}})
		}
	}
	for _, s := range found.Pieces {
		d.Reach.Features = append(d.Reach.Features, feature{"Feature", map[string]any{"kind": "road", "share": s.Begin.Seconds() / found.Within.Seconds()}, geometry{"LineString", line(s.Line)}})
	}
	for _, j := range a.Junctions {
		d.Reach.Features = append(d.Reach.Features, feature{"Feature", map[string]any{"kind": "junction", "n": j.N}, geometry{"Point", at(j.at)}})
	}
	for _, c := range a.Comers {
		if !c.At.IsZero() {
			d.Comers.Features = append(d.Comers.Features, feature{"Feature", map[string]any{"account": c.Account.String(), "zh-Hans": c.Post.ZhHans, "en": c.Post.En, "in_time": c.InTime}, geometry{"Point", at(c.At)}})
		}
	}
}

// errand says to whoever is sent after a vehicle which one, where it is going and
// where to meet it. The zero text says nothing, where the vehicle isn't heard.
func (p *Pages) errand(ctx context.Context, actor city.Actor, id register.VehicleID, to city.AccountID, minutes int) (city.Text, error) {
	if p.Vehicles == nil {
		return city.Text{}, nil
	}
	l, ok, err := p.Vehicles.Where(ctx, actor, id)
	if err != nil || !ok {
		return city.Text{}, err
	}
	what := web.Plain(string(id))
	if b := p.bookFor(ctx, actor); b != nil {
		if c := cargoOf(b, id); !c.IsZero() {
			what = web.Words("command.errand.loaded", "vehicle", string(id), "cargo", c)
		}
	}
	s := Sight{Minutes: minutes}
	if err := p.lookAhead(ctx, actor, l, &s); err != nil {
		return city.Text{}, err
	}
	if s.Ahead == nil || len(s.Ahead.Junctions) == 0 {
		return web.Words("command.errand.place", "what", what, "lat", l.Lat, "lon", l.Lon), nil
	}
	var ahead city.Text
	for i, j := range s.Ahead.Junctions[:min(3, len(s.Ahead.Junctions))] {
		if i == 0 {
			ahead = j.Roads
		} else {
			ahead = web.Words("command.errand.then", "a", ahead, "b", j.Roads)
		}
	}
	road := s.Ahead.Road
	if road.IsZero() {
		road = web.Words("command.road.nameless")
	}
	said := web.Words("command.errand", "what", what, "road", road, "ahead", ahead)
	for _, c := range s.Ahead.Comers {
		if c.Account == to {
			said = web.Words("command.errand.meet", "said", said, "meet", c.Words)
		}
	}
	return said, nil
}
