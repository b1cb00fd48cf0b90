package access_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

const usesPolicy = `
permit (principal is Resident, action == Action::"uses.read", resource is Person)
when { principal has person && principal.person == resource.person && !(principal has on_behalf) };`

// office is a place where officers look at people's records.
type office struct {
	*testing.T
	d  *db.DB
	j  *journal.Journal
	a  *access.Access
	at time.Time
}

func newOffice(t *testing.T, d *db.DB) *office {
	v, err := journal.NewVault(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return &office{t, d, journal.New(d, v), policies(t, usesPolicy), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

func (o *office) look(actor city.Actor, u access.Use) {
	o.Helper()
	u.At = o.at
	err := o.d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return access.RecordUse(ctx, tx, o.j, actor, u) })
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) uses(actor city.Actor, of city.PersonID, before time.Time, limit int) (uses []access.Use, err error) {
	err = o.d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		uses, err = o.a.Uses(ctx, tx, actor, of, before, limit)
		return err
	})
	return uses, err
}

func (o *office) sees(person city.PersonID) []access.Use {
	o.Helper()
	uses, err := o.uses(city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: person}, person, time.Time{}, 100)
	if err != nil {
		o.Fatal(err)
	}
	return uses
}

func (o *office) journaled() (data []map[string]any) {
	o.Helper()
	err := o.d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		events, err := o.j.Read(ctx, tx, journal.Position{}, 1000)
		for _, e := range events {
			var d map[string]any
			if err := json.Unmarshal(e.Data, &d); err != nil {
				return err
			}
			if e.Type != "data.used" || len(e.To) != 1 {
				o.Errorf("event %+v", e)
			}
			data = append(data, d)
		}
		return err
	})
	if err != nil {
		o.Fatal(err)
	}
	return data
}

