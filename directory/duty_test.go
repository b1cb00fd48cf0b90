package directory_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

const inspector = city.PostID("urban-management.inspector")

var square = geo.Point{Lat: 31.933, Lon: 121.040}

func (w *town) duty(a city.Actor, post city.PostID, hours float64) (watch directory.Watch, err error) {
	err = w.do(func(ctx context.Context, tx *db.Tx) error {
		watch, err = w.GoOnDuty(ctx, tx, a, directory.Shift{Post: post, Until: w.clock.Now().Add(time.Duration(hours * float64(time.Hour)))})
		return err
	})
	return watch, err
}

func (w *town) stand(a city.Actor, p geo.Point, at time.Time) (taken bool, err error) {
	err = w.do(func(ctx context.Context, tx *db.Tx) error {
		taken, err = w.Stand(ctx, tx, a, directory.Fix{Point: p, At: at})
		return err
	})
	return taken, err
}

func (w *town) end(a city.Actor, post city.PostID) error {
	return w.do(func(ctx context.Context, tx *db.Tx) error { return w.EndDuty(ctx, tx, a, post) })
}

func (w *town) onShift(a city.Actor, q directory.Around) (list []directory.Watch, err error) {
	err = w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		list, err = w.OnShift(ctx, tx, a, q)
		return err
	})
	return list, err
}

func accounts(list []directory.Watch) (ids []city.AccountID) {
	for _, w := range list {
		ids = append(ids, w.Account)
	}
	return ids
}

