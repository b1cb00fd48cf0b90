package serviceitem_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/rule"
	"yiwang/serviceitem"
)

// A son applies for his mother; the rule grants within one pass; the licence says
// what the form and the register say; everybody can see why.
func TestGrantedByRule(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		a := w.sonForMother()
		c := w.file(a, serviceitem.Filing{Answers: answers("friend", map[string]string{"name": "赵陌", "citizen_number": city.NewCitizenNumber("990901", city.Date{Year: 1980, Month: 1, Day: 1}, 4, true)}),
			Materials: yes})
		if c.Stage != "auto" || c.Applicant != w.mother || c.Item != "reader-card" || c.Title != "王秀英" || c.Region != "990901001" {
			t.Fatalf("opened %+v", c)
		}
		if n := w.decide(); n != 1 {
			t.Fatalf("%d cases moved on", n)
		}
		got := w.get(a, c.Number)
		if got.Open || got.Result != "approved" {
			t.Fatalf("stands at %s, %s", got.Stage, got.Result)
		}
		cards := w.issued(c.Number)
		if len(cards) != 1 {
			t.Fatalf("%d licences", len(cards))
		}
		want := map[string]string{"name": "王秀英", "shelves": "诗", "home": "东区书院街道", "books": "3", "friend": "赵陌", "born": "1941-03-12"}
		for k, v := range want {
			if cards[0].Fields[k] != v {
				t.Errorf("%s: %q, want %q", k, cards[0].Fields[k], v)
			}
		}
		if cards[0].Holder.Person != w.mother || cards[0].Holder.Name != "王秀英" || cards[0].Region != "990901001" {
			t.Errorf("holder %+v", cards[0].Holder)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			runs, err := w.rules.RunsOf(ctx, tx, person(w.mother), c.Number)
			w.ok(err)
			if len(runs) != 1 || runs[0].Verdict.Outcome != rule.Grant {
				t.Fatalf("runs %+v", runs)
			}
			h, err := w.engine.History(ctx, tx, a, c.Number)
			w.ok(err)
			if last := h[len(h)-1]; last.Verdict != runs[0].ID.String() || last.By.Part != "rule:reader" {
				t.Errorf("decided by %+v", last)
			}
			app, err := w.Read(ctx, tx, a, c.Number)
			w.ok(err)
			if app.By != serviceitem.ByDelegate || app.Scenario != "plain" || app.Marks["name"].Source != "register:person.name" {
				t.Errorf("application %+v", app)
			}
			how := map[string]serviceitem.How{}
			for _, g := range app.Materials {
				how[g.Material] = g.How
			}
			if how["identity"] != serviceitem.Fetched || how["letter"] != serviceitem.Later || len(how) != 2 {
				t.Errorf("materials %v", how)
			}
			return nil
		})
		var purposes []string
		for _, u := range w.uses(w.mother) {
			if u.Body != "library" || u.Case != c.Number {
				t.Errorf("use %+v", u)
			}
			purposes = append(purposes, u.Purpose)
		}
		slices.Sort(purposes)
		if !slices.Equal(purposes, []string{"purpose.automatic_check", "purpose.material"}) {
			t.Errorf("the mother sees %v", purposes)
		}
	})
}

