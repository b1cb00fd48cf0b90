package casework_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

// The engine is tested on the membership of a tennis club, so that it can't
// learn what a birth or a permit is.
const membership = `
id: membership
name: {zh-Hans: 入会, en: Membership}
first: desk
stages:
  - id: desk
    name: {zh-Hans: 前台, en: Front desk}
    tell: {zh-Hans: 前台在看, en: The front desk is looking}
    tasks: [{id: greet, body: $club, post: porter}]
    limit: {n: 2, unit: working_days}
    allow: {supplement: {limit: {n: 5, unit: working_days}}, withdraw: true}
    outcomes:
      - {action: accept, label: {zh-Hans: 收下, en: Accept}, next: trial, clock: start, set: [accepted]}
      - {action: not_accepted, label: {zh-Hans: 不收, en: Turn away}, next: end, result: not_accepted, needs: [reason]}
  - id: trial
    name: {zh-Hans: 试打, en: Trial}
    tell: {zh-Hans: 约试打, en: A trial match is arranged}
    tasks: [{id: watch, body: $club, post: coach}]
    allow: {special_procedure: [testing], extend_review: {n: 3, unit: working_days}, withdraw: true}
    outcomes:
      - {action: played, label: {zh-Hans: 打完, en: Played}, next: vote, after: testing}
  - id: vote
    name: {zh-Hans: 表决, en: Vote}
    tell: {zh-Hans: 两位委员在看, en: Two members look at it}
    order: parallel
    tasks: [{id: one, body: $club, post: elder}, {id: two, body: federation, post: elder}]
    next: decision
  - id: decision
    name: {zh-Hans: 决定, en: Decision}
    tell: {zh-Hans: 会长决定, en: The president decides}
    tasks: [{id: decide, body: $club, post: president}]
    outcomes:
      - {action: approve, label: {zh-Hans: 准, en: Admit}, next: end, result: approved, clock: stop, effects: [{name: issue, with: {type: $card}}]}
      - {action: refuse, label: {zh-Hans: 不准, en: Refuse}, next: end, result: refused, clock: stop, needs: [reason, appeal]}
results:
  - {id: approved, name: {zh-Hans: 入会, en: Member}, tell: {zh-Hans: 欢迎, en: Welcome}}
  - {id: refused, name: {zh-Hans: 未入会, en: Refused}, tell: {zh-Hans: 没有通过, en: Not this time}}
  - {id: not_accepted, name: {zh-Hans: 未收, en: Turned away}, tell: {zh-Hans: 没有收下, en: Not accepted}}
`

const policies = `
permit(principal is Resident, action, resource) when { resource has applicant && resource.applicant == principal.person };
permit(principal is Resident, action == Action::"case.mine", resource);
permit(principal is Officer, action == Action::"case.inbox", resource);
permit(principal is Officer, action == Action::"case.read", resource) when { resource.bodies.contains(principal.body) };
permit(principal is Officer, action == Action::"case.act", resource)
when { resource.verb != "supply" && (principal.posts.containsAny(resource.posts) || principal.posts.contains(resource.head)) };
permit(principal is System, action, resource);
`

type world struct {
	*testing.T
	db      *db.DB
	clock   *city.SetClock
	journal *journal.Journal
	engine  *casework.Engine
	issued  map[string]int  // effect calls by key
	refuse  bool            // the effect fails
	broken  city.CaseNumber // it fails for this one
}

var shanghai = time.FixedZone("CST", 8*3600)

// monday is a working day at 10:00.
var monday = time.Date(2026, 3, 2, 10, 0, 0, 0, shanghai)

func calendar() *city.Calendar {
	return &city.Calendar{Zone: shanghai, Office: []city.Hours{{From: 9 * 60, To: 12 * 60}, {From: 13*60 + 30, To: 17 * 60}},
		Holidays: map[city.Date]city.Text{{Year: 2026, Month: 3, Day: 6}: {}}, Workdays: map[city.Date]city.Text{{Year: 2026, Month: 3, Day: 7}: {}}}
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{T: t, db: d, clock: city.NewSetClock(monday), issued: map[string]int{}}
	v, err := journal.NewVault(make([]byte, 32))
	w.ok(err)
	w.journal = journal.New(d, v)
	w.engine = w.build(membership)
	return w
}

