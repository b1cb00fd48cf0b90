package casework_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// What was done is read in the order of time, piece by piece, without gap or repeat,
// whichever cases it belongs to.
func TestChanges(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var want []string
		note := func(c casework.Case, action string) {
			want = append(want, fmt.Sprintf("%s %s %v", c.Number, action, action == "not_accepted" || action == "withdraw"))
		}
		var cases []casework.Case
		for range 5 {
			a := player()
			c := w.open(a, "")
			note(c, "open")
			cases = append(cases, c)
			w.clock.Advance(time.Minute)
		}
		middle := w.clock.Now()
		for i, c := range cases {
			if i%2 == 0 {
				w.do(porter, c, act("accept"))
				note(c, "accept")
			} else {
				w.do(porter, c, casework.Action{Name: "not_accepted", Reason: "full"})
				note(c, "not_accepted")
			}
			w.clock.Advance(time.Minute)
		}
		program := city.SystemActor("test")
		read := func(from, until time.Time, limit int) (got []string) {
			after := casework.ChangeCursor{At: from}
			w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				for {
					some, err := w.engine.Changes(ctx, tx, program, "membership", after, until, limit)
					if err != nil || len(some) == 0 {
						return err
					}
					if len(some) > limit {
						t.Errorf("%d at once, of %d", len(some), limit)
					}
					for _, c := range some {
						got = append(got, fmt.Sprintf("%s %s %v", c.Number, c.Action, c.Ended))
					}
					after = some[len(some)-1].Cursor()
				}
			}))
			return got
		}
		for _, limit := range []int{1, 3, 100} {
			if got := read(monday, w.clock.Now(), limit); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%d at once: %v, want %v", limit, got, want)
			}
		}
		if got := read(middle, middle, 10); fmt.Sprint(got) != fmt.Sprint(want[5:6]) {
			t.Errorf("at one moment: %v", got)
		}
		if got := read(monday, middle.Add(-time.Microsecond), 10); len(got) != 5 {
			t.Errorf("before the middle: %v", got)
		}
		w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			if some, err := w.engine.Changes(ctx, tx, program, "nothing", casework.ChangeCursor{}, w.clock.Now(), 10); err != nil || len(some) > 0 {
				t.Errorf("of another kind: %v, %v", some, err)
			}
			_, err := w.engine.Changes(ctx, tx, porter, "membership", casework.ChangeCursor{}, w.clock.Now(), 10)
			w.is(err, city.KindForbidden)
			return nil
		}))
		if d.Engine() == db.SQLite {
			w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				plan, err := db.All(ctx, tx, func(r db.Row) (s string, err error) {
					var a, b, c int
					return s, r.Scan(&a, &b, &c, &s)
				}, `EXPLAIN QUERY PLAN SELECT a.case_id FROM case_actions a JOIN cases c ON c.id = a.case_id
WHERE (a.at, a.case_id, a.seq) > ($1, $2, $3) AND a.at <= $4 AND c.kind = $5 ORDER BY a.at, a.case_id, a.seq LIMIT $6`, 1, city.CaseID{}, 0, 2, "membership", 10)
				if all := strings.Join(plan, "; "); !strings.Contains(all, "case_actions_at") || strings.Contains(all, "TEMP B-TREE") {
					t.Errorf("not read by time: %s", all)
				}
				return err
			}))
		}
	})
}
