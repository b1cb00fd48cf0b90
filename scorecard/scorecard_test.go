package scorecard_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/scorecard"
)

var (
	ctx   = context.Background()
	zone  = time.FixedZone("CST", 8*3600)
	start = time.Date(2026, 10, 31, 9, 0, 0, 0, zone)
)

type m = map[string]any

type town struct {
	t     testing.TB
	d     *db.DB
	j     *journal.Journal
	s     *scorecard.Scorecard
	clock *city.SetClock
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newTown(t testing.TB, d *db.DB) *town {
	t.Helper()
	raw, err := os.ReadFile("../cities/jianghai/access/scorecard.cedar")
	must(t, err)
	a, err := access.New(map[string][]byte{"scorecard.cedar": raw})
	must(t, err)
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	w := &town{t: t, d: d, j: journal.New(d, v), clock: city.NewSetClock(start)}
	w.s = scorecard.New(scorecard.Options{DB: d, Journal: w.j, Access: a, Clock: w.clock, Zone: zone})
	w.j.Follow(w.s)
	return w
}

// happens appends events, each of them an hour after the one before.
func (w *town) happens(events ...journal.Event) {
	w.t.Helper()
	must(w.t, w.d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, e := range events {
			e.At = w.clock.Now()
			if err := w.j.Append(ctx, tx, e); err != nil {
				return err
			}
			w.clock.Advance(time.Hour)
		}
		return nil
	}))
	must(w.t, w.j.CatchUp(ctx))
}

// step is an action on an incident.
func step(number, action, from, stage, body string, more m) journal.Event {
	data := m{"number": number, "kind": "incident", "item": "c0101", "action": action, "from": from, "stage": stage, "body": body}
	for k, v := range more {
		data[k] = v
	}
	typ := "case." + action
	if action == "open" {
		typ = "case.opened"
	}
	return journal.Event{Type: typ, Subject: number, Data: data}
}

func about(typ, number string, data m) journal.Event {
	data["number"] = number
	return journal.Event{Type: typ, Subject: number, Data: data}
}

func auditor() city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "audit", Posts: []city.PostID{"audit.auditor"}}
}

func worker(body city.BodyID) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: body, Posts: []city.PostID{city.PostID(body + ".clerk")}}
}

func october() scorecard.Query {
	m, _ := scorecard.ParseMonth("2026-10")
	return scorecard.Query{Sort: scorecard.Incidents, From: m, Until: m + 1}
}

func (w *town) lines(a city.Actor, q scorecard.Query, by scorecard.By) (out []scorecard.Line, err error) {
	err = w.d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		out, err = w.s.Figures(ctx, tx, a, q, by)
		return err
	})
	return out, err
}

// reads writes the figures of each line that have cases.
func (w *town) reads(q scorecard.Query, by scorecard.By) map[string]string {
	w.t.Helper()
	lines, err := w.lines(auditor(), q, by)
	must(w.t, err)
	out := map[string]string{}
	for _, l := range lines {
		s := fmt.Sprintf("opened %d", l.Count(scorecard.Opened))
		for _, d := range scorecard.Definitions() {
			if n, of := l.Share(d); of > 0 {
				s += fmt.Sprintf(", %s %d/%d", d.ID, n, of)
			}
		}
		out[l.Key] = s
	}
	return out
}

func (w *town) cases(a city.Actor, q scorecard.Query, with, without scorecard.Mark, after string, limit int) (numbers []string, next string, err error) {
	err = w.d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		var cs []scorecard.Matter
		cs, next, err = w.s.Cases(ctx, tx, a, q, with, without, after, limit)
		for _, c := range cs {
			numbers = append(numbers, string(c.Number))
		}
		return err
	})
	return numbers, next, err
}

