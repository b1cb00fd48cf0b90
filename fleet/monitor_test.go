package fleet_test

import (
	"context"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/detect"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

var quay = geo.Point{Lat: 31.95, Lon: 121.05}

// watching has two rules: off its route, and repeated stays at a closed plant.
func watching() alert.Detection {
	law := []alert.Clause{{Law: both("art. 1"), Says: both("Keep to the route")}}
	metres := func(id, v string) alert.Parameter {
		return alert.Parameter{ID: id, Name: both(id), Type: alert.Metres, Value: v, Least: "1", Most: "100000"}
	}
	long := func(id, v string) alert.Parameter {
		return alert.Parameter{ID: id, Name: both(id), Type: alert.Time, Value: v, Least: "1s", Most: "9000h"}
	}
	return alert.Detection{
		Public: alert.Public{Reads: []alert.Read{{Label: both("positions"), From: both("terminals")}}, Effect: both("somebody goes"), Human: both("somebody decides"), Appeal: both("say so")},
		Detectors: []alert.Detector{
			{ID: detect.OffRoute, Name: both("Off route"), About: both("off route"), Clauses: law, Confirms: []string{"other"}, Grade: "B", Class: "e0101", Post: "transport.clerk",
				Text: both("{vehicle} is {km} km off"), Parameters: []alert.Parameter{metres("distance", "500"), long("time", "5m")}},
			{ID: detect.RepeatClosed, Name: both("Closed plant"), About: both("closed plant"), Clauses: law, Confirms: []string{"restart"}, Grade: "A", Class: "e0102", Post: "transport.clerk",
				Text: both("{site}: {n|stay|stays} on {days|day|days}"), Parameters: []alert.Parameter{metres("distance", "100"), long("time", "10m"), long("within", "720h"),
					{ID: "days", Name: both("days"), Type: alert.Count, Value: "3", Least: "1", Most: "9"}}},
			{ID: detect.LicenceConflict, Name: both("Papers"), About: both("papers"), Clauses: law, Confirms: []string{"other"}, Grade: "B", Class: "e0101", Post: "transport.clerk",
				Kinds: kinds(), Text: both("{vehicle} on {from:date}: {kind}"), Parameters: []alert.Parameter{{ID: "days", Name: both("days"), Type: alert.Count, Value: "30", Least: "1", Most: "99"}}},
		},
	}
}

// fleets is a world that watches vehicles.
type fleets struct {
	*world
	board *alert.Board
	log   *history.Log
	m     *fleet.Monitor
	late  time.Duration // how long the rest of a late batch is waited for; 0: as usual
}

func newFleets(t *testing.T, d *db.DB) *fleets {
	f := &fleets{world: newWorld(t, d)}
	f.firm(code, directory.FirmActive)
	for _, rec := range []register.Record{
		&register.Firm{Entry: register.Entry[register.USCC]{ID: register.USCC(code)}, Links: []register.Link{register.Transport}},
		&register.Site{Entry: register.Entry[register.SiteID]{ID: "works"}, Firm: register.USCC(code), Name: both("Old works"), Link: register.Production, Status: register.Closed, Area: register.Area{Centre: geo.Move(quay, 0, 9000), Radius: 80}},
		&register.Vehicle{Entry: register.Entry[register.VehicleID]{ID: "H1"}, Firm: register.USCC(code), Terminal: "13900001111", Use: register.UseHazmat, Operating: true, Status: register.Active},
		&register.Vehicle{Entry: register.Entry[register.VehicleID]{ID: "H2"}, Firm: register.USCC(code), Terminal: "13900002222", Use: register.UseHazmat, Operating: true, Status: register.Active},
		&register.Route{Entry: register.Entry[register.RouteID]{ID: "r1"}, Vehicles: []register.VehicleID{"H1"}, Corridor: 100, Line: []geo.Point{quay, geo.Move(quay, 90, 8000)}},
	} {
		if _, fault := f.changes(program, rec); fault != "" {
			t.Fatalf("%v: %s", rec.Ref(), fault)
		}
	}
	detection := watching()
	if faults := detection.Check(); len(faults) > 0 {
		t.Fatalf("%+v", faults)
	}
	f.board = alert.NewBoard(alert.BoardOptions{DB: d, Journal: f.j, Access: f.acc, Clock: f.clock, Detection: detection})
	var err error
	if f.log, err = history.Open(t.TempDir(), history.Options{Clock: f.clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.log.Close() })
	f.start()
	t.Cleanup(func() { f.m.Stop() })
	return f
}

func (f *fleets) start() {
	f.Helper()
	var err error
	f.m, err = fleet.NewMonitor(fleet.Hurried(fleet.MonitorOptions{DB: f.d, Access: f.acc, Clock: f.clock, Zone: shanghai, Registers: f.r, History: f.log, Board: f.board}, f.late))
	if err == nil {
		err = f.m.Start(f.Context())
	}
	if err != nil {
		f.Fatal(err)
	}
}

// way is a drive at 40 km/h over the places, a position each 15 s, then a stop.
func way(at time.Time, stop time.Duration, places ...geo.Point) (list []history.Position) {
	put := func(p geo.Point, speed float32) {
		us := city.Micros(at)
		list = append(list, history.Position{Vehicle: "H1", At: us, Received: us, Lat: p.Lat, Lon: p.Lon, Speed: speed, Status: 3})
		at = at.Add(15 * time.Second)
	}
	for i := 1; i < len(places); i++ {
		far, toward := geo.Distance(places[i-1], places[i]), geo.Bearing(places[i-1], places[i])
		for d := 0.0; d < far; d += 166 {
			put(geo.Move(places[i-1], toward, d), 40)
		}
	}
	for end := at.Add(stop); at.Before(end); {
		put(places[len(places)-1], 0)
	}
	return list
}

func (f *fleets) record(ps []history.Position) {
	f.Helper()
	for i := range ps {
		ps[i].Received = max(ps[i].At, city.Micros(f.clock.Now()))
	}
	if err := f.m.Record(f.Context(), program, ps); err != nil {
		f.Fatal(err)
	}
}

// alerts waits until there are so many, and a moment longer for those that must not
// come.
func (f *fleets) alerts(n int) []alert.Alert {
	f.Helper()
	var list []alert.Alert
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := f.d.View(f.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			list, err = f.board.Unfiled(ctx, tx, program, 100)
			return err
		})
		if err != nil {
			f.Fatal(err)
		}
		if len(list) >= n || time.Now().After(end) {
			break
		}
	}
	time.Sleep(100 * time.Millisecond)
	if len(list) != n {
		f.Fatalf("%d alerts, want %d: %+v", len(list), n, list)
	}
	return list
}