func TestRuleGivesToOfficer(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		young := w.file(program, serviceitem.Filing{Item: "reader-card", For: serviceitem.Party{Person: w.child}, Answers: answers(), Materials: yes})
		// The identity card is brought and not fetched, so the rule must not read it.
		declined := map[string]serviceitem.Handed{"identity": {Declined: true, Inline: []serviceitem.InlineFile{{Name: "id.png", Content: picture()}}}}
		brought := w.file(person(w.mother), serviceitem.Filing{Answers: answers(), Materials: declined})
		if n := w.decide(); n != 2 {
			t.Fatalf("%d cases moved on", n)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			for n, want := range map[city.CaseNumber]string{young.Number: "to_officer age", brought.Number: "need "} {
				runs, err := w.rules.RunsOf(ctx, tx, program, n)
				w.ok(err)
				if got := string(runs[0].Verdict.Outcome) + " " + runs[0].Verdict.Deciding; got != want {
					t.Errorf("%s: %s, want %s", n, got, want)
				}
				if c, _ := w.engine.Get(ctx, tx, program, n); c.Stage != "desk" || !c.Open {
					t.Errorf("%s stands at %s", n, c.Stage)
				}
			}
			runs, _ := w.rules.RunsOf(ctx, tx, program, brought.Number)
			if !slices.Equal(runs[0].Verdict.Missing, []string{"identity"}) {
				t.Errorf("missing %v", runs[0].Verdict.Missing)
			}
			return nil
		})
		// The officer grants; the licence is filled in the same way.
		w.do(officer("clerk"), brought.Number, casework.Action{Name: "approve"})
		if len(w.issued(brought.Number)) != 1 {
			t.Error("no licence")
		}
	})
}

// The program dies at any point, decides again, on two nodes at once: one
// decision, one run, one licence.
func TestDecidedOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		c := w.file(person(w.mother), serviceitem.Filing{Answers: answers(), Materials: yes})
		died := errors.New("the machine is gone")
		w.issue = func(casework.EffectCall) error { return died } // after the licence, before the commit
		if _, err := w.Decide(ctx); !errors.Is(err, died) {
			t.Fatalf("got %v", err)
		}
		if got := w.get(program, c.Number); got.Version != 1 || len(w.issued(c.Number)) != 0 || w.count("algorithm_runs") != 0 {
			t.Fatal("half a decision stands")
		}
		w.issue = nil
		w.start() // again, with nothing in memory
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := w.Decide(ctx); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		w.decide()
		if got := w.get(program, c.Number); got.Open || len(w.issued(c.Number)) != 1 || w.count("algorithm_runs") != 1 {
			t.Errorf("%d licences, %d runs", len(w.issued(c.Number)), w.count("algorithm_runs"))
		}
	})
}

// What can't be carried out goes to a person after a few tries, and doesn't hold
// up the others.
func TestFaultGoesToAPerson(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		bad := w.file(person(w.mother), serviceitem.Filing{Answers: answers(), Materials: yes})
		good := w.file(person(w.son), serviceitem.Filing{Answers: answers(), Materials: yes})
		w.issue = func(call casework.EffectCall) error {
			if call.Case.ID == bad.ID {
				return errors.New("out of ink")
			}
			return nil
		}
		for range 3 {
			_, _ = w.Decide(ctx)
		}
		if got := w.get(program, good.Number); got.Result != "approved" {
			t.Errorf("the other case stands at %s", got.Stage)
		}
		got := w.get(program, bad.Number)
		if got.Stage != "desk" {
			t.Fatalf("stands at %s", got.Stage)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			h, err := w.engine.History(ctx, tx, program, bad.Number)
			if last := h[len(h)-1]; last.Words.Note == "" || last.Verdict == "" {
				t.Errorf("given over without a word: %+v", last)
			}
			return err
		})
	})
}

