package grant_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/grant"
	"yiwang/credential/paper"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

const policies = `
permit (principal is System, action == Action::"credential.issue", resource);
permit (principal is Officer, action in [Action::"credential.suspend", Action::"credential.restore"], resource);
permit (principal is Officer, action == Action::"grant.report", resource is Grant);
permit (principal is Resident, action in [Action::"credential.read", Action::"grant.make", Action::"grant.list", Action::"grant.show", Action::"grant.end"], resource)
  when { resource has person && principal.applicant == resource.person };
`

var (
	day     = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	member  = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Channel: city.ChannelWeb}
	friend  = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Channel: city.ChannelWeb}
	police  = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "police", Posts: []city.PostID{"police.duty"}}
	nobody  = city.Actor{Kind: city.Anonymous}
	tonight = city.Date{Year: 2026, Month: 11, Day: 23}
)

// club is a town with one licence.
type club struct {
	*grant.Service
	t        *testing.T
	d        *db.DB
	clock    *city.SetClock
	licences *credential.Registry
	journal  *journal.Journal
	number   credential.Number
}

func newClub(t *testing.T, d *db.DB) *club {
	t.Helper()
	vault, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	must(t, err)
	allowed, err := access.New(map[string][]byte{"club.cedar": []byte(policies)})
	must(t, err)
	c := &club{t: t, d: d, clock: city.NewSetClock(day), journal: journal.New(d, vault)}
	c.licences, err = credential.New(t.Context(), credential.Options{DB: d, Journal: c.journal, Access: allowed, Clock: c.clock, Zone: time.UTC,
		City: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Mark: "一网",
		Types: []credential.Type{{ID: "membership", Code: "11990100MB0000011X001", Name: city.Text{ZhHans: "网球会员证", En: "Tennis membership"},
			Issuer: "tennis", Holder: credential.HolderPerson, Valid: credential.Validity{Years: 1}, Fields: []credential.FieldDef{
				{ID: "grade", Name: city.Text{ZhHans: "等级", En: "Grade"}, Type: "text", OnPage: true},
				{ID: "born", Name: city.Text{ZhHans: "出生日期", En: "Born"}, Type: "date", Personal: true, OnPage: true}}}},
		Issuers: map[city.BodyID]credential.Issuer{"tennis": {Code: "11990100MB0000011X", Name: city.Text{ZhHans: "江海市网球协会", En: "Tennis"}}},
		Keys:    filepath.Join(t.TempDir(), "keys"), ListURL: "https://jianghai.example/status/", CheckURL: "https://jianghai.example/verify",
		Press: paper.NewPress(os.DirFS("/usr/share/fonts/truetype"))})
	must(t, err)
	c.Service = grant.New(grant.Options{DB: d, Journal: c.journal, Access: allowed, Licences: c.licences, Clock: c.clock, Zone: time.UTC})
	must(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		l, err := c.licences.Issue(ctx, tx, city.SystemActor("rule"), credential.Request{Cause: "case/1", Type: "membership",
			Holder: credential.Holder{Person: member.Person, Name: "王小明"}, Fields: map[string]string{"grade": "金", "born": "1990-03-07"}})
		c.number = l.Number
		return err
	}))
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *club) make(q grant.Request) grant.Grant {
	c.t.Helper()
	q.Number = c.number
	g, err := c.Make(c.t.Context(), member, q)
	must(c.t, err)
	return g
}

func (c *club) show(g grant.Grant) string {
	c.t.Helper()
	code, err := c.Show(c.t.Context(), member, g.ID)
	must(c.t, err)
	return code.Text
}

// check asks the city.
func (c *club) check(code string) (r credential.Result) {
	c.t.Helper()
	must(c.t, c.d.View(c.t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = c.licences.Check(ctx, tx, code, c.clock.Now())
		return err
	}))
	return r
}

// offline checks with the city's keys and, if wanted, its newest status lists.
func (c *club) offline(code string, lists bool) credential.Result {
	c.t.Helper()
	trust := credential.NewTrust()
	must(c.t, c.d.View(c.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		for _, k := range c.licences.Trust().Keys() {
			must(c.t, trust.AddCertificate("test", k.DER()))
		}
		if !lists {
			return nil
		}
		token, err := c.licences.StatusList(ctx, tx, 0)
		must(c.t, err)
		return trust.AddStatusList("test", token)
	}))
	return credential.Verify(code, trust, c.clock.Now())
}

func (c *club) get(g grant.Grant) (out grant.Grant) {
	c.t.Helper()
	must(c.t, c.d.View(c.t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = c.Get(ctx, tx, member, g.ID)
		return err
	}))
	return out
}

