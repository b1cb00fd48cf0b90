package demo

import (
	"slices"
	"testing"
	"time"

	"yiwang/fleet/detect"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
	"yiwang/internal/db/dbtest"

	"yiwang/city"
)

// watched lets the city's own rules look at made-up traffic.
type watched struct {
	*testing.T
	traffic *traffic
	book    *register.Book
	rules   *detect.Rules
	ground  detect.Ground
	memory  *detect.Memory
	seen    map[string]*detect.Vehicle
	found   map[string]time.Time // "rule vehicle", when first
	count   int
	stray   int
}

func watchTraffic(t *testing.T, seed int64, from time.Time) *watched {
	t.Helper()
	w := newWorld(t, dbtest.SQLite(t))
	var all register.Records
	for _, r := range w.pack.Registers.Records {
		all.Add(r)
	}
	book := register.NewBook(city.DateOf(from.In(w.pack.Zone)), w.pack.Zone, all)
	rules, err := detect.NewRules(func(rule, parameter string) (float64, bool) {
		if d, ok := w.pack.Detection.Detector(rule); ok {
			for _, x := range d.Parameters {
				if x.ID == parameter {
					return d.Number(parameter, x.Type)
				}
			}
		}
		return 0, false
	}, w.pack.Zone)
	w.ok(err)
	roads := w.pack.Roads
	near := geo.Point{Lat: (roads.Box.South + roads.Box.North) / 2, Lon: (roads.Box.West + roads.Box.East) / 2}
	ground := detect.Ground{Motorway: detect.Along(roads, near, 25, geo.Motorway), Road: detect.Along(roads, near, 25)}
	return &watched{T: t, traffic: w.demo(seed).traffic(book), book: book, rules: rules, ground: ground, memory: detect.NewMemory(rules, ground),
		seen: map[string]*detect.Vehicle{}, found: map[string]time.Time{}}
}

// drive lets the city drive for so long, and each second sees what is told.
func (w *watched) drive(from time.Time, long time.Duration, each func(now time.Time, batch []history.Position)) {
	w.traffic.begin(from, nil)
	var seen detect.Seen
	for now := from; now.Before(from.Add(long)); now = now.Add(heartbeat) {
		batch := w.traffic.step(now)
		for _, p := range batch {
			w.ok(p.Check())
			v := w.seen[p.Vehicle]
			if v == nil {
				x := w.rules.Vehicle(register.VehicleID(p.Vehicle))
				v = &x
				w.seen[p.Vehicle] = v
			}
			reg := w.book.Vehicle(v.ID)
			r := track.Reading{Point: track.Point{At: p.At, Lat: p.Lat, Lon: p.Lon, Speed: p.Speed, Flags: track.HasSpeed}, Received: p.Received}
			found := w.rules.Push(w.book, w.ground, v, reg, r, &seen, nil)
			for _, e := range seen.Events {
				found = w.memory.Stay(w.book, reg, e, found)
			}
			w.count++
			if seen.Why == track.Stray {
				w.stray++
			}
			for _, f := range found {
				if k := f.Rule + " " + f.Subject; w.found[k].IsZero() {
					w.found[k] = now
				}
			}
		}
		if each != nil {
			each(now, batch)
		}
	}
}

func (w *watched) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Nothing is noticed of those who drive as they should: on their routes, round the
// zones, not too fast and not for too long. Most of them are on the move.
func TestOrdinaryTrafficIsOrdinary(t *testing.T) {
	w := watchTraffic(t, 1, now)
	w.traffic.honest = true
	moving, looks := 0, 0
	w.drive(now, 5*time.Hour, func(at time.Time, _ []history.Position) {
		if at.Second() != 0 {
			return
		}
		looks++
		for _, dr := range w.traffic.drivers {
			if dr.kmh > 0 {
				moving++
			}
		}
	})
	for k, at := range w.found {
		t.Errorf("%s at %s", k, at.Format("15:04:05"))
	}
	if n := len(w.traffic.drivers); n < 100 || moving < looks*n/3 {
		t.Errorf("%d vehicles, on average %d move", n, moving/max(1, looks))
	}
	if w.stray*50 > w.count {
		t.Errorf("of %d readings, %d had to wait for the next", w.count, w.stray)
	}
	t.Logf("%d vehicles, %d readings, %d stray", len(w.traffic.drivers), w.count, w.stray)
}

