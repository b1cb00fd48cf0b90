package casework_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

// A broken court: somebody reports it, the porter gives it to whoever mends such
// things, others are whistled for, another person checks, and who reported it may
// have it taken up again. The engine learns nothing of streets by it.
const repair = `
id: repair
name: {zh-Hans: 修场, en: Repair}
first: desk
warn: 70
reopen: {stage: mend, within: {n: 3, unit: natural_days}}
stages:
  - id: desk
    name: {zh-Hans: 前台, en: Desk}
    tell: {zh-Hans: 前台在看, en: The desk is looking}
    tasks: [{id: greet, body: club, post: porter}]
    limit: {n: 2, unit: emergency_hours}
    outcomes:
      - {action: dispatch, label: {zh-Hans: 派, en: Give out}, next: mend, takes: [body, limit], clock: start, promise: $limit}
      - {action: not_accepted, label: {zh-Hans: 不收, en: No}, next: end, result: mended, takes: [ground], choices: {ground: [{id: elsewhere, name: {zh-Hans: 别处, en: Elsewhere}}]}}
  - id: mend
    name: {zh-Hans: 修, en: Mend}
    tell: {zh-Hans: 在修, en: Being mended}
    tasks: [{id: mend, body: $body, post: mender}]
    allow:
      whistle: {post: mender, limit: {n: 1, unit: emergency_hours}}
      suspend_ledger: {n: 30, unit: natural_days}
      progress:
        - {id: on_the_way, name: {zh-Hans: 在路上, en: On the way}, tell: {zh-Hans: 在路上了, en: Somebody is on the way}}
        - {id: arrived, name: {zh-Hans: 到了, en: There}, tell: {zh-Hans: 在场, en: Somebody is there}}
    outcomes:
      - {action: done, label: {zh-Hans: 修好, en: Done}, next: check}
      - {action: give_back, label: {zh-Hans: 退回, en: Not ours}, next: desk, needs: [reason], unless: [returned], set: [returned]}
  - id: check
    name: {zh-Hans: 查, en: Check}
    tell: {zh-Hans: 在查, en: Being checked}
    tasks: [{id: check, body: club, post: mender, not: [mend]}]
    limit_from: $limit
    outcomes:
      - {action: passed, label: {zh-Hans: 过, en: Good}, next: end, result: mended, clock: stop}
      - {action: failed, label: {zh-Hans: 不过, en: Not good}, next: mend, counts: rework}
results:
  - {id: mended, name: {zh-Hans: 修好, en: Mended}, tell: {zh-Hans: 修好了, en: Mended}}
`

func (w *world) report(e *casework.Engine) casework.Case {
	w.Helper()
	var c casework.Case
	w.ok(w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		me := player()
		c, err = e.Open(ctx, tx, me, casework.Opening{Kind: "repair", Item: "court", Applicant: me.Person, Title: "Court 3"})
		return err
	}))
	return c
}

