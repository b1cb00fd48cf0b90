package fleet_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/detect"
	"yiwang/fleet/risk"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// measured is a formula with as little as there can be.
func measured() *risk.Formula {
	w := risk.Weighing{Weight: 1, Half: 2}
	rest := risk.Weighing{Half: 1}
	return &risk.Formula{Power: 0.5, Least: 0.3, Levels: map[risk.Level]float64{risk.Red: 60, risk.Orange: 45, risk.Yellow: 30, risk.Blue: 15},
		Hazard:   map[risk.Part]risk.Weighing{risk.Stored: rest, risk.Trouble: rest, risk.Found: {Weight: 0.5, Half: 1}, risk.Passing: {Weight: 0.5, Half: 1}},
		Exposure: map[risk.Part]risk.Weighing{risk.People: w, risk.Sensitive: rest, risk.Visited: rest},
		Control:  map[risk.Part]risk.Weighing{risk.Inspections: {}, risk.Overdue: {Weight: 0.5, Half: 1}, risk.Returned: {}, risk.Officers: {Weight: 0.5, Half: 1}, risk.Station: rest},
		Troubles: map[risk.TroubleID]float64{risk.NoLicence: 1, risk.StillFull: 1, risk.Beyond: 1, risk.FirmGone: 1}, Grades: []float64{4, 3, 2, 1}, TonnesPerM3: 1,
		FindingDays: 90, EventDays: 365, PassingDays: 7, OverdueDays: 7, Reach: 3000, OfficersReach: 3000, OfficerBodies: []city.BodyID{"transport"}, KeepDays: 10}
}

// indexed is a world with two communities, a tanker that is watched, and an index.
type indexed struct {
	*fleets
	x *fleet.Index
}