func (w *world) build(definition string) *casework.Engine {
	w.Helper()
	var k casework.Kind
	w.ok(yaml.Unmarshal([]byte(definition), &k))
	acc, err := access.New(map[string][]byte{"club.cedar": []byte(policies)})
	w.ok(err)
	var mu sync.Mutex
	e, err := casework.New(context.Background(), casework.Options{DB: w.db, Journal: w.journal, Access: acc, Clock: w.clock,
		Calendar: calendar(), Prefix: "TC", Superior: func(p city.PostID) (city.PostID, bool) { return "club.head", p == "club.porter" }, Kinds: []casework.Kind{k}, Effects: map[string]casework.EffectFunc{
			"issue": func(ctx context.Context, tx *db.Tx, c casework.EffectCall) error {
				if w.refuse || c.Case.Number == w.broken {
					return errors.New("the card printer is broken")
				}
				mu.Lock()
				defer mu.Unlock()
				tx.AfterCommit(func() { mu.Lock(); defer mu.Unlock(); w.issued[c.Key]++ })
				return nil
			}}})
	w.ok(err)
	return e
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) is(err error, k city.Kind) {
	w.Helper()
	if city.KindOf(err) != k {
		w.Fatalf("got %v, want %s", err, k)
	}
}

func player() city.Actor {
	return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Channel: city.ChannelWeb}
}

func officer(body city.BodyID, post string) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: body, Posts: []city.PostID{city.PostID(string(body) + "." + post)}}
}

var (
	porter    = officer("club", "porter")
	coach     = officer("club", "coach")
	elder     = officer("club", "elder")
	elder2    = officer("federation", "elder")
	president = officer("club", "president")
)

func (w *world) open(a city.Actor, key string) casework.Case {
	w.Helper()
	c, err := w.tryOpen(a, key)
	w.ok(err)
	return c
}

func (w *world) tryOpen(a city.Actor, key string) (c casework.Case, err error) {
	err = w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		c, err = w.engine.Open(ctx, tx, a, casework.Opening{Kind: "membership", Item: "tennis", Applicant: a.Person, Key: key,
			Params: map[string]string{"club": "club", "card": "gold", "body": "club"}, Promise: city.Limit{N: 10, Unit: city.WorkingDays},
			Title: "Serena", Payload: map[string]any{"racket": "wood"}})
		return err
	})
	return c, err
}

func (w *world) do(a city.Actor, c casework.Case, act casework.Action) casework.Case {
	w.Helper()
	c, err := w.engine.Do(context.Background(), a, c.Number, act)
	w.ok(err)
	return c
}

func (w *world) try(a city.Actor, c casework.Case, act casework.Action) error {
	_, err := w.engine.Do(context.Background(), a, c.Number, act)
	return err
}

func act(name string) casework.Action { return casework.Action{Name: name} }

func (w *world) get(a city.Actor, c casework.Case) casework.Case {
	w.Helper()
	var got casework.Case
	w.ok(w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		got, err = w.engine.Get(ctx, tx, a, c.Number)
		return err
	}))
	return got
}

func date(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, shanghai)
	if err != nil {
		panic(err)
	}
	return t
}

