package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/notify"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// town is a made-up place with a journal, the policies of Jianghai and two
// channels that remember what they carried.
type town struct {
	t testing.TB
	*notify.Notify
	d       *db.DB
	j       *journal.Journal
	v       *journal.Vault
	clock   *city.SetClock
	sms     *memo
	email   *memo
	reached map[city.PersonID][]notify.Contact

	reporters map[city.ReportID][]notify.Contact
	reaches   func(channel string, to notify.Box) bool
	mailboxes map[city.PostID]string
}

// memo is a channel that remembers, and fails when told to.
type memo struct {
	name string
	got  []notify.Message
	fail func(notify.Message) error
}

func (m *memo) Name() string { return m.name }

func (m *memo) Send(_ context.Context, msg notify.Message) error {
	if m.fail != nil {
		if err := m.fail(msg); err != nil {
			return err
		}
	}
	m.got = append(m.got, msg)
	return nil
}

func (m *memo) texts() (texts []string) {
	for _, g := range m.got {
		texts = append(texts, g.Text)
	}
	return texts
}

var shanghai = time.FixedZone("CST", 8*3600)

func newTown(t testing.TB, d *db.DB, channels ...notify.Channel) *town {
	t.Helper()
	policies := map[string][]byte{}
	raw, err := os.ReadFile("../cities/jianghai/access/notify.cedar")
	must(t, err)
	policies["notify.cedar"] = raw
	a, err := access.New(policies)
	must(t, err)
	v, err := journal.NewVault(bytes.Repeat([]byte{3}, 32))
	must(t, err)
	w := &town{t: t, d: d, v: v, j: journal.New(d, v), clock: city.NewSetClock(time.Date(2026, 3, 2, 9, 0, 0, 0, shanghai)),
		sms: &memo{name: "sms"}, email: &memo{name: "email"}, reached: map[city.PersonID][]notify.Contact{}}
	names := func(m map[string]city.Text) func(string) city.Text { return func(id string) city.Text { return m[id] } }
	items := names(map[string]city.Text{"court": {ZhHans: "预订球场", En: "Booking a court"}})
	bodies := names(map[string]city.Text{"club": {ZhHans: "网球会", En: "The tennis club"}})
	stages := names(map[string]city.Text{"review": {ZhHans: "审查", En: "Review"}})
	if len(channels) == 0 {
		channels = []notify.Channel{w.sms, w.email}
	}
	w.reaches = func(_ string, to notify.Box) bool { return to.Post == "" && to.Body == "" && to.Region == "" }
	w.Notify = notify.New(notify.Options{
		DB: d, Journal: w.j, Access: a, Clock: w.clock, Zone: shanghai, City: city.Text{ZhHans: "江海一网", En: "Jianghai"},
		Names: notify.Names{
			Item:  func(c city.ItemCode) city.Text { return items(string(c)) },
			Body:  func(b city.BodyID) city.Text { return bodies(string(b)) },
			Stage: func(_ city.KindID, s string) city.Text { return stages(s) },
		},
		Channels: channels,
		Sees: func(_ context.Context, _ *db.Tx, a city.Actor, _ string) error {
			if a.Body != "club" {
				return city.Forbidden("error.forbidden")
			}
			return nil
		},
		Reaches: func(channel string, to notify.Box) bool { return w.reaches(channel, to) },
		Contacts: func(_ context.Context, _ *db.Tx, to journal.Recipient) ([]notify.Contact, error) {
			if !to.Reporter.IsZero() {
				return w.reporters[to.Reporter], nil
			}
			if to.Post != "" {
				return []notify.Contact{{Channel: "email", Address: w.mailboxes[to.Post]}, {Channel: "webhook", Address: "post:" + string(to.Post)}}, nil
			}
			return w.reached[to.Person], nil
		},
		Link: func(_ notify.Box, typ, subject string) string {
			if strings.HasPrefix(typ, "case.") {
				return "https://jianghai.example/cases/" + subject
			}
			return ""
		},
	})
	w.j.Follow(w.Notify)
	return w
}

