package demo

import (
	"context"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/serviceitem"
)

func TestLive(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.quiet()
	m := w.demo(1)
	w.ok(m.Cast(w.ctx))
	w.ok(m.Populate(w.ctx, nil))

	// A case of somebody who can be signed in as, and one that a signed-in officer
	// has taken.
	me := w.signIn("resident")
	s, err := w.live.Items.Sample("tree-felling")
	w.ok(err)
	mine, err := w.live.Items.File(w.ctx, me, filing("tree-felling", s))
	w.ok(err)
	clerk := w.signIn("clerk")
	var taken casework.Case
	w.see(func(ctx context.Context, tx *db.Tx) error {
		p, err := w.live.Cases.Inbox(ctx, tx, clerk, casework.InboxQuery{Scope: casework.ScopePost, Limit: 50})
		for _, c := range p.Cases {
			if c.Number != mine.Number {
				taken = c
			}
		}
		return err
	})
	if taken.Number == "" {
		t.Fatal("nothing waits at the counter")
	}
	taken, err = w.live.Cases.Do(w.ctx, clerk, taken.Number, casework.Action{Name: casework.ActClaim})
	w.ok(err)

	before := w.cases(m)
	l, err := m.newLife(w.ctx)
	w.ok(err)
	w.waiting(l, before)
	for range 150 {
		w.now.Advance(7 * time.Second)
		if err := l.step(w.ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := w.live.Items.Decide(w.ctx); err != nil {
			t.Fatal(err)
		}
	}
	after := w.cases(m)
	if len(after) <= len(before) || l.filed == 0 {
		t.Errorf("%d cases before, %d after, %d filed", len(before), len(after), l.filed)
	}
	old := map[city.CaseNumber]int{}
	for _, c := range before {
		old[c.Number] = c.Version
	}
	moved, ended := 0, 0
	for _, c := range after {
		if v, ok := old[c.Number]; ok && v < c.Version {
			moved++
		}
		if !c.Open && c.ClosedAt.After(now) {
			ended++
		}
	}
	if moved == 0 || ended == 0 {
		t.Errorf("%d cases moved, %d ended", moved, ended)
	}
	w.see(func(ctx context.Context, tx *db.Tx) error {
		for _, c := range []casework.Case{mine, taken} {
			again, err := w.live.Cases.Get(ctx, tx, program, c.Number)
			if err != nil {
				return err
			}
			if again.Version != c.Version {
				t.Errorf("%s was touched", c.Number)
			}
		}
		s, err := w.live.Items.Score(ctx, tx, serviceitem.RatingScope{From: now})
		t.Logf("%d filed, %d moved, %d ended, %d ratings", l.filed, moved, ended, s.Active)
		return err
	})

	// It ends with its context.
	ctx, stop := context.WithTimeout(w.ctx, 50*time.Millisecond)
	defer stop()
	if err := m.Live(ctx); err == nil {
		t.Error("life goes on")
	}
}
