package app_test

import (
	"context"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
)

type reachable struct {
	From struct {
		Off      int
		BothWays bool `json:"both_ways"`
	}
	Area struct {
		Type        string
		Coordinates [][][][2]float64
	}
	Metres int
	Pieces []struct {
		Line         [][2]float64
		Begin, Until float64
	}
	Junctions []struct {
		Roads []city.Text
		After float64
	}
	Officers []struct {
		Account, Post string
		Lat, Lon      float64
		Junction      int
		Needs, Lead   float64
	}
}

// A truck on a road of the city: those who command see what it reaches and who can
// be in its way; an inspector sees the roads and nobody's place; others see nothing.
func TestReachable(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		clock := city.NewSetClock(time.Date(2026, 11, 25, 23, 0, 0, 0, time.FixedZone("", 8*3600))) // a quiet night
		p := newPlace(t, database, func(o *app.Options) { o.Clock = clock })
		var road *geo.Road
		for i := range p.app.Pack.Roads.Roads {
			if r := &p.app.Pack.Roads.Roads[i]; r.Class == geo.Primary && (road == nil || len(r.Line) > len(road.Line)) {
				road = r
			}
		}
		middle := len(road.Line) / 2
		truck, next := road.Line[middle], road.Line[middle+1]
		heading := geo.Bearing(truck, next)
		_, commander := p.person(city.Officer, "chief", "operations-center.commander")
		_, inspector := p.person(city.Officer, "rider", "transport.inspector")
		_, clerk := p.person(city.Officer, "counter", "public-security.clerk")
		ask := func(token string, minutes float64, more ...string) (r reachable) {
			t.Helper()
			in := map[string]any{"lat": truck.Lat, "lon": truck.Lon, "heading": heading, "minutes": minutes}
			if len(more) == 1 {
				in["at"], more = more[0], nil
			}
			got := p.ask("POST", "/api/v1/reachable", in, append(bearer(token), more...)...)
			if got.status != 200 {
				t.Fatalf("%d: %s", got.status, got.body)
			}
			p.read(got, &r)
			return r
		}

		five, ten := ask(commander, 5), ask(commander, 10)
		if five.From.Off != 0 || five.From.BothWays || five.Metres < 1000 || ten.Metres <= five.Metres || len(five.Junctions) == 0 || len(five.Officers) != 0 {
			t.Errorf("%+v: %d m in five minutes, %d in ten, %d junctions", five.From, five.Metres, ten.Metres, len(five.Junctions))
		}
		last := 0.0
		for _, j := range five.Junctions {
			if j.After < last || j.After > 300 {
				t.Errorf("after %.1f s one after %.1f s", last, j.After)
			}
			last = j.After
		}
		if rings := five.Area.Coordinates; five.Area.Type != "MultiPolygon" || len(rings) == 0 || rings[0][0][0] != rings[0][0][len(rings[0][0])-1] {
			t.Errorf("the area is not closed: %v", rings)
		}
		if slow := ask(commander, 5, "2026-11-26T08:00:00+08:00"); slow.Metres >= five.Metres {
			t.Errorf("%d m in the morning, %d by night", slow.Metres, five.Metres)
		}

		// somebody on duty at the last junction ahead, somebody far away, somebody whose post stops nobody
		p.call(inspector, "POST", "/api/v1/duty", map[string]any{"post": "transport.inspector", "until": clock.Now().Add(time.Hour)}, 200, nil)
		end := ten.Pieces[len(ten.Pieces)-1].Line[0]
		p.call(inspector, "POST", "/api/v1/position", map[string]any{"lat": end[1], "lon": end[0]}, 200, nil)
		with := ask(commander, 10, "Idempotency-Key", "once")
		if len(with.Officers) != 1 || with.Officers[0].Post != "transport.inspector" || with.Officers[0].Lead <= 0 {
			t.Fatalf("%+v", with.Officers)
		}
		o := with.Officers[0]
		if d := with.Junctions[o.Junction].After - o.Needs - o.Lead; d > 0.2 || d < -0.2 {
			t.Errorf("%+v of %+v", o, with.Junctions[o.Junction])
		}
		// where somebody is, nobody keeps: the same question again sees who has moved
		clock.Advance(time.Minute)
		p.call(inspector, "POST", "/api/v1/position", map[string]any{"lat": truck.Lat, "lon": truck.Lon}, 200, nil)
		if again := ask(commander, 10, "Idempotency-Key", "once"); len(again.Officers) != 1 || again.Officers[0].Lat == o.Lat {
			t.Errorf("%+v", again.Officers)
		}
		p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			var n int
			err := tx.QueryRow(ctx, "SELECT count(*) FROM api_answers").Scan(&n)
			if n != 0 {
				t.Errorf("%d answers are kept", n)
			}
			return err
		}))
		if of := ask(inspector, 5); len(of.Officers) != 0 || len(of.Pieces) == 0 {
			t.Errorf("an inspector sees %+v", of.Officers)
		}

		for _, c := range []struct {
			token string
			in    map[string]any
			want  int
		}{
			{clerk, map[string]any{"lat": truck.Lat, "lon": truck.Lon, "minutes": 5}, 403},
			{p.signIn("resident"), map[string]any{"lat": truck.Lat, "lon": truck.Lon, "minutes": 5}, 403},
			{commander, map[string]any{"lat": truck.Lat, "lon": truck.Lon, "minutes": 31}, 422},
			{commander, map[string]any{"lat": truck.Lat, "lon": truck.Lon, "minutes": 0}, 422},
			{commander, map[string]any{"lat": 30, "lon": 110, "minutes": 5}, 422},
			{commander, map[string]any{"lat": 91, "lon": 110, "minutes": 5}, 422},
		} {
			if got := p.ask("POST", "/api/v1/reachable", c.in, bearer(c.token)...); got.status != c.want {
				t.Errorf("%v: %d, want %d: %s", c.in, got.status, c.want, got.body)
			}
		}
	})
}