func TestRefusedCreatesNothing(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		tables := []string{"cases", "case_actions", "applications", "uploads", "journal", "seal_keys", "data_uses"}
		was := map[string]int{}
		for _, table := range tables {
			was[table] = w.count(table)
		}
		for name, tt := range map[string]struct {
			actor city.Actor
			f     serviceitem.Filing
			kind  city.Kind
			field string
			key   string
		}{
			"no such item":       {me, serviceitem.Filing{Item: "x"}, city.KindNotFound, "", "service.no_item"},
			"listed only":        {me, serviceitem.Filing{Item: "X-1"}, city.KindInvalid, "", "service.listed_only"},
			"answer missing":     {me, serviceitem.Filing{Answers: answers("books", nil), Materials: yes}, city.KindInvalid, "answers.books", "form.required"},
			"no yes and no file": {me, serviceitem.Filing{Answers: answers()}, city.KindInvalid, "materials.identity", "service.material.say_yes"},
			"not held":           {person(w.stranger), serviceitem.Filing{Answers: answers(), Materials: yes}, city.KindInvalid, "materials.identity", "service.material.not_held"},
			"file missing":       {me, serviceitem.Filing{Answers: answers("shelves", []string{"maps"}), Materials: yes}, city.KindInvalid, "answers.photo", "form.required_file"},
			"unknown file": {me, serviceitem.Filing{Answers: answers("shelves", []string{"maps"}, "photo", []string{city.NewBlobID().String()}), Materials: yes},
				city.KindInvalid, "materials.photo", "service.upload.gone"},
			"bad inline file": {me, serviceitem.Filing{Answers: answers("shelves", []string{"maps"}), Materials: map[string]serviceitem.Handed{"identity": {Fetch: true},
				"photo": {Inline: []serviceitem.InlineFile{{Name: "a.png", Content: []byte("GIF89a")}}}}}, city.KindInvalid, "materials.photo", "service.upload.not_picture"},
			"paper from home":       {me, serviceitem.Filing{Answers: answers(), Materials: map[string]serviceitem.Handed{"identity": {Paper: true}}}, city.KindInvalid, "materials.identity", "service.material.counter_only"},
			"later not allowed":     {me, serviceitem.Filing{Answers: answers(), Materials: map[string]serviceitem.Handed{"identity": {Later: true}}}, city.KindInvalid, "materials.identity", "service.material.not_later"},
			"unknown material":      {me, serviceitem.Filing{Answers: answers(), Materials: map[string]serviceitem.Handed{"identity": {Fetch: true}, "x": {}}}, city.KindInvalid, "materials.x", "service.material.unknown"},
			"for somebody else":     {me, serviceitem.Filing{Answers: answers(), Materials: yes, For: serviceitem.Party{Person: w.son}}, city.KindForbidden, "", "service.not_for_them"},
			"firm's item, a person": {me, serviceitem.Filing{Item: "book-stall"}, city.KindInvalid, "", "service.for_firms"},
			"person's item, a firm": {w.sonForFirm(), serviceitem.Filing{Answers: answers(), Materials: yes}, city.KindInvalid, "", "service.for_people"},
			"not delegable":         {w.sonForMother(), serviceitem.Filing{Item: "reading-club"}, city.KindInvalid, "", "service.not_delegable"},
			"only at the counter":   {me, serviceitem.Filing{Item: "reading-club"}, city.KindInvalid, "", "service.not_this_way"},
			"pretended counter":     {me, serviceitem.Filing{Answers: answers(), Materials: yes, Channel: city.ChannelCounter}, city.KindInvalid, "", "service.not_this_way"},
			"nobody signed in":      {city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}, serviceitem.Filing{Answers: answers(), Materials: yes}, city.KindUnauthenticated, "", "error.sign_in"},
			"clerk names nobody":    {officer("clerk"), serviceitem.Filing{Answers: answers()}, city.KindInvalid, "for", "service.for_whom"},
			"officer of no counter": {officer("approver"), serviceitem.Filing{Answers: answers(), Materials: yes, For: serviceitem.Party{Person: w.mother}}, city.KindForbidden, "", "error.forbidden"},
			"yesterday": {w.sonForFirm(), serviceitem.Filing{Item: "book-stall", Answers: map[string]any{"day": "2026-03-01"}},
				city.KindInvalid, "answers.day", "form.date_early"},
		} {
			if tt.f.Item == "" {
				tt.f.Item = "reader-card"
			}
			_, err := w.File(ctx, tt.actor, tt.f)
			if city.KindOf(err) != tt.kind {
				t.Errorf("%s: %v, want %s", name, err, tt.kind)
				continue
			}
			w.says(err, tt.field, tt.key)
		}
		// The leave covers another item only.
		narrow := w.sonForMother()
		narrow.Items = []city.ItemCode{"book-stall"}
		_, err := w.File(ctx, narrow, serviceitem.Filing{Item: "reader-card", Answers: answers(), Materials: yes})
		w.is(err, city.KindForbidden)
		for _, table := range tables {
			if n := w.count(table); n != was[table] {
				t.Errorf("%s has %d rows more", table, n-was[table])
			}
		}
		if n := w.files(); n != 0 {
			t.Errorf("%d files lie about", n)
		}
	})
}