func (w *town) happens(e journal.Event) {
	w.t.Helper()
	if e.At.IsZero() {
		e.At = w.clock.Now()
	}
	must(w.t, w.d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.j.Append(ctx, tx, e) }))
	must(w.t, w.j.CatchUp(ctx))
}

func (w *town) carry() int {
	w.t.Helper()
	n, err := w.Carry(ctx)
	must(w.t, err)
	return n
}

func (w *town) list(a city.Actor, after string, limit int) (p notify.Page, err error) {
	err = w.d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err = w.List(ctx, tx, a, after, limit)
		return err
	})
	return p, err
}

// reads gives the sentences in the actor's boxes, newest first; unread ones begin
// with a star.
func (w *town) reads(a city.Actor, l city.Lang) (said []string) {
	w.t.Helper()
	p, err := w.list(a, "", 0)
	must(w.t, err)
	for _, n := range p.Items {
		s := n.Text.In(l)
		if !n.Read {
			s = "*" + s
		}
		said = append(said, s)
	}
	return said
}

func (w *town) unread(a city.Actor) (n int) {
	w.t.Helper()
	must(w.t, w.d.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = w.Unread(ctx, tx, a)
		return err
	}))
	return n
}

func resident() city.Actor {
	return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID()}
}

func officer(body city.BodyID, posts ...city.PostID) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: body, Posts: posts}
}

type m = map[string]any

func caseEvent(action, from, stage string, more m, to ...journal.Recipient) journal.Event {
	data := m{"number": "JH-2026-000001-1", "item": "court", "kind": "booking", "body": "club", "action": action, "from": from, "stage": stage}
	for k, v := range more {
		data[k] = v
	}
	return journal.Event{Type: "case." + action, Subject: "JH-2026-000001-1", To: to, Data: data}
}

func wantKind(t testing.TB, err error, k city.Kind) {
	t.Helper()
	if city.KindOf(err) != k {
		t.Errorf("got %v, want %s", err, k)
	}
}

