package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

// The policies of a small tennis club town: approvers of a body issue and end its
// licences, people read their own, the program fetches papers.
const clubPolicies = `
permit (principal is Officer, action in [Action::"credential.issue", Action::"credential.revoke", Action::"credential.suspend",
  Action::"credential.restore", Action::"credential.read"], resource) when { principal.body == resource.body };
permit (principal is System, action in [Action::"credential.issue", Action::"credential.fetch"], resource);
permit (principal is Resident, action in [Action::"credential.read", Action::"credential.list"], resource)
  when { resource has person && principal.applicant == resource.person };
permit (principal is Resident, action in [Action::"credential.read", Action::"credential.list"], resource)
  when { resource has firm && principal has firm && principal.firm == resource.firm };
`

// club is a registry with everything around it.
type club struct {
	*Registry
	t     *testing.T
	d     *db.DB
	clock *city.SetClock
	o     Options
}

var (
	member  = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Channel: city.ChannelWeb}
	friend  = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Channel: city.ChannelWeb}
	court   = city.NewFirmID()
	owner   = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Firm: court}
	officer = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "tennis", Posts: []city.PostID{"tennis.approver"}}
	outside = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "chess", Posts: []city.PostID{"chess.approver"}}
	ruler   = city.SystemActor("rule:membership")
)

func clubTypes() []Type {
	text := func(zh, en string) city.Text { return city.Text{ZhHans: zh, En: en} }
	return []Type{
		{ID: "membership", Code: "11990100MB0000011X001", Name: text("网球会员证", "Tennis membership"), Issuer: "tennis",
			Holder: HolderPerson, Valid: Validity{Years: 1}, Fields: []FieldDef{
				{ID: "grade", Name: text("等级", "Grade"), Type: "text", OnPage: true},
				{ID: "born", Name: text("出生日期", "Date of birth"), Type: "date", Personal: true, OnPage: true},
				{ID: "fee", Name: text("会费", "Fee"), Type: "money"},
				{ID: "junior", Name: text("少年", "Junior"), Type: "yesno", OnPage: true},
				{ID: "home", Name: text("所在地", "Home"), Type: "region", OnPage: true},
			}},
		{ID: "court", Code: "11990100MB0000011X002", Name: text("球场许可证", "Court licence"), Issuer: "tennis",
			Holder: HolderFirm, Valid: Validity{Forever: true}, Algorithm: SM2},
	}
}

func newClub(t *testing.T, d *db.DB) *club {
	t.Helper()
	vault, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	policies, err := access.New(map[string][]byte{"club.cedar": []byte(clubPolicies)})
	if err != nil {
		t.Fatal(err)
	}
	c := &club{t: t, d: d, clock: city.NewSetClock(day)}
	c.o = Options{DB: d, Journal: journal.New(d, vault), Access: policies, Clock: c.clock, Zone: shanghai,
		City: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}, Mark: "一网", Types: clubTypes(),
		Issuers: map[city.BodyID]Issuer{"tennis": {"11990100MB0000011X", city.Text{ZhHans: "江海市网球协会", En: "Jianghai Tennis Association"}}},
		Keys:    filepath.Join(t.TempDir(), "keys"), ListURL: "https://jianghai.example/status-lists/", Origin: "https://jianghai.example", CheckURL: "https://jianghai.example/verify",
		Regions: func(r city.RegionCode) city.Text {
			return map[city.RegionCode]city.Text{"990101": {ZhHans: "滨江区", En: "Binjiang"}}[r]
		}}
	if c.Registry, err = New(t.Context(), c.o); err != nil {
		t.Fatal(err)
	}
	return c
}

// update runs f in a transaction of its own and gives its error.
func (c *club) update(f func(ctx context.Context, tx *db.Tx) error) error {
	return c.d.Update(context.Background(), f)
}

func (c *club) must(f func(ctx context.Context, tx *db.Tx) error) {
	c.t.Helper()
	if err := c.update(f); err != nil {
		c.t.Fatal(err)
	}
}