func newIndexed(t *testing.T, d *db.DB) *indexed {
	f := newFleets(t, d)
	dir, err := directory.New(directory.Options{DB: d, Access: f.acc, Journal: f.j, Clock: f.clock,
		Calendar: &city.Calendar{Zone: shanghai, Office: []city.Hours{{From: 540, To: 1020}}},
		Regions: directory.RegionDef{Code: "9901", Name: both("Jianghai"), Children: []directory.RegionDef{{Code: "990101", Name: both("Binjiang"), Children: []directory.RegionDef{{Code: "990101001", Name: both("Haitang"),
			Children: []directory.RegionDef{{Code: "990101001001", Name: both("Quay"), Lat: quay.Lat, Lon: quay.Lon, Population: 4000},
				{Code: "990101001002", Name: both("Field"), Lat: geo.Move(quay, 90, 20_000).Lat, Lon: geo.Move(quay, 90, 20_000).Lon, Population: 4000}}}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	formula := measured()
	if faults := formula.Check(); len(faults) > 0 {
		t.Fatalf("%+v", faults)
	}
	return &indexed{f, fleet.NewIndex(fleet.IndexOptions{DB: d, Access: f.acc, Clock: f.clock, Zone: shanghai, Directory: dir, Registers: f.r, History: f.log, Board: f.board, Formula: formula})}
}

func (w *indexed) on(day city.Date) map[city.RegionCode]risk.Risk {
	w.Helper()
	out := map[city.RegionCode]risk.Risk{}
	err := w.d.View(w.Context(), func(ctx context.Context, tx *db.Tx) error {
		list, _, err := w.x.On(ctx, tx, officer, day)
		for i, r := range list {
			if out[r.Region] = r; i > 0 && r.Index > list[i-1].Index {
				w.Errorf("%d stands below %d", r.Index, list[i-1].Index)
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func amount(r risk.Risk, p risk.Part) risk.Value {
	return r.Parts[slices.IndexFunc(r.Parts, func(v risk.Value) bool { return v.Part == p })]
}

func (w *indexed) keeps() {
	w.Helper()
	if err := w.x.Keep(w.Context(), program); err != nil {
		w.Fatal(err)
	}
}

// Each day has its number, from what was noticed there and how long tankers were in it
// in the days before; what is computed again is the same; what is old goes.
func TestTheIndexOfCommunities(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newIndexed(t, d)
		const at, away = city.RegionCode("990101001001"), city.RegionCode("990101001002")
		first := w.x.Today()
		w.keeps()
		if got := w.on(first); len(got) != 2 || got[at].Index != 0 || got[at].Level != risk.Green {
			t.Fatalf("nothing has happened: %+v", got)
		}
		if v := amount(w.on(first)[at], risk.Passing); !v.Known || v.Amount != 0 {
			t.Errorf("no tanker was there: %+v", v)
		}
		if got := w.on(first.AddDays(-10)); len(got) != 2 || amount(got[at], risk.Officers).Known {
			t.Errorf("a day before the first: %+v", got)
		}
		if v := amount(w.on(first)[at], risk.Officers); !v.Known || v.Amount != 0 {
			t.Errorf("nobody is on duty: %+v", v)
		}

		drive := way(w.clock.Now().Add(-2*time.Hour), 90*time.Minute, geo.Move(quay, 90, 500), quay) // 90 minutes and a bit
		w.record(drive)
		w.record(drive) // again
		other := way(w.clock.Now().Add(-2*time.Hour), 30*time.Minute, geo.Move(quay, 0, 100), quay)
		for i := range other {
			other[i].Vehicle = "nobody’s"
		}
		w.record(other)
		var found alert.Alert
		err := d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			found, _, err = w.board.Raise(ctx, tx, program, alert.Finding{Rule: detect.OffRoute, Subject: "vehicle:H1", Key: "k", From: w.clock.Now(), Place: city.Place{Lat: quay.Lat, Lon: quay.Lon}, Sure: 0.5, Args: []any{"vehicle", "H1", "km", 2}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		w.keeps()
		if v := amount(w.on(first)[at], risk.Found); v.Amount != 0.5 || len(v.Behind) != 1 || v.Behind[0].Ref != "alert:"+found.ID.String() {
			t.Errorf("what was noticed: %+v", v)
		}

		w.clock.Advance(24 * time.Hour)
		w.keeps()
		second := w.on(first.AddDays(1))
		if v := amount(second[at], risk.Passing); v.Amount < 1.5/7 || v.Amount > 1.6/7 {
			t.Errorf("an hour and a half in seven days: %+v", v)
		}
		if v := amount(second[away], risk.Passing); v.Amount != 0 || second[away].Index != 0 {
			t.Errorf("elsewhere: %+v", second[away])
		}
		if second[at].Index == 0 {
			t.Errorf("%+v", second[at])
		}
		before := w.on(first)[at]
		if v := amount(before, risk.Officers); !v.Known {
			t.Error("a day that is over has forgotten who was on duty")
		}
		again, err := w.x.Compute(t.Context(), program, first)
		if err != nil || again[0].Index != before.Index || again[0].Hazard != before.Hazard {
			t.Errorf("%v: %+v, computed again %+v", err, before, again)
		}

		w.clock.Advance(9 * 24 * time.Hour)
		w.keeps()
		if v := amount(w.on(first.AddDays(10))[at], risk.Overdue); v.Amount != 1 {
			t.Errorf("open for ten days: %+v", v)
		}
		var trend []fleet.DailyRisk
		err = d.View(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			trend, err = w.x.Trend(ctx, tx, officer, at, city.Date{})
			return err
		})
		if err != nil || len(trend) != 11 || trend[0].Day != first || trend[10].Day != first.AddDays(10) {
			t.Errorf("%v: %+v", err, trend)
		}
		if len(w.on(first.AddDays(-1))) != 0 {
			t.Error("what is too old is kept")
		}
	})
}

func TestWhoSeesTheIndex(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newIndexed(t, d)
		if _, err := w.x.Compute(t.Context(), officer, w.x.Today()); city.KindOf(err) != city.KindForbidden {
			t.Errorf("an officer computes it: %v", err)
		}
		for what, err := range map[string]error{"keep": w.x.Keep(t.Context(), officer), "pass": w.x.Pass(t.Context(), officer, w.x.Today())} {
			if city.KindOf(err) != city.KindForbidden {
				t.Errorf("%s: %v", what, err)
			}
		}
		w.keeps()
		err := d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, _, err := w.x.On(ctx, tx, stranger, w.x.Today()); city.KindOf(err) != city.KindForbidden {
				t.Errorf("a stranger sees it: %v", err)
			}
			if _, _, err := w.x.Of(ctx, tx, stranger, "990101001001", w.x.Today()); city.KindOf(err) != city.KindForbidden {
				t.Errorf("a stranger sees one: %v", err)
			}
			if _, err := w.x.Trend(ctx, tx, stranger, "990101001001", w.x.Today()); city.KindOf(err) != city.KindForbidden {
				t.Errorf("a stranger sees how it went: %v", err)
			}
			if _, _, err := w.x.Of(ctx, tx, officer, "990101001009", w.x.Today()); city.KindOf(err) != city.KindNotFound {
				t.Errorf("a community that isn't there: %v", err)
			}
			r, at, err := w.x.Of(ctx, tx, officer, "990101001001", w.x.Today())
			if r.Region != "990101001001" || at.IsZero() {
				t.Errorf("%+v at %s", r, at)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !w.x.May(officer) || w.x.May(stranger) {
			t.Error("the menu doesn't follow")
		}
	})
}
