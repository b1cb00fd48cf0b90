package trustlist

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

const policy = `@id("t") permit (principal is System, action, resource);`

var console = city.SystemActor("console")

// desk is a city's book.
type desk struct {
	*Book
	testing.TB
	clock *city.SetClock
	own   credential.Signer
	says  Issuers
}

func newDesk(t testing.TB, d *db.DB) *desk {
	t.Helper()
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	ok(t, err)
	a, err := access.New(map[string][]byte{"t.cedar": []byte(policy)})
	ok(t, err)
	w := &desk{TB: t, clock: city.NewSetClock(day), own: key(t, credential.EdDSA, "Jianghai")}
	w.says = Issuers{Region: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Keys: []IssuerKey{{Key: w.own.Certificate(), Algorithm: credential.EdDSA, From: day}}}
	w.Book = New(Options{DB: d, Journal: journal.New(d, v), Access: a, Clock: w.clock, Code: "9901", Signer: w.own, Says: func() (Issuers, error) {
		l := w.says
		l.Keys = append([]IssuerKey(nil), l.Keys...)
		return l, nil
	}})
	return w
}

func (w *desk) view(f func(context.Context, *db.Tx) error) {
	w.Helper()
	ok(w, w.DB.View(context.Background(), f))
}

func (w *desk) events() (types []string) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) error {
		all, err := w.Journal.Read(ctx, tx, journal.Position{}, 1000)
		for _, e := range all {
			types = append(types, e.Type)
		}
		return err
	})
	return types
}

func (w *desk) believed() (b Believed) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) (err error) { b, err = w.Believe(ctx, tx); return err })
	return b
}

// said is the key of an error's message.
func said(err error) string {
	if e, is := err.(*city.Error); is {
		return e.Message.Key
	}
	return ""
}