func (c *club) events(g grant.Grant) (types []string) {
	c.t.Helper()
	must(c.t, c.d.View(c.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		all, err := c.journal.Read(ctx, tx, journal.Position{}, 1000)
		for _, e := range all {
			if e.Subject == g.ID.String() {
				types = append(types, strings.TrimPrefix(e.Type, "credential."))
			}
		}
		return err
	}))
	return types
}

// A licence is shown for one purpose: the code says what for and to whom, no more of
// the licence than was chosen, and counts for a minute. The holder sees the use, ends
// the grant, and from then on the code is refused by the city and by status lists.
func TestShownForOnePurpose(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		g := c.make(grant.Request{Kind: credential.GrantShow, Purpose: "rent", Audience: " 春江\n公寓 ", Fields: []string{"grade"}, Until: tonight})
		code := c.show(g)
		for name, r := range map[string]credential.Result{"city": c.check(code), "offline": c.offline(code, true)} {
			cl := r.Claims
			if !r.Valid || cl == nil || cl.Grant == nil || cl.Number != "" || cl.Holder != "王*明" {
				t.Fatalf("%s: %+v %+v", name, r, cl)
			}
			want := credential.GrantClaims{Kind: credential.GrantShow, Purpose: city.Text{ZhHans: "租房登记", En: "Renting a home"}, Audience: "春江 公寓",
				Type: "11990100MB0000011X001", Shown: []credential.ShownField{{Name: "等级", Value: "金"}}}
			if !reflect.DeepEqual(*cl.Grant, want) || cl.Expires.Sub(cl.SignedAt) != time.Minute {
				t.Errorf("%s: %+v, for %v", name, *cl.Grant, cl.Expires.Sub(cl.SignedAt))
			}
			if len(r.Warnings) != 1 || r.Say(r.Warnings[0]).In(city.Chinese) != "只为“租房登记”出示给春江 公寓，挪作他用无效。" {
				t.Errorf("%s: %v", name, r.Warnings)
			}
		}
		c.clock.Advance(time.Second)
		if c.show(g) == code {
			t.Error("the code doesn't renew itself")
		}

		for _, x := range []struct {
			who  city.Actor
			told bool
		}{{police, true}, {nobody, false}, {friend, false}} {
			if told, err := c.Report(t.Context(), x.who, c.check(code)); err != nil || told != x.told {
				t.Errorf("a check by %s: told %v, %v", x.who.Kind, told, err)
			}
		}
		g = c.get(g)
		uses := map[grant.What]grant.Use{}
		for _, u := range g.Uses {
			uses[u.What] = u
		}
		if len(g.Uses) != 2 || uses[grant.Shown].Times != 2 || uses[grant.Checked].Body != "police" || uses[grant.Checked].Times != 1 {
			t.Errorf("uses: %+v", g.Uses)
		}

		c.clock.Advance(61 * time.Second)
		r := c.check(code)
		if r.Valid || r.Reason != credential.ReasonExpired || !strings.Contains(r.Why().In(city.Chinese), "60 秒") {
			t.Errorf("after a minute: %+v, %s", r, r.Why().In(city.Chinese))
		}

		code = c.show(g)
		if _, err := c.End(t.Context(), friend, g.ID); city.KindOf(err) != city.KindForbidden {
			t.Errorf("somebody else ended it: %v", err)
		}
		for range 2 {
			_, err := c.End(t.Context(), member, g.ID)
			must(t, err)
		}
		for name, r := range map[string]credential.Result{"city": c.check(code), "list": c.offline(code, true)} {
			if r.Valid || r.Reason != credential.ReasonGrantEnded {
				t.Errorf("%s after the end: %+v", name, r)
			}
		}
		if r := c.offline(code, false); !r.Valid || r.Warnings[len(r.Warnings)-1] != credential.WarnStatusUnknown {
			t.Errorf("without a list: %+v", r)
		}
		if _, err := c.Show(t.Context(), member, g.ID); !errorIs(err, "grant.ended") {
			t.Errorf("shown after its end: %v", err)
		}
		if got := c.events(g); !reflect.DeepEqual(got, []string{"granted", "shown", "checked", "grant_ended"}) {
			t.Errorf("events: %v", got)
		}
		if other := c.make(grant.Request{Kind: credential.GrantShow, Purpose: "stay", Until: tonight}); !c.check(c.show(other)).Valid {
			t.Error("ending one grant ended another")
		}
	})
}

