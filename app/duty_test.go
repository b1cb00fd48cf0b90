package app_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
)

// shift is the city with a clock of its own and a class of matters.
type shift struct {
	*place
	clock *city.SetClock
	class incident.Class
	n     int
}

func newShift(t *testing.T, database string) *shift {
	s := &shift{clock: city.NewSetClock(time.Now())}
	s.place = newPlace(t, database, func(o *app.Options) { o.Clock = s.clock })
	var ok bool
	if s.class, ok = s.app.Incidents.Class("c0101"); !ok {
		t.Fatal("no class c0101")
	}
	return s
}

// comes puts somebody of the class's post, and of others, on duty, so many metres
// east of the river bank; less than none leaves their place unknown.
func (s *shift) comes(metres float64, others ...city.PostID) city.Actor {
	s.Helper()
	a := at(append([]city.PostID{s.class.Post}, others...)...)
	s.ok(s.duty(a, s.class.Post, 8*time.Hour))
	if metres >= 0 {
		s.stands(a, metres)
	}
	return a
}

func (s *shift) duty(a city.Actor, post city.PostID, d time.Duration) error {
	return s.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := s.app.Directory.GoOnDuty(ctx, tx, a, directory.Shift{Post: post, Until: s.clock.Now().Add(d)})
		return err
	})
}

func (s *shift) stands(a city.Actor, metres float64) {
	s.Helper()
	s.clock.Advance(time.Second)
	s.in(func(ctx context.Context, tx *db.Tx) error {
		taken, err := s.app.Directory.Stand(ctx, tx, a, directory.Fix{Point: geo.Move(geo.Point{Lat: riverine.Lat, Lon: riverine.Lon}, 90, metres)})
		if err == nil && !taken {
			err = fmt.Errorf("%v m away wasn't taken", metres)
		}
		return err
	})
}

// matter reports something of the class at the river bank; each is another one.
func (s *shift) matter() incident.Receipt {
	s.Helper()
	s.n++
	return s.report(nobody, incident.Report{Class: s.class.Code, Text: fmt.Sprintf("第 %d 个井盖", s.n), Place: riverine, Apart: true})
}

func (s *shift) look(n city.CaseNumber) (c casework.Case) {
	s.Helper()
	s.in(func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = s.app.Cases.Get(ctx, tx, program, n)
		return err
	})
	return c
}

func (s *shift) wantWith(what string, n city.CaseNumber, a city.Actor) casework.Case {
	s.Helper()
	c := s.look(n)
	if c.Assignee != a.Account {
		s.Errorf("%s: %s is with %s, want %s", what, n, c.Assignee, a.Account)
	}
	return c
}

var inbox = city.Actor{} // what is with nobody

func TestTheNearestIsSent(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newShift(t, database)
		r := s.matter()
		if r.Assigned {
			t.Errorf("nobody is on duty: %+v", r)
		}
		s.wantWith("nobody on duty", r.Number, inbox)

		far, near, lost := s.comes(3000), s.comes(400), s.comes(-1)
		elsewhere := s.comes(10)
		elsewhere.Regions = []city.RegionCode{"990102"}
		s.ok(s.duty(elsewhere, s.class.Post, 8*time.Hour)) // covers another district
		r = s.matter()
		c := s.wantWith("the nearest", r.Number, near)
		if !r.Assigned || r.Due.IsZero() || c.Stage != "handling" {
			t.Errorf("receipt %+v, case %+v", r, c)
		}
		s.in(func(ctx context.Context, tx *db.Tx) error {
			h, err := s.app.Cases.History(ctx, tx, program, r.Number)
			last := h[len(h)-1]
			if last.Action != casework.ActAssign || last.By.Kind != city.System || last.Words.Why.En == "" || last.Words.Why.ZhHans == "" {
				t.Errorf("on record: %+v", last)
			}
			return err
		})

		// three in hand are enough; then the next, then the one whose place nobody knows
		for range 2 {
			s.wantWith("a hand is free", s.matter().Number, near)
		}
		for range 3 {
			s.wantWith("the next", s.matter().Number, far)
		}
		for range 3 {
			s.wantWith("whose place is unknown", s.matter().Number, lost)
		}
		full := s.matter()
		s.wantWith("all hands full", full.Number, inbox)

		// who has finished something gets the next one; what is suspended fills no hand
		s.acts(near, r.Number, casework.Action{Name: casework.ActSuspendLedger, Reason: "等配件", Until: s.clock.Now().AddDate(0, 0, 10)})
		s.wantWith("one is suspended", s.matter().Number, near)

		// half an hour later nobody knows where anybody is: who has least in hand
		fresh := s.comes(-1)
		s.clock.Advance(31 * time.Minute)
		s.stands(elsewhere, 5)
		s.wantWith("places are too old", s.matter().Number, fresh)

		// sent by hand to another post it finds its people, too
		operator := at("operations-center.operator")
		s.acts(at(s.class.Post), full.Number, casework.Action{Name: "give_back", Reason: "不归我们"})
		sent, err := s.app.Incidents.Dispatch(context.Background(), operator, full.Number, incident.To{Post: s.class.Post, Limit: s.class.Limit})
		s.ok(err)
		if now := s.wantWith("sent again by the operator", full.Number, fresh); now.Version != sent.Version || sent.Assignee != fresh.Account {
			t.Errorf("the operator reads version %d with %s, it is %d", sent.Version, sent.Assignee, now.Version)
		}
		through := s.matter()
		s.acts(at(s.class.Post), s.release(through.Number), casework.Action{Name: "give_back", Reason: "不归我们"})
		c = s.acts(operator, through.Number, casework.Action{Name: "dispatch", Params: map[string]string{
			"body": string(s.class.Post.Body()), "post": string(s.class.Post)[len(s.class.Post.Body())+1:], "limit": "4 emergency_hours"}})
		if c.Assignee != fresh.Account {
			t.Errorf("sent by the engine's own door: with %s", c.Assignee)
		}
	})
}