func (w *town) wantOnDuty(what string, q directory.Around, want ...city.Actor) {
	w.t.Helper()
	list, err := w.onShift(program, q)
	must(w.t, err)
	var ids []city.AccountID
	for _, a := range want {
		ids = append(ids, a.Account)
	}
	if diff := cmp.Diff(ids, accounts(list)); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestShifts(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		near, far, lost := officer(inspector), officer(inspector, "urban-management.clerk"), officer(inspector)
		binjiang := officer(inspector)
		binjiang.Regions = []city.RegionCode{"990102", "990101001"}
		all := directory.Around{Post: inspector, At: square, Most: 10}
		w.wantOnDuty("nobody yet", all)

		for what, c := range map[string]struct {
			a     city.Actor
			post  city.PostID
			hours float64
			want  city.Kind
		}{
			"a post of others":      {near, "urban-management.head", 8, city.KindForbidden},
			"a post that is none":   {officer("urban-management.juggler"), "urban-management.juggler", 8, city.KindInvalid},
			"a resident":            {resident(near.Person), inspector, 8, city.KindForbidden},
			"nobody":                {city.Actor{Kind: city.Anonymous}, inspector, 8, city.KindUnauthenticated},
			"an end that is past":   {near, inspector, -1, city.KindInvalid},
			"an end that never is":  {near, inspector, 25, city.KindInvalid},
			"the program is nobody": {program, inspector, 8, city.KindForbidden},
		} {
			_, err := w.duty(c.a, c.post, c.hours)
			if city.KindOf(err) != c.want {
				t.Errorf("%s: %v, want %q", what, err, c.want)
			}
		}
		_, err := w.stand(near, square, w.clock.Now())
		wantKind(t, err, city.KindConflict) // off duty nobody is anywhere

		for _, a := range []city.Actor{near, far, lost, binjiang} {
			_, err := w.duty(a, inspector, 8)
			must(t, err)
			w.clock.Advance(time.Second) // those whose place is unknown come in the order in which they began
		}
		w.wantOnDuty("no place is known", all, near, far, lost, binjiang)
		for a, metres := range map[*city.Actor]float64{&near: 300, &far: 5000, &binjiang: 900} {
			taken, err := w.stand(*a, geo.Move(square, 80, metres), time.Time{})
			if must(t, err); !taken {
				t.Errorf("a place %v m away was not taken", metres)
			}
		}
		w.wantOnDuty("the nearest first, those lost behind", all, near, binjiang, far, lost)
		w.wantOnDuty("no more than asked for", directory.Around{Post: inspector, At: square, Most: 2}, near, binjiang)
		w.wantOnDuty("who covers the street", directory.Around{Post: inspector, Region: "990101001003", At: square, Most: 9}, near, binjiang, far, lost)
		w.wantOnDuty("who covers the district", directory.Around{Post: inspector, Region: "990101", At: square, Most: 9}, near, far, lost)
		w.wantOnDuty("who covers the next street", directory.Around{Post: inspector, Region: "990101002", At: square, Most: 9}, near, far, lost)
		w.wantOnDuty("nowhere in particular", directory.Around{Post: inspector, Region: "990102", Most: 9}, near, far, lost, binjiang)
		w.wantOnDuty("another post", directory.Around{Post: "urban-management.clerk", At: square, Most: 9})
		list, err := w.onShift(program, all)
		if must(t, err); list[0].Distance < 299 || list[0].Distance > 301 || !list[3].At.IsZero() {
			t.Errorf("distances: %+v", list)
		}

		// a shift that is begun again goes on, with its new end
		again, err := w.duty(near, inspector, 2)
		if must(t, err); !again.Since.Equal(monday) || !again.Until.Equal(w.clock.Now().Add(2*time.Hour)) {
			t.Errorf("begun again: %+v", again)
		}
		w.wantOnDuty("still where they were", directory.Around{Post: inspector, At: square, Most: 1}, near)

		// half an hour later nobody knows where anybody is
		w.clock.Advance(30 * time.Minute)
		list, err = w.onShift(program, all)
		if must(t, err); len(list) != 4 || !list[0].At.IsZero() || !list[0].Placed.IsZero() {
			t.Errorf("after half an hour: %+v", list)
		}
		w.see(func(ctx context.Context, tx *db.Tx) error {
			mine, err := w.Watches(ctx, tx, near)
			if len(mine) != 1 || !mine[0].At.IsZero() || mine[0].Post != inspector {
				t.Errorf("my own: %+v", mine)
			}
			return err
		})

		// a shift that has run out is over before anybody sweeps
		w.clock.Advance(2 * time.Hour)
		w.wantOnDuty("one went home", all, far, lost, binjiang)
		_, err = w.stand(near, square, w.clock.Now())
		wantKind(t, err, city.KindConflict)
		n, err := w.SweepDuties(context.Background(), program)
		if must(t, err); n != 1 {
			t.Errorf("swept %d", n)
		}
		must(t, w.end(far, inspector))
		wantKind(t, w.end(far, inspector), city.KindConflict)
		wantKind(t, w.end(near, inspector), city.KindConflict)
		w.wantOnDuty("two went home", all, lost, binjiang)

		// who loses the post is on duty no more
		inspecting := w.add(grandmother())
		third := officer(inspector)
		third.Person = inspecting
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			return w.Appoint(ctx, tx, program, directory.Holding{Post: inspector, Person: inspecting})
		}))
		_, err = w.duty(third, inspector, 1)
		must(t, err)
		w.wantOnDuty("a third came", all, lost, binjiang, third)
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.Dismiss(ctx, tx, program, inspector, inspecting) }))
		w.wantOnDuty("dismissed", all, lost, binjiang)

		types := w.events()
		if n := count(types, "duty.started"); n != 6 {
			t.Errorf("%d shifts were begun: %v", n, types)
		}
		if n := count(types, "duty.ended"); n != 2 {
			t.Errorf("%d shifts were ended: %v", n, types)
		}
	})
}

func count(types []string, typ string) (n int) {
	for _, t := range types {
		if t == typ {
			n++
		}
	}
	return n
}

// What a device says of its place is believed only where it can be true.
func TestPlacesThatSayNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		a := officer(inspector)
		_, err := w.duty(a, inspector, 8)
		must(t, err)
		w.clock.Advance(time.Hour)
		now := w.clock.Now()
		at := func() geo.Point {
			list, err := w.onShift(program, directory.Around{Post: inspector, Most: 1})
			must(t, err)
			return list[0].At
		}
		here, there := geo.Point{Lat: 31.9, Lon: 121.1}, geo.Point{Lat: 31.8, Lon: 121.2}
		for i, c := range []struct {
			what  string
			p     geo.Point
			at    time.Time
			taken bool
		}{
			{"before the shift", here, now.Add(-61 * time.Minute), false},
			{"older than half an hour", here, now.Add(-31 * time.Minute), false},
			{"a clock two days ahead", here, now.Add(48 * time.Hour), false},
			{"ten minutes old", here, now.Add(-10 * time.Minute), true},
			{"older than what is known", there, now.Add(-11 * time.Minute), false},
			{"the same again", there, now.Add(-10 * time.Minute), false},
			{"a clock some seconds ahead", there, now.Add(20 * time.Second), true},
		} {
			before := at()
			taken, err := w.stand(a, c.p, c.at)
			if must(t, err); taken != c.taken {
				t.Errorf("%s: taken %v", c.what, taken)
			}
			want := before
			if c.taken {
				want = c.p
			}
			if got := at(); geo.Distance(got, want) > 1 {
				t.Errorf("%d %s: stands at %v, want %v", i, c.what, got, want)
			}
		}
		for _, p := range []geo.Point{{}, {Lat: 91, Lon: 1}, {Lat: 1, Lon: -181}} {
			_, err := w.stand(a, p, now)
			wantKind(t, err, city.KindInvalid)
		}
	})
}

