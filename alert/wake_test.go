package alert_test

import (
	"context"
	"fmt"
	"testing"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// Whoever shows alerts is told after each commit that changed one, and not before;
// those that wait for somebody are counted by rule, for those who may see them.
func TestWhoWaitsIsWoken(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		changed, done := w.b.Changes()
		told := func(what string, want bool) {
			t.Helper()
			select {
			case <-changed:
				if !want {
					t.Errorf("a signal after %s", what)
				}
			default:
				if want {
					t.Errorf("no signal after %s", what)
				}
			}
		}
		told("nothing", false)
		a, _ := w.raises(fed(0))
		told("raising", true)
		w.raises(fed(20))
		told("joining", true)
		other := fed(5)
		other.Key = "Z2@pond"
		b, _ := w.raises(other)
		err := d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			return w.b.Filed(ctx, tx, program, b.ID, city.CaseNumber("9901-1"))
		})
		if err != nil {
			t.Fatal(err)
		}
		told("filing", true)
		waiting := func(actor city.Actor, want string) {
			t.Helper()
			w.view(func(ctx context.Context, tx *db.Tx) error {
				n, err := w.b.Waiting(ctx, tx, actor)
				if err != nil {
					return err
				}
				page, err := w.b.List(ctx, tx, actor, alert.Query{Waiting: true})
				if got := fmt.Sprint(n, len(page.Alerts)); got != want {
					t.Errorf("%s wait, want %s", got, want)
				}
				return err
			})
		}
		waiting(keeper, "map[feeding:2] 2")
		if err := w.resolves(a.ID, alert.Outcome{What: "nothing"}); err != nil {
			t.Fatal(err)
		}
		told("an outcome", true)
		waiting(keeper, "map[feeding:1] 1")
		waiting(guard, "map[] 0")
		done()
		w.raises(fed(40))
		told("the end of listening", false)
	})
}
