package casework_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// A case is opened and moved on, twice, in one composed step, whose rows can't be
// read before they are durable: the actions see what the step has made of the
// case, and what is refused undoes all of it.
func TestOpenedAndMovedOnInOneStep(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		me := player()
		var c casework.Case
		step := func(wrong bool) func(ctx context.Context, tx *db.Tx) error {
			return func(ctx context.Context, tx *db.Tx) (err error) {
				if c, err = w.engine.Open(ctx, tx, me, casework.Opening{Kind: "membership", Applicant: me.Person, Title: "Serena",
					Params: map[string]string{"club": "club", "card": "gold", "body": "club"}, Promise: city.Limit{N: 10, Unit: city.WorkingDays}}); err != nil {
					return err
				}
				if c, err = w.engine.Act(ctx, tx, porter, c.Number, act("accept")); err != nil {
					return err
				}
				if c, err = w.engine.Act(ctx, tx, coach, c.Number, casework.Action{Name: casework.ActComment, Note: "seen"}); err != nil || !wrong {
					return err
				}
				_, err = w.engine.Act(ctx, tx, porter, c.Number, act("accept"))
				return err
			}
		}
		compose := func(wrong bool) (err error) {
			for range 500 { // until numbers are in memory
				if err = d.Compose(context.Background(), step(wrong)); !errors.Is(err, db.ErrNotComposed) {
					return err
				}
				time.Sleep(10 * time.Millisecond)
			}
			return err
		}
		if err := compose(true); city.KindOf(err) != city.KindConflict && city.KindOf(err) != city.KindForbidden {
			t.Errorf("accepted twice in one step: %v", err)
		}
		if err := d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			_, err := w.engine.Get(ctx, tx, me, c.Number)
			return err
		}); city.KindOf(err) != city.KindNotFound {
			t.Errorf("something was left of the refused step: %v", err)
		}
		w.ok(compose(false))
		if got := w.get(me, c); got.Version != 3 || got.Stage != "trial" || got.Title != "Serena" || !got.State.Has("accepted") {
			t.Errorf("the case is at %d in %s: %+v", got.Version, got.Stage, got.State)
		}
		if got := w.do(coach, c, casework.Action{Name: casework.ActSpecialProcedure, Procedure: "testing"}); got.Version != 4 {
			t.Errorf("the next action is number %d", got.Version)
		}
	})
}

// An effect that may be composed finds at the commit that what it had read has
// changed. The step is taken once more, by itself; where that is of no use either,
// somebody was faster.
func TestAnEffectIsTakenAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var calls, composed, stale atomic.Int64
		var k casework.Kind
		w.ok(yaml.Unmarshal([]byte(membership), &k))
		acc, err := access.New(map[string][]byte{"club.cedar": []byte(policies)})
		w.ok(err)
		w.engine, err = casework.New(context.Background(), casework.Options{DB: d, Journal: w.journal, Access: acc, Clock: w.clock,
			Calendar: calendar(), Prefix: "TC", Kinds: []casework.Kind{k}, Composed: []string{"issue"}, Effects: map[string]casework.EffectFunc{
				"issue": func(ctx context.Context, tx *db.Tx, c casework.EffectCall) error {
					n := calls.Add(1)
					if tx.Composed() {
						composed.Add(1)
					}
					tx.Later(`UPDATE counters SET next = next WHERE name = $1`, func(int64) error {
						if n <= stale.Load() {
							return fmt.Errorf("%w: the stock of cards", casework.ErrAgain)
						}
						return nil
					}, "cards")
					return nil
				}}})
		w.ok(err)
		toDecision := func() casework.Case {
			me := player()
			c := w.open(me, "")
			w.do(porter, c, act("accept"))
			w.do(coach, c, casework.Action{Name: casework.ActSpecialProcedure, Procedure: "testing"})
			w.do(coach, c, casework.Action{Name: casework.ActResume, Note: "well"})
			w.do(coach, c, act("played"))
			w.do(elder, c, casework.Action{Name: casework.ActCompleteTask, Opinion: "agree"})
			w.do(elder2, c, casework.Action{Name: casework.ActCompleteTask, Opinion: "agree"})
			return c
		}
		for _, tt := range []struct {
			stale           int64
			calls, composed int64
			kind            city.Kind
		}{{0, 1, 1, ""}, {1, 2, 1, ""}, {2, 2, 1, city.KindConflict}} {
			c := toDecision()
			calls.Store(0)
			composed.Store(0)
			stale.Store(tt.stale)
			err := w.try(president, c, act("approve"))
			if tt.kind == "" && err != nil || tt.kind != "" && (city.KindOf(err) != tt.kind || !errors.Is(err, casework.ErrAgain)) {
				t.Errorf("stale %d times: %v", tt.stale, err)
			}
			if calls.Load() != tt.calls || composed.Load() != tt.composed {
				t.Errorf("stale %d times: called %d times, %d of them composed", tt.stale, calls.Load(), composed.Load())
			}
			if got := w.get(president, c); got.Open != (tt.kind != "") {
				t.Errorf("stale %d times: the case is open: %v", tt.stale, got.Open)
			}
		}
	})
}