func TestOneMatterFromBeginningToEnd(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ann, ben := resident(), resident()
		warden, stranger := officer("club", "club.warden"), officer("chess", "chess.warden")
		w.reached[ann.Person] = []notify.Contact{{Channel: "sms", Address: "13800001234", Lang: city.Chinese}}
		applicant, post := journal.Recipient{Person: ann.Person}, journal.Recipient{Post: "club.warden", Region: "990101"}
		due := time.Date(2026, 3, 9, 17, 0, 0, 0, shanghai)

		step := func(e journal.Event) {
			w.clock.Advance(time.Hour)
			w.happens(e)
		}
		step(caseEvent("opened", "", "received", m{"due": due}, applicant, post))
		step(caseEvent("claim", "received", "received", nil, applicant, post))
		step(caseEvent("accept", "received", "review", m{"due": due.AddDate(0, 0, 7)}, applicant, journal.Recipient{Post: "club.coach"}))
		step(caseEvent("supplement", "review", "review", m{"answer_by": due.AddDate(0, 0, 3)}, applicant))
		step(caseEvent("supply", "review", "review", m{"due": due}, applicant, post))
		step(caseEvent("special_procedure", "review", "review", m{"procedure": "site_inspection"}, applicant, post))
		step(caseEvent("resume", "review", "review", m{"due": due}, applicant, post))
		step(caseEvent("overdue", "review", "review", nil, applicant, post))
		step(caseEvent("looked_at", "review", "end", m{"result": "approved"}, applicant))

		want := []string{
			"*“预订球场”批准了，结果在办件里。",
			"*“预订球场”这一步过了该办好的时间，已经报给网球会的上一级督促。",
			"*“预订球场”接着办了，网球会最晚 3 月 9 日（星期一）有结果。",
			"*“预订球场”要先现场查看，网球会会和您联系。这段时间不算在承诺时间里。",
			"*“预订球场”的补正收到了，网球会接着办。",
			"*“预订球场”有几处要补正，请在 3 月 12 日（星期四）前补好。这段时间不算在承诺时间里。",
			"*“预订球场”受理了，网球会最晚 3 月 16 日（星期一）办好。",
			"*“预订球场”收到了，编号 JH-2026-000001-1。网球会最晚 3 月 9 日（星期一）告诉您下一步。",
		}
		if diff := cmp.Diff(want, w.reads(ann, city.Chinese)); diff != "" {
			t.Error(diff)
		}
		if en := w.reads(ann, city.English); en[0] != "*“Booking a court” was granted. The result stands in the case." ||
			en[7] != "*We have your application “Booking a court”, number JH-2026-000001-1. The tennis club tells you what comes next by Monday 9 March." {
			t.Errorf("%q", en)
		}
		wantDesk := []string{
			"*逾期：“预订球场”，JH-2026-000001-1，请马上处理。",
			"*补正来了：“预订球场”，JH-2026-000001-1，可以接着办。",
			"*新到一件：“预订球场”，JH-2026-000001-1，3 月 9 日（星期一）前处理。",
		}
		if diff := cmp.Diff(wantDesk, w.reads(warden, city.Chinese)); diff != "" {
			t.Error(diff)
		}
		for name, a := range map[string]city.Actor{"a neighbour": ben, "an officer elsewhere": stranger} {
			if said := w.reads(a, city.Chinese); len(said) != 0 {
				t.Errorf("%s reads %q", name, said)
			}
		}
		far := warden
		far.Regions = []city.RegionCode{"990102"}
		if said := w.reads(far, city.Chinese); len(said) != 0 || w.unread(far) != 0 {
			t.Errorf("the warden of another district reads %q", said)
		}
		near := warden
		near.Regions = []city.RegionCode{"990102", "9901"}
		if said := w.reads(near, city.Chinese); len(said) != 3 || w.unread(near) != 3 {
			t.Errorf("the warden of the district reads %q, %d unread", said, w.unread(near))
		}

		// What can't wait went out, once, to who can be reached; nothing went to posts.
		for w.carry() > 0 {
		}
		wantSMS := []string{
			"【江海一网】“预订球场”收到了，编号 JH-2026-000001-1。网球会最晚 3 月 9 日（星期一）告诉您下一步。详情：https://jianghai.example/cases/JH-2026-000001-1",
			"【江海一网】“预订球场”受理了，网球会最晚 3 月 16 日（星期一）办好。详情：https://jianghai.example/cases/JH-2026-000001-1",
			"【江海一网】“预订球场”有几处要补正，请在 3 月 12 日（星期四）前补好。这段时间不算在承诺时间里。详情：https://jianghai.example/cases/JH-2026-000001-1",
			"【江海一网】“预订球场”要先现场查看，网球会会和您联系。这段时间不算在承诺时间里。详情：https://jianghai.example/cases/JH-2026-000001-1",
			"【江海一网】“预订球场”批准了，结果在办件里。详情：https://jianghai.example/cases/JH-2026-000001-1",
		}
		if diff := cmp.Diff(wantSMS, w.sms.texts()); diff != "" {
			t.Error(diff)
		}
		if len(w.email.got) != 0 {
			t.Errorf("e-mail without an address: %v", w.email.got)
		}

		t.Run("who was told what", func(t *testing.T) {
			about := func(a city.Actor) (all []notify.Told, err error) {
				err = d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
					all, err = w.About(ctx, tx, a, "JH-2026-000001-1", 0)
					return err
				})
				return all, err
			}
			all, err := about(warden)
			must(t, err)
			if len(all) != 12 { // eight to the applicant, three to the warden, one to the coach
				t.Fatalf("%d notices", len(all))
			}
			var first notify.Told
			for _, told := range all {
				if told.Type == "case.opened" && told.Box.Person == ann.Person {
					first = told
				}
			}
			got := fmt.Sprintf("%+v", first.By)
			at := w.clock.Now()
			want := fmt.Sprintf("%+v", []notify.Delivery{
				{Channel: "screen", State: notify.MessageSent, At: first.At},
				{Channel: "email", State: notify.MessageNowhere, Tries: 1, At: at},
				{Channel: "sms", State: notify.MessageSent, Tries: 1, At: at},
			})
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			for _, a := range []city.Actor{ben, ann, stranger, {}} {
				if _, err := about(a); err == nil {
					t.Errorf("%v saw who was told what", a.Kind)
				}
			}
			if _, err := about(officer("audit", "audit.auditor")); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestReading(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ann, ben := resident(), resident()
		first, second := officer("club", "club.warden"), officer("club", "club.warden")
		for i := range 25 {
			w.clock.Advance(time.Minute)
			if i%5 == 0 {
				w.clock.Advance(-time.Minute) // two in the same moment
			}
			w.happens(caseEvent("opened", "", "received", m{"number": fmt.Sprintf("N%02d", i)},
				journal.Recipient{Person: ann.Person}, journal.Recipient{Post: "club.warden"}))
		}
		mark := func(a city.Actor, ids ...city.NoticeID) error {
			return d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.MarkRead(ctx, tx, a, ids...) })
		}

		for _, limit := range []int{1, 4, 25, 100} {
			seen := map[city.NoticeID]bool{}
			after, pages := "", 0
			var last time.Time
			for {
				p, err := w.list(ann, after, limit)
				must(t, err)
				for _, n := range p.Items {
					if seen[n.ID] || !last.IsZero() && n.At.After(last) {
						t.Errorf("limit %d: %s comes out of order", limit, n.Subject)
					}
					seen[n.ID], last = true, n.At
				}
				if pages++; p.Next == "" || pages > 30 {
					break
				}
				after = p.Next
			}
			if len(seen) != 25 {
				t.Errorf("limit %d: %d of 25", limit, len(seen))
			}
		}
		for _, bad := range []string{"x", "?", "AAAA", strings.Repeat("z", 1000)} {
			_, err := w.list(ann, bad, 10)
			wantKind(t, err, city.KindInvalid)
		}

		if n := w.unread(ann); n != 25 {
			t.Errorf("%d unread", n)
		}
		page, err := w.list(ann, "", 3)
		must(t, err)
		must(t, mark(ann, page.Items[0].ID, page.Items[1].ID))
		must(t, mark(ann, page.Items[0].ID)) // twice is once
		if n := w.unread(ann); n != 23 {
			t.Errorf("%d unread after two were read", n)
		}
		if said := w.reads(ann, city.Chinese); strings.HasPrefix(said[0], "*") || strings.HasPrefix(said[1], "*") || !strings.HasPrefix(said[2], "*") {
			t.Errorf("marks stand wrong: %q", said[:3])
		}

		// Nobody marks what lies in somebody else's box, and one wrong id marks none.
		wantKind(t, mark(ben, page.Items[2].ID), city.KindNotFound)
		wantKind(t, mark(first, page.Items[2].ID), city.KindNotFound)
		wantKind(t, mark(ann, page.Items[2].ID, city.NewNoticeID()), city.KindNotFound)
		wantKind(t, mark(city.Actor{}, page.Items[2].ID), city.KindUnauthenticated)
		if n := w.unread(ann); n != 23 {
			t.Errorf("%d unread", n)
		}

		// Two officers of one post read each for themselves.
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.MarkAllRead(ctx, tx, first) }))
		if a, b := w.unread(first), w.unread(second); a != 0 || b != 25 {
			t.Errorf("unread: %d and %d", a, b)
		}
		w.clock.Advance(time.Minute)
		w.happens(caseEvent("opened", "", "received", nil, journal.Recipient{Post: "club.warden"}))
		if a, b := w.unread(first), w.unread(second); a != 1 || b != 26 {
			t.Errorf("unread after one more: %d and %d", a, b)
		}
		if said := w.reads(first, city.Chinese); !strings.HasPrefix(said[0], "*") || strings.HasPrefix(said[1], "*") {
			t.Errorf("%q", said[:2])
		}

		// Nobody in particular reads nothing; somebody acting for Ann reads their own.
		if _, err := w.list(city.Actor{Kind: city.Anonymous}, "", 1); city.KindOf(err) != city.KindUnauthenticated {
			t.Errorf("got %v", err)
		}
		helper := ben
		helper.OnBehalf = ann.Person
		if said := w.reads(helper, city.Chinese); len(said) != 0 {
			t.Errorf("the helper reads %q", said)
		}
		if n := w.unread(ben); n != 0 {
			t.Errorf("%d", n)
		}

		// A bell stops counting at a hundred.
		for i := range 110 {
			w.happens(caseEvent("opened", "", "received", m{"number": fmt.Sprintf("M%03d", i)}, journal.Recipient{Person: ben.Person}))
		}
		if n := w.unread(ben); n != 100 {
			t.Errorf("%d", n)
		}
		w.clock.Advance(61 * 24 * time.Hour)
		if n := w.unread(ben); n != 0 {
			t.Errorf("after two months %d", n)
		}
	})
}

func TestRebuildTellsNobodyAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ann := resident()
		w.reached[ann.Person] = []notify.Contact{{Channel: "sms", Address: "1"}, {Channel: "email", Address: "a@b.example", Lang: city.English}}
		for _, a := range []string{"opened", "accept", "supplement"} {
			w.clock.Advance(time.Minute)
			w.happens(caseEvent(a, "received", "review", nil, journal.Recipient{Person: ann.Person}))
		}
		w.carry()
		page, err := w.list(ann, "", 10)
		must(t, err)
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.MarkRead(ctx, tx, ann, page.Items[1].ID) }))
		before, err := w.list(ann, "", 10)
		must(t, err)
		if len(w.sms.got) != 3 || len(w.email.got) != 3 {
			t.Fatalf("%d and %d messages", len(w.sms.got), len(w.email.got))
		}

		must(t, w.j.Rebuild(ctx, "notify"))
		if said := w.reads(ann, city.Chinese); len(said) != 0 {
			t.Errorf("%q outlived the reset", said)
		}
		must(t, w.j.CatchUp(ctx))
		after, err := w.list(ann, "", 10)
		must(t, err)
		if diff := cmp.Diff(ids(before), ids(after)); diff != "" {
			t.Error(diff)
		}
		if n := w.carry(); n != 0 || len(w.sms.got) != 3 {
			t.Errorf("%d messages were sent again", n)
		}
		// A channel that comes later is not fed with the past.
		late := &memo{name: "wall"}
		again := *w
		again.Notify = notify.New(notify.Options{DB: d, Journal: journal.New(d, w.v), Access: accessOf(t), Clock: w.clock, Channels: []notify.Channel{late}})
		j := journal.New(d, w.v)
		j.Follow(again.Notify)
		must(t, j.Rebuild(ctx, "notify"))
		must(t, j.CatchUp(ctx))
		if n, err := again.Carry(ctx); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}

		// History that is filled in later is on screen and in nobody's pocket.
		w.happens(journal.Event{At: w.clock.Now().AddDate(0, -2, 0), Type: "case.opened", Subject: "old", To: []journal.Recipient{{Person: ann.Person}}, Data: m{"number": "old"}})
		if n := w.carry(); n != 0 || len(w.reads(ann, city.Chinese)) != 4 {
			t.Errorf("%d messages, %q", n, w.reads(ann, city.Chinese))
		}
	})
}

