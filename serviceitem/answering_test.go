package serviceitem_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/serviceitem"
)

// rated is a case that the clerk decided and its applicant did not like.
func (w *town) rated(clerk city.Actor, note ...city.Actor) (casework.Case, serviceitem.Rating) {
	w.Helper()
	c := w.file(person(w.mother), serviceitem.Filing{Answers: answers("books", 50), Materials: yes})
	w.decide()
	for _, a := range note {
		w.do(a, c.Number, casework.Action{Name: "comment", Note: "fifty?"})
	}
	c = w.do(clerk, c.Number, casework.Action{Name: "approve"})
	r, err := w.Rate(ctx, person(w.mother), c.Number, serviceitem.VeryDissatisfied, "等了很久")
	w.ok(err)
	return c, r
}

func (w *town) mayRead(a city.Actor, n city.CaseNumber) city.Kind {
	w.Helper()
	var kind city.Kind
	w.view(func(ctx context.Context, tx *db.Tx) error {
		_, err := w.engine.Get(ctx, tx, a, n)
		kind = city.KindOf(err)
		return nil
	})
	return kind
}

// Whoever had a part in a case doesn't learn who rated it: neither inbox, count,
// number nor the case itself leads them to the follow-up, in whatever post.
func TestRatersAreProtected(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		clerk, noted, colleague, head := officer("clerk"), officer("approver"), officer("clerk"), officer("head")
		for _, a := range []*city.Actor{&clerk, &noted} { // who hold the post that answers, too
			a.Posts = append(a.Posts, "library.head")
		}
		c, r := w.rated(clerk, noted)

		inbox := func(a city.Actor) (list []city.CaseNumber, counts casework.Counts) {
			w.view(func(ctx context.Context, tx *db.Tx) error {
				page, err := w.engine.Inbox(ctx, tx, a, casework.InboxQuery{Scope: casework.ScopeAll})
				for _, c := range page.Cases {
					list = append(list, c.Number)
				}
				w.ok(err)
				counts, err = w.engine.InboxCounts(ctx, tx, a)
				return err
			})
			return list, counts
		}
		for _, a := range []city.Actor{clerk, noted} {
			if k := w.mayRead(a, r.FollowUp); k != city.KindForbidden {
				t.Errorf("who had a part opens it: %q", k)
			}
			if list, counts := inbox(a); len(list) != 0 || counts != (casework.Counts{}) {
				t.Errorf("the inbox of who had a part: %v %+v", list, counts)
			}
			_, err := w.engine.Do(ctx, a, r.FollowUp, casework.Action{Name: "answered"})
			w.is(err, city.KindForbidden)
		}
		if k := w.mayRead(colleague, r.FollowUp); k != city.KindForbidden {
			t.Errorf("a colleague who has no business with it: %q", k)
		}
		if list, counts := inbox(head); !slices.Equal(list, []city.CaseNumber{r.FollowUp}) || counts.Post != 1 {
			t.Errorf("who answers finds %v %+v", list, counts)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			children, err := w.engine.Children(ctx, tx, program, c.ID)
			if len(children) != 0 {
				t.Error("the case leads to its follow-up")
			}
			return err
		})
		_, err := w.engine.Do(ctx, head, r.FollowUp, casework.Action{Name: casework.ActAssign, Assignee: clerk.Account})
		w.says(err, "", "case.barred")

		// the rater reads on, and closing leaves nothing behind in the inboxes
		w.do(head, r.FollowUp, casework.Action{Name: "answered"})
		if got := w.get(person(w.mother), r.FollowUp); got.Open || got.Result != "done" {
			t.Errorf("the rater sees %s", got.Result)
		}
		if k := w.mayRead(clerk, r.FollowUp); k != city.KindForbidden || w.count("case_barred") != 0 {
			t.Errorf("closed: %q, %d rows", k, w.count("case_barred"))
		}
	})
}

// What the search learns of a follow-up names neither the case nor its applicant.
func TestFollowUpIsNotFoundByTheCase(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	c, r := w.rated(officer("clerk"))
	w.view(func(ctx context.Context, tx *db.Tx) error {
		records, err := w.journal.Read(ctx, tx, journal.Position{}, 1000)
		w.ok(err)
		seen := false
		for _, e := range records {
			if e.Subject != string(r.FollowUp) {
				continue
			}
			list, err := w.journal.Open(ctx, tx, e, nil)
			w.ok(err)
			for _, entry := range list {
				seen = true
				if strings.Contains(entry.Terms, string(c.Number)) || entry.Attrs["kind"] != "bad_review" {
					t.Errorf("entry %+v", entry)
				}
			}
		}
		if !seen {
			t.Error("nothing is indexed")
		}
		return nil
	})
}

// The first post answers that somebody without a part in the case holds; a person
// who holds it beside the one they acted in doesn't count.
func TestSomebodyElseAnswers(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	clerk := officer("clerk")
	whose := map[city.AccountID]city.PersonID{}
	hold := func(post city.PostID, seq int) city.PersonID {
		var id city.PersonID
		w.ok(w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			born := city.Date{Year: 1980, Month: 1, Day: 2}
			if id, err = w.directory.AddPerson(ctx, tx, program, directory.Person{Name: "王一", BirthDate: born, Region: "990901001"}); err != nil {
				return err
			}
			return w.directory.Appoint(ctx, tx, program, directory.Holding{Post: post, Person: id})
		}))
		return id
	}
	whose[clerk.Account] = hold("library.head", 11)
	hold("library.approver", 12)
	w.options.BadRatings = []string{"$body.head", "library.approver"}
	w.options.PersonOf = func(_ context.Context, _ *db.Tx, a city.AccountID) (city.PersonID, error) { return whose[a], nil }
	w.start()
	answers := func(by city.Actor) city.PostID {
		_, r := w.rated(by)
		return w.get(program, r.FollowUp).Working[0].Post
	}
	if got := answers(officer("clerk")); got != "library.head" {
		t.Errorf("the head had no part, and %s answers", got)
	}
	if got := answers(clerk); got != "library.approver" {
		t.Errorf("the only head decided it, and %s answers", got)
	}
	hold("library.head", 13)
	if got := answers(clerk); got != "library.head" {
		t.Errorf("one of two heads decided it, and %s answers", got)
	}
}