// release puts a matter back into the inbox.
func (s *shift) release(n city.CaseNumber) city.CaseNumber {
	s.Helper()
	if !s.look(n).Assignee.IsZero() {
		s.acts(program, n, casework.Action{Name: casework.ActRelease})
	}
	return n
}

// Many matters at one moment fill nobody's hands over the brim, whichever of them
// is quicker.
func TestManyMattersOneOfficer(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newShift(t, database)
		a, b := s.comes(100), s.comes(200)
		var all sync.WaitGroup
		got := make([]incident.Receipt, 40)
		for i := range got {
			all.Go(func() {
				var err error
				got[i], err = s.app.Incidents.Report(context.Background(), nobody, incident.Report{Class: s.class.Code, Text: fmt.Sprint("井盖 ", i), Place: riverine, Apart: true})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		count := map[city.AccountID]int{}
		for _, r := range got {
			count[s.look(r.Number).Assignee]++
		}
		if count[a.Account] != 3 || count[b.Account] != 3 || count[city.AccountID{}] != 34 {
			t.Errorf("%d, %d and %d in the inbox", count[a.Account], count[b.Account], count[city.AccountID{}])
		}
	})
}

// Whoever goes home while matters come in has none of them in the end.
func TestGoingHomeInTheMiddle(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newShift(t, database)
		for round := range 3 {
			a := s.comes(float64(50 + round))
			var all sync.WaitGroup
			got := make([]incident.Receipt, 4)
			for i := range got {
				all.Go(func() {
					var err error
					got[i], err = s.app.Incidents.Report(context.Background(), nobody, incident.Report{Class: s.class.Code, Text: fmt.Sprint("井盖 ", i), Place: riverine, Apart: true})
					if err != nil {
						t.Error(err)
					}
				})
			}
			all.Go(func() {
				if _, err := s.app.Incidents.EndDuty(context.Background(), a, s.class.Post); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			for _, r := range got {
				s.wantWith("gone home", r.Number, inbox)
			}
		}
	})
}

// At the end of a shift nothing stays with who goes home.
func TestHandOver(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		s := newShift(t, database)
		first := s.comes(100)
		var three []city.CaseNumber
		for range 3 {
			three = append(three, s.matter().Number)
		}
		s.acts(first, three[2], casework.Action{Name: casework.ActSuspendLedger, Reason: "等配件", Until: s.clock.Now().AddDate(0, 0, 10)})
		second := s.comes(5000)
		one := s.matter() // the first has a hand free again
		s.wantWith("before", one.Number, first)

		h, err := s.app.Incidents.EndDuty(ctx, first, s.class.Post)
		s.ok(err)
		if h.On != 3 || h.Back != 1 {
			t.Errorf("handed over %+v", h)
		}
		for _, n := range []city.CaseNumber{three[0], three[1], one.Number} {
			s.wantWith("handed over", n, second)
		}
		s.wantWith("suspended", three[2], inbox)
		_, err = s.app.Incidents.EndDuty(ctx, first, s.class.Post)
		s.refused(err, city.KindConflict, "ending it twice")

		// the second's shift runs out: nobody is left, so all goes to the inbox, by one process
		s.clock.Advance(9 * time.Hour)
		var all sync.WaitGroup
		ended := make([]int, 4)
		for i := range ended {
			all.Go(func() {
				var err error
				if ended[i], err = s.app.Incidents.EndShifts(ctx, city.SystemActor("duty")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := ended[0] + ended[1] + ended[2] + ended[3]; n != 1 {
			t.Errorf("%d shifts were closed: %v", n, ended)
		}
		for _, n := range append(three, one.Number) {
			s.wantWith("all went home", n, inbox)
		}
		c := s.look(one.Number)
		if c.Due.IsZero() || !c.Open {
			t.Errorf("its clock doesn't run: %+v", c)
		}
	})
}

// At the change of shifts many go home at one moment; nobody waits for another, and
// nothing stays with any of them.
func TestChangeOfShifts(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newShift(t, database)
		var team []city.Actor
		for i := range 6 {
			team = append(team, s.comes(float64(100*i)))
		}
		var matters []city.CaseNumber
		for range 12 {
			matters = append(matters, s.matter().Number)
		}
		var all sync.WaitGroup
		for _, a := range team {
			all.Go(func() {
				if _, err := s.app.Incidents.EndDuty(context.Background(), a, s.class.Post); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, n := range matters {
			s.wantWith("all went home", n, inbox)
		}
	})
}

// Nobody is given their own work to judge; who did it before does it again.
func TestOwnWorkAndRework(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		const verifying = city.PostID("operations-center.reviewer")
		s := newShift(t, database)
		class, _ := s.app.Incidents.Class("e0101")
		for _, c := range s.app.Incidents.Classes() { // one that asks for no picture
			if len(c.Evidence) == 0 || len(c.Evidence) == 1 && c.Evidence[0] == "before" {
				class = c
				break
			}
		}
		s.class = class
		mender, other := s.comes(900, verifying), s.comes(5)
		s.ok(s.duty(mender, verifying, 8*time.Hour))
		r := s.matter()
		s.wantWith("the nearest", r.Number, other)
		operator := at("operations-center.operator")
		s.acts(operator, r.Number, casework.Action{Name: casework.ActAssign, Assignee: mender.Account})
		s.wantWith("the operator's choice", r.Number, mender)
		s.acts(mender, r.Number, casework.Action{Name: "done", Reason: "换好了"})

		checker := at(verifying)
		s.ok(s.duty(checker, verifying, 8*time.Hour))
		s.acts(checker, r.Number, casework.Action{Name: casework.ActClaim})
		h, err := s.app.Incidents.EndDuty(context.Background(), checker, verifying)
		s.ok(err)
		if h.On != 0 || h.Back != 1 {
			t.Errorf("the mender is the only verifier left: %+v", h)
		}
		s.wantWith("not to who mended it", r.Number, inbox)
		s.acts(checker, r.Number, casework.Action{Name: "failed", Reason: "还在晃"})
		s.wantWith("again to who did it, far as they are", r.Number, mender)
	})
}

// Who sends people chooses among those on duty; nobody else sees where they are.
func TestWhomToSend(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newShift(t, database)
		near, far := s.comes(120), s.comes(2600)
		r := s.matter()
		for range 2 {
			s.matter()
		}
		third := s.comes(-1)
		superior, ok := s.app.Directory.Superior(s.class.Post)
		if !ok {
			t.Fatal("no superior")
		}
		for who, a := range map[string]city.Actor{"the hotline": at("operations-center.operator"), "the post above": at(superior)} {
			s.in(func(ctx context.Context, tx *db.Tx) error {
				list, err := s.app.Incidents.Candidates(ctx, tx, a, r.Number, "handle")
				if err != nil || len(list) != 2 || list[0].Account != far.Account || list[1].Account != third.Account ||
					list[0].Distance < 2500 || !list[0].Known || list[1].Known || list[0].Why.En != "About 2.6 km away, 0 matters in hand" {
					t.Errorf("%s: %+v, %v", who, list, err)
				}
				near3, err := s.app.Incidents.Nearest(ctx, tx, a, s.class.Post, "990101001001", geo.Point{Lat: riverine.Lat, Lon: riverine.Lon}, 5)
				if err != nil || len(near3) != 2 || near3[0].Account != far.Account {
					t.Errorf("%s: with a hand free %+v, %v", who, near3, err)
				}
				return nil
			})
		}
		for _, a := range []city.Actor{near, at("civil-affairs.head"), nobody} {
			s.in(func(ctx context.Context, tx *db.Tx) error {
				if _, err := s.app.Incidents.Candidates(ctx, tx, a, r.Number, "handle"); err == nil {
					t.Errorf("%v sees who is near", a.Posts)
				}
				return nil
			})
		}
		s.acts(at(superior), r.Number, casework.Action{Name: casework.ActAssign, Assignee: third.Account})
		s.wantWith("assigned by the post above", r.Number, third)
		_, err := s.app.Cases.Do(context.Background(), near, r.Number, casework.Action{Name: casework.ActAssign, Assignee: near.Account})
		s.refused(err, city.KindForbidden, "a colleague assigns")
	})
}

