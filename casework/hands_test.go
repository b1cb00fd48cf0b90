package casework_test

import (
	"context"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

var caretaker = city.SystemActor("caretaker")

// handing is the engine of the broken court where whoever is given by mender gets
// what is sent out, in the same transaction.
func (w *world) handing(mender city.Actor) *casework.Engine {
	w.Helper()
	var k casework.Kind
	w.ok(yaml.Unmarshal([]byte(strings.Replace(repair, "promise: $limit}", "promise: $limit, effects: [{name: hand}, {name: see}]}", 1)), &k))
	acc, err := access.New(map[string][]byte{"club.cedar": []byte(policies + `
permit(principal is Officer, action == Action::"case.act", resource) when { resource.verb == "assign" && principal.posts.containsAny(resource.superiors) };
permit(principal is Officer, action == Action::"case.read", resource) when { principal.posts.containsAny(resource.superiors) };`)})
	w.ok(err)
	var e *casework.Engine
	e, err = casework.New(context.Background(), casework.Options{DB: w.db, Journal: w.journal, Access: acc, Clock: w.clock, Calendar: calendar(), Prefix: "TC", Kinds: []casework.Kind{k},
		Superior: func(p city.PostID) (city.PostID, bool) { return "union.foreman", p == "club.mender" },
		Effects: map[string]casework.EffectFunc{
			"hand": func(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
				c, err := e.Act(ctx, tx, caretaker, call.Case.Number, casework.Action{Name: casework.ActAssign, Assignee: mender.Account,
					Why: city.Text{ZhHans: "离得最近", En: "The nearest"}})
				if err == nil {
					call.Moved(c)
				}
				return err
			},
			"see": func(_ context.Context, _ *db.Tx, call casework.EffectCall) error {
				if call.Case.Assignee != mender.Account {
					w.Errorf("the next effect is told of %s", call.Case.Assignee)
				}
				return nil
			}}})
	w.ok(err)
	return e
}

// An effect moves the case on itself: whoever acted reads the case as that left it,
// and can act on what they read.
func TestEffectThatActs(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		mender, another := officer("club", "mender"), officer("club", "mender")
		w.engine = w.handing(mender)
		c := w.report(w.engine)
		c = w.do(porter, c, casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "10 emergency_hours"}})
		if c.Assignee != mender.Account || c.Version != 3 || w.get(mender, c).Version != 3 {
			t.Fatalf("after sending: version %d with %s", c.Version, c.Assignee)
		}
		w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			h, err := w.engine.History(ctx, tx, mender, c.Number)
			if last := h[len(h)-1]; last.Words.Why.En != "The nearest" || last.Words.Why.ZhHans != "离得最近" || last.Words.Reason != "" || last.By.Part != "caretaker" {
				t.Errorf("on record: %+v", last)
			}
			return err
		}))

		// the post above gives it to somebody else, others can't; the program takes it back
		give := casework.Action{Name: casework.ActAssign, Version: c.Version, Assignee: another.Account}
		w.is(w.try(officer("roofers", "mender"), c, give), city.KindForbidden)
		c = w.do(officer("union", "foreman"), c, give)
		if c.Assignee != another.Account {
			t.Errorf("with %s", c.Assignee)
		}
		w.is(w.try(mender, c, act(casework.ActRelease)), city.KindConflict)
		c = w.do(caretaker, c, act(casework.ActRelease))
		if !c.Assignee.IsZero() {
			t.Errorf("still with %s", c.Assignee)
		}
		w.is(w.try(caretaker, c, act(casework.ActRelease)), city.KindConflict)
	})
}

// What fills somebody's hands is what runs: not what is suspended, done or closed.
func TestWhatIsInHand(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		mender, idle := officer("club", "mender"), officer("club", "mender")
		w.engine = w.handing(mender)
		hands := func() (n int) {
			w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				of := []city.AccountID{idle.Account, mender.Account}
				for range 40 { // more than one statement's room
					of = append(of, city.NewAccountID())
				}
				got, err := w.engine.InHand(ctx, tx, caretaker, of)
				if n = got[mender.Account]; got[idle.Account] != 0 || len(got) > 1 {
					t.Errorf("others have something in hand: %v", got)
				}
				return err
			}))
			return n
		}
		held := func(post city.PostID) (n int) {
			w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				list, err := w.engine.Held(ctx, tx, caretaker, "repair", mender.Account, post, 50)
				n = len(list)
				return err
			}))
			return n
		}
		var cs []casework.Case
		for range 3 {
			cs = append(cs, w.do(porter, w.report(w.engine), casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "10 emergency_hours"}}))
		}
		if hands() != 3 || held("club.mender") != 3 || held("club.porter") != 0 {
			t.Errorf("%d in hand, %d held", hands(), held("club.mender"))
		}
		w.do(mender, cs[0], casework.Action{Name: casework.ActSuspendLedger, Reason: "no nails", Until: monday.AddDate(0, 0, 5)})
		w.do(mender, cs[1], act("done"))
		if hands() != 1 || held("club.mender") != 2 {
			t.Errorf("one suspended, one done: %d in hand, %d held", hands(), held("club.mender"))
		}
		// a task beside the first one counts, too
		c := w.do(mender, cs[2], casework.Action{Name: casework.ActWhistle, Bodies: []city.BodyID{"roofers"}, Note: "it rains in"})
		roofer := officer("roofers", "mender")
		w.do(roofer, c, act(casework.ActCheckIn))
		w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			got, err := w.engine.InHand(ctx, tx, caretaker, []city.AccountID{roofer.Account})
			if got[roofer.Account] != 1 {
				t.Errorf("of a task beside: %v", got)
			}
			_, refused := w.engine.InHand(ctx, tx, mender, nil)
			w.is(refused, city.KindForbidden)
			return err
		}))
	})
}
