package credential

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential/paper"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// Whoever has very many licences of one type still has the others: a rule that
// asks "do they have it already" is not led astray.
func TestManyLicencesHideNone(t *testing.T) {
	c := newClub(t, dbtest.SQLite(t))
	if _, err := c.issue(officer, membership("the one")); err != nil {
		t.Fatal(err)
	}
	c.clock.Set(day.Add(time.Hour))
	c.must(func(ctx context.Context, tx *db.Tx) error {
		for i := range MostOfHolder + 1 {
			if _, err := c.Issue(ctx, tx, officer, membership(fmt.Sprint("other ", i))); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE credentials SET type = 'court' WHERE cause LIKE 'other %'`)
		return err
	})
	var papers []Credential
	c.must(func(ctx context.Context, tx *db.Tx) (err error) {
		papers, err = c.Lookup(ctx, tx, ruler, Holder{Person: member.Person}, "membership", Use{"purpose.decide", "JH-2026-000002-2"})
		return err
	})
	if len(papers) != 1 {
		t.Errorf("%d memberships are found behind %d other licences", len(papers), MostOfHolder+1)
	}
}

// Papers the city holds are fetched, and each fetch leaves a trace.
func TestFetchingPapers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		got, err := c.issue(officer, membership("a"))
		if err != nil {
			t.Fatal(err)
		}
		holder := Holder{Person: member.Person}
		fetch := func(actor city.Actor, ty city.CredentialType, no city.CaseNumber) (out []Credential, err error) {
			err = c.update(func(ctx context.Context, tx *db.Tx) (err error) {
				out, err = c.Lookup(ctx, tx, actor, holder, ty, Use{"purpose.decide", no})
				return err
			})
			return out, err
		}
		papers, err := fetch(ruler, "membership", "JH-2026-000002-2")
		if err != nil || len(papers) != 1 || papers[0].Fields["born"] != "1990-03-07" {
			t.Fatalf("%+v, %v", papers, err)
		}
		if _, err := fetch(outside, "membership", ""); city.KindOf(err) != city.KindForbidden {
			t.Errorf("%v", err)
		}
		if _, err := fetch(ruler, "driving", ""); city.KindOf(err) != city.KindNotFound {
			t.Errorf("%v", err)
		}
		c.must(func(ctx context.Context, tx *db.Tx) error {
			_, err := c.Revoke(ctx, tx, officer, Change{Number: got.Number, Reason: "x"})
			return err
		})
		if papers, err = fetch(ruler, "membership", "JH-2026-000003-3"); err != nil || len(papers) != 0 {
			t.Errorf("a revoked paper is fetched: %+v, %v", papers, err)
		}
		c.must(func(ctx context.Context, tx *db.Tx) error {
			_, err := c.Look(ctx, tx, officer, got.Number, "purpose.review", "JH-2026-000004-4")
			return err
		})
		readable, err := access.New(map[string][]byte{"x": []byte(`permit (principal, action, resource);`)})
		if err != nil {
			t.Fatal(err)
		}
		err = d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			uses, err := readable.Uses(ctx, tx, member, member.Person, time.Time{}, 10)
			if err != nil {
				return err
			}
			var cases []string
			for _, u := range uses {
				cases = append(cases, string(u.Case)+" "+u.Purpose+" "+strings.Join(u.Fields, ","))
			}
			if len(cases) != 3 {
				t.Errorf("%q", cases)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// A stranger with the published folder checks offline what the city knows.
func TestStatusListsTravel(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		var all []Credential
		for i := range 5 {
			got, err := c.issue(officer, membership(fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, got)
		}
		folder := func() *Trust {
			t.Helper()
			files := fstest.MapFS{}
			err := d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				m, err := c.TrustFolder(ctx, tx)
				for name, body := range m {
					files[name] = &fstest.MapFile{Data: body}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			trust, faults, err := LoadTrust(files)
			if err != nil || len(faults) > 0 {
				t.Fatal(faults, err)
			}
			return trust
		}
		before := folder()
		change := func(f func(context.Context, *db.Tx, city.Actor, Change) (Credential, error), n Number) {
			c.must(func(ctx context.Context, tx *db.Tx) error {
				_, err := f(ctx, tx, officer, Change{Number: n, Reason: "x"})
				return err
			})
		}
		c.clock.Advance(time.Minute)
		change(c.Revoke, all[1].Number)
		change(c.Suspend, all[3].Number)
		after := folder()
		for i, want := range []Reason{ReasonOK, ReasonRevoked, ReasonOK, ReasonSuspended, ReasonOK} {
			if r := Verify(all[i].Code, before, c.clock.Now()); !r.Valid {
				t.Errorf("licence %d by the old list: %+v", i, r)
			}
			if r := Verify(all[i].Code, after, c.clock.Now()); r.Reason != want || len(r.Warnings) > 0 {
				t.Errorf("licence %d by the new list: %+v, want %s", i, r, want)
			}
		}
		// Unchanged and young, the list is not signed again; after an hour it is.
		token := func() (b []byte) {
			t.Helper()
			err := d.View(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) { b, err = c.StatusList(ctx, tx, 0); return err })
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		first := token()
		c.clock.Advance(time.Minute)
		if !bytes.Equal(first, token()) {
			t.Error("signed again without need")
		}
		c.clock.Advance(2 * time.Hour)
		if bytes.Equal(first, token()) {
			t.Error("an old list is given out")
		}
		for _, n := range []int64{-1, 1, 1 << 40} {
			err := d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error { _, err := c.StatusList(ctx, tx, n); return err })
			if city.KindOf(err) != city.KindNotFound {
				t.Errorf("list %d: %v", n, err)
			}
		}
	})
}

// Erasing a person takes name, personal fields and code; number and state stay.
func TestErasure(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		got, err := c.issue(officer, membership("a"))
		if err != nil {
			t.Fatal(err)
		}
		c.must(func(ctx context.Context, tx *db.Tx) error {
			_, err := c.Suspend(ctx, tx, officer, Change{Number: got.Number, Reason: "秘密"})
			return err
		})
		c.must(func(ctx context.Context, tx *db.Tx) error { return c.o.Journal.Vault().Erase(ctx, tx, member.Person) })
		e, err := c.get(officer, got.Number)
		if err != nil || !e.Erased || e.Holder.Name != "" || e.Holder.Code != "" || e.Code != "" || e.Fields["born"] != "" {
			t.Errorf("%+v, %v", e, err)
		}
		if e.Fields["grade"] != "金" || e.Name.En != "Tennis membership" || e.Status != StatusSuspended {
			t.Errorf("%+v", e)
		}
		// It can still be ended, and still be checked.
		c.must(func(ctx context.Context, tx *db.Tx) error {
			_, err := c.Revoke(ctx, tx, officer, Change{Number: got.Number, Reason: "秘密"})
			return err
		})
		if r := c.check(got.Code); r.Reason != ReasonRevoked {
			t.Errorf("%+v", r)
		}
		err = d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			h, err := c.History(ctx, tx, officer, got.Number)
			if err != nil || len(h) != 2 || h[0].Reason != "" || h[1].Reason != "" {
				t.Errorf("%+v, %v", h, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Nothing precious is made by a typo: a key that signed and is gone stops the
// program.
func TestLostKeyIsNotMadeAnew(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		got, err := c.issue(officer, membership("a"))
		if err != nil {
			t.Fatal(err)
		}
		// A restart finds the keys, and knows what it signed.
		again, err := New(t.Context(), c.o)
		if err != nil {
			t.Fatal(err)
		}
		c.Registry = again
		if r := c.check(got.Code); !r.Valid {
			t.Errorf("%+v", r)
		}
		elsewhere := c.o
		elsewhere.Keys = filepath.Join(t.TempDir(), "typo")
		_, err = New(t.Context(), elsewhere)
		if !isKey(err, "credential.key.lost") || !strings.Contains(err.Error(), "typo") {
			t.Errorf("%v", err)
		}
		if _, err := os.Stat(elsewhere.Keys); !os.IsNotExist(err) {
			t.Errorf("the folder was made: %v", err)
		}
		// A type of another algorithm needs a new key, and gets one.
		more := c.o
		more.Types = append(clubTypes(), Type{ID: "coach", Code: "11990100MB0000011X003", Name: city.Text{ZhHans: "教练证", En: "Coach licence"},
			Issuer: "tennis", Holder: HolderPerson, Valid: Validity{Days: 10}, Algorithm: ES256})
		if c.Registry, err = New(t.Context(), more); err != nil {
			t.Fatal(err)
		}
		if len(c.Registry.folder.Load().Signers()) != 3 || len(c.Types()) != 3 {
			t.Errorf("%d keys, %d types", len(c.Registry.folder.Load().Signers()), len(c.Types()))
		}
		// Ten years later the keys have run out; new ones sign, old licences hold.
		c.clock.Set(day.AddDate(11, 0, 0))
		if c.Registry, err = New(t.Context(), more); err != nil {
			t.Fatal(err)
		}
		if r := c.check(got.Code); r.Reason != ReasonExpired {
			t.Errorf("%+v", r)
		}
		next, err := c.issue(officer, membership("b"))
		if err != nil {
			t.Fatal(err)
		}
		if r := c.check(next.Code); !r.Valid {
			t.Errorf("%+v", r)
		}
	})
}

// A licence keeps the definition it was issued under.
func TestTypesAreVersions(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		old, err := c.issue(officer, membership("a"))
		if err != nil {
			t.Fatal(err)
		}
		o := c.o
		o.Types = clubTypes()
		o.Types[0].Name = city.Text{ZhHans: "网球通", En: "Tennis pass"}
		o.Types[0].Fields = o.Types[0].Fields[:1]
		o.Types[0].Fields[0].Name = city.Text{ZhHans: "级别", En: "Level"}
		if c.Registry, err = New(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		q := membership("b")
		q.Fields = map[string]string{"grade": "银"}
		fresh, err := c.issue(officer, q)
		if err != nil {
			t.Fatal(err)
		}
		err = d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			was, err := c.Get(ctx, tx, member, old.Number)
			if err != nil {
				return err
			}
			shown, err := c.Shown(ctx, tx, city.English, was, false)
			if err != nil {
				return err
			}
			f := func(zh, en, v string) paper.Field { return paper.Field{Name: city.Text{ZhHans: zh, En: en}, Value: v} }
			want := []paper.Field{f("等级", "Grade", "金"), f("出生日期", "Date of birth", "7 March 1990"), f("会费", "Fee", "¥200"),
				f("少年", "Junior", "no"), f("所在地", "Home", "Binjiang")}
			if diff := cmp.Diff(want, shown); diff != "" || was.Name.En != "Tennis membership" {
				t.Errorf("%s\n%s", was.Name.En, diff)
			}
			shown, err = c.Shown(ctx, tx, city.Chinese, fresh, true)
			if diff := cmp.Diff([]paper.Field{f("级别", "Level", "银")}, shown); diff != "" || err != nil {
				t.Error(diff, err)
			}
			_, err = c.PDF(ctx, tx, was)
			if !isKey(err, "pdf.font_missing") {
				t.Errorf("%v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// Names as long as they come still make a licence.
func TestVeryLongNames(t *testing.T) {
	c := newClub(t, dbtest.SQLite(t))
	o := c.o
	o.Types = clubTypes()
	for i := range 200 {
		sum := sha256.Sum256([]byte{byte(i)}) // which doesn't compress
		o.Types[1].Name.En += KeyID(sum[:8]).String()
	}
	var err error
	if c.Registry, err = New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	got, err := c.issue(officer, Request{Cause: "a", Type: "court", Holder: Holder{Firm: court, Name: strings.Repeat("好", 50)}})
	if err != nil {
		t.Fatal(err)
	}
	if r := c.check(got.Code); !r.Valid || r.Claims.Name.En != "" || r.Claims.Name.ZhHans == "" {
		t.Errorf("%+v", r)
	}
}