// By the interface: on duty, where they are, and off again.
func TestDutyOverTheAPI(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s := newShift(t, database)
		_, token := s.person(city.Officer, "walker", s.class.Post)
		_, other := s.person(city.Officer, "porter", "civil-affairs.clerk")
		now := s.clock.Now()
		post := func(token, path string, in any, want int, out any) {
			s.Helper()
			s.call(token, "POST", "/api/v1"+path, in, want, out)
		}
		here := map[string]any{"lat": riverine.Lat, "lon": riverine.Lon}
		post(token, "/position", here, 409, nil)
		post(token, "/duty", map[string]any{"post": s.class.Post, "until": now.Add(30 * time.Hour)}, 422, nil)
		post(other, "/duty", map[string]any{"post": s.class.Post, "until": now.Add(time.Hour)}, 403, nil)
		var got struct {
			Post         city.PostID
			Since, Until time.Time
		}
		post(token, "/duty", map[string]any{"post": s.class.Post, "until": now.Add(8 * time.Hour)}, 200, &got)
		if got.Post != s.class.Post || got.Until.Sub(got.Since).Round(time.Hour) != 8*time.Hour {
			t.Errorf("on duty %+v", got)
		}
		var taken struct{ Taken bool }
		for what, c := range map[string]struct {
			at   time.Time
			want bool
		}{"now": {now, true}, "two days ahead": {now.Add(48 * time.Hour), false}, "an hour ago": {now.Add(-time.Hour), false}} {
			here["at"] = c.at
			if post(token, "/position", here, 200, &taken); taken.Taken != c.want {
				t.Errorf("%s: taken %v", what, taken.Taken)
			}
		}
		post(token, "/position", map[string]any{"lat": 200, "lon": 3}, 422, nil)
		for range 40 {
			if a := s.ask("POST", "/api/v1/position", here, bearer(token)...); a.status == 429 {
				taken.Taken = true
			}
		}
		if !taken.Taken {
			t.Error("places may be sent at any pace")
		}
		if r := s.matter(); !r.Assigned {
			t.Errorf("nobody was sent: %+v", r)
		}
		var handed struct{ On, Back int }
		post(token, "/duty/end", map[string]any{"post": s.class.Post}, 200, &handed)
		if handed.On != 0 || handed.Back != 1 {
			t.Errorf("handed over %+v", handed)
		}
		post(token, "/duty/end", map[string]any{"post": s.class.Post}, 409, nil)
	})
}

