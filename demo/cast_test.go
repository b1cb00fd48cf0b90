package demo

import (
	"context"
	"slices"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

func TestCast(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		m := w.demo(1)
		start := time.Now()
		w.ok(m.Cast(w.ctx))
		t.Logf("the cast stands after %v", time.Since(start))
		w.ok(m.Cast(w.ctx)) // a second start does nothing twice

		again := w.demo(1)
		w.ok(again.Cast(w.ctx))
		if !again.began.Equal(m.began) {
			t.Errorf("began %v, then %v", m.began, again.began)
		}
		if err := w.demo(2).Cast(w.ctx); city.KindOf(err) != city.KindConflict {
			t.Errorf("another seed on the same data: %v", err)
		}

		for _, s := range m.SignIns() {
			if s.About.IsZero() || len(s.About.Missing()) > 0 {
				t.Errorf("%s: says nothing of itself", s.Login)
			}
			if s.Login == "…" {
				continue
			}
			a := w.signIn(s.Login)
			want := city.Officer
			if slices.Contains([]string{"resident", "elder", "firm"}, s.Login) {
				want = city.Resident
			}
			if a.Kind != want {
				t.Errorf("%s is %s", s.Login, a.Kind)
			}
		}
		if a := w.signIn("fire-rescue.reviewer"); a.Body != "fire-rescue" || !a.Holds("fire-rescue.reviewer") {
			t.Errorf("the officer of a post: %+v", a)
		}
		if a := w.signIn("clerk"); a.Body != "service-center" || !a.Holds("market-regulation.clerk") {
			t.Errorf("the clerk: %s %v", a.Body, a.Posts)
		}

		daughter := w.signIn("resident")
		w.see(func(ctx context.Context, tx *db.Tx) error {
			list, err := w.live.Identity.Principals(ctx, tx, daughter)
			if err != nil {
				return err
			}
			var names []string
			for _, p := range list {
				names = append(names, p.Name)
			}
			if !slices.Equal(names, []string{"林秀兰", "小满厨房（江海）有限公司"}) {
				t.Errorf("she may act for %v", names)
			}
			acting, err := w.live.Identity.ActFor(ctx, tx, daughter, list[0].Choice)
			if err != nil {
				return err
			}
			if err := w.access.Ask(ctx, acting, "case.open", access.Resource{Type: "Case", Attrs: access.Attrs{"applicant": acting.OnBehalf, "item": city.ItemCode("senior-allowance")}}); err != nil {
				t.Errorf("the allowance: %v", err)
			}
			if err := w.access.Ask(ctx, acting, "case.open", access.Resource{Type: "Case", Attrs: access.Attrs{"applicant": acting.OnBehalf, "item": city.ItemCode("tree-felling")}}); err == nil {
				t.Error("the leave reaches too far")
			}
			_, err = w.live.Identity.ActFor(ctx, tx, w.signIn("firm"), identity.Choice{Firm: list[1].Choice.Firm})
			return err
		})

		// Each paper is in force and stands the check of a stranger.
		w.see(func(ctx context.Context, tx *db.Tx) error {
			list, err := w.live.Credentials.ByHolder(ctx, tx, program, credential.Holder{Person: daughter.Person})
			if len(list) < 9 {
				t.Errorf("she holds %d papers", len(list))
			}
			for _, c := range list {
				r, err := w.live.Credentials.Check(ctx, tx, c.Code, now)
				if err != nil || !r.Valid {
					t.Errorf("%s: %s %v", c.Type, r.Reason, err)
				}
			}
			return err
		})
	})
}