// What is locked comes from the register, whatever is sent.
func TestLockedAnswersCantBeSent(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	c := w.file(person(w.mother), serviceitem.Filing{Answers: answers("name", "武则天"), Materials: yes})
	w.view(func(ctx context.Context, tx *db.Tx) error {
		app, err := w.Read(ctx, tx, person(w.mother), c.Number)
		if app.Answers["name"] != "王秀英" {
			t.Errorf("name is %v", app.Answers["name"])
		}
		return err
	})
}

func TestSentTwiceIsOneCase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		f := serviceitem.Filing{Item: "reader-card", Answers: answers(), Materials: yes, Key: "k"}
		var wg sync.WaitGroup
		numbers := make(chan city.CaseNumber, 10)
		for range 10 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				c, err := w.File(ctx, me, f)
				if err != nil {
					t.Error(err)
				}
				numbers <- c.Number
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
		if w.count("cases") != 1 || w.count("applications") != 1 {
			t.Errorf("%d cases", w.count("cases"))
		}
		// Somebody else's same key is another case.
		if other := w.file(person(w.son), f); other.Number == first {
			t.Error("keys of two people met")
		}
		// A repeat is answered even when it could not be sent any more.
		w.decide()
		if again := w.file(me, f); again.Number != first || again.Open {
			t.Errorf("the repeat got %s", again.Number)
		}
	})
}

func TestClerkFilesAtTheCounter(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		clerk := officer("clerk")
		c := w.file(clerk, serviceitem.Filing{For: serviceitem.Party{Person: w.mother}, Channel: city.ChannelCounter,
			Answers: answers(), Materials: map[string]serviceitem.Handed{"identity": {Paper: true}}})
		if c.Applicant != w.mother || c.State.Counter != "library" {
			t.Errorf("opened %+v", c)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			app, err := w.Read(ctx, tx, person(w.mother), c.Number)
			w.ok(err)
			if app.By != serviceitem.ByClerk || app.Materials[0].How != serviceitem.OnPaper {
				t.Errorf("application %+v", app)
			}
			h, err := w.engine.History(ctx, tx, person(w.mother), c.Number)
			if h[0].By.Channel != city.ChannelCounter || h[0].By.Kind != city.Officer {
				t.Errorf("by %+v", h[0].By)
			}
			return err
		})
		uses := w.uses(w.mother)
		if len(uses) != 1 || uses[0].Purpose != "purpose.counter_filing" || uses[0].Post != "library.clerk" || uses[0].Case != c.Number {
			t.Errorf("the mother sees %+v", uses)
		}
		// Never for themselves.
		_, err := w.File(ctx, clerk, serviceitem.Filing{Item: "reader-card", For: serviceitem.Party{Person: clerk.Person}, Answers: answers()})
		w.is(err, city.KindForbidden)
	})
}