// On the desk whoever assigns reads who is on duty, how far, and with how much.
func TestAssigningOnTheDesk(t *testing.T) {
	s := newShift(t, "")
	walker, _ := s.person(city.Officer, "walker", s.class.Post)
	s.person(city.Officer, "at-home", s.class.Post)
	_, operator := s.person(city.Officer, "operator", "operations-center.operator")
	r := s.matter()
	var on city.Actor
	s.in(func(ctx context.Context, tx *db.Tx) error {
		a, _, err := s.app.Identity.AccountOf(ctx, tx, walker, city.Officer)
		on = city.Actor{Kind: city.Officer, Account: a.ID, Person: walker, Body: s.class.Post.Body(), Posts: []city.PostID{s.class.Post}}
		return err
	})
	s.ok(s.duty(on, s.class.Post, time.Hour))
	s.stands(on, 420)
	status, _, page := s.open(operator, "/desk/cases/"+string(r.Number)+"/assign")
	for _, want := range []string{"何walker · 离现场约 400 米，手上 0 件", "何at-home", "在岗", "不在岗", on.Account.String()} {
		if status != 200 || !strings.Contains(page, want) {
			t.Errorf("%d: the page lacks %q", status, want)
		}
	}
	s.acts(at("operations-center.operator"), r.Number, casework.Action{Name: casework.ActAssign, Assignee: on.Account})
	next := s.matter()
	s.wantWith("the program's choice", next.Number, on)
	_, _, page = s.open(operator, "/desk/cases/"+string(next.Number))
	if !strings.Contains(page, "不到 1 公里；之前手上 1 件。") {
		t.Error("the page of the case doesn't say why they were sent")
	}
}
