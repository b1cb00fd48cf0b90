package serviceitem_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/serviceitem"
)

func (w *town) begin(a city.Actor) serviceitem.Draft {
	w.Helper()
	d, err := w.Begin(ctx, a, "reader-card", serviceitem.Party{})
	w.ok(err)
	return d
}

func (w *town) save(a city.Actor, d serviceitem.Draft, step string, sent map[string][]string) []city.Field {
	w.Helper()
	_, faults, err := w.SaveStep(ctx, a, d.ID, step, sent)
	w.ok(err)
	return faults
}

func (w *town) read(a city.Actor, d serviceitem.Draft) serviceitem.Draft {
	w.Helper()
	d, err := w.Draft(ctx, a, d.ID)
	w.ok(err)
	return d
}

// Begun on the telephone, finished at the computer: prefilled, half wrong and
// nothing lost, a paper fetched with a yes, sent once.
func TestStoryOfADraft(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		a := w.sonForMother()
		draft := w.begin(a)
		if draft.Answers["name"] != "王秀英" || draft.Answers["phone"] != "13900000001" || draft.Marks["phone"].Source != "register:person.phone" {
			t.Fatalf("prefilled %v, %v", draft.Answers, draft.Marks)
		}
		if draft.Answers["number"] != nil {
			t.Error("a licence was read without a yes")
		}
		if u := w.uses(w.mother); len(u) != 1 || u[0].Purpose != "purpose.prefill" || !slices.Contains(u[0].Fields, "register:person.phone") {
			t.Errorf("the mother sees %+v", u)
		}
		faults := w.save(a, draft, "who", map[string][]string{"name": {"武则天"}, "phone": {"12"}, "home": {"990901001"}})
		if len(faults) != 1 || faults[0].Name != "phone" {
			t.Fatalf("faults %+v", faults)
		}
		a.Account, a.Channel = city.NewAccountID(), city.ChannelMobile // the same person on another device
		draft = w.read(a, draft)
		if draft.Answers["phone"] != "12" || draft.Answers["name"] != "王秀英" || draft.Step != "who" {
			t.Errorf("came back with %v", draft.Answers)
		}
		if _, ok := draft.Marks["phone"]; ok {
			t.Error("what was typed over is still said to be the register's")
		}
		w.save(a, draft, "who", map[string][]string{"phone": {"13900000001"}, "home": {"990901001"}})
		w.save(a, draft, "what", map[string][]string{"shelves": {"poems"}, "books": {"2"}})
		whole, err := w.CheckDraft(ctx, a, draft.ID)
		w.ok(err)
		if len(whole) != 1 || whole[0].Name != "materials.identity" {
			t.Errorf("still wrong: %+v", whole)
		}
		_, err = w.File(ctx, a, serviceitem.Filing{Draft: draft.ID})
		w.says(err, "materials.identity", "service.material.say_yes")

		draft, err = w.Consent(ctx, a, draft.ID, "identity", true)
		w.ok(err)
		if n, _ := draft.Answers["number"].(string); !strings.HasPrefix(n, "ID-") || draft.Marks["number"].Ref == "" {
			t.Errorf("fetched %v, %+v", draft.Answers["number"], draft.Marks["number"])
		}
		papers, err := w.Papers(ctx, a, draft.ID)
		w.ok(err)
		if len(papers) != 2 || !papers[0].Settled || papers[0].Held == nil || papers[0].Held.Type != "identity" || !papers[1].Settled {
			t.Errorf("papers %+v", papers)
		}
		list, err := w.Drafts(ctx, a)
		w.ok(err)
		if len(list) != 1 || list[0].ID != draft.ID {
			t.Errorf("list %+v", list)
		}
		if whole, err = w.CheckDraft(ctx, a, draft.ID); err != nil || len(whole) != 0 {
			t.Errorf("checked: %v, %v", whole, err)
		}
		c := w.file(a, serviceitem.Filing{Draft: draft.ID})
		if again := w.file(a, serviceitem.Filing{Draft: draft.ID, Key: "other"}); again.Number != c.Number {
			t.Errorf("sent twice: %s and %s", c.Number, again.Number)
		}
		if list, _ := w.Drafts(ctx, a); len(list) != 0 {
			t.Errorf("%d drafts after sending", len(list))
		}
		if got := w.read(a, draft); got.Case != c.Number || got.Answers != nil {
			t.Errorf("the draft still holds %+v", got)
		}
		_, _, err = w.SaveStep(ctx, a, draft.ID, "what", nil)
		w.is(err, city.KindConflict)
		w.decide()
		if len(w.issued(c.Number)) != 1 {
			t.Error("no card")
		}
	})
}