func TestATruckLeavesItsRoute(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		f := newFleets(t, d)
		start := f.clock.Now().Add(-time.Hour)
		leaves := way(start, 10*time.Minute, quay, geo.Move(quay, 90, 3000), geo.Move(geo.Move(quay, 90, 3000), 0, 6000))
		f.record(leaves)
		list := f.alerts(1)
		if a := list[0]; a.Subject != "vehicle:H1" || a.Text.En == "" || a.Place.Lat == 0 {
			t.Errorf("%+v", a)
		}
		f.record(leaves) // a terminal that isn't sure sends all again
		f.alerts(1)
		f.m.Stop()
		f.start() // and the program begins anew
		f.alerts(1)

		live, _, err := f.m.Live(t.Context(), program, 0)
		if err != nil || len(live) != 1 || live[0].Vehicle != "H1" || live[0].Use != register.UseHazmat {
			t.Errorf("%v %+v", err, live)
		}
		track, more, err := f.m.Track(t.Context(), program, "H1", start.Add(-time.Minute), f.clock.Now(), 10_000)
		if err != nil || more || len(track) != len(leaves) {
			t.Errorf("%v: %d positions of %d", err, len(track), len(leaves))
		}
		if _, _, err := f.m.Live(t.Context(), stranger, 0); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a stranger sees where vehicles are: %v", err)
		}
		if err := f.m.Record(t.Context(), stranger, leaves); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a stranger says where vehicles are: %v", err)
		}
	})
}