func accessOf(t testing.TB) *access.Access {
	raw, err := os.ReadFile("../cities/jianghai/access/notify.cedar")
	must(t, err)
	a, err := access.New(map[string][]byte{"notify.cedar": raw})
	must(t, err)
	return a
}

func ids(p notify.Page) (out []string) {
	for _, n := range p.Items {
		out = append(out, fmt.Sprint(n.ID, n.Read, n.Type, n.At))
	}
	return out
}

func TestNamesAreGoneWithThePerson(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		mother, daughter := resident(), resident()
		var key journal.KeyID
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			key, err = w.v.NewKey(ctx, tx, mother.Person)
			return err
		}))
		w.happens(journal.Event{Type: "delegation.given", Subject: "d", To: []journal.Recipient{{Person: mother.Person}, {Person: daughter.Person}},
			Data: m{"giver": mother.Person, "taker": daughter.Person}, Key: key,
			Sealed: m{"notice": m{"giver": "陈桂英", "taker": "李敏"}}})
		if said := w.reads(daughter, city.Chinese); len(said) != 1 || said[0] != "*陈桂英请您代办事情，请到“请家人代办”里看一看、决定同意不同意。" {
			t.Errorf("%q", said)
		}
		if said := w.reads(mother, city.English); len(said) != 1 || !strings.Contains(said[0], "You asked 李敏 to act for you") {
			t.Errorf("%q", said)
		}
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return w.v.Erase(ctx, tx, mother.Person) }))
		for _, rebuilt := range []bool{false, true} {
			if rebuilt {
				must(t, w.j.Rebuild(ctx, "notify"))
				must(t, w.j.CatchUp(ctx))
			}
			if said := w.reads(daughter, city.Chinese); len(said) != 1 || said[0] != "*有人请您代办事情，请到“请家人代办”里看一看、决定同意不同意。" {
				t.Errorf("rebuilt %v: %q", rebuilt, said)
			}
		}
	})
}

