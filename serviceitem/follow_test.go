package serviceitem_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/serviceitem"
)

// asked files an application that the desk wants corrected.
func (w *town) asked(a city.Actor) casework.Case {
	w.Helper()
	c := w.file(a, serviceitem.Filing{Answers: answers("books", 50, "shelves", []string{"maps"}), Materials: map[string]serviceitem.Handed{
		"identity": {Fetch: true}, "photo": {Inline: []serviceitem.InlineFile{{Name: "old.png", Content: picture()}}}}})
	w.decide()
	return w.do(officer("clerk"), c.Number, casework.Action{Name: "supplement", Points: []casework.Point{{Field: "photo", Text: "blurred"}, {Field: "books", Text: "five at most"}}})
}

// A correction changes what was asked for and leaves the rest as it was.
func TestSupply(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		c := w.asked(me)
		_, err := w.Supply(ctx, me, c.Number, serviceitem.Correction{Answers: map[string]any{"books": 1000}})
		w.says(err, "answers.books", "form.range")
		_, err = w.Supply(ctx, person(w.stranger), c.Number, serviceitem.Correction{Answers: map[string]any{"books": 5}})
		w.is(err, city.KindForbidden)
		photo := w.upload(me, serviceitem.Upload{Case: c.Number, Material: "photo", Name: "new.png"}, string(picture()))
		co := serviceitem.Correction{Answers: map[string]any{"books": 5}, Version: c.Version, Key: "once",
			Materials: map[string]serviceitem.Handed{"photo": {Files: []city.BlobID{photo.ID}}}}
		done, err := w.Supply(ctx, me, c.Number, co)
		w.ok(err)
		if done.State.Has("supplement") || done.State.Has("paused") {
			t.Errorf("flags %v", done.Flags)
		}
		again, err := w.Supply(ctx, me, c.Number, co)
		w.ok(err)
		if again.Version != done.Version {
			t.Errorf("a repeat is version %d", again.Version)
		}
		_, err = w.Supply(ctx, me, c.Number, serviceitem.Correction{Answers: map[string]any{"books": 4}})
		w.is(err, city.KindConflict)
		w.view(func(ctx context.Context, tx *db.Tx) error {
			app, err := w.Read(ctx, tx, me, c.Number)
			w.ok(err)
			if sayInt(app.Answers["books"]) != 5 || app.Answers["home"] != "990901001" || app.Scenario != "maps" {
				t.Errorf("answers %v", app.Answers)
			}
			for _, g := range app.Materials {
				switch g.Material {
				case "identity":
					if g.How != serviceitem.Fetched {
						t.Errorf("identity is %s now", g.How)
					}
				case "photo":
					if len(g.Files) != 1 || g.Files[0].Name != "new.png" {
						t.Errorf("photo %+v", g.Files)
					}
				}
			}
			return nil
		})
		w.do(officer("clerk"), c.Number, casework.Action{Name: "approve"})
		if got := w.issued(c.Number); len(got) != 1 || got[0].Fields["books"] != "5" {
			t.Errorf("licences %+v", got)
		}
		_, err = w.tryUpload(me, serviceitem.Upload{Case: c.Number, Material: "photo", Name: "late.png"}, string(picture()))
		w.says(err, "", "case.not_asked")
	})
}

func sayInt(v any) int {
	switch v := v.(type) {
	case int64:
		return int(v)
	case float64:
		return int(v)
	}
	return -1
}

// Two devices answer at once: one is accepted, the other is told.
func TestSupplyRace(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		c := w.asked(me)
		var wg sync.WaitGroup
		errs := make(chan error, 6)
		for range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				_, err := w.Supply(ctx, me, c.Number, serviceitem.Correction{Answers: map[string]any{"books": 5}})
				errs <- err
			}()
		}
		wg.Wait()
		close(errs)
		good := 0
		for err := range errs {
			if err == nil {
				good++
			} else if city.KindOf(err) != city.KindConflict {
				t.Error(err)
			}
		}
		if got := w.get(me, c.Number); good != 1 || got.Version != c.Version+1 {
			t.Errorf("%d accepted, version %d", good, got.Version)
		}
	})
}

