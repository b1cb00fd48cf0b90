package app_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/journal"
)

// told are those whom events of a type about a matter name.
func (p *place) told(n city.CaseNumber, typ string) map[city.ReportID]int {
	p.Helper()
	named := map[city.ReportID]int{}
	p.in(func(ctx context.Context, tx *db.Tx) error {
		bodies, err := db.All(ctx, tx, func(r db.Row) (s string, err error) { return s, r.Scan(&s) },
			`SELECT body FROM journal WHERE subject = $1 AND type = $2`, string(n), typ)
		for _, b := range bodies {
			var v struct{ To []journal.Recipient }
			if err := json.Unmarshal([]byte(b), &v); err != nil {
				return err
			}
			for _, to := range v.To {
				named[to.Reporter]++
			}
		}
		return err
	})
	return named
}

// A main bursts and more people report it than anybody reads at once: when it is
// joined to another matter all of them go along, and each is told once of that, and
// once of the end.
func TestThousandsReportOneThing(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		operator := at("operations-center.operator")
		const many = 1050
		first := p.report(nobody, incident.Report{Text: "水", Unsure: true, Place: riverine})
		p.ok(p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			for range many - 1 {
				if _, err := p.app.Incidents.ReportIn(ctx, tx, operator, incident.Report{Text: "到处是水", Join: first.Number}); err != nil {
					return err
				}
			}
			return nil
		}))
		into := p.report(nobody, incident.Report{Class: "c0101", Text: "水管爆了", Place: riverine, Apart: true})
		p.ok(p.app.Incidents.Merge(ctx, operator, first.Number, into.Number, "同一根水管"))
		once := func(n city.CaseNumber, typ string, want int) {
			t.Helper()
			named := p.told(n, typ)
			if len(named) != want {
				t.Errorf("%s names %d, want %d", typ, len(named), want)
			}
			for id, times := range named {
				if times != 1 {
					t.Fatalf("%s names %s %d times", typ, id, times)
				}
			}
		}
		once(first.Number, "incident.merged", many)
		if left := p.count(`SELECT count(*) FROM incident_reports WHERE number = $1`, string(first.Number)); left != 0 {
			t.Errorf("%d reports stayed with what is closed", left)
		}
		if n := p.count(`SELECT reports FROM incidents WHERE number = $1`, string(into.Number)); n != many+1 {
			t.Errorf("the other has %d reports", n)
		}
		p.acts(program, into.Number, casework.Action{Name: casework.ActTerminate, Reason: "已经修好"})
		once(into.Number, "incident.answered", many+1)
	})
}

// The same report sent again answers with the number and code that were given, which
// lead to the matter wherever it has gone.
func TestAReceiptHoldsAfterJoining(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		sent := incident.Report{Text: "井盖破了", Place: riverine, Key: "made without a signal", Unsure: true}
		first := p.report(nobody, sent)
		into := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖碎了", Place: riverine, Apart: true})
		p.ok(p.app.Incidents.Merge(context.Background(), at("operations-center.operator"), first.Number, into.Number, "同一个"))
		again := p.report(nobody, sent)
		if again.Number != first.Number || again.Code != first.Code || again.Report != first.Report {
			t.Errorf("first %+v, again %+v", first, again)
		}
		f, err := p.follow(again.Number, again.Code)
		p.ok(err)
		if f.Case.Number != into.Number || f.Words != sent.Text {
			t.Errorf("it leads to %+v", f)
		}
	})
}

// Of those who say at the same moment how it went, on the page and on the telephone,
// one is heard; and of those who note that nobody answered.
func TestARatingCountsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		operator := at("operations-center.operator")
		inc := p.app.Incidents
		for range 5 {
			r := p.report(operator, incident.Report{Type: incident.Consult, Text: "周末上班吗", Reporter: incident.Reporter{Phone: "13900990001"},
				Then: casework.Action{Name: "answered", Reason: "周六上午上班。"}})
			race := func(what string, do ...func() error) (heard int) {
				t.Helper()
				errs := make([]error, len(do))
				var all sync.WaitGroup
				for i, f := range do {
					all.Go(func() { errs[i] = f() })
				}
				all.Wait()
				for _, err := range errs {
					if err == nil {
						heard++
					} else {
						p.refused(err, city.KindConflict, what)
					}
				}
				return heard
			}
			unanswered := func() error { return inc.Unanswered(ctx, operator, r.Report, 0) }
			race("calling", unanswered, unanswered, unanswered, unanswered, unanswered, unanswered)
			page := func() error { return inc.Rate(ctx, nobody, r.Number, r.Code, incident.Rating{Level: 1}) }
			call := func() error { return inc.RateByCall(ctx, operator, r.Report, incident.Rating{Level: 5}) }
			if heard := race("rating", page, call, page, call, page, call); heard != 1 {
				t.Errorf("%d ratings were taken", heard)
			}
			for typ, want := range map[string]int{"incident.rated": 1, "incident.unanswered": 1} {
				if n := p.count(`SELECT count(*) FROM journal WHERE subject = $1 AND type = $2`, string(r.Number), typ); n != want {
					t.Errorf("%d times %s", n, typ)
				}
			}
		}
	})
}

// Who is answered while they call, and left a way to reach them, has it in writing.
func TestAnsweredAtOnceIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		operator := at("operations-center.operator")
		answered := p.report(operator, incident.Report{Type: incident.Help, Text: "井盖破了怎么办", Then: casework.Action{Name: "answered", Reason: "请绕行。"}})
		sent := p.report(operator, incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine, Then: casework.Action{Name: "dispatch"}})
		if got := p.told(answered.Number, "incident.answered"); got[answered.Report] != 1 || len(got) != 1 {
			t.Errorf("of the answer %v were told", got)
		}
		if got := p.told(sent.Number, "incident.dispatched"); got[sent.Report] != 1 || len(got) != 1 {
			t.Errorf("of sending it on %v were told", got)
		}
	})
}

// Who is not content with an answer has their matter taken up again, though it never
// went to anybody: it comes to the hotline, whose limit runs.
func TestReopenedWithoutEverBeingSent(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		operator := at("operations-center.operator")
		r := p.report(operator, incident.Report{Type: incident.Complaint, Text: "太吵", Place: riverine, Then: casework.Action{Name: "answered", Reason: "已经停工。"}})
		p.ok(p.app.Incidents.Reopen(ctx, nobody, r.Number, r.Code, "没有停"))
		f, err := p.follow(r.Number, r.Code)
		p.ok(err)
		c := f.Case
		if !c.Open || c.Stage != "received" || c.Due.IsZero() || len(c.Working) != 1 || c.Working[0].Post != "operations-center.operator" {
			t.Fatalf("taken up again as %+v", c)
		}
		sent, err := p.app.Incidents.Dispatch(ctx, operator, r.Number, incident.To{Class: "c0101"})
		p.ok(err)
		if sent.Stage != "handling" || sent.Due.IsZero() {
			t.Errorf("sent on as %+v", sent)
		}
	})
}