func TestStoryOfABrokenCourt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.engine = w.build(repair)
		mender, other, roofer := officer("club", "mender"), officer("club", "mender"), officer("roofers", "mender")
		c := w.report(w.engine)
		give := casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "10 emergency_hours"}}
		is := func(got error, want city.Kind) {
			t.Helper()
			w.is(got, want)
		}

		// what an outcome takes has to be given, and nothing else
		is(w.try(porter, c, act("dispatch")), city.KindInvalid)
		is(w.try(porter, c, casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "1 working_days", "stage": "end"}}), city.KindInvalid)
		is(w.try(porter, c, casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "soon"}}), city.KindInvalid)
		c = w.do(porter, c, give)
		if want := monday.Add(10 * time.Hour); !c.Due.Equal(want) {
			t.Errorf("due %s, want %s", c.Due, want)
		}

		// wrong office: given back once, then never again
		c = w.do(mender, c, casework.Action{Name: "give_back", Reason: "that is the roof"})
		c = w.do(porter, c, give)
		is(w.try(mender, c, casework.Action{Name: "give_back", Reason: "again"}), city.KindConflict)

		// a whistle: who is called checks in, signs off, and decides nothing else
		c = w.do(mender, c, casework.Action{Name: casework.ActWhistle, Bodies: []city.BodyID{"roofers", "roofers"}, Note: "it rains in"})
		if !c.State.Has(casework.FlagWhistled) || len(c.Working) != 2 {
			t.Fatalf("after the whistle %+v", c.Working)
		}
		is(w.try(officer("plumbers", "mender"), c, act(casework.ActCheckIn)), city.KindForbidden)
		is(w.try(mender, c, act(casework.ActCheckIn)), city.KindConflict)
		is(w.try(mender, c, act("done")), city.KindConflict)
		is(w.try(roofer, c, act("done")), city.KindConflict)
		is(w.try(roofer, c, casework.Action{Name: casework.ActCompleteTask, Opinion: "agree"}), city.KindConflict)
		c = w.do(roofer, c, act(casework.ActCheckIn))
		is(w.try(roofer, c, act(casework.ActCheckIn)), city.KindConflict)
		c = w.do(roofer, c, casework.Action{Name: casework.ActCompleteTask, Opinion: "agree"})
		if c.Stage != "mend" {
			t.Fatalf("signing off led to %s", c.Stage)
		}

		// nobody checks their own work; what fails is mended again, and counted
		c = w.do(mender, c, act("done"))
		for _, name := range []string{"passed", casework.ActClaim} {
			is(w.try(mender, c, act(name)), city.KindConflict)
		}
		is(w.try(porter, c, casework.Action{Name: casework.ActAssign, Assignee: mender.Account}), city.KindConflict)
		c = w.do(other, c, act("failed"))
		if c.State.Counts["rework"] != 1 || c.Stage != "mend" {
			t.Errorf("counts %v in %s", c.State.Counts, c.Stage)
		}
		c = w.do(mender, c, act("done"))
		c = w.do(other, c, act("passed"))
		if c.Open || c.Result != "mended" {
			t.Fatalf("ended %v with %q", !c.Open, c.Result)
		}

		// taken up again in time, with a clock of its own; too late after three days
		again := casework.Action{Name: casework.ActReopen, Reason: "it leaks"}
		is(w.try(porter, c, act(casework.ActReopen)), city.KindInvalid)
		w.clock.Set(monday.AddDate(0, 0, 2))
		c = w.do(porter, c, again)
		if !c.Open || c.Stage != "mend" || c.Result != "" || !c.State.Has(casework.FlagReopened) || !c.Due.Equal(monday.AddDate(0, 0, 2).Add(10*time.Hour)) {
			t.Errorf("reopened as %+v", c)
		}
		is(w.try(porter, c, again), city.KindConflict)
		c = w.do(mender, c, act("done"))
		c = w.do(other, c, act("passed"))
		w.clock.Set(monday.AddDate(0, 0, 7))
		is(w.try(porter, c, again), city.KindConflict)
		if got := w.get(porter, c); got.Open {
			t.Error("it was taken up all the same")
		}
	})
}

// What ended at the desk, before anybody was named to mend it, is nobody's there: it
// goes back to the desk, with the desk's limit, and from there on as the first time.
func TestReopenedBeforeAnybodyHadIt(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.engine = w.build(repair)
		c := w.report(w.engine)
		c = w.do(porter, c, casework.Action{Name: "not_accepted", Params: map[string]string{"ground": "elsewhere"}})
		c = w.do(porter, c, casework.Action{Name: casework.ActReopen, Reason: "it is here after all"})
		if !c.Open || c.Stage != "desk" || c.Body != "club" || c.Due.IsZero() {
			t.Fatalf("reopened as %+v", c)
		}
		c = w.do(porter, c, casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "2 working_days"}})
		if c.Stage != "mend" || c.Due.IsZero() {
			t.Errorf("given out as %+v", c)
		}
	})
}