// An annotated copy counts until its last day, and its code is the licence's whole face:
// number and all. When the licence is suspended, so is the copy.
func TestCopiedForOnePurpose(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		until := tonight.AddDays(30)
		g := c.make(grant.Request{Kind: credential.GrantCopy, Purpose: grant.OwnWords, Own: "办理健身卡", Audience: "滨江健身", Until: until})
		if err := paper.NewPress(os.DirFS("/usr/share/fonts/truetype")).Ready(); err != nil {
			t.Skip("no fonts on this machine")
		}
		sheet, code, err := c.Copy(t.Context(), member, g.ID)
		must(t, err)
		if !bytes.HasPrefix(sheet, []byte("%PDF")) {
			t.Errorf("%.20q", sheet)
		}
		if dir := os.Getenv("YIWANG_PAPER"); dir != "" {
			must(t, os.WriteFile(filepath.Join(dir, "copy.pdf"), sheet, 0o600))
		}
		r := c.check(code.Text)
		if !r.Valid || r.Claims.Number != c.number || r.Claims.Grant.Kind != credential.GrantCopy || r.Claims.Grant.Purpose.ZhHans != "办理健身卡" ||
			!r.Claims.Expires.Equal(until.AddDays(1).In(time.UTC)) {
			t.Fatalf("%+v %+v", r, r.Claims)
		}
		suspend := func(do func(context.Context, *db.Tx, city.Actor, credential.Change) (credential.Credential, error)) {
			t.Helper()
			must(t, d.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := do(ctx, tx, city.Actor{Kind: city.Officer, Body: "tennis"}, credential.Change{Number: c.number, Reason: "复核"})
				return err
			}))
		}
		suspend(c.licences.Suspend)
		for name, r := range map[string]credential.Result{"city": c.check(code.Text), "list": c.offline(code.Text, true)} {
			if r.Reason != credential.ReasonSuspended {
				t.Errorf("%s: %s of a suspended licence's copy", name, r.Reason)
			}
		}
		if _, _, err := c.Copy(t.Context(), member, g.ID); !errorIs(err, "grant.not_in_force") {
			t.Errorf("copied while suspended: %v", err)
		}
		suspend(c.licences.Restore)
		if r := c.offline(code.Text, true); !r.Valid {
			t.Errorf("restored: %+v", r)
		}
		c.clock.Set(until.AddDays(1).In(time.UTC))
		if r := c.check(code.Text); r.Reason != credential.ReasonExpired || !strings.Contains(r.Why().In(city.Chinese), "加注件") {
			t.Errorf("after its day: %+v", r)
		}
		if _, _, err := c.Copy(t.Context(), member, g.ID); !errorIs(err, "grant.over") {
			t.Errorf("copied after its day: %v", err)
		}
	})
}

func errorIs(err error, key string) bool {
	var e *city.Error
	return errors.As(err, &e) && e.Message.Key == key
}

// What can't be is refused with the field that is at fault.
func TestWhatIsNoGrant(t *testing.T) {
	c := newClub(t, dbtest.SQLite(t))
	good := grant.Request{Number: c.number, Kind: credential.GrantShow, Purpose: "rent", Until: tonight}
	for name, x := range map[string]struct {
		field, key string
		change     func(*grant.Request)
	}{
		"kind":         {"kind", "grant.kind", func(q *grant.Request) { q.Kind = "loan" }},
		"purpose":      {"purpose", "grant.purpose.choose", func(q *grant.Request) { q.Purpose = "" }},
		"own words":    {"own", "grant.own.empty", func(q *grant.Request) { q.Purpose, q.Own = grant.OwnWords, " \u200b\n" }},
		"too long":     {"own", "grant.words.long", func(q *grant.Request) { q.Purpose, q.Own = grant.OwnWords, strings.Repeat("房", 41) }},
		"hostile":      {"audience", "grant.words.long", func(q *grant.Request) { q.Audience = "a\xff" + strings.Repeat("b", 60) }},
		"copy for all": {"audience", "grant.audience.empty", func(q *grant.Request) { q.Kind = credential.GrantCopy }},
		"field":        {"fields", "grant.fields.unknown", func(q *grant.Request) { q.Fields = []string{"salary"} }},
		"no day":       {"until", "grant.until.empty", func(q *grant.Request) { q.Until = city.Date{} }},
		"past":         {"until", "grant.until.past", func(q *grant.Request) { q.Until = tonight.AddDays(-1) }},
		"far":          {"until", "grant.until.far", func(q *grant.Request) { q.Until = tonight.AddDays(grant.LongestShow + 1) }},
		"licence":      {"until", "grant.until.licence", func(q *grant.Request) { q.Kind, q.Audience, q.Until = credential.GrantCopy, "x", tonight.AddDays(365) }},
	} {
		q := good
		x.change(&q)
		_, err := c.Make(t.Context(), member, q)
		var e *city.Error
		if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Name != x.field || e.Fields[0].Message.Key != x.key {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Make(t.Context(), friend, good); city.KindOf(err) != city.KindForbidden {
		t.Errorf("somebody else's licence: %v", err)
	}
	if _, err := c.Show(t.Context(), member, city.NewGrantID()); city.KindOf(err) != city.KindNotFound {
		t.Errorf("no such grant: %v", err)
	}
}