func TestWithdraw(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	me := person(w.mother)
	c := w.asked(me)
	_, err := w.Withdraw(ctx, person(w.stranger), c.Number, "")
	w.is(err, city.KindForbidden)
	c, err = w.Withdraw(ctx, me, c.Number, "k")
	w.ok(err)
	if c.Open || c.Result != "withdrawn" {
		t.Errorf("%s", c.Result)
	}
	_, err = w.Withdraw(ctx, me, c.Number, "")
	w.is(err, city.KindConflict)
}

// One rating a case; a bad one opens its follow-up with it; silence is no praise.
func TestRating(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		rated := func(p city.PersonID) city.CaseNumber {
			c := w.file(person(p), serviceitem.Filing{Answers: answers(), Materials: yes})
			w.decide()
			return c.Number
		}
		n := rated(w.mother)
		silent := rated(w.son)
		open := w.asked(person(w.son))
		_, err := w.Rate(ctx, person(w.son), open.Number, serviceitem.Satisfied, "")
		w.says(err, "", "service.rating.open")
		_, err = w.Rate(ctx, person(w.stranger), n, serviceitem.VeryDissatisfied, "")
		w.is(err, city.KindForbidden)
		_, err = w.Rate(ctx, officer("clerk"), n, serviceitem.VerySatisfied, "")
		w.is(err, city.KindForbidden)
		_, err = w.Rate(ctx, person(w.mother), n, 6, "")
		w.says(err, "level", "service.rating.level")
		if w.count("ratings") != 0 || w.count("cases") != 3 {
			t.Error("a refused rating left something")
		}

		var wg sync.WaitGroup
		var mu sync.Mutex
		var given []serviceitem.Rating
		for range 5 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				r, err := w.Rate(ctx, person(w.mother), n, serviceitem.OfStars(2), " 等了很久 ")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					given = append(given, r)
				case city.KindOf(err) != city.KindConflict:
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		if len(given) != 1 || w.count("cases") != 4 {
			t.Fatalf("%d ratings, %d cases", len(given), w.count("cases"))
		}
		_, err = w.Rate(ctx, person(w.mother), n, serviceitem.VerySatisfied, "")
		w.says(err, "", "service.rating.once")
		follow := given[0].FollowUp
		c := w.get(officer("head"), follow)
		if c.Kind != "bad_review" || c.Title != "" || !c.Parent.IsZero() || c.Body != "library" || c.Stage != "verify" || c.Due.IsZero() {
			t.Errorf("follow-up %+v", c)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			said, err := w.ReadComplaint(ctx, tx, officer("head"), follow)
			w.ok(err)
			if said.Text != "等了很久" || said.Case != n || said.Level != serviceitem.Dissatisfied {
				t.Errorf("complaint %+v", said)
			}
			mine, err := w.RatingOf(ctx, tx, person(w.mother), n)
			w.ok(err)
			if mine.Text != "等了很久" || mine.Level.Stars() != 2 || mine.FollowUp != follow {
				t.Errorf("rating %+v", mine)
			}
			_, err = w.RatingOf(ctx, tx, person(w.son), silent)
			w.is(err, city.KindNotFound)
			_, err = w.RatingOf(ctx, tx, officer("clerk"), n)
			w.is(err, city.KindForbidden)
			return nil
		})
		_, err = w.Rate(ctx, person(w.mother), follow, serviceitem.VerySatisfied, "")
		w.says(err, "", "service.rating.not_rated")

		score := func(s serviceitem.RatingScope) (sc serviceitem.Score) {
			w.view(func(ctx context.Context, tx *db.Tx) (err error) {
				sc, err = w.Score(ctx, tx, s)
				return err
			})
			return sc
		}
		sc := score(serviceitem.RatingScope{Item: "reader-card"})
		if sc.Active != 1 || sc.Stars() != 2 || sc.Good() != 0 || sc.Defaults != 0 {
			t.Errorf("score %+v", sc)
		}
		if sc := score(serviceitem.RatingScope{Body: "pool"}); sc.Active != 0 || sc.Stars() != 0 || math.IsNaN(sc.Good()) {
			t.Errorf("score of nobody %+v", sc)
		}
		if sc := score(serviceitem.RatingScope{Until: monday}); sc.Active != 0 {
			t.Errorf("score before %+v", sc)
		}
		// A default that another system filled in changes no average.
		w.ok(d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO ratings (case_no, item, body, channel, level, active, at, follow_up, set_aside, key_id)
VALUES ('X', 'reader-card', 'library', 'web', 1, 0, $1, '', 0, $2)`, city.Micros(monday), city.NewRunID())
			return err
		}))
		if sc := score(serviceitem.RatingScope{Item: "reader-card", From: monday.Add(-time.Hour)}); sc.Active != 1 || sc.Defaults != 1 || sc.Stars() != 2 {
			t.Errorf("score %+v", sc)
		}
		// Found not to be about the service, it no longer counts.
		w.do(officer("head"), follow, casework.Action{Name: "set_aside"})
		if sc := score(serviceitem.RatingScope{}); sc.Active != 0 || sc.SetAside != 1 {
			t.Errorf("score %+v", sc)
		}
	})
}

// Whoever was judged by a rule may ask a person to look, once for each decision.
func TestLookAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		c := w.file(me, serviceitem.Filing{Answers: answers("books", 50), Materials: yes})
		_, err := w.LookAgain(ctx, me, c.Number, "why")
		w.says(err, "", "service.review.no_rule")
		w.decide()
		_, err = w.LookAgain(ctx, person(w.stranger), c.Number, "why")
		w.is(err, city.KindForbidden)
		var wg sync.WaitGroup
		numbers := make(chan city.CaseNumber, 5)
		for range 5 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				r, err := w.LookAgain(ctx, me, c.Number, "五十本不多")
				if err != nil {
					t.Error(err)
				}
				numbers <- r.Number
			}()
		}
		wg.Wait()
		close(numbers)
		first := <-numbers
		for n := range numbers {
			if n != first {
				t.Errorf("%s and %s", first, n)
			}
		}
		r := w.get(officer("approver"), first)
		if r.Kind != "review" || r.Parent != c.ID || w.count("cases") != 2 {
			t.Errorf("review %+v", r)
		}
		w.do(officer("approver"), first, casework.Action{Name: "correct"})
		w.view(func(ctx context.Context, tx *db.Tx) error {
			said, err := w.ReadComplaint(ctx, tx, me, first)
			w.ok(err)
			runs, err := w.rules.RunsOf(ctx, tx, me, c.Number)
			w.ok(err)
			if said.Text != "五十本不多" || said.Run != runs[0].ID || runs[0].Review != first || runs[0].Finding != "corrected" {
				t.Errorf("said %+v, run %+v", said, runs[0])
			}
			s, err := w.rules.Statistics(ctx, tx, "reader")
			if s.Reviewed != 1 || s.Corrected != 1 {
				t.Errorf("statistics %+v", s)
			}
			return err
		})
	})
}

// The worker finds what waits by itself, and stops when it is told.
func TestWorkerRuns(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	run, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { w.Run(run); close(ended) }()
	c := w.file(person(w.mother), serviceitem.Filing{Answers: answers(), Materials: yes})
	for range 200 {
		if got := w.get(program, c.Number); !got.Open {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got := w.get(program, c.Number); got.Open {
		t.Error("nobody decided")
	}
	stop()
	<-ended
}