func TestDraftsArePrivate(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		a := w.sonForMother()
		draft := w.begin(a)
		ended := person(w.son) // the leave is over, or he stands for himself now
		for name, other := range map[string]city.Actor{"stranger": person(w.stranger), "mother": person(w.mother), "ended leave": ended, "officer": officer("clerk")} {
			if _, err := w.Draft(ctx, other, draft.ID); city.KindOf(err) != city.KindForbidden {
				t.Errorf("%s: %v", name, err)
			}
			if list, err := w.Drafts(ctx, other); err != nil || len(list) != 0 {
				t.Errorf("%s lists %d, %v", name, len(list), err)
			}
			if err := w.Discard(ctx, other, draft.ID); city.KindOf(err) != city.KindForbidden {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := w.File(ctx, other, serviceitem.Filing{Draft: draft.ID}); city.KindOf(err) != city.KindForbidden {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := w.Draft(ctx, a, city.NewDraftID())
		w.is(err, city.KindNotFound)
		_, err = w.Begin(ctx, a, "reader-card", serviceitem.Party{Person: w.stranger})
		w.is(err, city.KindForbidden)
		w.ok(w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.journal.Vault().Erase(ctx, tx, w.mother) }))
		_, err = w.Draft(ctx, a, draft.ID)
		w.is(err, city.KindNotFound)
	})
}

// A clerk writes it down, a colleague goes on.
func TestCounterDraft(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	clerk, colleague := officer("clerk"), officer("clerk")
	draft, err := w.Begin(ctx, clerk, "reader-card", serviceitem.Party{Person: w.mother})
	w.ok(err)
	w.save(colleague, draft, "who", map[string][]string{"phone": {"13900000001"}, "home": {"990901001"}})
	w.save(colleague, draft, "what", map[string][]string{"shelves": {"poems"}, "books": {"2"}})
	_, err = w.TakeIn(ctx, clerk, draft.ID, "identity", true)
	w.ok(err)
	c := w.file(clerk, serviceitem.Filing{Draft: draft.ID})
	if c.Applicant != w.mother {
		t.Errorf("filed for %s", c.Applicant)
	}
	mine := w.begin(person(w.son))
	_, err = w.TakeIn(ctx, person(w.son), mine.ID, "identity", true)
	w.says(err, "", "service.material.counter_only")
}

func TestDraftExpires(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		draft := w.begin(me)
		w.save(me, draft, "what", map[string][]string{"shelves": {"maps"}, "books": {"2"}})
		up, err := w.Upload(ctx, me, serviceitem.Upload{Draft: draft.ID, Material: "photo", Name: "a.png", Content: strings.NewReader(string(picture()))})
		w.ok(err)
		w.clock.Advance(29 * 24 * time.Hour)
		w.save(me, draft, "what", map[string][]string{"shelves": {"maps"}, "books": {"3"}, "photo": {up.ID.String()}})
		w.clock.Advance(29 * 24 * time.Hour)
		if n, err := w.Sweep(ctx, program); n != 0 || err != nil {
			t.Fatalf("swept %d, %v", n, err)
		}
		if got := w.read(me, draft); got.Answers["books"] != int64(3) && got.Answers["books"] != float64(3) {
			t.Errorf("answers %v", got.Answers)
		}
		w.clock.Advance(2 * 24 * time.Hour)
		_, err = w.Draft(ctx, me, draft.ID)
		w.says(err, "", "service.draft.gone")
		_, err = w.File(ctx, me, serviceitem.Filing{Draft: draft.ID})
		w.is(err, city.KindNotFound)
		w.is(func() error { _, err := w.Sweep(ctx, me); return err }(), city.KindForbidden)
		n, err := w.Sweep(ctx, program)
		w.ok(err)
		if n == 0 || w.count("drafts") != 0 || w.count("uploads") != 0 || w.files() != 0 {
			t.Errorf("swept %d; %d drafts, %d uploads, %d files stay", n, w.count("drafts"), w.count("uploads"), w.files())
		}
	})
}