// Whoever sends people somewhere sees who is on duty, and nobody else does.
func TestWhoSeesWhoIsOnDuty(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		a := officer(inspector)
		_, err := w.duty(a, inspector, 8)
		must(t, err)
		for who, want := range map[*city.Actor]city.Kind{
			ptr(officer("operations-center.operator")): "", ptr(officer("urban-management.approver")): "",
			ptr(officer("urban-management.clerk")): city.KindForbidden, ptr(officer("transport.approver")): city.KindForbidden,
			&a: city.KindForbidden, ptr(resident(a.Person)): city.KindForbidden, ptr(city.Actor{}): city.KindUnauthenticated,
		} {
			_, err := w.onShift(*who, directory.Around{Post: inspector, Most: 3})
			if city.KindOf(err) != want {
				t.Errorf("%v %v: %v, want %q", who.Kind, who.Posts, err, want)
			}
		}
		relieve := func(by city.Actor) error {
			return w.do(func(ctx context.Context, tx *db.Tx) error { return w.Relieve(ctx, tx, by, a.Account, inspector) })
		}
		wantKind(t, relieve(officer("operations-center.operator")), city.KindForbidden)
		must(t, relieve(officer("urban-management.approver")))
		wantKind(t, relieve(program), city.KindConflict)
	})
}

func ptr[T any](v T) *T { return &v }

// Those found in boxes are those whom looking at everybody finds.
func TestNearestOfMany(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		r := rand.New(rand.NewPCG(1, 2))
		places := map[city.AccountID]geo.Point{}
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			for range 300 {
				a := officer(inspector)
				if _, err := w.GoOnDuty(ctx, tx, a, directory.Shift{Post: inspector, Until: monday.Add(8 * time.Hour)}); err != nil {
					return err
				}
				p := geo.Move(square, r.Float64()*360, r.Float64()*r.Float64()*40_000)
				if _, err := w.Stand(ctx, tx, a, directory.Fix{Point: p}); err != nil {
					return err
				}
				places[a.Account] = p
			}
			return nil
		}))
		for range 20 {
			at, most := geo.Move(square, r.Float64()*360, r.Float64()*50_000), 1+r.IntN(30)
			var want []float64
			for _, p := range places {
				want = append(want, geo.Distance(at, p))
			}
			slices.Sort(want)
			got, err := w.onShift(program, directory.Around{Post: inspector, At: at, Most: most})
			if must(t, err); len(got) != most {
				t.Fatalf("%d of %d", len(got), most)
			}
			for i, g := range got {
				if diff := g.Distance - want[i]; diff > 1 || diff < -1 {
					t.Errorf("number %d of %d is %.0f m away, want %.0f", i, most, g.Distance, want[i])
				}
			}
		}
	})
}

// A shift ends once, whoever ends it.
func TestShiftEndsOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		a := officer(inspector)
		_, err := w.duty(a, inspector, 1)
		must(t, err)
		w.clock.Advance(2 * time.Hour)
		var all sync.WaitGroup
		ends := make([]error, 8)
		for i := range ends {
			all.Go(func() {
				ends[i] = w.do(func(ctx context.Context, tx *db.Tx) error { return w.Relieve(ctx, tx, program, a.Account, inspector) })
			})
		}
		all.Wait()
		won := 0
		for _, err := range ends {
			if err == nil {
				won++
			} else if city.KindOf(err) != city.KindConflict {
				t.Error(errors.Join(err))
			}
		}
		if n := count(w.events(), "duty.ended"); won != 1 || n != 1 {
			t.Errorf("%d ended it, %d events", won, n)
		}
	})
}
