package fleet_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/fleet"
	"yiwang/fleet/history"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// A day is told step by step: out, a stop, back with the terminal switched off on the
// way, and parked with it off. What is wrong doesn't count and is said.
func TestADayOfAVehicle(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		f := newFleets(t, d)
		now := f.clock.Now().In(shanghai)
		day := city.DateOf(now)
		f.clock.Set(day.In(shanghai).Add(23 * time.Hour))
		at := func(h, m int) time.Time {
			return day.In(shanghai).Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute)
		}
		yard, shop := quay, geo.Move(quay, 90, 4000)
		half := geo.Move(quay, 90, 2000)
		parked := way(at(-1, 0), 2*time.Hour, yard, yard) // over midnight
		out := way(at(8, 0), 40*time.Minute, yard, shop)
		back := way(at(8, 0).Add(46*time.Minute), 0, shop, half)
		home := way(at(12, 0), 20*time.Minute, half, yard)
		wrong := way(at(8, 10), 0, yard, geo.Move(yard, 90, 100))[0]
		wrong.Lat, wrong.Lon = 0.00001, 0.00001
		all := slices.Concat(parked, out, back, home)
		all = append(all, wrong)
		slices.SortFunc(all, func(a, b history.Position) int { return int(a.At - b.At) })
		f.record(all)

		r, err := f.m.Replay(t.Context(), officer, "H1", day)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []fleet.StepKind
		for i, s := range r.Steps {
			kinds = append(kinds, s.Kind)
			if s.From.Before(r.From) || s.To.After(r.To) || !s.From.Before(s.To) {
				t.Errorf("step %d lasts from %s to %s", i, s.From, s.To)
			}
			if i > 0 && s.From.Before(r.Steps[i-1].To) {
				t.Errorf("step %d begins before the one before it ends", i)
			}
		}
		want := []fleet.StepKind{fleet.Stayed, fleet.Quiet, fleet.Drove, fleet.Stayed, fleet.Drove, fleet.Quiet, fleet.Drove, fleet.Stayed}
		if !slices.Equal(kinds, want) {
			t.Fatalf("%v, want %v", kinds, want)
		}
		if s := r.Steps[0]; !s.From.Equal(r.From) || s.No != 1 || s.Long() < 59*time.Minute || geo.Distance(s.At, yard) > 5 {
			t.Errorf("parked over midnight: %+v", s)
		}
		if s := r.Steps[3]; s.No != 2 || s.Long() < 38*time.Minute || s.Long() > 47*time.Minute || geo.Distance(s.At, shop) > 100 {
			t.Errorf("at the shop: %+v", s)
		}
		if s := r.Steps[5]; s.Metres > 300 || s.Long() < 3*time.Hour {
			t.Errorf("switched off: %+v", s)
		}
		if km := r.Metres() / 1000; km < 7.4 || km > 8.2 {
			t.Errorf("%.2f km of 8", km)
		}
		var quarters float64
		heard := 0
		for _, q := range r.Quarters {
			quarters += q.Metres
			if q.Heard {
				heard++
			}
		}
		if len(r.Quarters) != 96 || heard < 8 || heard > 16 || r.Quarters[32].Peak != 40 || r.Quarters[60].Heard {
			t.Errorf("%d quarters, %d heard, at eight %+v", len(r.Quarters), heard, r.Quarters[32])
		}
		if quarters < 7400 || quarters > 8600 {
			t.Errorf("the quarters have %.0f m", quarters)
		}
		bad := 0
		for _, n := range r.Refused {
			bad += n
		}
		if bad != 1 {
			t.Errorf("refused: %v", r.Refused)
		}
		if long, times := r.Spent(fleet.Stayed); times != 3 || long < 2*time.Hour-5*time.Minute {
			t.Errorf("stood %d times, %s", times, long)
		}

		empty, err := f.m.Replay(t.Context(), officer, "H2", day)
		if err != nil || len(empty.Points) != 0 || len(empty.Steps) != 0 {
			t.Errorf("%v %+v", err, empty)
		}
		if _, err := f.m.Replay(t.Context(), stranger, "H1", day); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a stranger sees a day: %v", err)
		}
		if _, err := f.m.Replay(t.Context(), officer, "H1", day); err != nil {
			t.Fatal(err)
		}
		looks := 0
		err = d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			rows, err := db.All(ctx, tx, func(row db.Row) (n int, err error) { return n, row.Scan(&n) }, `SELECT COUNT(*) FROM journal WHERE type = 'track.seen'`)
			if err == nil {
				looks = rows[0]
			}
			return err
		})
		if err != nil || looks != 2 {
			t.Errorf("%v: %d looks on record, want one at each vehicle", err, looks)
		}
	})
}