// Every item's example can be sent as it stands.
func TestExamples(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := w.demo(1)
	w.ok(m.Cast(w.ctx))
	me := w.signIn("resident")
	var mother, firm identity.Choice
	w.see(func(ctx context.Context, tx *db.Tx) error {
		list, err := w.live.Identity.Principals(ctx, tx, me)
		for _, p := range list {
			if p.Choice.Firm.IsZero() {
				mother = p.Choice
			} else {
				firm = p.Choice
			}
		}
		return err
	})
	for _, it := range w.pack.Items {
		s, err := w.live.Items.Sample(it.Code)
		w.ok(err)
		actor := me
		choice := map[string]identity.Choice{"delegator": mother, "firm": firm}[string(s.For)]
		if choice != (identity.Choice{}) {
			w.see(func(ctx context.Context, tx *db.Tx) (err error) {
				actor, err = w.live.Identity.ActFor(ctx, tx, me, choice)
				return err
			})
		}
		if _, err := w.live.Items.File(w.ctx, actor, filing(it.Code, s)); err != nil {
			t.Errorf("%s: %v", it.Code, said(err))
		}
	}
	n, err := w.live.Items.Decide(w.ctx)
	w.ok(err)
	if n != 3 {
		t.Errorf("rules decided %d cases", n)
	}
	w.see(func(ctx context.Context, tx *db.Tx) error {
		for _, a := range []city.Actor{me} {
			p, err := w.live.Cases.Mine(ctx, tx, a, 50, "")
			if err != nil {
				return err
			}
			for _, c := range p.Cases {
				if c.Kind == "granted-by-rule" && c.Result != "approved" {
					t.Errorf("%s ended as %s %s", c.Item, c.Stage, c.Result)
				}
			}
		}
		return nil
	})
}

// Where several bodies give their opinions, the sign-ins can do it, and no one of
// them for two bodies.
func TestJointReviewTakesSeveral(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	m := w.demo(1)
	for _, it := range w.pack.Items {
		k, _ := w.live.Cases.Kind(it.Kind)
		for _, st := range k.Stages {
			if st.Next == "" || len(st.Tasks) < 2 {
				continue
			}
			held := map[city.BodyID]bool{}
			for _, s := range m.cast.SignIns {
				var bodies []city.BodyID
				for _, task := range st.Tasks {
					body := map[string]city.BodyID{"$body": it.Body, "$partner": city.BodyID(it.Params["partner"])}[task.Body]
					if slices.Contains(s.Posts, city.PostID(string(body)+"."+task.Post)) {
						bodies = append(bodies, body)
						held[body] = true
					}
				}
				if len(bodies) > 1 {
					t.Errorf("%s, %s: %s speaks for %v", it.Code, st.ID, s.Login, bodies)
				}
			}
			if len(held) != len(st.Tasks) {
				t.Errorf("%s, %s: the sign-ins speak for %v alone", it.Code, st.ID, held)
			}
		}
	}
}

// The README's walk of the firm, with the sign-ins that it names.
func TestPermitForTheKitchen(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.ok(w.demo(1).Cast(w.ctx))
	agent := w.signIn("firm")
	w.see(func(ctx context.Context, tx *db.Tx) error {
		list, err := w.live.Identity.Principals(ctx, tx, agent)
		for _, p := range list {
			if !p.Choice.Firm.IsZero() && err == nil {
				agent, err = w.live.Identity.ActFor(ctx, tx, agent, p.Choice)
			}
		}
		return err
	})
	s, err := w.live.Items.Sample("food-permit")
	w.ok(err)
	c, err := w.live.Items.File(w.ctx, agent, filing("food-permit", s))
	w.ok(err)
	for _, step := range []struct {
		login string
		a     casework.Action
		fails bool
	}{
		{"clerk", casework.Action{Name: "accept"}, false},
		{"inspector", casework.Action{Name: casework.ActSpecialProcedure, Procedure: "site_inspection"}, false},
		{"inspector", casework.Action{Name: casework.ActResume, Note: "clean"}, false},
		{"inspector", casework.Action{Name: "inspected"}, false},
		{"inspector", casework.Action{Name: casework.ActCompleteTask, Opinion: "agree"}, false},
		{"inspector", casework.Action{Name: casework.ActCompleteTask, Opinion: "agree"}, true},
		{"commander", casework.Action{Name: casework.ActCompleteTask, Opinion: "agree"}, false},
		{"approver", casework.Action{Name: "approve"}, false},
	} {
		next, err := w.live.Cases.Do(w.ctx, w.signIn(step.login), c.Number, step.a)
		if step.fails {
			if city.KindOf(err) != city.KindConflict {
				t.Errorf("%s, %s in %s: %v", step.login, step.a.Name, c.Stage, err)
			}
			continue
		}
		w.ok(err)
		c = next
	}
	if c.Result != "approved" {
		t.Errorf("ends as %s %s", c.Stage, c.Result)
	}
}