// An operator is given an anchor by hand, takes lists by it, sees what they change,
// drops a region and takes it up again.
func TestTheBookOfACity(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w, r, ctx := newDesk(t, d), newRegion(t, credential.EdDSA), context.Background()
		first, second := r.regions(day.AddDate(0, 0, -2), nil), r.issuers(day.AddDate(0, 0, -1), nil)
		code := r.licence(food, "9902", day.AddDate(0, 0, -10))
		for raw, want := range map[string]string{string(first): "trust.list.no_anchor", string(second): "trust.region.unknown", "{}": "trust.list.malformed"} {
			if _, err := w.Import(ctx, console, []byte(raw), "by hand"); said(err) != want {
				t.Errorf("before the anchor: %v, want %s", err, want)
			}
		}
		if _, err := w.AddAnchor(ctx, city.Actor{Kind: city.Resident}, r.anchor.Certificate()); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a resident brings an anchor: %v", err)
		}
		for range 2 {
			_, err := w.AddAnchor(ctx, console, r.anchor.Certificate())
			ok(t, err)
		}
		var seen Taking
		w.view(func(ctx context.Context, tx *db.Tx) (err error) { seen, err = w.Look(ctx, tx, first); return err })
		if !seen.News || len(seen.Changes) != 2 || len(w.events()) != 1 {
			t.Errorf("looked at: %+v, %v", seen, w.events())
		}
		for _, raw := range [][]byte{first, second, second} {
			_, err := w.Import(ctx, console, raw, "by hand")
			ok(t, err)
		}
		if got := strings.Join(w.events(), " "); got != "trust.anchored trust.imported trust.imported" {
			t.Error(got)
		}
		if got := credential.Verify(code, w.believed().Trust, day); !got.Valid || got.Signer.Region != "9902" {
			t.Errorf("%+v", got)
		}

		// refreshed; what says the same several times is kept twice
		for i := range 4 {
			w.clock.Set(day.Add(time.Duration(i) * time.Hour))
			_, err := w.Refresh(ctx, console, "9902", r.issuers(day.Add(time.Duration(i)*time.Hour), nil), "https://next.example/trust/list")
			ok(t, err)
		}
		if _, err := w.Refresh(ctx, console, "9902", second, ""); said(err) != "trust.list.rollback" {
			t.Errorf("an older list: %v", err)
		}
		if _, err := w.Refresh(ctx, console, "9903", second, ""); said(err) != "trust.list.of_another" {
			t.Errorf("another's list: %v", err)
		}
		ok(t, w.Failing(ctx, console, "9902", "connection refused"))
		w.clock.Advance(time.Hour)
		ok(t, w.Failing(ctx, console, "9902", "connection refused"))
		w.view(func(ctx context.Context, tx *db.Tx) error {
			all, err := w.Regions(ctx, tx)
			if len(all) != 1 || len(all[0].History) != 2 || !all[0].Failing.Equal(day.Add(3*time.Hour)) || all[0].Fault == "" || !all[0].Good.Equal(day.Add(3*time.Hour)) {
				t.Errorf("%+v", all)
			}
			steps, err2 := w.History(ctx, tx, false, 10)
			if err == nil {
				err = err2
			}
			if len(steps) != 2 || steps[0].Sort != SortIssuers || len(steps[0].Changes) == 0 {
				t.Errorf("%+v", steps)
			}
			return err
		})

		// its status list, kept when it can't be had again
		list := credential.StatusList{URI: "https://next.example/credentials/status/0", Statuses: credential.NewStatusBits(credential.ListLen), SignedAt: day, Expires: day.AddDate(0, 0, 1)}
		token, err := credential.EncodeStatusList(ctx, r.issuer, list)
		ok(t, err)
		ok(t, w.KeepStatus(ctx, console, "9902", list.URI, token))
		ok(t, w.KeepStatus(ctx, console, "9902", list.URI, nil))
		if b := w.believed(); len(b.Trust.Lists()) != 1 || b.Statuses[list.URI].Failing.IsZero() || b.Statuses[list.URI].Good.IsZero() {
			t.Errorf("%+v", b)
		}

		ok(t, w.Drop(ctx, console, "9902"))
		if err := w.Drop(ctx, console, "9909"); said(err) != "trust.region.unknown" {
			t.Errorf("an unknown region is dropped: %v", err)
		}
		if got := credential.Verify(code, w.believed().Trust, day); got.Reason != credential.ReasonDropped {
			t.Errorf("dropped: %s", got.Reason)
		}
		newer := r.issuers(w.clock.Now(), nil)
		if _, err := w.Refresh(ctx, console, "9902", newer, ""); said(err) != "trust.region.dropped_here" {
			t.Errorf("refreshed what was dropped: %v", err)
		}
		if _, err := w.Import(ctx, console, newer, "by hand"); err != nil {
			t.Error(err)
		}
		if got := credential.Verify(code, w.believed().Trust, day); !got.Valid {
			t.Errorf("taken up again: %s", got.Reason)
		}
	})
}

// The city's own list: once, and anew when something changes or it gets old.
func TestTheCitysOwnList(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w, ctx := newDesk(t, d), context.Background()
		publish := func() *List {
			t.Helper()
			l, err := w.Publish(ctx, console)
			ok(t, err)
			own, err := credential.ParseKey(w.own.Certificate())
			ok(t, err)
			if !l.SignedBy(own) || !l.FreshAt(w.clock.Now()) {
				t.Fatalf("%+v", l)
			}
			return l
		}
		first := publish()
		w.clock.Advance(time.Hour)
		if again := publish(); again.Digest() != first.Digest() {
			t.Error("signed anew for nothing")
		}
		id := key2id(t, w.own)
		if err := w.Withdraw(ctx, console, id, true, w.clock.Now().Add(time.Hour)); said(err) != "trust.key.later" {
			t.Errorf("withdrawn in the future: %v", err)
		}
		ok(t, w.Withdraw(ctx, console, id, true, day.Add(time.Minute)))
		second := publish()
		if got := second.Issuers.Keys[0].Compromised; !got.Equal(day.Add(time.Minute)) || second.Head().Sequence <= first.Head().Sequence {
			t.Errorf("%+v", second.Issuers)
		}
		w.clock.Advance(13 * time.Hour)
		if third := publish(); third.Head().Sequence <= second.Head().Sequence {
			t.Error("an old list isn't signed anew")
		}
		if got := strings.Join(w.events(), " "); got != "trust.published trust.withdrawn trust.published trust.published" {
			t.Error(got)
		}
	})
}

func key2id(t testing.TB, s credential.Signer) credential.KeyID {
	t.Helper()
	k, err := credential.ParseKey(s.Certificate())
	ok(t, err)
	return k.ID()
}