// What can't be solved now waits for its date, off the clock, and comes back by
// itself; much of a limit used up is said before the limit has passed.
func TestSuspendedAndWarned(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.engine = w.build(repair)
		mender := officer("club", "mender")
		c := w.report(w.engine)
		c = w.do(porter, c, casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "10 emergency_hours"}})
		tick := func(after time.Duration, want ...string) {
			t.Helper()
			w.clock.Set(monday.Add(after))
			if _, err := w.engine.Tick(context.Background()); err != nil {
				t.Fatal(err)
			}
			c = w.get(porter, c)
			for _, flag := range want {
				if !c.State.Has(flag) {
					t.Errorf("after %s: flags %v, want %s", after, c.Flags, flag)
				}
			}
		}
		tick(7*time.Hour - time.Minute)
		if len(c.Flags) != 0 {
			t.Errorf("too early: %v", c.Flags)
		}
		tick(7*time.Hour, casework.FlagWarned)
		seq := c.Version
		tick(8 * time.Hour)
		if c.Version != seq {
			t.Error("warned twice")
		}
		later := casework.Action{Name: casework.ActSuspendLedger, Reason: "no tiles before spring", Until: monday.AddDate(0, 0, 60)}
		w.is(w.try(mender, c, later), city.KindInvalid)
		later.Until = monday.AddDate(0, 0, 20)
		c = w.do(mender, c, later)
		if !c.Due.IsZero() || !c.State.Has(casework.FlagSuspended) || c.State.Has(casework.FlagOverdue) {
			t.Errorf("suspended as %+v", c)
		}
		w.is(w.try(mender, c, act("done")), city.KindConflict)
		tick(19 * 24 * time.Hour)
		if !c.State.Has(casework.FlagSuspended) {
			t.Error("it came back too early")
		}
		tick(20*24*time.Hour, casework.FlagReview)
		if want := monday.AddDate(0, 0, 20).Add(2 * time.Hour); c.State.Has(casework.FlagSuspended) || !c.Due.Equal(want) {
			t.Errorf("back with %v, due %s, want %s: eight hours of ten were used", c.Flags, c.Due, want)
		}
		tick(20*24*time.Hour+3*time.Hour, casework.FlagOverdue)
	})
}

// That a limit has passed is said to the post whose turn it is; when nothing came of
// it, to the post above as well.
func TestThePostAboveIsToldLater(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.engine = w.build(repair)
		w.report(w.engine)
		for _, after := range []time.Duration{3 * time.Hour, 28 * time.Hour, 100 * time.Hour} {
			w.clock.Set(monday.Add(after))
			if _, err := w.engine.Tick(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		var told []string
		w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			bodies, err := db.All(ctx, tx, func(r db.Row) (s string, err error) { return s, r.Scan(&s) }, `SELECT body FROM journal WHERE type = 'case.overdue' ORDER BY id`)
			for _, b := range bodies {
				var v struct{ To []journal.Recipient }
				if err := json.Unmarshal([]byte(b), &v); err != nil {
					return err
				}
				posts := ""
				for _, to := range v.To {
					posts += " " + string(to.Post)
				}
				told = append(told, posts)
			}
			return err
		}))
		first, later := "  club.porter", "  club.porter club.head" // the player who reported it comes first
		if want := []string{first, later, later}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// A case with which time can't go on, because something that goes with it fails, holds
// up no other; it is told, and gone on with once it can be.
func TestOneCaseHoldsUpNoOther(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.engine = w.build(repair + "effects: {overdue: [{name: issue, with: {type: late}}]}\n")
		var cases []casework.Case
		for range 3 {
			cases = append(cases, w.report(w.engine))
			w.clock.Set(w.clock.Now().Add(time.Second))
		}
		w.broken = cases[0].Number // the one that has been due longest
		w.clock.Set(monday.Add(3 * time.Hour))
		for range 2 {
			if _, err := w.engine.Tick(context.Background()); err == nil || !strings.Contains(err.Error(), string(w.broken)) {
				t.Errorf("of what fails is told %v", err)
			}
		}
		late := func(c casework.Case) bool { return slices.Contains(w.get(porter, c).Flags, casework.FlagOverdue) }
		for i, c := range cases {
			if late := late(c); late != (i > 0) {
				t.Errorf("case %d is overdue: %v", i, late)
			}
		}
		w.broken = ""
		if n, err := w.engine.Tick(context.Background()); n != 1 || err != nil || !late(cases[0]) {
			t.Errorf("once it can be: %d, %v", n, err)
		}
	})
}