// aMonth is seven incidents, each with a fate of its own.
func (w *town) aMonth() {
	open := func(n string, due time.Duration) journal.Event {
		return step(n, "open", "", "received", "operations-center", m{"due": w.clock.Now().Add(due)})
	}
	send := func(n, body string) journal.Event {
		return step(n, "dispatch", "received", "handling", body, m{"due": w.clock.Now().Add(1000 * time.Hour)})
	}
	done := func(n string) journal.Event { return step(n, "done", "handling", "verify", "operations-center", nil) }
	pass := func(n string) journal.Event {
		return step(n, "passed", "verify", "end", "operations-center", m{"result": "resolved"})
	}
	yes, no := true, false
	// 1: as it should be, and praised.
	w.happens(open("J1", 5*time.Hour), about("incident.reported", "J1", m{"street": "330100001"}), send("J1", "transport"), done("J1"), pass("J1"),
		about("incident.rated", "J1", m{"responded": yes, "resolved": yes, "level": 2}))
	// 2: given back, mended by others, failed once; nobody says anything.
	w.happens(open("J2", 5*time.Hour), about("incident.reported", "J2", m{"street": "330100001"}), send("J2", "transport"),
		step("J2", "give_back", "handling", "received", "operations-center", nil), send("J2", "urban"), done("J2"),
		step("J2", "failed", "verify", "handling", "urban", m{"counts": m{"rework": 1}}), done("J2"), pass("J2"))
	// 3: too late, reopened, still open; called unsolved.
	w.happens(open("J3", 5*time.Hour), send("J3", "urban"), step("J3", "overdue", "handling", "handling", "urban", m{"step": 1}), done("J3"), pass("J3"),
		about("incident.rated", "J3", m{"responded": yes, "resolved": no, "level": 5}), step("J3", "reopen", "end", "handling", "urban", nil))
	// 4: open and overdue, in the hands of a body. 5: nobody took it, and it is overdue.
	w.happens(open("J4", 5*time.Hour), send("J4", "urban"), step("J4", "overdue", "handling", "handling", "urban", nil))
	w.happens(open("J5", time.Hour), step("J5", "overdue", "received", "received", "operations-center", nil))
	// 6: a duplicate. 7: not accepted.
	w.happens(open("J6", 5*time.Hour), step("J6", "duplicate", "received", "end", "operations-center", m{"result": "merged"}),
		about("incident.reported", "J1", m{"joined": true}))
	w.happens(open("J7", 5*time.Hour), step("J7", "not_accepted", "received", "end", "operations-center", m{"result": "not_accepted"}))
}

func TestFigures(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		w.aMonth()
		want := map[string]string{
			"transport": "opened 1, filing_rate 1/1, accurate_dispatch_rate 1/1, on_time_rate 1/1, check_on_time_rate 1/1, response_rate 1/1, resolution_rate 1/1, " +
				"satisfaction_rate 1/1, active_rating_rate 1/1, silent_rate 0/1, rework_rate 0/1, reopen_rate 0/1, duplicate_rate 0/1",
			"urban": "opened 3, filing_rate 3/3, accurate_dispatch_rate 2/3, on_time_rate 1/2, check_on_time_rate 2/2, response_rate 1/1, resolution_rate 0/1, " +
				"satisfaction_rate 0/1, active_rating_rate 0/1, silent_rate 1/1, rework_rate 1/3, reopen_rate 1/2, duplicate_rate 0/3",
			"operations-center": "opened 3, filing_rate 0/3, on_time_rate 0/1, reopen_rate 0/2, duplicate_rate 1/3",
		}
		if diff := cmp.Diff(want, w.reads(october(), scorecard.ByBody)); diff != "" {
			t.Error(diff)
		}
		if got := w.reads(october(), scorecard.ByStreet); len(got) != 2 || got["330100001"][:8] != "opened 2" {
			t.Error(got)
		}

		t.Run("a rebuild says the same", func(t *testing.T) {
			before := w.reads(october(), "")
			must(t, w.j.Rebuild(ctx, "scorecard"))
			if got := w.reads(october(), ""); len(got) != 0 {
				t.Errorf("after forgetting: %v", got)
			}
			must(t, w.j.CatchUp(ctx))
			if diff := cmp.Diff(before, w.reads(october(), "")); diff != "" {
				t.Error(diff)
			}
		})

		t.Run("each figure has its cases", func(t *testing.T) {
			for _, by := range []city.BodyID{"", "urban", "operations-center"} {
				q := october()
				q.Body = by
				lines, err := w.lines(auditor(), q, "")
				must(t, err)
				for _, def := range scorecard.Definitions() {
					n, of := lines[0].Share(def)
					some, _, err := w.cases(auditor(), q, def.Of, def.Without, "", 0)
					must(t, err)
					all, _, err := w.cases(auditor(), q, def.Among, scorecard.Opened, "", 0)
					must(t, err)
					if int64(len(some)) != n || int64(len(all)) != of {
						t.Errorf("%s of %q: %d/%d, behind it %v of %v", def.ID, by, n, of, some, all)
					}
				}
			}
		})

		t.Run("pages", func(t *testing.T) {
			var all []string
			after := ""
			for range 10 {
				page, next, err := w.cases(auditor(), october(), scorecard.Opened, scorecard.Opened, after, 2)
				must(t, err)
				all = append(all, page...)
				if after = next; next == "" {
					break
				}
			}
			if diff := cmp.Diff([]string{"J1", "J2", "J3", "J4", "J5", "J6", "J7"}, all); diff != "" {
				t.Error(diff)
			}
			for _, bad := range []string{"!", "eA", "LjE"} {
				if _, _, err := w.cases(auditor(), october(), scorecard.Opened, scorecard.Opened, bad, 2); city.KindOf(err) != city.KindInvalid {
					t.Errorf("cursor %q: %v", bad, err)
				}
			}
		})

		t.Run("time", func(t *testing.T) {
			q := october()
			q.Body = "transport"
			lines, err := w.lines(auditor(), q, "")
			must(t, err)
			got, ok := lines[0].Quantile(scorecard.ToDone, 0.5)
			if want := 3 * time.Hour; !ok || got < want*97/100 || got > want*103/100 {
				t.Errorf("median %v", got)
			}
			if got, ok := lines[0].Quantile(scorecard.ToDispatch, 0.9); !ok || got < 117*time.Minute || got > 123*time.Minute {
				t.Errorf("p90 to dispatch %v", got)
			}
		})
	})
}