// A firm that comes into being holds the licence, with a code of its own; taken
// back, the licence is revoked.
func TestFoundingAndRevoking(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		clerk := officer("clerk")
		c := w.file(clerk, serviceitem.Filing{Item: "reading-club", For: serviceitem.Party{Person: w.son},
			Answers: map[string]any{"club": "书虫会", "place": "990901", "address": "书院路 1 号"}})
		w.do(clerk, c.Number, casework.Action{Name: "approve"})
		got := w.issued(c.Number)
		if len(got) != 1 || got[0].Holder.Name != "书虫会" || got[0].Holder.Firm.IsZero() || got[0].Fields["by"] != "林小满" {
			t.Fatalf("licences %+v", got)
		}
		if err := city.CheckUSCC(got[0].Fields["uscc"]); err != nil || got[0].Fields["uscc"] != got[0].Holder.Code {
			t.Errorf("code %q: %v", got[0].Fields["uscc"], err)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			people, err := w.directory.PeopleOfFirm(ctx, tx, got[0].Holder.Firm)
			if len(people) != 1 || people[0].Person != w.son {
				t.Errorf("people %+v", people)
			}
			return err
		})
		w.do(clerk, c.Number, casework.Action{Name: "spoilt"})
		if s := w.issued(c.Number)[0].Status; s != "03" {
			t.Errorf("status %s", s)
		}
	})
}

func TestFirmApplies(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		c := w.file(w.sonForFirm(), serviceitem.Filing{Item: "book-stall", Answers: map[string]any{"day": "2026-03-05"}})
		if c.Firm != w.firm || c.Applicant != w.son || c.Title != "小满书店" {
			t.Errorf("opened %+v", c)
		}
		w.do(officer("clerk"), c.Number, casework.Action{Name: "approve"})
		got := w.issued(c.Number)
		if len(got) != 1 || got[0].Holder.Firm != w.firm || got[0].Fields["firm"] != "小满书店" {
			t.Errorf("licences %+v", got)
		}
		// The item is for the legal representative, not for agents.
		agent := person(w.stranger)
		agent.Firm = w.firm
		_, err := w.File(ctx, agent, serviceitem.Filing{Item: "book-stall", Answers: map[string]any{"day": "2026-03-05"}})
		w.says(err, "", "service.not_delegable")
	})
}

// An application is read with the questions that were asked, also after the form
// has changed.
func TestAskedStaysAsItWas(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	c := w.file(person(w.mother), serviceitem.Filing{Answers: answers(), Materials: yes})
	w.options.Items[0].Name = city.Text{ZhHans: "新名字", En: "New name"}
	w.start()
	w.view(func(ctx context.Context, tx *db.Tx) error {
		app, err := w.Read(ctx, tx, person(w.mother), c.Number)
		w.ok(err)
		it, steps, err := w.Asked(ctx, tx, app)
		if it.Name.En != "Service" || len(steps) != 2 || len(steps[1].Fields) != 3 {
			t.Errorf("%s with %d steps", it.Name.En, len(steps))
		}
		return err
	})
}

func TestSampleCanBeSent(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		s, err := w.Sample("reader-card")
		w.ok(err)
		c := w.file(person(w.son), serviceitem.Filing{Item: "reader-card", Answers: s.Answers, Materials: s.Materials})
		w.decide()
		if len(w.issued(c.Number)) != 1 || w.files() != 1 {
			t.Error("the sample did not get its card")
		}
		s, err = w.Sample("book-stall")
		w.ok(err)
		if s.For != serviceitem.ForOwnFirm || s.Answers["day"] != "2026-03-05" {
			t.Errorf("sample %+v", s)
		}
		w.file(w.sonForFirm(), serviceitem.Filing{Item: "book-stall", Answers: s.Answers})
	})
}

// Nothing personal lies in clear in rows that are no sealed values.
func TestNothingPersonalInTheJournal(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	w.file(person(w.mother), serviceitem.Filing{Answers: answers("phone", "13912345678"), Materials: yes})
	w.decide()
	w.view(func(ctx context.Context, tx *db.Tx) error {
		events, err := w.journal.Read(ctx, tx, journal.Position{}, 1000)
		for _, e := range events {
			for _, secret := range []string{"13912345678", "王秀英", "1941-03-12"} {
				if s := string(e.Data) + string(e.Public); len(s) > 0 && contains(s, secret) {
					t.Errorf("%s says %s", e.Type, s)
				}
			}
		}
		return err
	})
}