// Effects of the engine's own actions stand with the kind, whatever the stage.
func TestEffectsOfOwnActions(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.engine = w.build(repair + "effects: {terminate: [{name: issue, with: {type: over}}], reopen: [{name: issue, with: {type: again}}]}\n")
		c := w.report(w.engine)
		before := len(w.issued)
		head := officer("club", "head")
		c = w.do(head, c, casework.Action{Name: casework.ActTerminate, Reason: "closed for good"})
		if len(w.issued) != before+1 {
			t.Errorf("ending it had %d effects", len(w.issued)-before)
		}
		w.do(porter, c, casework.Action{Name: casework.ActReopen, Reason: "open again"})
		if len(w.issued) != before+2 {
			t.Errorf("with reopening %d effects", len(w.issued)-before)
		}
	})
	var k casework.Kind
	if err := yaml.Unmarshal([]byte(repair+"effects: {dispatch: [{name: issue}], open: [{name: issue}]}\n"), &k); err != nil {
		t.Fatal(err)
	}
	if fs := k.Check(); len(fs) != 2 {
		t.Errorf("effects of what is no action of the engine: %+v", fs)
	}
}

func TestProgressAndClosedLists(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.engine = w.build(repair)
		mender, other, mender2 := officer("club", "mender"), officer("club", "mender"), officer("club", "mender")
		say := func(step string) casework.Action {
			return casework.Action{Name: casework.ActProgress, Step: step}
		}
		c := w.report(w.engine)
		w.is(w.try(porter, c, say("on_the_way")), city.KindConflict) // the desk has no such steps
		for ground, want := range map[string]city.Kind{"": city.KindInvalid, "whim": city.KindInvalid} {
			w.is(w.try(porter, c, casework.Action{Name: "not_accepted", Params: map[string]string{"ground": ground}}), want)
		}
		c = w.do(porter, c, casework.Action{Name: "dispatch", Params: map[string]string{"body": "club", "limit": "10 emergency_hours"}})
		due := c.Due
		w.is(w.try(mender, c, say("")), city.KindInvalid)
		w.is(w.try(mender, c, say("flying")), city.KindInvalid)

		// whoever says that they are on the way has taken it on; the stage and its
		// limit stay, and who waits reads it
		c = w.do(mender, c, say("on_the_way"))
		if c.Assignee != mender.Account || c.State.Progress != "on_the_way" || c.Tell.En != "Somebody is on the way" || !c.Due.Equal(due) || c.Stage != "mend" {
			t.Fatalf("%+v", c)
		}
		w.is(w.try(other, c, say("arrived")), city.KindConflict)
		steps := func(a city.Actor) (ids []string) {
			w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				options, err := w.engine.Options(ctx, tx, a, c.Number)
				for _, o := range options {
					for _, s := range o.Steps {
						ids = append(ids, s.ID)
					}
				}
				return err
			}))
			return ids
		}
		if got := steps(mender); len(got) != 1 || got[0] != "arrived" {
			t.Errorf("to be said next: %v", got)
		}
		c = w.do(mender, c, say("arrived"))
		w.is(w.try(mender, c, say("arrived")), city.KindConflict)
		w.is(w.try(mender, c, say("on_the_way")), city.KindConflict)

		// what one said of their way is not another's
		c = w.do(mender, c, act(casework.ActRelease))
		if c.State.Progress != "" || c.Tell.En != "Being mended" {
			t.Errorf("after it was put back %q, %q", c.State.Progress, c.Tell.En)
		}
		c = w.do(other, c, say("arrived"))
		c = w.do(other, c, act("done"))
		if c.State.Progress != "" || c.Tell.En != "Being checked" {
			t.Errorf("in the next stage %q, %q", c.State.Progress, c.Tell.En)
		}

		// what was decided on the sight of one stay says nothing of the next
		checked := c
		c = w.do(mender2, c, act("failed"))
		w.clock.Advance(time.Minute)
		c = w.do(mender, c, act("done"))
		w.is(w.try(mender2, c, casework.Action{Name: "passed", Entered: checked.State.Entered}), city.KindConflict)
		c = w.do(mender2, c, casework.Action{Name: "passed", Entered: c.State.Entered})
		if c.Open {
			t.Error("still open")
		}

		n := w.report(w.engine)
		n = w.do(porter, n, casework.Action{Name: "not_accepted", Params: map[string]string{"ground": "elsewhere"}})
		if n.Open || n.State.Params["ground"] != "elsewhere" {
			t.Errorf("%+v", n.State)
		}
	})
}