func TestWhoLookedAtMyData(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := newOffice(t, d)
		mother, neighbour := city.NewPersonID(), city.NewPersonID()
		clerk := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Name: "周敏",
			Body: "civil-affairs", Posts: []city.PostID{"civil-affairs.clerk", "civil-affairs.reviewer"}}
		colleague := clerk
		colleague.Account, colleague.Person = city.NewAccountID(), city.NewPersonID()
		daughter := city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), OnBehalf: mother}
		look := access.Use{Person: mother, Purpose: "purpose.handling", Case: "JH-2026-000001-1", Fields: []string{"name", "birth_date"}}
		with := func(change func(*access.Use)) access.Use { u := look; change(&u); return u }
		expect := func(what string, n int) {
			t.Helper()
			if got := o.sees(mother); len(got) != n {
				t.Errorf("%s: she sees %d looks, want %d: %+v", what, len(got), n, got)
			}
			if got := o.journaled(); len(got) != n {
				t.Errorf("%s: the journal has %d", what, len(got))
			}
		}

		o.look(clerk, look)
		got := o.sees(mother)
		if len(got) != 1 {
			t.Fatalf("got %+v", got)
		}
		want := access.Use{ID: got[0].ID, Person: mother, At: o.at, Body: "civil-affairs", Post: "civil-affairs.clerk", Account: clerk.Account,
			Purpose: "purpose.handling", Case: "JH-2026-000001-1", Fields: []string{"name", "birth_date"}}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Error(diff)
		}
		if data := o.journaled(); data[0]["post"] != "civil-affairs.clerk" || data[0]["purpose"] != "purpose.handling" {
			t.Errorf("journal: %v", data)
		}

		o.at = o.at.Add(14 * time.Minute)
		o.look(clerk, look)
		expect("the same look within a quarter of an hour", 1)
		o.look(clerk, with(func(u *access.Use) { u.Fields = []string{"name"} }))
		expect("less than before", 1)
		o.look(clerk, with(func(u *access.Use) { u.Fields = []string{"name", "licence:household-register"} }))
		expect("something new is seen", 2)
		o.look(clerk, with(func(u *access.Use) { u.Fields = []string{"licence:household-register", "birth_date"} }))
		expect("both were on record", 2)
		o.look(clerk, with(func(u *access.Use) { u.Case = "JH-2026-000002-9" }))
		expect("another case", 3)
		o.look(clerk, with(func(u *access.Use) { u.Purpose = "purpose.audit" }))
		expect("another purpose", 4)
		o.look(clerk, with(func(u *access.Use) { u.Post = "civil-affairs.reviewer" }))
		expect("another post", 5)
		o.look(colleague, look)
		expect("a colleague", 6)
		o.look(clerk, with(func(u *access.Use) { u.Case = "" }))
		o.look(clerk, with(func(u *access.Use) { u.Case = "" }))
		expect("without a case each look counts", 8)
		o.at = o.at.Add(time.Minute)
		o.look(clerk, look)
		expect("a quarter of an hour later, the wider look at 9:14 still covers it not", 9)
		o.look(city.SystemActor("rule:senior-allowance"), look)
		o.look(city.SystemActor("rule:senior-allowance"), look)
		expect("the program's uses are all on record", 11)

		o.look(daughter, look)
		expect("a daughter acting for her is seen, too", 12)
		o.look(city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: mother}, look)
		expect("she herself is not", 12)
		o.look(clerk, with(func(u *access.Use) { u.Person = city.PersonID{} }))
		expect("nobody in particular", 12)

		if n := len(o.sees(neighbour)); n != 0 {
			t.Errorf("a neighbour sees %d looks", n)
		}
		for name, actor := range map[string]city.Actor{
			"neighbour": {Kind: city.Resident, Account: city.NewAccountID(), Person: neighbour},
			"daughter":  daughter, "clerk": clerk, "nobody": {},
			// An officer whose private person is the mother still asks as an officer.
			"officer": {Kind: city.Officer, Account: city.NewAccountID(), Person: mother},
		} {
			if uses, err := o.uses(actor, mother, time.Time{}, 10); err == nil || uses != nil {
				t.Errorf("%s sees %d looks", name, len(uses))
			}
		}
	})
}

// What is not recorded is not shown: with the transaction the trace goes, too.
func TestLookRolledBack(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := newOffice(t, d)
		person := city.NewPersonID()
		boom := errors.New("boom")
		err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			err := access.RecordUse(ctx, tx, o.j, city.SystemActor("x"), access.Use{Person: person, At: o.at, Purpose: "purpose.x"})
			if err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) || len(o.sees(person)) != 0 || len(o.journaled()) != 0 {
			t.Errorf("got %v, %d uses, %d events", err, len(o.sees(person)), len(o.journaled()))
		}
	})
}

// Paging by the moment loses no look, however many share a moment.
func TestUsesInPages(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		o := newOffice(t, d)
		person := city.NewPersonID()
		me := city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: person}
		n := 0
		for i, together := range []int{1, 5, 2, 1, 1, 7, 3} {
			o.at = o.at.Add(time.Duration(i) * time.Second)
			for range together {
				o.look(city.SystemActor("import"), access.Use{Person: person, Purpose: "purpose.x", Case: city.CaseNumber(fmt.Sprint(n))})
				n++
			}
		}
		for _, limit := range []int{1, 2, 3, 4, 100} {
			seen := map[city.CaseNumber]bool{}
			var before time.Time
			for range 50 {
				page, err := o.uses(me, person, before, limit)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				for _, u := range page {
					if seen[u.Case] || !before.IsZero() && !u.At.Before(before) {
						t.Errorf("limit %d: %s at %v comes out of order", limit, u.Case, u.At)
					}
					seen[u.Case] = true
				}
				before = page[len(page)-1].At
			}
			if len(seen) != n {
				t.Errorf("limit %d: %d of %d looks were seen", limit, len(seen), n)
			}
		}
	})
}