// The whole life of a membership, with its clock told day by day.
func TestStoryOfAMembership(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		me := player()
		c := w.open(me, "")
		if c.Stage != "desk" || !c.Open || !c.Due.Equal(date("2026-03-04 17:00")) {
			t.Fatalf("opened as %s, due %s", c.Stage, c.Due)
		}
		if _, err := city.ParseCaseNumber(string(c.Number)); err != nil {
			t.Fatal(err)
		}
		// A correction is asked for once, with all points; the desk's limit waits meanwhile.
		w.is(w.try(porter, c, act("supplement")), city.KindInvalid)
		c = w.do(porter, c, casework.Action{Name: "supplement", Points: []casework.Point{{Field: "racket", Text: "which make?"}}})
		if !slices.Equal(c.Flags, []string{"paused", "supplement"}) || !c.Due.IsZero() || !c.State.AnswerBy.Equal(date("2026-03-09 17:00")) {
			t.Fatalf("flags %v, due %s, answer by %s", c.Flags, c.Due, c.State.AnswerBy.In(shanghai))
		}
		w.is(w.try(porter, c, act("accept")), city.KindConflict)
		w.clock.Set(date("2026-03-04 09:30")) // two working days later
		w.is(w.try(porter, c, act("supply")), city.KindForbidden)
		w.do(me, c, casework.Action{Name: "supply", Payload: map[string]any{"racket": "steel"}})
		c = w.get(me, c)
		if len(c.Flags) != 0 || !c.Due.Equal(date("2026-03-07 17:00")) { // 6 March is a holiday, Saturday 7 is worked
			t.Fatalf("after the correction: %v, due %s", c.Flags, c.Due)
		}
		w.is(w.try(porter, c, casework.Action{Name: "supplement", Points: []casework.Point{{Text: "again"}}}), city.KindConflict)

		// Accepted: the promise of 10 working days begins.
		c = w.do(porter, c, act("accept"))
		if c.Stage != "trial" || !c.Due.Equal(date("2026-03-18 17:00")) {
			t.Fatalf("accepted: stage %s, due %s", c.Stage, c.Due)
		}
		w.is(w.try(coach, c, act("played")), city.KindConflict)  // the trial comes first
		w.is(w.try(porter, c, act("played")), city.KindConflict) // not the porter's turn
		w.is(w.try(officer("federation", "treasurer"), c, act("played")), city.KindForbidden)
		c = w.do(coach, c, casework.Action{Name: "special_procedure", Procedure: "testing"})
		w.clock.Set(date("2026-03-09 16:00")) // Wednesday 4 to Monday 9 takes out 3 working days: 4, 5 and the Saturday
		c = w.do(coach, c, casework.Action{Name: "resume", Note: "good backhand"})
		if !c.Due.Equal(date("2026-03-23 17:00")) {
			t.Fatalf("after the pause due %s", c.Due)
		}
		c = w.do(coach, c, casework.Action{Name: "extend_review", Reason: "rain"})
		w.is(w.try(coach, c, casework.Action{Name: "extend_review", Reason: "more rain"}), city.KindConflict)
		if !c.Due.Equal(date("2026-03-26 17:00")) {
			t.Fatalf("extended: due %s", c.Due)
		}
		r := w.engine.Reading(c)
		if r.Used != 0 || len(r.Pauses) != 1 || r.Pauses[0].Days != 3 || r.Limit.N != 13 {
			t.Fatalf("the clock reads %+v", r)
		}
		c = w.do(coach, c, act("played"))

		// Two bodies look at it side by side; neither may answer for the other.
		if len(c.Working) != 2 {
			t.Fatalf("working: %+v", c.Working)
		}
		w.is(w.try(elder, c, casework.Action{Name: "complete_task", Task: "two", Opinion: "agree"}), city.KindConflict)
		c = w.do(elder2, c, casework.Action{Name: "complete_task", Opinion: "agree"})
		w.is(w.try(elder2, c, casework.Action{Name: "complete_task", Opinion: "agree"}), city.KindConflict)
		w.is(w.try(elder, c, casework.Action{Name: "complete_task", Opinion: "disagree"}), city.KindInvalid)
		c = w.do(elder, c, casework.Action{Name: "complete_task", Opinion: "disagree", Note: "too loud"})
		if c.Stage != "decision" {
			t.Fatalf("after both opinions: %s", c.Stage)
		}
		w.is(w.try(president, c, act("refuse")), city.KindInvalid)
		c = w.do(president, c, act("approve"))
		if c.Open || c.Result != "approved" || len(w.issued) != 1 {
			t.Fatalf("closed %v, %s, issued %v", !c.Open, c.Result, w.issued)
		}
		w.is(w.try(president, c, act("approve")), city.KindConflict)

		// The row equals the fold over the stored actions, and the past can be recomputed.
		w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			k, _ := w.engine.Kind("membership")
			h, err := w.engine.History(ctx, tx, me, c.Number)
			w.ok(err)
			refold := casework.Fold(k, h)
			stored := w.get(me, c).State
			if a, b := asJSON(t, refold), asJSON(t, stored); a != b {
				t.Error(cmp.Diff(a, b))
			}
			if h[1].Words.Points[0].Text != "which make?" || h[1].By.Post != "club.porter" {
				t.Errorf("history lost words or hand: %+v", h[1])
			}
			past, err := w.engine.StateAt(ctx, tx, me, c.Number, date("2026-03-05 00:00"))
			w.ok(err)
			if past.Paused != "testing" {
				t.Errorf("on 5 March the case was %q", past.Paused)
			}
			var p map[string]string
			w.ok(w.engine.Payload(ctx, tx, me, c.Number, &p))
			if p["racket"] != "steel" {
				t.Errorf("payload %v", p)
			}
			return nil
		}))
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestRepeatsAndRefusals(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		me, stranger := player(), player()
		c := w.open(me, "same form")
		if again := w.open(me, "same form"); again.ID != c.ID || again.Number != c.Number {
			t.Errorf("a form sent twice became %s and %s", c.Number, again.Number)
		}
		w.is(w.try(stranger, c, act("withdraw")), city.KindForbidden)
		w.is(w.try(city.Actor{}, c, act("withdraw")), city.KindUnauthenticated)
		_, err := w.engine.Do(context.Background(), me, "TC-2026-999999-9", act("withdraw"))
		w.is(err, city.KindNotFound)

		first := w.do(porter, c, casework.Action{Name: "accept", Key: "k1"})
		w.do(coach, c, casework.Action{Name: "special_procedure", Procedure: "testing"})
		again := w.do(porter, c, casework.Action{Name: "accept", Key: "k1"})
		if again.Version != first.Version || again.Stage != first.Stage || again.State.Paused != "" {
			t.Errorf("the repeat answered version %d, %s", again.Version, again.Stage)
		}
		w.is(w.try(coach, c, casework.Action{Name: "resume", Version: 2}), city.KindConflict)
		if got := w.get(me, c); got.Version != 3 {
			t.Errorf("refused requests left version %d", got.Version)
		}

		// A failing effect undoes the decision with it.
		w.do(coach, c, act("resume"))
		w.do(coach, c, act("played"))
		w.do(elder, c, casework.Action{Name: "complete_task", Opinion: "agree"})
		w.do(elder2, c, casework.Action{Name: "complete_task", Opinion: "agree"})
		w.refuse = true
		if err := w.try(president, c, act("approve")); city.KindOf(err) != city.KindInternal {
			t.Fatalf("got %v", err)
		}
		if got := w.get(me, c); !got.Open || got.Stage != "decision" {
			t.Errorf("the case stands at %s", got.Stage)
		}
		w.refuse = false
		w.do(president, c, act("approve"))
		if len(w.issued) != 1 {
			t.Errorf("issued %v", w.issued)
		}
	})
}

