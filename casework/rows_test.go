package casework_test

import (
	"context"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// Two nodes over one database: what one remembers of a case is behind as soon as
// the other acts. Neither refuses what is allowed by now, nor does what no longer
// is, nor says "somebody was faster" to somebody who was alone.
func TestTwoNodesOnOneCase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		here, there := w.engine, w.build(membership)
		on := func(e *casework.Engine, a city.Actor, c casework.Case, act casework.Action) (casework.Case, error) {
			return e.Do(context.Background(), a, c.Number, act)
		}
		must := func(c casework.Case, err error) casework.Case {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		me := player()
		c := w.open(me, "")

		must(on(there, porter, c, act("accept")))
		if _, err := on(here, porter, c, act("accept")); city.KindOf(err) != city.KindConflict {
			t.Errorf("accepted twice: %v", err)
		}
		must(on(there, porter, c, casework.Action{Name: casework.ActComment, Note: "there"}))
		again := must(on(here, coach, c, casework.Action{Name: casework.ActSpecialProcedure, Procedure: "testing", Key: "k"}))
		if again.Version != 4 || again.Stage != "trial" {
			t.Errorf("the coach's step is number %d in %s", again.Version, again.Stage)
		}
		// the same step again, on either node, is the first one's answer
		for _, e := range []*casework.Engine{there, here} {
			if got := must(on(e, coach, c, casework.Action{Name: casework.ActSpecialProcedure, Procedure: "testing", Key: "k"})); got.Version != 4 {
				t.Errorf("the repeat led to version %d", got.Version)
			}
		}
		// a repeat of what could be done again is still done once
		note := casework.Action{Name: casework.ActComment, Note: "once", Key: "n"}
		must(on(here, coach, c, note))
		must(on(there, porter, c, casework.Action{Name: casework.ActComment, Note: "between"}))
		if got := must(on(here, coach, c, note)); got.Version != 5 {
			t.Errorf("the repeated note led to version %d", got.Version)
		}
		must(on(there, me, c, act(casework.ActWithdraw)))
		if _, err := on(here, coach, c, act(casework.ActResume)); city.KindOf(err) != city.KindConflict {
			t.Errorf("a closed case went on: %v", err)
		}
		if got := w.get(me, c); got.Version != 7 || got.Open {
			t.Errorf("at the end version %d, open %v", got.Version, got.Open)
		}
	})
}