// What comes late is looked at as if it had come in time.
func TestABatchThatComesLate(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		f := newFleets(t, d)
		f.hurried()
		start := f.clock.Now().Add(-3 * time.Hour)
		off := way(start, 0, geo.Move(quay, 90, 3000), geo.Move(geo.Move(quay, 90, 3000), 0, 6000))
		later := way(start.Add(2*time.Hour), 5*time.Minute, quay, geo.Move(quay, 90, 1000))
		f.record(later)
		f.alerts(0)
		f.record(off)
		f.alerts(1)
	})
}

// hurried begins anew with a monitor that doesn't wait long for the rest of a batch.
func (f *fleets) hurried() {
	f.Helper()
	f.m.Stop()
	f.late = 20 * time.Millisecond
	f.start()
}

// A terminal that sends old positions again and again has its track read a few times.
func TestOldPositionsAgainAndAgain(t *testing.T) {
	f := newFleets(t, dbtest.SQLite(t))
	f.hurried()
	old := way(f.clock.Now().Add(-6*24*time.Hour), 0, quay, geo.Move(quay, 90, 1000))
	f.record(way(f.clock.Now().Add(-time.Hour), 0, quay, geo.Move(quay, 90, 1000)))
	for end := time.Now().Add(2 * time.Minute); f.m.Counts().PutOff == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("read %d times and never put off", f.m.Counts().Anew)
		}
		f.record(old)
	}
	for range 20 {
		f.record(old)
		time.Sleep(10 * time.Millisecond)
	}
	if n := f.m.Counts(); n.Anew != 6 || n.PutOff != 1 {
		t.Errorf("%+v", n)
	}
	if err := f.m.CatchUp(t.Context()); err != nil { // and still nothing is left out
		t.Error(err)
	}
}

// Three days at a plant that is closed, with the program begun anew between.
func TestAClosedPlantOverDays(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		f := newFleets(t, d)
		works := geo.Move(quay, 0, 9000)
		for day := range 3 {
			if day > 0 {
				f.alerts(0)
				f.m.Stop()
				f.clock.Advance(24 * time.Hour)
				if err := f.r.Reload(t.Context()); err != nil {
					t.Fatal(err)
				}
				f.start()
			}
			at := f.clock.Now().Add(-2 * time.Hour)
			ps := append(way(at, 30*time.Minute, geo.Move(quay, 0, 8000), works), way(at.Add(45*time.Minute), 0, works, geo.Move(quay, 0, 7900))...)
			for i := range ps {
				ps[i].Vehicle = "H2"
			}
			f.record(ps)
		}
		if a := f.alerts(1)[0]; a.Rule != detect.RepeatClosed || a.Subject != "site:works" {
			t.Errorf("%+v", a)
		}
	})
}

