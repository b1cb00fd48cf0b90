package app_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/journal"
)

// workshop is where trucks stop that shouldn't, in Huagongyuan.
var workshop = geo.Point{Lat: 31.9000, Lon: 121.2500}

// stops is a finding of the rule about places where no firm is registered.
func stops(from time.Time, n int, key string) alert.Finding {
	return alert.Finding{Rule: "repeat_stay_unknown", Subject: "place:" + key, Key: key, From: from, To: from.Add(40 * time.Minute),
		Place: city.Place{Lat: workshop.Lat, Lon: workshop.Lon}, Args: []any{"vehicles", 2, "days", n, "n", n, "metres", 200}, Sure: 0.8,
		Evidence: []alert.Evidence{{What: "stay", Subject: "vehicle:苏F12345", From: city.Micros(from), To: city.Micros(from.Add(40 * time.Minute)),
			Lat: workshop.Lat, Lon: workshop.Lon, Numbers: map[string]float64{"minutes": 40}}}}
}

func (p *place) raises(f alert.Finding) (a alert.Alert, joined bool) {
	p.Helper()
	p.ok(p.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		a, joined, err = p.app.Alerts.Raise(ctx, tx, city.SystemActor("fleet"), f)
		return err
	}))
	return a, joined
}

func (p *place) files(a alert.Alert) incident.Receipt {
	p.Helper()
	r, err := p.app.Incidents.FromAlert(context.Background(), city.SystemActor("alert"), a)
	p.ok(err)
	return r
}

func (p *place) alertOf(a city.Actor, n city.CaseNumber) (got alert.Alert, list []alert.Sighting) {
	p.Helper()
	p.in(func(ctx context.Context, tx *db.Tx) (err error) {
		got, list, err = p.app.Alerts.Of(ctx, tx, a, n)
		return err
	})
	return got, list
}

// judged counts what the journal says of the outcomes of a rule, as the algorithm
// register reads it.
func (p *place) judged(rule string) (so, not int) {
	p.Helper()
	p.in(func(ctx context.Context, tx *db.Tx) error {
		all, err := p.app.Journal.Read(ctx, tx, journal.Position{}, 10_000)
		for _, e := range all {
			var d struct {
				Judged []struct{ Of, Is, Why string } `json:"judged"`
			}
			if e.Type != "alert.resolved" || json.Unmarshal(e.Data, &d) != nil {
				continue
			}
			for _, j := range d.Judged {
				switch {
				case j.Of == rule && j.Is == "so":
					so++
				case j.Of == rule && j.Is == "not_so" && j.Why != "":
					not++
				}
			}
		}
		return err
	})
	return so, not
}

// duty puts an officer of the post on duty at the place.
func (p *place) duty(post city.PostID, at geo.Point) city.Actor {
	p.Helper()
	a := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: post.Body(), Posts: []city.PostID{post}}
	p.ok(p.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		if _, err := p.app.Directory.GoOnDuty(ctx, tx, a, directory.Shift{Post: post, Until: time.Now().Add(4 * time.Hour)}); err != nil {
			return err
		}
		_, err := p.app.Directory.Stand(ctx, tx, a, directory.Fix{Point: at})
		return err
	}))
	return a
}

