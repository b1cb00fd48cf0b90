package app_test

import (
	"context"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
)

// children reads the cases that came of a case, as the program sees them.
func (p *place) children(n city.CaseNumber) (list []casework.Case) {
	p.Helper()
	p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		c, err := p.app.Cases.Get(ctx, tx, program, n)
		p.ok(err)
		list, err = p.app.Cases.Children(ctx, tx, program, c.ID)
		return err
	}))
	return list
}

// passes moves the clock to a working day's noon so many days on, and lets time do
// what it does.
func (p *place) passes(clock *city.SetClock, to time.Time) {
	p.Helper()
	clock.Set(to)
	_, err := p.app.Cases.Tick(context.Background())
	p.ok(err)
}

// A cover that nobody mends: the limit passes, and a working day later the head of
// the body has to say why. One order comes of it, however often time looks; the
// office that watches reads the answer, and nobody accepts their own.
func TestSupervisionOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		clock := city.NewSetClock(time.Now().Truncate(time.Hour))
		p := newPlace(t, database, func(o *app.Options) { o.Clock = clock })
		r := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖破了，一直没人来", Place: riverine})
		due := r.Due
		p.passes(clock, due.Add(time.Minute))
		if list := p.children(r.Number); len(list) != 0 {
			t.Fatalf("an order at the first step: %+v", list)
		}
		second := p.app.Cases.Calendar().Due(due, city.Limit{N: 1, Unit: city.WorkingDays}).Add(time.Minute)
		p.passes(clock, second)
		list := p.children(r.Number)
		if len(list) != 1 || list[0].Kind != "supervision" || !list[0].Open || list[0].Stage != "answer" || list[0].Body != "urban-management" || list[0].Title != string(r.Number) {
			t.Fatalf("orders %+v", list)
		}
		order := list[0]
		if want := p.app.Cases.Calendar().Due(clock.Now(), city.Limit{N: 3, Unit: city.WorkingDays}); !order.Due.Equal(want) {
			t.Errorf("to be answered by %v, want %v", order.Due, want)
		}
		if task := order.Working; len(task) != 1 || task[0].Post != "urban-management.head" {
			t.Errorf("who answers: %+v", task)
		}

		// the third step, and a second breach while the order is open, bring no other
		third := p.app.Cases.Calendar().Due(due, city.Limit{N: 3, Unit: city.WorkingDays}).Add(time.Minute)
		p.passes(clock, third)
		p.photo(at("urban-management.inspector"), r.Number, incident.RoleAfter)
		p.acts(at("urban-management.inspector"), r.Number, casework.Action{Name: "done"})
		c := p.acts(at("operations-center.reviewer"), r.Number, casework.Action{Name: "failed", Reason: "没修好"})
		again := p.app.Cases.Calendar().Due(c.Due, city.Limit{N: 1, Unit: city.WorkingDays}).Add(time.Minute)
		p.passes(clock, later(again, clock.Now()))
		p.passes(clock, clock.Now().Add(time.Minute))
		if list = p.children(r.Number); len(list) != 1 {
			t.Errorf("%d orders while one is open", len(list))
		}

		// answered by the head, not ended by them, and accepted by somebody else
		head, watcher := at("urban-management.head"), at("operations-center.approver")
		_, err := p.app.Cases.Do(ctx, head, order.Number, casework.Action{Name: casework.ActTerminate, Reason: "不想答"})
		p.refused(err, city.KindForbidden, "ending one's own order")
		_, err = p.app.Cases.Do(ctx, at("urban-management.inspector"), order.Number, casework.Action{Name: "answer", Reason: "缺配件"})
		if err == nil {
			t.Error("an inspector answers for the head")
		}
		p.acts(head, order.Number, casework.Action{Name: "answer", Reason: "缺配件"})
		p.acts(watcher, order.Number, casework.Action{Name: "ask_again", Reason: "什么时候办好"})
		c = p.acts(head, order.Number, casework.Action{Name: "answer", Reason: "缺配件，周五换好"})
		if c.State.Counts["rework"] != 1 {
			t.Errorf("asked again and counted: %v", c.State.Counts)
		}
		both := city.Actor{Kind: city.Officer, Account: head.Account, Person: head.Person, Body: "operations-center", Posts: []city.PostID{"operations-center.approver"}, Channel: city.ChannelPhone}
		if _, err = p.app.Cases.Do(ctx, both, order.Number, casework.Action{Name: "accept_answer"}); err == nil {
			t.Error("whoever answered accepts it")
		}
		if c = p.acts(watcher, order.Number, casework.Action{Name: "accept_answer"}); c.Open || c.Result != "answered" {
			t.Errorf("accepted %+v", c)
		}
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// What nobody sends on is the operations centre's own, and its head answers.
func TestSupervisionOfTheOffice(t *testing.T) {
	clock := city.NewSetClock(time.Now().Truncate(time.Hour))
	p := newPlace(t, "", func(o *app.Options) { o.Clock = clock })
	r := p.report(nobody, incident.Report{Text: "想问问你们周末上班吗", Type: incident.Consult})
	p.passes(clock, r.Due.Add(time.Minute))
	p.passes(clock, p.app.Cases.Calendar().Due(r.Due, city.Limit{N: 1, Unit: city.WorkingDays}).Add(time.Minute))
	list := p.children(r.Number)
	if len(list) != 1 || len(list[0].Working) != 1 || list[0].Working[0].Post != "operations-center.head" {
		t.Errorf("orders %+v", list)
	}
}