// What is done wrong is noticed, the first of it soon, and nothing else is.
func TestWhatIsDoneWrongIsNoticed(t *testing.T) {
	rules := map[string]string{tooFast: detect.Speeding, trespass: detect.ForbiddenZone, wayOff: detect.OffRoute}
	for _, seed := range []int64{1, 2} {
		w := watchTraffic(t, seed, now)
		did, beside := map[string]time.Time{}, map[string]bool{}
		w.drive(now, 3*time.Hour, func(at time.Time, _ []history.Position) {
			for _, dr := range w.traffic.drivers {
				if dr.doing != "" && at.Before(now.Add(100*time.Minute)) {
					if k := rules[dr.doing] + " vehicle:" + string(dr.v.ID); did[k].IsZero() {
						did[k] = at
					}
					if dr.doing == trespass { // the zone isn't on its way
						beside[detect.OffRoute+" vehicle:"+string(dr.v.ID)] = true
					}
				}
			}
		})
		kinds := map[string]int{}
		first := 3 * time.Hour
		for k, at := range did {
			for kind, rule := range rules {
				if len(k) > len(rule) && k[:len(rule)] == rule {
					kinds[kind]++
				}
			}
			if w.found[k].IsZero() {
				t.Errorf("seed %d: nobody noticed %s from %s on", seed, k, at.Format("15:04:05"))
			}
		}
		late := now.Add(100 * time.Minute)
		for k, at := range w.found {
			first = min(first, at.Sub(now))
			if _, ok := did[k]; !ok && !beside[k] && at.Before(late) {
				t.Errorf("seed %d: %s at %s, and nobody did it", seed, k, at.Format("15:04:05"))
			}
		}
		if first > 3*time.Minute {
			t.Errorf("seed %d: the first comes after %s", seed, first)
		}
		if len(kinds) != len(rules) {
			t.Errorf("seed %d: done were %v", seed, kinds)
		}
		t.Logf("seed %d: %v, the first noticed after %s", seed, kinds, first)
	}
}

// The same seed drives the same.
func TestTrafficFollowsItsSeed(t *testing.T) {
	told := func(seed int64) (all []history.Position) {
		w := watchTraffic(t, seed, now)
		w.drive(now, 10*time.Minute, func(_ time.Time, batch []history.Position) { all = append(all, batch...) })
		return all
	}
	a, b, c := told(1), told(1), told(2)
	if !slices.Equal(a, b) || slices.Equal(a, c) || len(a) < 1000 {
		t.Errorf("%d, %d and %d positions", len(a), len(b), len(c))
	}
}

// Whoever was seen last somewhere goes on from there, and at night those stand who
// must not drive.
func TestTrafficGoesOn(t *testing.T) {
	night := time.Date(2026, 11, 23, 3, 0, 0, 0, now.Location())
	w := watchTraffic(t, 1, night)
	some, at := w.traffic.drivers[0], w.traffic.ways.at[7]
	w.traffic.begin(night, map[register.VehicleID]geo.Point{some.v.ID: at})
	batch := w.traffic.step(night.Add(saysDriving))
	i := slices.IndexFunc(batch, func(p history.Position) bool { return p.Vehicle == string(some.v.ID) })
	if i < 0 || geo.Distance(geo.Point{Lat: batch[i].Lat, Lon: batch[i].Lon}, at) > 10 {
		t.Errorf("it isn't where it was: %+v", batch)
	}
	for now := night; now.Before(night.Add(time.Hour)); now = now.Add(10 * time.Second) {
		w.traffic.step(now)
		for _, dr := range w.traffic.drivers {
			if (dr.v.Use == register.UseHazmat || dr.v.Use == register.UseCoach) && dr.kmh > 0 {
				t.Fatalf("%s drives at %s", dr.v.ID, now.Format("15:04"))
			}
		}
	}
}

func TestWays(t *testing.T) {
	p := func(e, n float64) geo.Point { return geo.Move(geo.Move(geo.Point{Lat: 32, Lon: 121}, 90, e), 0, n) }
	a, b, c, d, far := p(0, 0), p(1000, 0), p(1000, 1000), p(0, 1000), p(0, 50_000)
	w := newWays(&geo.Roads{Roads: []geo.Road{
		{Class: geo.Primary, Line: []geo.Point{a, b, c}},
		{Class: geo.Primary, Line: []geo.Point{a, d, c}},
		{Class: geo.Primary, Oneway: true, Line: []geo.Point{c, far}},
	}})
	node := func(q geo.Point) int { n, _ := w.near(q); return n }
	way := func(from, to geo.Point, shunned func(geo.Point) bool) (out []geo.Point) {
		for _, m := range w.find(node(from), node(to), shunned) {
			out = append(out, m.at)
		}
		return out
	}
	if got := way(a, b, nil); !slices.Equal(got, []geo.Point{b}) {
		t.Errorf("to b by %v", got)
	}
	if got := way(a, c, func(q geo.Point) bool { return q == b }); !slices.Equal(got, []geo.Point{d, c}) {
		t.Errorf("round b by %v", got)
	}
	if got := way(a, b, func(q geo.Point) bool { return q == b }); !slices.Equal(got, []geo.Point{b}) {
		t.Errorf("to where one should not go by %v", got)
	}
	if got := way(a, far, nil); len(got) != 3 {
		t.Errorf("along the one way by %v", got)
	}
	if got := way(far, a, nil); got != nil {
		t.Errorf("against it by %v", got)
	}
	if n, _ := w.near(p(500_000, 0)); n >= 0 {
		t.Error("there is no road so far out")
	}
}