// From what a program noticed to what it learns: the same thing again joins, one case
// goes to the nearest inspector, what they find is checked by somebody else, and the
// rule hears of it.
func TestFromAlertToTaskAndBack(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		const post = city.PostID("emergency-management.inspector")
		far := p.duty(post, geo.Point{Lat: 31.9400, Lon: 121.0500})
		near := p.duty(post, geo.Point{Lat: 31.9010, Lon: 121.2510})
		checker := at("operations-center.reviewer")
		began := time.Now().Add(-72 * time.Hour)

		first, joined := p.raises(stops(began, 3, "w1"))
		again, joinedAgain := p.raises(stops(began.Add(24*time.Hour), 4, "w1"))
		if joined || !joinedAgain || again.ID != first.ID || again.Times != 2 || first.Body != "emergency-management" {
			t.Fatalf("%+v, then %+v", first, again)
		}
		r := p.files(again)
		for range 2 {
			if twice := p.files(again); twice.Number != r.Number {
				t.Fatalf("a second case %s beside %s", twice.Number, r.Number)
			}
		}
		a, list := p.alertOf(near, r.Number)
		if a.ID != first.ID || a.State != alert.Filed || len(list) != 2 {
			t.Errorf("%+v, %d sightings", a, len(list))
		}
		c := p.get(near, r.Number)
		if c.Kind != "inspection" || c.Assignee != near.Account || c.Body != "emergency-management" || c.Item != "e0608" || c.Due.IsZero() {
			t.Fatalf("%+v; near is %s, far %s", c, near.Account, far.Account)
		}
		// A resident who reports the same sort of thing at the same place has a matter of
		// their own, and can't see this one.
		told := p.report(nobody, incident.Report{Class: "e0608", Text: "这里有个黑作坊", Place: city.Place{Lat: workshop.Lat, Lon: workshop.Lon}})
		if told.Joined {
			t.Error("a report joined what a program noticed")
		}

		p.acts(near, r.Number, casework.Action{Name: casework.ActProgress, Step: "accepted"})
		p.acts(near, r.Number, casework.Action{Name: casework.ActProgress, Step: "arrived"})
		says := func(finding, note string) error {
			_, err := p.app.Cases.Do(context.Background(), near, r.Number, casework.Action{Name: "confirm", Note: note, Params: map[string]string{"finding": finding}})
			return err
		}
		p.refused(says("speeding", "开得很快"), city.KindInvalid, "a finding that the rule doesn't know")
		p.refused(says("illegal_production", ""), city.KindInvalid, "neither a picture nor a word")
		p.photo(near, r.Number, incident.RoleSeen)
		p.ok(says("illegal_production", ""))
		if _, err := p.app.Cases.Do(context.Background(), near, r.Number, casework.Action{Name: "passed"}); err == nil {
			t.Error("one's own work passes")
		}
		if so, not := p.judged("repeat_stay_unknown"); so+not != 0 {
			t.Error("judged before it was checked")
		}
		p.acts(checker, r.Number, casework.Action{Name: "passed"})
		if a, _ = p.alertOf(checker, r.Number); a.State != alert.Confirmed || a.Outcome != "illegal_production" {
			t.Errorf("%+v", a)
		}
		if so, not := p.judged("repeat_stay_unknown"); so != 1 || not != 0 {
			t.Errorf("judged so %d, not so %d", so, not)
		}

		// The same place again: within the rule's silence no case comes of it.
		held, _ := p.raises(stops(time.Now().Add(-time.Hour), 5, "w1"))
		if held.State != alert.Silenced {
			t.Errorf("%+v", held)
		}

		other, _ := p.raises(stops(began, 3, "w2"))
		r = p.files(other)
		if c := p.get(near, r.Number); c.Assignee != near.Account {
			t.Errorf("%+v", c)
		}
		p.acts(near, r.Number, casework.Action{Name: "refute", Reason: "司机在这里检修轮胎", Params: map[string]string{"why": "ordinary"}})
		p.acts(checker, r.Number, casework.Action{Name: "failed", Reason: "三天都检修？再看一次"})
		p.acts(near, r.Number, casework.Action{Name: "refute", Reason: "问了邻居，是修车的", Params: map[string]string{"why": "ordinary"}})
		p.acts(checker, r.Number, casework.Action{Name: "passed"})
		if a, _ = p.alertOf(checker, r.Number); a.State != alert.Refuted || a.Outcome != "ordinary" {
			t.Errorf("%+v", a)
		}
		if so, not := p.judged("repeat_stay_unknown"); so != 1 || not != 1 {
			t.Errorf("judged so %d, not so %d", so, not)
		}

		// Somebody silences the rule: what comes is kept, and no case comes of it.
		head := at("emergency-management.head")
		_, err := p.app.Alerts.Silence(context.Background(), near, alert.Silence{Rule: "repeat_stay_unknown", Until: time.Now().Add(time.Hour), Reason: "不想去"})
		p.refused(err, city.KindForbidden, "an inspector silences")
		s, err := p.app.Alerts.Silence(context.Background(), head, alert.Silence{Rule: "repeat_stay_unknown", Until: time.Now().Add(time.Hour), Reason: "化工园在演练"})
		p.ok(err)
		quiet, _ := p.raises(stops(began, 3, "w3"))
		if quiet.State != alert.Silenced {
			t.Errorf("%+v", quiet)
		}
		p.ok(p.app.Alerts.EndSilence(context.Background(), head, s.ID))
		open, joined := p.raises(stops(began.Add(30*time.Hour), 4, "w3"))
		if !joined || open.ID != quiet.ID || open.State != alert.Open || open.Times != 2 {
			t.Errorf("%+v, joined %v", open, joined)
		}
		// A truck that is found far outside: the case is the city's.
		out := stops(began, 3, "w4")
		out.Place = city.Place{Lat: 33.5, Lon: 119.1}
		beyond, _ := p.raises(out)
		if r := p.files(beyond); p.get(checker, r.Number).Region != "9901" {
			t.Error("a case for no region")
		}
		// Nobody has to look, says the operator whom it was given back to.
		r = p.files(open)
		p.acts(near, r.Number, casework.Action{Name: "give_back", Reason: "在邻市"})
		p.acts(at("operations-center.operator"), r.Number, casework.Action{Name: "set_aside", Reason: "已经转给邻市"})
		if a, _ = p.alertOf(checker, r.Number); a.State != alert.Cleared {
			t.Errorf("%+v", a)
		}
	})
}

func (p *place) get(a city.Actor, n city.CaseNumber) (c casework.Case) {
	p.Helper()
	p.in(func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = p.app.Cases.Get(ctx, tx, a, n)
		return err
	})
	return c
}