// Twenty officers act on one case in the same instant: one is accepted.
func TestTwentyAtOnce(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		me := player()
		for round := range rounds {
			c := w.open(me, "")
			var wg sync.WaitGroup
			var mu sync.Mutex
			kinds := map[city.Kind]int{}
			for range 20 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					err := w.try(officer("club", "porter"), c, act("accept"))
					mu.Lock()
					defer mu.Unlock()
					kinds[city.KindOf(err)]++
				}()
			}
			wg.Wait()
			if kinds[""] != 1 || kinds[city.KindConflict] != 19 {
				t.Fatalf("round %d: %v", round, kinds)
			}
			if got := w.get(me, c); got.Version != 2 {
				t.Fatalf("round %d: version %d", round, got.Version)
			}
		}
	})
}

func TestInbox(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var all []casework.Case
		for i := range 5 {
			w.clock.Set(monday.Add(time.Duration(4-i) * 24 * time.Hour))
			all = append(all, w.open(player(), ""))
		}
		list := func(a city.Actor, q casework.InboxQuery) (numbers []string, next string) {
			t.Helper()
			w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
				p, err := w.engine.Inbox(ctx, tx, a, q)
				for _, c := range p.Cases {
					if c.Title != "Serena" {
						t.Errorf("title %q", c.Title)
					}
					numbers = append(numbers, string(c.Number))
				}
				next = p.Next
				return err
			}))
			return numbers, next
		}
		first, next := list(porter, casework.InboxQuery{Scope: casework.ScopeAll, Limit: 3})
		rest, end := list(porter, casework.InboxQuery{Scope: casework.ScopeAll, Limit: 3, After: next})
		got := append(first, rest...)
		want := []string{string(all[4].Number), string(all[3].Number)}
		if len(got) != 5 || !slices.Equal(got[:2], want) || end != "" {
			t.Errorf("inbox %v, want most urgent first %v", got, want)
		}
		if n, _ := list(coach, casework.InboxQuery{Scope: casework.ScopeAll}); len(n) != 0 {
			t.Errorf("the coach sees the porter's cases: %v", n)
		}
		w.do(porter, all[0], act("claim"))
		w.is(w.try(officer("club", "porter"), all[0], act("claim")), city.KindConflict)
		w.is(w.try(officer("club", "porter"), all[0], act("accept")), city.KindConflict)
		if n, _ := list(porter, casework.InboxQuery{Scope: casework.ScopeMine}); !slices.Equal(n, []string{string(all[0].Number)}) {
			t.Errorf("mine: %v", n)
		}
		if n, _ := list(porter, casework.InboxQuery{Scope: casework.ScopePost}); len(n) != 4 {
			t.Errorf("post: %v", n)
		}
		w.clock.Set(date("2026-03-05 08:00"))
		if n, _ := list(porter, casework.InboxQuery{Scope: casework.ScopeOverdue}); len(n) != 1 {
			t.Errorf("overdue: %v", n)
		}
		w.ok(d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			counts, err := w.engine.InboxCounts(ctx, tx, porter)
			if want := (casework.Counts{Mine: 1, Post: 4, Overdue: 1}); counts != want {
				t.Errorf("counts %+v, want %+v", counts, want)
			}
			return err
		}))
		// Both bodies of a parallel stage find the case in their inbox.
		c := w.do(porter, all[0], act("accept"))
		w.do(coach, c, casework.Action{Name: "special_procedure", Procedure: "testing"})
		w.do(coach, c, act("resume"))
		w.do(coach, c, act("played"))
		for _, a := range []city.Actor{elder, elder2} {
			if n, _ := list(a, casework.InboxQuery{Scope: casework.ScopeAll}); len(n) != 1 {
				t.Errorf("%s sees %v", a.Body, n)
			}
		}
		w.do(elder2, c, act("claim"))
		if n, _ := list(elder2, casework.InboxQuery{Scope: casework.ScopeMine}); len(n) != 1 {
			t.Errorf("the second body's own list: %v", n)
		}
		w.do(elder2, c, casework.Action{Name: "complete_task", Opinion: "agree"})
		if n, _ := list(elder2, casework.InboxQuery{Scope: casework.ScopeAll}); len(n) != 0 {
			t.Errorf("done, and still in the inbox: %v", n)
		}
	})
}