// A day on which the city's clock was two months ahead keeps no plant from being seen
// later, whether the program was begun anew since or not.
func TestAStayInTheFuture(t *testing.T) {
	for name, restart := range map[string]bool{"running": false, "begun anew": true} {
		t.Run(name, func(t *testing.T) {
			f := newFleets(t, dbtest.SQLite(t))
			f.hurried()
			works, today := geo.Move(quay, 0, 9000), f.clock.Now()
			visit := func() {
				at := f.clock.Now().Add(-2 * time.Hour)
				ps := append(way(at, 30*time.Minute, geo.Move(quay, 0, 8000), works), way(at.Add(45*time.Minute), 0, works, geo.Move(quay, 0, 7900))...)
				for i := range ps {
					ps[i].Vehicle = "H2"
				}
				f.record(ps)
				if err := f.m.CatchUp(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			f.clock.Set(today.AddDate(0, 2, 0))
			visit()
			for day := range 3 {
				f.clock.Set(today.AddDate(0, 0, day))
				if err := f.r.Reload(t.Context()); err != nil {
					t.Fatal(err)
				}
				if day == 0 && restart {
					f.m.Stop()
					f.start()
				}
				visit()
			}
			f.alerts(1)
		})
	}
}

// kinds are the contradictions of papers.
func kinds() (all []alert.Choice) {
	for _, id := range []string{detect.Expired, detect.Scope, detect.Staff, detect.Quantity, detect.Retired} {
		all = append(all, alert.Choice{ID: id, Name: both(id)})
	}
	return all
}

// What the board takes from nobody, papers of a place that is gone, keeps nothing else
// from being noticed.
func TestOneRefusedFinding(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		f := newFleets(t, d)
		today := city.DateOf(f.clock.Now().In(shanghai))
		for _, rec := range []register.Record{
			&register.Substance{Entry: register.Entry[register.SubstanceID]{ID: "UN1203"}, Name: both("Petrol"), Class: "3", UN: 1203},
			&register.Site{Entry: register.Entry[register.SiteID]{ID: "gone", Until: today.AddDays(-1)}, Firm: register.USCC(code), Name: both("Gone"), Link: register.Use, Status: register.Operating, Area: register.Area{Centre: quay, Radius: 80}},
			&register.Sheet{Entry: register.Entry[register.SheetID]{ID: "s1"}, Kind: register.TransportSheet, Day: today, Vehicle: "H2", From: "gone", To: "gone", Substance: "UN1203", Quantity: register.Quantity{Amount: 5, Unit: register.Tonnes}},
		} {
			if _, fault := f.changes(program, rec); fault != "" {
				t.Fatalf("%v: %s", rec.Ref(), fault)
			}
		}
		f.m.Stop()
		f.start()
		f.record(way(f.clock.Now().Add(-time.Hour), 0, quay, geo.Move(quay, 0, 8000)))
		if got := f.alerts(1); got[0].Rule != detect.OffRoute {
			t.Errorf("%+v", got)
		}
	})
}

// Papers that contradict each other for ten days are one matter, though the program was
// begun anew in between.
func TestPapersOverARestart(t *testing.T) {
	f := newFleets(t, dbtest.SQLite(t))
	place := &register.Site{Entry: register.Entry[register.SiteID]{ID: "depot"}, Firm: register.USCC(code), Name: both("Depot"), Link: register.Use, Status: register.Operating, Area: register.Area{Centre: quay, Radius: 80}}
	petrol := &register.Substance{Entry: register.Entry[register.SubstanceID]{ID: "UN1203"}, Name: both("Petrol"), Class: "3", UN: 1203}
	for _, rec := range []register.Record{place, petrol} {
		if _, fault := f.changes(program, rec); fault != "" {
			t.Fatal(fault)
		}
	}
	matters := map[string]int{}
	for day := range 3 {
		today := city.DateOf(f.clock.Now().In(shanghai))
		sheet := &register.Sheet{Entry: register.Entry[register.SheetID]{ID: register.SheetID("s" + today.String())}, Kind: register.TransportSheet, Day: today, Vehicle: "H2", From: "depot", To: "depot", Substance: "UN1203", Quantity: register.Quantity{Amount: 5, Unit: register.Tonnes}}
		if _, fault := f.changes(program, sheet); fault != "" {
			t.Fatal(fault)
		}
		if err := f.r.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.m.Stop()
		f.hurried()
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			clear(matters)
			times := 0
			err := f.d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				list, err := f.board.Unfiled(ctx, tx, program, 100)
				for _, a := range list {
					matters[a.Kind]++
					times = max(times, a.Times)
				}
				return err
			})
			if err != nil || time.Now().After(end) {
				t.Fatalf("day %d: %v %v, found %d times", day, err, matters, times)
			}
			if times == day+1 {
				break
			}
			if len(matters) > 0 && times > 0 && matters[detect.Expired] > 1 {
				t.Fatalf("day %d: one matter became %d", day, matters[detect.Expired])
			}
		}
		f.clock.Advance(5 * 24 * time.Hour)
	}
	for kind, n := range matters {
		if n != 1 {
			t.Errorf("%s is %d matters", kind, n)
		}
	}
}