func TestMonthsOfTheCity(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		w.clock.Set(time.Date(2026, 10, 31, 23, 30, 0, 0, zone)) // in UTC it is afternoon
		w.happens(step("J1", "open", "", "received", "x", nil), step("J2", "open", "", "received", "x", nil))
		want := map[string]string{"2026-10": "opened 1, filing_rate 0/1, duplicate_rate 0/1", "2026-11": "opened 1, filing_rate 0/1, duplicate_rate 0/1"}
		if diff := cmp.Diff(want, w.reads(october(), scorecard.ByMonth)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestApplications(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		app := m{"kind": "decided", "item": "court", "region": "330100002003"}
		with := func(more m) m {
			for k, v := range app {
				more[k] = v
			}
			return more
		}
		w.happens(step("A1", "open", "", "received", "club", with(m{})), step("A1", "accept", "received", "review", "club", with(m{})),
			step("A1", "approve", "review", "end", "club", with(m{"result": "approved"})),
			journal.Event{Type: "rating.given", Subject: "A1", Data: m{"case": "A1", "item": "court", "level": 5}})
		q := october()
		q.Sort = scorecard.Applications
		q.Street = "330100002"
		rated := "opened 1, filing_rate 1/1, on_time_rate 1/1, satisfaction_rate 0/1, active_rating_rate 1/1, silent_rate 0/1, rework_rate 0/1, reopen_rate 0/1, duplicate_rate 0/1"
		if diff := cmp.Diff(map[string]string{"court": rated}, w.reads(q, scorecard.ByItem)); diff != "" {
			t.Error(diff)
		}
		w.happens(journal.Event{Type: "rating.set_aside", Subject: "A1", Data: m{"case": "A1"}})
		silent := "opened 1, filing_rate 1/1, on_time_rate 1/1, active_rating_rate 0/1, silent_rate 1/1, rework_rate 0/1, reopen_rate 0/1, duplicate_rate 0/1"
		if diff := cmp.Diff(map[string]string{"court": silent}, w.reads(q, scorecard.ByItem)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhoSees(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	w.aMonth()
	own := october()
	own.Body = "urban"
	clerk := worker("urban")
	if _, err := w.lines(clerk, october(), scorecard.ByBody); err != nil {
		t.Errorf("the city's comparison: %v", err)
	}
	if _, err := w.lines(clerk, own, scorecard.ByItem); err != nil {
		t.Errorf("the own body: %v", err)
	}
	if n, _, err := w.cases(clerk, own, scorecard.Opened, scorecard.Opened, "", 0); err != nil || len(n) != 3 {
		t.Errorf("the own cases: %v, %v", n, err)
	}
	for name, ask := range map[string]func(city.Actor) error{
		"another body":  func(a city.Actor) error { q := own; q.Body = "transport"; _, err := w.lines(a, q, ""); return err },
		"all by street": func(a city.Actor) error { _, err := w.lines(a, october(), scorecard.ByStreet); return err },
		"the city's": func(a city.Actor) error {
			_, _, err := w.cases(a, october(), scorecard.Late, scorecard.Opened, "", 0)
			return err
		},
		"publishing": func(a city.Actor) error { return w.s.Publish(ctx, a, october().From) },
		"who complained": func(a city.Actor) error {
			q := own
			q.Sort = scorecard.FollowUps
			_, err := w.lines(a, q, "")
			return err
		},
	} {
		if err := ask(clerk); city.KindOf(err) != city.KindForbidden {
			t.Errorf("%s: %v", name, err)
		}
		if err := ask(city.Actor{}); city.KindOf(err) != city.KindUnauthenticated {
			t.Errorf("%s, nobody: %v", name, err)
		}
	}
}

// A slow verifier does not count against the body that mended in time, a body that
// was late does not hand that on to the next, and each is measured by its own time.
func TestEachBodyAnswersForItsOwnTime(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		in := func(h int) m { return m{"due": w.clock.Now().Add(time.Duration(h) * time.Hour)} }
		at := func(hours int, e journal.Event) { // hours later than the last event
			w.clock.Advance(time.Duration(hours-1) * time.Hour)
			w.happens(e)
		}
		// Mended two hours after it was given, limit nine; verified when that had passed.
		w.happens(step("J1", "open", "", "received", "operations-center", in(5)))
		w.happens(step("J1", "dispatch", "received", "handling", "urban", in(9)))
		at(2, step("J1", "done", "handling", "verify", "operations-center", in(6)))
		at(12, step("J1", "overdue", "verify", "verify", "operations-center", nil))
		q := october()
		urban := func() scorecard.Line {
			lines, err := w.lines(auditor(), q, scorecard.ByBody)
			must(t, err)
			for _, l := range lines {
				if l.Key == "urban" {
					return l
				}
			}
			return scorecard.Line{}
		}
		if l := urban(); l.Count(scorecard.Overdue) != 0 || l.Count(scorecard.CheckOverdue) != 1 {
			t.Errorf("while it waits: overdue %d, to be verified %d", l.Count(scorecard.Overdue), l.Count(scorecard.CheckOverdue))
		}
		w.happens(step("J1", "passed", "verify", "end", "operations-center", m{"result": "resolved"}))
		l := urban()
		onTime, _ := scorecard.DefinitionOf("on_time_rate")
		checked, _ := scorecard.DefinitionOf("check_on_time_rate")
		if n, of := l.Share(onTime); n != 1 || of != 1 {
			t.Errorf("on time %d of %d", n, of)
		}
		if n, of := l.Share(checked); n != 0 || of != 1 {
			t.Errorf("verified in time %d of %d", n, of)
		}
		if got, ok := l.Quantile(scorecard.Held, 0.5); !ok || got < 117*time.Minute || got > 183*time.Minute {
			t.Errorf("held for %v", got)
		}

		// Late already when it came to be verified: the body's, and not the verifier's.
		w.happens(step("J2", "open", "", "received", "operations-center", in(5)))
		w.happens(step("J2", "dispatch", "received", "handling", "urban", in(2)))
		at(5, step("J2", "overdue", "handling", "handling", "urban", m{"due": w.clock.Now().Add(-time.Hour)}))
		w.happens(step("J2", "done", "handling", "verify", "operations-center", m{"due": w.clock.Now().Add(-2 * time.Hour)}))
		w.happens(step("J2", "overdue", "verify", "verify", "operations-center", nil))
		if l = urban(); l.Count(scorecard.Overdue) != 1 || l.Count(scorecard.CheckOverdue) != 0 {
			t.Errorf("late before: overdue %d, to be verified %d", l.Count(scorecard.Overdue), l.Count(scorecard.CheckOverdue))
		}
		w.happens(step("J2", "passed", "verify", "end", "operations-center", m{"result": "resolved"}))
		if n, of := urban().Share(onTime); n != 1 || of != 2 {
			t.Errorf("with the late one, on time %d of %d", n, of)
		}

		// Given back late, then mended at once by somebody else.
		w.happens(step("J3", "open", "", "received", "operations-center", in(5)))
		w.happens(step("J3", "dispatch", "received", "handling", "urban", in(2)))
		at(5, step("J3", "overdue", "handling", "handling", "urban", nil))
		w.happens(step("J3", "give_back", "handling", "received", "operations-center", nil))
		w.happens(step("J3", "dispatch", "received", "handling", "parks", in(9)))
		w.happens(step("J3", "done", "handling", "verify", "operations-center", in(9)))
		w.happens(step("J3", "passed", "verify", "end", "operations-center", m{"result": "resolved"}))
		got := w.reads(q, scorecard.ByBody)["parks"]
		if want := "opened 1, filing_rate 1/1, accurate_dispatch_rate 0/1, on_time_rate 1/1, check_on_time_rate 1/1"; len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("the next body: %s", got)
		}
	})
}

// What was published stands, whatever is counted afterwards, and says who did it.
func TestPublishedIsFrozen(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		w.clock.Set(start.AddDate(0, 0, -10))
		w.aMonth()
		chief := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "operations-center", Posts: []city.PostID{"urban.clerk", "operations-center.commander"}}
		month := october().From
		report := func() (r scorecard.Report) {
			t.Helper()
			must(t, w.d.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				r, err = w.s.Report(ctx, tx, auditor(), month, "")
				return err
			}))
			return r
		}
		said := func(r scorecard.Report) string {
			s := ""
			for _, g := range append(r.Groups, scorecard.Group{By: "total", Lines: []scorecard.Line{r.Total, r.Before, r.LastYear}}) {
				for _, l := range g.Lines {
					s += fmt.Sprintf("%s %s: %d", g.By, l.Key, l.Count(scorecard.Opened))
					for _, def := range scorecard.Definitions() {
						n, of := l.Share(def)
						s += fmt.Sprintf(" %d/%d", n, of)
					}
					half, _ := l.Quantile(scorecard.Held, 0.5)
					s += half.String() + "\n"
				}
			}
			return s
		}
		if w.s.MayPublish(chief, month) == w.clock.Now().Before((month+1).Start(zone)) || w.s.MayPublish(worker("urban"), month) {
			t.Error("who may publish, and when")
		}
		w.clock.Set(start.AddDate(0, 0, 3))
		before := report()
		if !before.Published.IsZero() || len(before.Late) == 0 {
			t.Errorf("before: %v, late %d", before.Published, len(before.Late))
		}
		for i := 1; i < len(before.Late); i++ {
			if before.Late[i].Opened.Before(before.Late[i-1].Opened) {
				t.Error("the list of what is late does not begin with the oldest")
			}
		}
		must(t, w.s.Publish(ctx, chief, month))
		w.happens(step("J4", "done", "handling", "verify", "operations-center", nil), step("J4", "passed", "verify", "end", "operations-center", m{"result": "resolved"}))
		w.happens(about("incident.rated", "J2", m{"level": 1}))
		must(t, w.j.Rebuild(ctx, "scorecard"))
		must(t, w.j.CatchUp(ctx))
		after := report()
		if diff := cmp.Diff(said(before), said(after)); diff != "" {
			t.Errorf("published figures moved: %s", diff)
		}
		if after.Published.IsZero() || after.By != "operations-center.commander" {
			t.Errorf("published %v by %q", after.Published, after.By)
		}
		must(t, w.d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			list, err := w.s.Published(ctx, tx, city.Actor{Kind: city.Anonymous}, 10)
			must(t, err)
			if len(list) != 1 || said(list[0]) != said(before) || len(list[0].Late) != 0 {
				t.Errorf("everybody sees %+v", list)
			}
			if _, err := w.s.PublishedMonth(ctx, tx, city.Actor{Kind: city.Anonymous}, month+1); city.KindOf(err) != city.KindNotFound {
				t.Errorf("another month: %v", err)
			}
			_, err = w.s.Report(ctx, tx, worker("urban"), month, "")
			if city.KindOf(err) != city.KindForbidden {
				t.Errorf("a clerk reads the city's: %v", err)
			}
			_, err = w.s.Report(ctx, tx, worker("urban"), month, "urban")
			return err
		}))
	})
}

func TestPublishOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		w.happens(step("J1", "open", "", "received", "urban", nil))
		chief := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Posts: []city.PostID{"operations-center.commander"}}
		month := october().From
		if err := w.s.Publish(ctx, chief, month); city.KindOf(err) != city.KindConflict {
			t.Errorf("before its end: %v", err)
		}
		w.clock.Set(start.AddDate(0, 0, 2))
		must(t, w.s.Publish(ctx, chief, month))
		if err := w.s.Publish(ctx, chief, month); city.KindOf(err) != city.KindConflict {
			t.Errorf("a second time: %v", err)
		}
		must(t, w.j.CatchUp(ctx))
	})
}

func TestBadQueries(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	for name, change := range map[string]func(*scorecard.Query){
		"sort":     func(q *scorecard.Query) { q.Sort = "" },
		"backward": func(q *scorecard.Query) { q.Until = q.From - 1 },
		"too long": func(q *scorecard.Query) { q.Until = q.From + 36 },
	} {
		q := october()
		change(&q)
		if _, err := w.lines(auditor(), q, ""); city.KindOf(err) != city.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := scorecard.ParseMonth("2026-13"); city.KindOf(err) != city.KindInvalid {
		t.Error(err)
	}
	w.happens(journal.Event{Type: "case.opened", Subject: "J1", Data: []int{1}}, journal.Event{Type: "incident.rated", Subject: "J9", Data: m{"level": 1}})
	if got := w.reads(october(), ""); len(got) != 0 {
		t.Errorf("what was never opened is counted: %v", got)
	}
}