// Who holds posts of both bodies speaks for one of them: the opinions of two
// bodies are those of two people.
func TestTwoBodiesAreTwoPeople(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	both := officer("club", "elder")
	both.Posts = append(both.Posts, "federation.elder")
	vote := func() casework.Case {
		c := w.open(player(), "")
		w.do(porter, c, act("accept"))
		w.do(coach, c, casework.Action{Name: "special_procedure", Procedure: "testing"})
		w.do(coach, c, act("resume"))
		return w.do(coach, c, act("played"))
	}
	opinion := func(task string) casework.Action {
		return casework.Action{Name: "complete_task", Opinion: "agree", Task: task}
	}
	offered := func(c casework.Case) (names []string) {
		w.ok(w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			list, err := w.engine.Options(ctx, tx, both, c.Number)
			for _, o := range list {
				names = append(names, o.Action)
			}
			return err
		}))
		return names
	}

	// said for one body, nothing is left to say for the other
	c := vote()
	w.do(both, c, opinion(""))
	for _, a := range []casework.Action{opinion(""), opinion("two"), {Name: "claim", Task: "two"}} {
		w.is(w.try(both, c, a), city.KindConflict)
	}
	if got := offered(c); slices.Contains(got, "complete_task") || slices.Contains(got, "claim") {
		t.Errorf("offered %v", got)
	}
	if c = w.get(both, c); c.Stage != "vote" || !c.State.SpeaksForAnother(c.Working[0], both.Account) {
		t.Errorf("stands in %s", c.Stage)
	}
	if c = w.do(elder2, c, opinion("")); c.Stage != "decision" {
		t.Errorf("after two people: %s", c.Stage)
	}

	// taken for one body is as good as said; given back, either may be taken
	c = vote()
	w.do(both, c, casework.Action{Name: "claim", Task: "two"})
	w.is(w.try(both, c, opinion("one")), city.KindConflict)
	w.is(w.try(both, c, casework.Action{Name: "claim", Task: "one"}), city.KindConflict)
	w.is(w.try(president, c, casework.Action{Name: "assign", Task: "one", Assignee: both.Account}), city.KindConflict)
	w.do(both, c, casework.Action{Name: "release", Task: "two"})
	w.do(both, c, opinion("one"))
}

func TestTimerTakesEachStepOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		me := player()
		late, asked := w.open(me, ""), w.open(me, "")
		w.do(porter, asked, casework.Action{Name: "supplement", Points: []casework.Point{{Text: "x"}}})
		w.clock.Set(date("2026-03-04 17:01"))
		var wg sync.WaitGroup
		total := make(chan int, 4)
		for range 4 { // four nodes
			wg.Add(1)
			go func() {
				defer wg.Done()
				n, err := w.engine.Tick(context.Background())
				if err != nil {
					t.Error(err)
				}
				total <- n
			}()
		}
		wg.Wait()
		close(total)
		sum := 0
		for n := range total {
			sum += n
		}
		c := w.get(me, late)
		if sum != 1 || !c.State.Has("overdue") || c.Version != 2 {
			t.Errorf("%d steps, flags %v, version %d", sum, c.Flags, c.Version)
		}
		w.clock.Set(date("2026-03-30 17:01"))
		n, err := w.engine.Tick(context.Background())
		w.ok(err)
		if a := w.get(me, asked); n < 2 || !a.State.Has("supplement_lapsed") {
			t.Errorf("%d steps, flags %v", n, a.Flags)
		}
		if n, err := w.engine.Tick(context.Background()); n != 0 || err != nil {
			t.Errorf("a second tick took %d steps, %v", n, err)
		}
		// Somebody acts late: the flag goes with the stage, the ledger keeps what was.
		if c := w.do(porter, late, act("accept")); c.State.Has("overdue") {
			t.Errorf("flags %v", c.Flags)
		}
	})
}

// A changed definition is a new version; what is open keeps the old one.
func TestKindsHaveVersions(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		me := player()
		before := w.open(me, "")
		w.engine = w.build(strings.Replace(membership, ", {id: two, body: federation, post: elder}", "", 1))
		after := w.open(me, "")
		for i, want := range []int{2, 1} {
			c := []casework.Case{before, after}[i]
			w.do(porter, c, act("accept"))
			w.do(coach, c, casework.Action{Name: "special_procedure", Procedure: "testing"})
			w.do(coach, c, act("resume"))
			if got := w.do(coach, c, act("played")); len(got.Working) != want {
				t.Errorf("%s has %d tasks, want %d", c.Number, len(got.Working), want)
			}
		}
	})
}

func TestErasureLeavesTheCaseStanding(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		me := player()
		c := w.open(me, "")
		w.ok(d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error { return w.journal.Vault().Erase(ctx, tx, me.Person) }))
		got := w.get(me, c)
		if got.Title != "" || got.Stage != "desk" {
			t.Errorf("after erasure: title %q, stage %s", got.Title, got.Stage)
		}
		err := d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			var p any
			return w.engine.Payload(ctx, tx, me, c.Number, &p)
		})
		w.is(err, city.KindNotFound)
	})
}

func TestKindFaults(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"next: decision\n  - id", "next: nowhere\n  - id", `stages[2].next: no stage "nowhere"`},
		{"first: desk", "first: door", `first: no stage "door"`},
		{"next: trial, clock: start", "next: decision, clock: start", `stages[1].id: stage "trial" can't be reached from "desk"`},
		{"next: vote, after: testing", "next: trial, after: testing", `stages[1].id: stage "trial" can't be left: no way from it to the end`},
		{"after: testing", "after: hearing", `stages[1].outcomes[0].after: the stage doesn't allow the special procedure "hearing"`},
		{"{zh-Hans: 准, en: Admit}", "{zh-Hans: 准}", `stages[3].outcomes[0].label: no text in en`},
		{"n: 2, unit: working_days", "n: 2, unit: fortnights", `stages[0].limit.unit: no unit "fortnights"`},
		{"action: played", "action: claim", `stages[1].outcomes[0].action: "claim" is an action of the engine`},
		{"result: refused", "result: lost", `stages[3].outcomes[1].result: no result "lost"`},
	} {
		var k casework.Kind
		if err := yaml.Unmarshal([]byte(strings.Replace(membership, tt.old, tt.new, 1)), &k); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range k.Check() {
			got = append(got, fmt.Sprintf("%s: %s", f.Path, f.Message))
		}
		if !slices.Contains(got, tt.want) {
			t.Errorf("%q → %q\n got %q\nwant %q", tt.old, tt.new, got, tt.want)
		}
	}
}