func TestWhatIsNoNotice(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newTown(t, d)
	ann := resident()
	to := journal.Recipient{Person: ann.Person}
	for _, e := range []journal.Event{
		{Type: "data.used", To: []journal.Recipient{to}},                          // has a page of its own
		{Type: "tennis.won", To: []journal.Recipient{to}},                         // nobody wrote a sentence
		{Type: "credential.issued"},                                               // nobody is addressed
		{Type: "credential.issued", To: []journal.Recipient{{}}},                  // nobody is named
		{Type: "case.opened", To: []journal.Recipient{to}, Data: []int{1}},        // data of another shape
		{Type: "case.opened", To: []journal.Recipient{to}, Data: m{"giver": "x"}}, // a broken identifier
		{Type: "case.comment", To: []journal.Recipient{to}, Data: m{"stage": "a", "from": "a"}},
	} {
		w.happens(e)
	}
	if said := w.reads(ann, city.Chinese); len(said) != 0 {
		t.Errorf("%q", said)
	}
	// Strange dates leave the date out, and an event without data is still told.
	w.happens(journal.Event{Type: "case.opened", Subject: "1", To: []journal.Recipient{to}, Data: m{"due": "soon", "number": "1"}})
	w.happens(journal.Event{Type: "password.changed", To: []journal.Recipient{to}})
	if said := w.reads(ann, city.English); len(said) != 2 || strings.Contains(strings.Join(said, ""), "{") {
		t.Errorf("%q", said)
	}
}