func (c *club) issue(actor city.Actor, q Request) (out Credential, err error) {
	err = c.update(func(ctx context.Context, tx *db.Tx) (err error) { out, err = c.Issue(ctx, tx, actor, q); return err })
	return out, err
}

func (c *club) get(actor city.Actor, n Number) (out Credential, err error) {
	err = c.d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) { out, err = c.Get(ctx, tx, actor, n); return err })
	return out, err
}

func (c *club) check(text string) Result {
	c.t.Helper()
	var r Result
	err := c.d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = c.Check(ctx, tx, text, c.clock.Now())
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// events gives the types of what the journal holds for the subject.
func (c *club) events(subject string) []string {
	c.t.Helper()
	var types []string
	err := c.d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		all, err := c.o.Journal.Read(ctx, tx, journal.Position{}, 1000)
		for _, e := range all {
			if e.Subject == subject {
				types = append(types, e.Type)
			}
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return types
}

func membership(cause string) Request {
	return Request{Cause: cause, Type: "membership", Case: "JH-2026-000001-1", Region: "990101",
		Holder: Holder{Person: member.Person, Name: "林小满", Code: "990101199003078811"},
		Fields: map[string]string{"grade": "金", "born": "1990-03-07", "fee": "20000", "junior": "false", "home": "990101"}}
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func TestLicenceFromIssueToRevocation(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		got, err := c.issue(officer, membership("case/1/0"))
		if err != nil {
			t.Fatal(err)
		}
		p := got.Number.Parts()
		if p.Type != "11990100MB0000011X001" || p.Issuer != "11990100MB0000011X" || !strings.HasPrefix(p.Serial, "2026") || p.Version != 1 {
			t.Errorf("number %s", got.Number)
		}
		if got.Until.String() != "2027-11-22" || got.Status != StatusValid {
			t.Errorf("%+v", got)
		}
		r := c.check(got.Code)
		if !r.Valid || r.Claims.Holder != "林*满" || len(r.Warnings) > 0 || r.Signer.Algorithm != EdDSA {
			t.Errorf("%+v", r)
		}
		if strings.Contains(string(unpack(t, got.Code)), "03-07") || strings.Contains(string(unpack(t, got.Code)), "小") {
			t.Error("the code tells more than its reader needs")
		}

		mine, err := c.get(member, got.Number)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got.Fields, mine.Fields); diff != "" || mine.Holder != got.Holder || mine.Code != got.Code {
			t.Errorf("%+v %s", mine, diff)
		}
		for _, a := range []city.Actor{friend, outside} {
			if _, err := c.get(a, got.Number); city.KindOf(err) != city.KindForbidden {
				t.Errorf("%s reads another's licence: %v", a.Kind, err)
			}
		}
		if _, err := c.get(city.Actor{Kind: city.Anonymous}, got.Number); city.KindOf(err) != city.KindUnauthenticated {
			t.Errorf("%v", err)
		}
		if _, err := c.get(member, Number(published)); city.KindOf(err) != city.KindNotFound {
			t.Errorf("%v", err)
		}

		// Suspend, restore, revoke: each with its reason, its answer at the check, its event.
		step := func(f func(context.Context, *db.Tx, city.Actor, Change) (Credential, error), ch Change, want Reason) {
			t.Helper()
			c.clock.Advance(time.Hour)
			ch.Number = got.Number
			c.must(func(ctx context.Context, tx *db.Tx) error { _, err := f(ctx, tx, officer, ch); return err })
			if r := c.check(got.Code); r.Reason != want || r.Valid != (want == ReasonOK) {
				t.Errorf("%+v, want %s", r, want)
			}
		}
		step(c.Suspend, Change{Reason: "会费未交"}, ReasonSuspended)
		step(c.Restore, Change{Reason: "已补交"}, ReasonOK)
		step(c.Revoke, Change{Status: StatusWithdrawn, Reason: "转借他人", Legal: "《会员办法》第九条"}, ReasonWithdrawn)

		err = c.update(func(ctx context.Context, tx *db.Tx) error {
			_, err := c.Restore(ctx, tx, officer, Change{Number: got.Number, Reason: "x"})
			return err
		})
		if city.KindOf(err) != city.KindConflict || !strings.Contains(err.Error(), "withdrawn as a penalty") {
			t.Errorf("%v", err)
		}
		err = c.d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			h, err := c.History(ctx, tx, member, got.Number)
			if err != nil {
				return err
			}
			if len(h) != 3 || h[0].Reason != "会费未交" || h[2].Status != StatusWithdrawn || h[2].Legal == "" || h[2].Body != "tennis" {
				t.Errorf("%+v", h)
			}
			// A past moment is answered as it was.
			for at, want := range map[time.Duration]Reason{30 * time.Minute: ReasonOK, 90 * time.Minute: ReasonSuspended, 150 * time.Minute: ReasonOK, 4 * time.Hour: ReasonWithdrawn} {
				r, err := c.Check(ctx, tx, got.Code, day.Add(at))
				if err != nil || r.Reason != want {
					t.Errorf("after %v: %+v, %v, want %s", at, r, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"credential.issued", "credential.suspended", "credential.restored", "credential.revoked"}
		if diff := cmp.Diff(want, c.events(string(got.Number))); diff != "" {
			t.Error(diff)
		}
	})
}

// A decision leads to one licence, also when it is carried out again.
func TestOneLicencePerCause(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		first, err := c.issue(ruler, membership("case/2/0"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.issue(ruler, membership("case/2/0")); !errors.Is(err, db.ErrDuplicate) {
			t.Errorf("issued twice: %v", err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		numbers := map[Number]bool{first.Number: true}
		for i := range 8 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				got, err := c.issue(ruler, membership(fmt.Sprintf("case/3/%d", i/4)))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					if numbers[got.Number] {
						t.Errorf("%s was given out twice", got.Number)
					}
					numbers[got.Number] = true
				} else if !errors.Is(err, db.ErrDuplicate) {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		if len(numbers) != 3 {
			t.Errorf("%d licences for 3 decisions", len(numbers))
		}
		err = d.View(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			got, err := c.ByCause(ctx, tx, member, "case/2/0")
			if err != nil || got.Number != first.Number || got.Code != first.Code {
				t.Errorf("%+v, %v", got, err)
			}
			if _, err := c.ByCause(ctx, tx, member, "case/9/9"); city.KindOf(err) != city.KindNotFound {
				t.Errorf("%v", err)
			}
			of, err := c.ByCase(ctx, tx, member, "JH-2026-000001-1")
			if err != nil || len(of) != 3 {
				t.Errorf("%d, %v", len(of), err)
			}
			of, err = c.ByCase(ctx, tx, friend, "JH-2026-000001-1")
			if err != nil || len(of) != 0 {
				t.Errorf("a friend sees %d, %v", len(of), err)
			}
			all, err := c.ByHolder(ctx, tx, member, Holder{Person: member.Person})
			if err != nil || len(all) != 3 {
				t.Errorf("%d, %v", len(all), err)
			}
			if _, err := c.ByHolder(ctx, tx, friend, Holder{Person: member.Person}); city.KindOf(err) != city.KindForbidden {
				t.Errorf("%v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// A transaction that fails afterwards issues nothing.
		failed := errors.New("something else went wrong")
		err = c.update(func(ctx context.Context, tx *db.Tx) error {
			if _, err := c.Issue(ctx, tx, ruler, membership("case/4/0")); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Error(err)
		}
		if _, err := c.issue(ruler, membership("case/4/0")); err != nil {
			t.Errorf("the second try: %v", err)
		}
	})
}

func TestTwoOfficersAtOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		got, err := c.issue(officer, membership("case/1/0"))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		won, lost := 0, 0
		for range 10 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				err := c.update(func(ctx context.Context, tx *db.Tx) error {
					_, err := c.Revoke(ctx, tx, officer, Change{Number: got.Number, Reason: "一起来"})
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				switch city.KindOf(err) {
				case "":
					won++
				case city.KindConflict:
					lost++
				default:
					t.Errorf("%v", err)
				}
			}()
		}
		wg.Wait()
		if won != 1 || lost != 9 {
			t.Errorf("%d won, %d lost", won, lost)
		}
	})
}

func TestChangesThatAreRefused(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		got, err := c.issue(officer, membership("case/1/0"))
		if err != nil {
			t.Fatal(err)
		}
		try := func(f func(context.Context, *db.Tx, city.Actor, Change) (Credential, error), actor city.Actor, ch Change) error {
			return c.update(func(ctx context.Context, tx *db.Tx) error { _, err := f(ctx, tx, actor, ch); return err })
		}
		for name, x := range map[string]struct {
			err  error
			kind city.Kind
		}{
			"another body":     {try(c.Revoke, outside, Change{Number: got.Number, Reason: "x"}), city.KindForbidden},
			"the holder":       {try(c.Suspend, member, Change{Number: got.Number, Reason: "x"}), city.KindForbidden},
			"nobody":           {try(c.Revoke, city.Actor{}, Change{Number: got.Number, Reason: "x"}), city.KindUnauthenticated},
			"no reason":        {try(c.Revoke, officer, Change{Number: got.Number}), city.KindInvalid},
			"to valid":         {try(c.Revoke, officer, Change{Number: got.Number, Status: StatusValid, Reason: "x"}), city.KindInvalid},
			"not suspended":    {try(c.Restore, officer, Change{Number: got.Number, Reason: "x"}), city.KindConflict},
			"no such licence":  {try(c.Revoke, officer, Change{Number: Number(published[1]), Reason: "x"}), city.KindNotFound},
			"an unknown state": {try(c.Revoke, officer, Change{Number: got.Number, Status: "42", Reason: "x"}), city.KindInvalid},
		} {
			if city.KindOf(x.err) != x.kind {
				t.Errorf("%s: %v, want %s", name, x.err, x.kind)
			}
		}
		if r := c.check(got.Code); !r.Valid {
			t.Errorf("something refused changed it: %+v", r)
		}
		// The same cause twice is done once and answered twice.
		ch := Change{Number: got.Number, Reason: "复核决定", Cause: "case/7/0"}
		if err := errors.Join(try(c.Revoke, officer, ch), try(c.Revoke, officer, ch)); err != nil {
			t.Error(err)
		}

		for name, change := range map[string]func(*Request){
			"no type":       func(q *Request) { q.Type = "chess" },
			"no cause":      func(q *Request) { q.Cause = "" },
			"no holder":     func(q *Request) { q.Holder = Holder{Name: "谁"} },
			"a firm":        func(q *Request) { q.Holder = Holder{Firm: court, Name: "球场"} },
			"both":          func(q *Request) { q.Holder.Firm = court },
			"no name":       func(q *Request) { q.Holder.Name = "" },
			"unknown field": func(q *Request) { q.Fields = map[string]string{"racket": "wood"} },
			"no date":       func(q *Request) { q.Fields = map[string]string{"born": "1990-02-30"} },
			"too long":      func(q *Request) { q.Fields = map[string]string{"grade": strings.Repeat("金", 4000)} },
			"ends too early": func(q *Request) {
				q.From, q.Until = city.Date{Year: 2026, Month: 2, Day: 1}, city.Date{Year: 2026, Month: 1, Day: 1}
			},
		} {
			q := membership("case/8/" + name)
			change(&q)
			if _, err := c.issue(officer, q); city.KindOf(err) != city.KindInvalid && city.KindOf(err) != city.KindNotFound {
				t.Errorf("%s: %v", name, err)
			} else if strings.Contains(err.Error(), "credential.") {
				t.Errorf("%s: not for people: %v", name, err)
			}
		}
		if _, err := c.issue(outside, membership("case/9/0")); city.KindOf(err) != city.KindForbidden {
			t.Errorf("%v", err)
		}
	})
}

// A renewed licence keeps its running number; the old one lapses.
func TestRenewal(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		q := Request{Cause: "a", Type: "court", Holder: Holder{Firm: court, Name: "好球场有限公司", Code: "91990100MA0000012X"}}
		first, err := c.issue(officer, q)
		if err != nil {
			t.Fatal(err)
		}
		if r := c.check(first.Code); !r.Valid || r.Claims.Holder != "好球场有限公司" || r.Signer.Algorithm != SM2 || !r.Claims.Until.IsZero() {
			t.Errorf("%+v", r)
		}
		c.clock.Advance(24 * time.Hour)
		q.Cause, q.Replaces = "b", first.Number
		second, err := c.issue(officer, q)
		if err != nil {
			t.Fatal(err)
		}
		if second.Number.Parts().Version != 2 || second.Number.Parts().Serial != first.Number.Parts().Serial {
			t.Errorf("%s follows %s", second.Number, first.Number)
		}
		if r := c.check(first.Code); r.Reason != ReasonLapsed {
			t.Errorf("%+v", r)
		}
		if r := c.check(second.Code); !r.Valid {
			t.Errorf("%+v", r)
		}
		q.Cause = "c"
		if _, err := c.issue(officer, q); city.KindOf(err) != city.KindConflict {
			t.Errorf("renewed twice: %v", err)
		}
		other := membership("d")
		other.Replaces = second.Number
		if _, err := c.issue(officer, other); city.KindOf(err) != city.KindInvalid {
			t.Errorf("renewed as something else: %v", err)
		}
		if _, err := c.get(owner, second.Number); err != nil {
			t.Errorf("the firm's own: %v", err)
		}
	})
}

// A number is no secret: it tells what anybody may know, and no person's name.
func TestCheckByNumber(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		person, err := c.issue(officer, membership("a"))
		if err != nil {
			t.Fatal(err)
		}
		firm, err := c.issue(officer, Request{Cause: "b", Type: "court", Holder: Holder{Firm: court, Name: "好球场有限公司"}})
		if err != nil {
			t.Fatal(err)
		}
		if r := c.check(person.Number.Short()); !r.Valid || r.Claims.Holder != "" || r.Claims.Name.En != "Tennis membership" || r.Claims.Until != person.Until {
			t.Errorf("%+v %+v", r, r.Claims)
		}
		if r := c.check(string(firm.Number)); !r.Valid || r.Claims.Holder != "好球场有限公司" {
			t.Errorf("%+v %+v", r, r.Claims)
		}
		for text, want := range map[string]Reason{
			published: ReasonNumberUnknown,
			string(person.Number[:len(person.Number)-1]) + "@": ReasonNumberWrong,
			"随便": ReasonNotACode,
		} {
			if r := c.check(text); r.Valid || r.Reason != want || r.Claims != nil {
				t.Errorf("%s: %+v", text, r)
			}
		}
		c.clock.Set(day.AddDate(1, 0, 0))
		if r := c.check(string(person.Number)); r.Reason != ReasonExpired {
			t.Errorf("%+v", r)
		}
		if r := c.check(person.Code); r.Reason != ReasonExpired {
			t.Errorf("%+v", r)
		}
		// Genuine, but not in these records: a database restored from yesterday, say.
		claims := testClaims()
		claims.SignedAt = day
		stray := encode(t, c.Registry.folder.Load().Signer(EdDSA, day), claims)
		c.clock.Set(day.Add(time.Hour))
		if r := c.check(stray); !r.Valid || len(r.Warnings) == 0 || r.Warnings[len(r.Warnings)-1] != WarnNotOnRecord {
			t.Errorf("%+v", r)
		}
	})
}
