package demo

import (
	"context"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

func TestTheStreetsLive(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.quiet()
	m := w.demo(1)
	m.Size = Size{Residents: 40, Firms: 4, Days: 5, Troubles: 4}
	w.ok(m.Cast(w.ctx))
	w.ok(m.Populate(w.ctx, nil))

	// a visitor's report is taken up like any other, and what a sign-in has taken stays theirs
	visitor, err := w.live.Incidents.Report(w.ctx, city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb},
		incident.Report{Class: "e0101", Text: "垃圾没人收", Place: city.Place{Lat: 31.9480, Lon: 121.1400}})
	w.ok(err)
	grid := w.signIn("gridworker")
	var mine casework.Case
	w.see(func(ctx context.Context, tx *db.Tx) error {
		page, err := w.live.Cases.Inbox(ctx, tx, grid, casework.InboxQuery{Scope: casework.ScopePost, Kind: w.pack.Site.Incidents.Kind, Limit: 10})
		if len(page.Cases) > 0 {
			mine = page.Cases[0]
		}
		return err
	})
	mine, err = w.live.Cases.Do(w.ctx, grid, mine.Number, casework.Action{Name: casework.ActClaim})
	w.ok(err)

	s, err := m.street(w.ctx)
	w.ok(err)
	before := map[city.AccountID]geo.Point{}
	closed := 0
	for i := range 400 {
		w.now.Advance(12 * time.Second)
		w.ok(s.step(w.ctx))
		if i == 0 {
			for _, x := range w.onDuty() {
				before[x.Account] = x.At
			}
		}
	}
	moved := 0
	after := w.onDuty()
	for _, x := range after {
		if x.At.IsZero() || !x.Until.After(w.now.Now()) {
			t.Errorf("nobody knows where %v is", x.Account)
		}
		if at, ok := before[x.Account]; ok && geo.Distance(at, x.At) > 20 {
			moved++
		}
	}
	if len(before) < 10 || len(after) < 10 || moved < len(before)/2 {
		t.Errorf("%d on duty at first, %d later, %d moved", len(before), len(after), moved)
	}
	w.see(func(ctx context.Context, tx *db.Tx) error {
		c, err := w.live.Cases.Get(ctx, tx, program, visitor.Number)
		if err != nil {
			return err
		}
		if c.Version < 3 {
			t.Errorf("nobody took up what a visitor reported: %s, version %d", c.Stage, c.Version)
		}
		again, err := w.live.Cases.Get(ctx, tx, program, mine.Number)
		if err == nil && again.Version != mine.Version {
			t.Error("what a sign-in had taken was touched")
		}
		return err
	})
	for _, c := range w.streetMatters() {
		if !c.Open && c.ClosedAt.After(now) {
			closed++
		}
	}
	if s.told < 20 || closed < 10 {
		t.Errorf("%d reported, %d ended", s.told, closed)
	}
	t.Logf("%d reported, %d ended, %d of %d moved", s.told, closed, moved, len(before))
}

// onDuty lists who is on duty in the streets.
func (w *world) onDuty() (all []directory.Watch) {
	w.Helper()
	w.see(func(ctx context.Context, tx *db.Tx) error {
		for _, post := range []city.PostID{"urban-management.inspector", "haitang-street.grid-worker", "public-security.duty", "transport.inspector"} {
			list, err := w.live.Directory.OnShift(ctx, tx, program, directory.Around{Post: post, Most: 100})
			if err != nil {
				return err
			}
			all = append(all, list...)
		}
		return nil
	})
	return all
}

func TestShifts(t *testing.T) {
	zone := now.Location()
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, zone)
	for h := range 24 {
		at, on := day.Add(time.Duration(h)*time.Hour+time.Minute), 0
		for shift := range shiftBegins {
			if end, is := shiftAt(at, shift); is {
				on++
				if end.Sub(at) > shiftHours*time.Hour || !end.After(at) {
					t.Errorf("at %d the shift %d ends %v", h, shift, end)
				}
			}
		}
		if on != 1 {
			t.Errorf("at %d, %d shifts run", h, on)
		}
	}
}

// Whoever walks stays on the roads and gets as far as their legs carry them.
func TestPeopleWalkAlongRoads(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := w.demo(1)
	p := &patrol{Demo: m, rand: m.chance(1), roads: w.pack.Roads.Roads, meet: map[geo.Point][]way{}}
	for i, r := range p.roads {
		for j, at := range r.Line {
			p.meet[at] = append(p.meet[at], way{i, j})
		}
	}
	x := &walker{at: geo.Point{Lat: 31.9330, Lon: 121.0400}, step: 1}
	x.on = p.nearest(x.at)
	x.at = p.roads[x.on.road].Line[x.on.point]
	roads := map[int]bool{}
	for range 500 {
		last := x.at
		p.walk(x, 60)
		if d := geo.Distance(last, x.at); d > 60.5 {
			t.Fatalf("went %.1f m in one step of 60", d)
		}
		if _, _, d := w.pack.Roads.Near(x.at, 500); d > 2 {
			t.Fatalf("%.1f m beside the road", d)
		}
		roads[x.on.road] = true
	}
	if len(roads) < 5 {
		t.Errorf("only %d roads", len(roads))
	}
	lost := &walker{at: geo.Point{Lat: 31.9, Lon: 121}, on: way{road: -1}}
	p.walk(lost, 40)
	if d := geo.Distance(lost.at, geo.Point{Lat: 31.9, Lon: 121}); d < 1 || d > 40 {
		t.Errorf("without roads somebody went %.1f m", d)
	}
}
