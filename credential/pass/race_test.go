package pass

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	flood = Purpose{ID: "flood", States: []State{{ID: "enter", Enters: true}, {ID: "wait", Most: 14 * 24 * time.Hour}},
		From: city.Date{Year: 2026, Month: 11, Day: 1}, Ends: city.Date{Year: 2026, Month: 11, Day: 30}}
	someone = city.NewPersonID()
)

func testService(t *testing.T, d *db.DB) *Service {
	t.Helper()
	vault, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{DB: d, Journal: journal.New(d, vault), Zone: time.UTC, Clock: city.NewSetClock(noon)})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Service) wait(ctx context.Context, tx *db.Tx, reason string, until time.Time) error {
	return s.give(ctx, tx, city.SystemActor("test"), &flood, someone, flood.States[1], reason, until, noon)
}

func countOf(t *testing.T, d *db.DB, what string) (n int64) {
	t.Helper()
	must(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = db.One[int64](ctx, tx, `SELECT count(*) FROM `+what)
		return err
	}))
	return n
}

// Two officers set one person's state at the same moment: what both said lies under one
// key, so that nothing of it is readable once the state is erased.
func TestTwoSetOneState(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s, until, tries := testService(t, d), noon.Add(24*time.Hour), 0
		must(t, again(func() error {
			return d.Compose(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if _, err := stateRow(ctx, tx, flood.ID, someone); tries == 0 && !errors.Is(err, db.ErrNoRows) {
					t.Errorf("at first: %v", err)
				}
				if err := s.wait(ctx, tx, "the first reason", until); err != nil {
					return err
				}
				if tries++; tries > 1 {
					return nil
				}
				return d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.wait(ctx, tx, "the other's reason", until) })
			})
		}))
		if keys := countOf(t, d, "seal_keys"); keys != 1 || tries != 2 {
			t.Errorf("%d keys after %d tries", keys, tries)
		}
		must(t, s.erase(t.Context(), func(ctx context.Context, tx *db.Tx) ([]doomed, error) { return statesOf(ctx, tx, flood.ID, sweepBatch) }, nil))
		if keys, states := countOf(t, d, "seal_keys"), countOf(t, d, "pass_states"); keys != 0 || states != 0 {
			t.Errorf("%d keys and %d states are kept", keys, states)
		}
		must(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			all, err := s.o.Journal.Read(ctx, tx, journal.Position{}, 100)
			for _, e := range all {
				var said map[string]any
				if _, err := s.o.Journal.Open(ctx, tx, e, &said); !errors.Is(err, journal.ErrErased) {
					t.Errorf("still readable: %v, %v", said, err)
				}
			}
			return err
		}))
	})
}

// A state that is set anew while the one before is being erased stays, with its key.
func TestASetStateIsNotSweptAway(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s := testService(t, d)
		set := func(until time.Time) {
			must(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.wait(ctx, tx, "why", until) }))
		}
		set(noon.Add(time.Hour))
		var old []doomed
		must(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			old, err = lapsed(ctx, tx, noon.Add(2*time.Hour), 10)
			return err
		}))
		set(noon.Add(48 * time.Hour))
		must(t, s.erase(t.Context(), func(context.Context, *db.Tx) ([]doomed, error) { return old, nil }, nil))
		if len(old) != 1 || countOf(t, d, "pass_states") != 1 || countOf(t, d, "seal_keys") != 1 {
			t.Errorf("%d lapsed; the new state or its key is gone", len(old))
		}
		err := d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			saveState(tx, flood.ID, row{person: someone, key: old[0].key}, row{key: old[0].key, until: city.FromMicros(old[0].until)})
			return nil
		})
		if !errors.Is(err, casework.ErrAgain) {
			t.Errorf("written over what has changed: %v", err)
		}
	})
}

// No state outlasts the purpose: what is set while the purpose ends is swept as well.
// None ends at a second that only one person's does.
func TestWhenAStateEnds(t *testing.T) {
	d := dbtest.SQLite(t)
	s := testService(t, d)
	over := flood.Over(time.UTC)
	for until, want := range map[time.Time]time.Time{over.Add(10 * 24 * time.Hour): over, noon.Add(25*time.Hour + 17*time.Second): noon.Add(25 * time.Hour)} {
		must(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.wait(ctx, tx, "why", until) }))
		must(t, d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			x, err := stateRow(ctx, tx, flood.ID, someone)
			if err == nil && !x.until.Equal(want) {
				t.Errorf("until %s, not %s", x.until, want)
			}
			return err
		}))
	}
}