// Somebody is erased: nothing they said can be read from that moment, and the
// bytes go with the next sweep.
func TestErasedWithDraftsAndFiles(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		w.journal.Follow(w.Eraser())
		me := person(w.mother)
		draft := w.begin(me)
		w.upload(me, serviceitem.Upload{Draft: draft.ID, Material: "letter", Name: "a.pdf"}, pdf)
		f := w.upload(me, serviceitem.Upload{Material: "photo", Name: "b.png"}, string(picture()))
		c := w.file(me, serviceitem.Filing{Answers: answers("shelves", []string{"maps"}), Materials: map[string]serviceitem.Handed{"identity": {Fetch: true}, "photo": {Files: []city.BlobID{f.ID}}}})
		other := w.begin(person(w.son))
		w.ok(d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.directory.ErasePerson(ctx, tx, program, w.mother) }))
		if _, _, err := w.openFile(me, f.ID); city.KindOf(err) != city.KindNotFound {
			t.Errorf("the file of an erased person: %v", err)
		}
		w.ok(w.journal.CatchUp(ctx))
		_, err := w.Sweep(ctx, program)
		w.ok(err)
		if w.files() != 0 || w.count("uploads") != 0 || w.count("drafts") != 1 {
			t.Errorf("%d files, %d rows, %d drafts stay", w.files(), w.count("uploads"), w.count("drafts"))
		}
		w.read(person(w.son), other)
		// Deciding goes on with what is left: nobody waits for the dead.
		for range 4 {
			_, _ = w.Decide(ctx)
		}
		if got := w.get(program, c.Number); got.Stage != "desk" {
			t.Errorf("the case waits at %s", got.Stage)
		}
	})
}

// Two devices save different steps: the second is told, and nothing of the first
// is lost.
func TestTwoDevices(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		draft := w.begin(me)
		errs := make(chan error, 8)
		for i := range 8 {
			go func() {
				step, sent := "who", map[string][]string{"phone": {"13900000007"}, "home": {"990901001"}}
				if i%2 == 0 {
					step, sent = "what", map[string][]string{"shelves": {"poems"}, "books": {"2"}}
				}
				_, _, err := w.SaveStep(ctx, me, draft.ID, step, sent)
				errs <- err
			}()
		}
		saved := 0
		for range 8 {
			if err := <-errs; err == nil {
				saved++
			} else if city.KindOf(err) != city.KindConflict {
				t.Error(err)
			}
		}
		if got := w.read(me, draft); got.Version != 1+saved {
			t.Errorf("%d saved, version %d", saved, got.Version)
		}
	})
}

func TestDiscard(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	me := person(w.mother)
	draft := w.begin(me)
	_, err := w.Upload(ctx, me, serviceitem.Upload{Draft: draft.ID, Material: "letter", Name: "a.pdf", Content: strings.NewReader(pdf)})
	w.ok(err)
	w.ok(w.Discard(ctx, me, draft.ID))
	if w.files() != 0 || w.count("uploads") != 0 {
		t.Error("files stay behind")
	}
	_, err = w.Draft(ctx, me, draft.ID)
	w.is(err, city.KindNotFound)
	for range 50 {
		w.begin(me)
	}
	_, err = w.Begin(ctx, me, "reader-card", serviceitem.Party{})
	w.says(err, "", "service.draft.too_many")
}

const pdf = "%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\nstartxref\n0\n%%EOF\n"