// Each sentence that the package can say is in the catalogue, in both languages,
// and none is left with a hole, whatever its event lacks.
func TestEverySentenceIsWhole(t *testing.T) {
	d := dbtest.SQLite(t)
	w := newTown(t, d)
	ann := resident()
	warden := officer("club", "club.warden")
	to := []journal.Recipient{{Person: ann.Person}, {Firm: city.NewFirmID()}, {Post: "club.warden"}}
	types := []string{"credential.issued", "credential.suspended", "credential.restored", "credential.revoked", "firm.agent_set", "firm.agent_ended",
		"officer.appointed", "officer.dismissed", "person.changed", "account.activated", "account.code_issued", "account.recovered", "account.locked",
		"account.unlocked", "password.changed", "passkey.added", "passkey.removed", "token.created", "delegation.given", "delegation.accepted", "delegation.ended"}
	full := m{"number": "1", "item": "court", "kind": "k", "body": "club", "stage": "review", "due": "2026-03-09", "answer_by": w.clock.Now(),
		"until": city.Micros(w.clock.Now()), "procedure": "hearing", "result": "x", "post": "club.warden", "name": city.Text{ZhHans: "证", En: "card"}}
	for _, typ := range types {
		for _, data := range []m{nil, full, {"taker": ann.Person}, {"giver": ann.Person}} {
			w.happens(journal.Event{Type: typ, To: to, Data: data})
		}
	}
	for _, verb := range []string{"opened", "accept", "supplement", "supply", "lapse", "special_procedure", "resume", "extend_review", "urge", "overdue", "inspected"} {
		for _, stage := range []string{"review", "end"} {
			for _, result := range []string{"", "approved", "refused", "not_accepted", "withdrawn", "terminated", "won"} {
				for _, sparse := range []bool{true, false} {
					data := m{"from": "received", "stage": stage, "result": result}
					if !sparse {
						for k, v := range full {
							if data[k] == nil {
								data[k] = v
							}
						}
					}
					w.happens(journal.Event{Type: "case." + verb, To: to, Data: data})
				}
			}
		}
	}
	n := 0
	for _, a := range []city.Actor{ann, warden} {
		after := ""
		for {
			p, err := w.list(a, after, 100)
			must(t, err)
			for _, notice := range p.Items {
				n++
				for _, l := range city.Langs {
					s := notice.Text.In(l)
					if strings.ContainsAny(s, "{}") || strings.HasPrefix(s, "notify.") || s == "" {
						t.Errorf("%s says %q", notice.Type, s)
					}
				}
				if _, ok := city.LookupText(notice.Text.Key); !ok || notice.Text.Key == "notify.other" {
					t.Errorf("%s has the key %q", notice.Type, notice.Text.Key)
				}
			}
			if after = p.Next; after == "" {
				break
			}
		}
	}
	if n < 300 {
		t.Errorf("only %d sentences were tried", n)
	}
}

var errBroken = errors.New("broken")

func permanent(err error) bool { return errors.Is(err, notify.ErrPermanent) }

// What is past its time goes, and nothing else: a message that waits stays, and
// so does what may still be unread.
func TestSweep(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ann := resident()
		w.reached[ann.Person] = []notify.Contact{{Channel: "sms", Address: "1"}}
		tell := func() { w.happens(caseEvent("opened", "", "received", nil, journal.Recipient{Person: ann.Person})) }
		for range 3 {
			tell()
		}
		w.carry()
		must(t, d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			page, err := w.List(ctx, tx, ann, "", 10)
			must(t, err)
			return w.MarkRead(ctx, tx, ann, page.Items[0].ID, page.Items[1].ID)
		}))
		w.sms.fail = func(notify.Message) error { return errBroken }
		tell()
		w.carry()
		count := func(table string) (n int) {
			must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				n, err = db.One[int](ctx, tx, "SELECT count(*) FROM "+table)
				return err
			}))
			return n
		}
		sweep := func() int64 {
			n, err := w.Sweep(ctx, city.SystemActor("app"))
			must(t, err)
			return n
		}
		messages := count("notice_messages")
		if n := sweep(); n != 0 || count("notices") != 4 || count("notice_reads") != 2 {
			t.Errorf("%d rows went at once", n)
		}
		w.clock.Advance(200 * 24 * time.Hour)
		tell()
		if sweep(); count("notices") != 5 || count("notice_messages") >= messages || count("notice_messages") == 0 {
			t.Errorf("after half a year: %d notices, %d messages", count("notices"), count("notice_messages"))
		}
		w.clock.Advance(600 * 24 * time.Hour)
		if sweep(); count("notices") != 1 || count("notice_reads") != 0 {
			t.Errorf("after two years: %d notices, %d notes", count("notices"), count("notice_reads"))
		}
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			page, err := w.List(ctx, tx, ann, "", 10)
			if len(page.Items) != 1 {
				t.Errorf("she reads %d", len(page.Items))
			}
			return err
		}))
		if _, err := w.Sweep(ctx, ann); city.KindOf(err) != city.KindForbidden {
			t.Errorf("swept by a resident: %v", err)
		}
	})
}
