package app_test

import (
	"context"
	"sync"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
)

func (p *place) alike(a city.Actor, q incident.Alike) (list []incident.Similar, err error) {
	err = p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		list, err = p.app.Incidents.Alike(ctx, tx, a, q)
		return err
	})
	return list, err
}

func (p *place) callbacks(a city.Actor, limit int, after string) (list []incident.Callback, next string, err error) {
	err = p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		list, next, err = p.app.Incidents.Callbacks(ctx, tx, a, limit, after)
		return err
	})
	return list, next, err
}

func (p *place) ring(a city.Actor, id city.ReportID) (c incident.Call, err error) {
	err = p.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		c, err = p.app.Incidents.Call(ctx, tx, a, id)
		return err
	})
	return c, err
}

// What an operator does with a call is done with it, or not at all: sent to the post
// of the class, sent elsewhere, answered, not accepted. Sent twice it is done once.
func TestWhatBecomesOfACall(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		operator := at("operations-center.operator")
		inc := p.app.Incidents
		class, _ := inc.Class("c0101")

		sent := p.report(operator, incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine, Then: casework.Action{Name: "dispatch"}})
		if sent.Joined || sent.Body != class.Post.Body() || sent.Due.IsZero() {
			t.Errorf("sent on %+v", sent)
		}
		other := p.report(operator, incident.Report{Class: "c0101", Text: "还有一个", Place: riverine,
			Then: casework.Action{Name: "dispatch", Params: map[string]string{"body": "haitang-street", "post": "grid-worker", "limit": "2 working_days"}}})
		if other.Joined || other.Body != "haitang-street" {
			t.Errorf("sent elsewhere %+v", other)
		}
		answer := incident.Report{Type: incident.Help, Text: "井盖破了怎么办", Class: "c0101", Key: "call-1", Then: casework.Action{Name: "answered", Reason: "请绕行，已有人在修。"}}
		var wg sync.WaitGroup
		numbers := make([]city.CaseNumber, 5)
		for i := range numbers {
			wg.Go(func() {
				r, err := inc.Report(ctx, operator, answer)
				if err != nil {
					t.Error(err)
				}
				numbers[i] = r.Number
			})
		}
		wg.Wait()
		for _, n := range numbers {
			if n != numbers[0] {
				t.Fatalf("one call became %v", numbers)
			}
		}
		answered := p.report(operator, answer)
		f, err := p.follow(answered.Number, answered.Code)
		p.ok(err)
		if f.Case.Open || f.Case.Result != "answered" || f.Answer != answer.Then.Reason {
			t.Errorf("answered %+v", f)
		}
		refused := p.report(operator, incident.Report{Type: incident.Complaint, Text: "邻居的官司", Then: casework.Action{Name: "not_accepted", Reason: "已经在法院。", Params: map[string]string{"ground": "courts"}}})
		if f, err = p.follow(refused.Number, refused.Code); err != nil || f.Case.Result != "not_accepted" {
			t.Errorf("not accepted %+v, %v", f, err)
		}
		count := func() (n int) {
			p.ok(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				n, err = db.One[int](ctx, tx, `SELECT count(*) FROM cases`)
				return err
			}))
			return n
		}
		before := count()
		for what, bad := range map[string]struct {
			actor city.Actor
			then  casework.Action
			want  city.Kind
		}{
			"a ground that the kind doesn't have": {operator, casework.Action{Name: "not_accepted", Reason: "x", Params: map[string]string{"ground": "lazy"}}, city.KindInvalid},
			"an answer without words":             {operator, casework.Action{Name: "answered"}, city.KindInvalid},
			"sending on without a class":          {operator, casework.Action{Name: "dispatch"}, city.KindInvalid},
			"what can't be done yet":              {operator, casework.Action{Name: "passed"}, city.KindConflict},
			"by nobody":                           {nobody, casework.Action{Name: "answered", Reason: "不用管"}, city.KindUnauthenticated},
			"by another office":                   {at("civil-affairs.clerk"), casework.Action{Name: "answered", Reason: "不用管"}, city.KindForbidden},
		} {
			_, err := inc.Report(ctx, bad.actor, incident.Report{Text: "随便说一句", Type: incident.Consult, Then: bad.then})
			p.refused(err, bad.want, what)
		}
		if after := count(); after != before {
			t.Errorf("refused calls left %d cases", after-before)
		}
	})
}

// Whoever calls says roughly where: open matters of the class around it are shown,
// also those that have no point, and nobody but the hotline sees the list.
func TestWhatACallerMayMean(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		operator := at("operations-center.operator")
		near := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖", Place: riverine})
		farther := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖", Place: city.Place{Lat: riverine.Lat + 0.002, Lon: riverine.Lon}})
		p.report(nobody, incident.Report{Class: "c0101", Text: "井盖", Place: city.Place{Lat: riverine.Lat + 0.02, Lon: riverine.Lon}})
		placeless := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖", Place: city.Place{Region: "990101001001"}})
		p.report(nobody, incident.Report{Class: "c0101", Text: "井盖", Place: city.Place{Region: "990103001001"}})
		over := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖", Place: city.Place{Region: "990101001001"}})
		p.acts(program, over.Number, casework.Action{Name: casework.ActTerminate, Reason: "报错了"})
		p.report(nobody, incident.Report{Class: "c0102", Text: "别的", Place: riverine})

		numbers := func(list []incident.Similar) (out []city.CaseNumber) {
			for _, m := range list {
				out = append(out, m.Number)
			}
			return out
		}
		list, err := p.alike(operator, incident.Alike{Classes: []city.ItemCode{"c0101", "no-such"}, Point: geo.Point{Lat: riverine.Lat, Lon: riverine.Lon}})
		p.ok(err)
		if got := numbers(list); len(got) != 3 || got[0] != near.Number || got[1] != farther.Number || got[2] != placeless.Number {
			t.Errorf("around a point %v: %+v", got, list)
		}
		if list[0].Reports != 1 || list[0].Tell.IsZero() || list[1].Distance < 200 || list[2].Distance >= 0 {
			t.Errorf("said of them %+v", list)
		}
		list, err = p.alike(operator, incident.Alike{Classes: []city.ItemCode{"c0101"}, Region: "990101001001"})
		p.ok(err)
		found := map[city.CaseNumber]bool{}
		for _, m := range list {
			found[m.Number] = true
		}
		if !found[near.Number] || !found[placeless.Number] || found[over.Number] {
			t.Errorf("in a community %v", numbers(list))
		}
		for _, q := range []incident.Alike{{Classes: []city.ItemCode{"c0101"}}, {Region: "990101001001"}, {Classes: []city.ItemCode{"c0101"}, Region: "9901"}, {Classes: []city.ItemCode{"c0101"}, Region: "nowhere"}} {
			if list, err := p.alike(operator, q); err != nil || len(list) > 0 {
				t.Errorf("%+v finds %v, %v", q, numbers(list), err)
			}
		}
		_, err = p.alike(nobody, incident.Alike{})
		p.refused(err, city.KindUnauthenticated, "looking without signing in")
		for _, a := range []city.Actor{at("civil-affairs.clerk"), at("urban-management.inspector")} {
			_, err = p.alike(a, incident.Alike{Classes: []city.ItemCode{"c0101"}, Region: "990101001001"})
			p.refused(err, city.KindForbidden, "looking for what was reported")
		}
		// an officer who reads the case reads what it is
		p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
			m, err := p.app.Incidents.Matter(ctx, tx, operator, near.Number)
			if err != nil || m.Class != "c0101" || m.Type != incident.Told || m.Point.IsZero() || !m.Public {
				t.Errorf("the matter %+v, %v", m, err)
			}
			_, err = p.app.Incidents.Matter(ctx, tx, at("civil-affairs.clerk"), near.Number)
			p.refused(err, city.KindForbidden, "reading the matter")
			return nil
		}))
	})
}

// Who left a number is called when the matter is over: once, by the hotline, and not
// after they have rated or it was taken up again. Who doesn't answer is left in peace
// after the third time.
func TestCallingBack(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		inc := p.app.Incidents
		operator, stranger := at("operations-center.operator"), at("urban-management.inspector")
		yes := true
		closed := func(phone string) incident.Receipt {
			r := p.report(operator, incident.Report{Type: incident.Consult, Text: "周末上班吗", Reporter: incident.Reporter{Name: "沈阿姨", Phone: phone},
				Then: casework.Action{Name: "answered", Reason: "周六上午上班。"}})
			return r
		}
		closed("")
		first, second, third := closed("13900990001"), closed("13900990002"), closed("13900990003")
		withdrawn := p.report(operator, incident.Report{Type: incident.Consult, Text: "不用了", Reporter: incident.Reporter{Phone: "13900990004"}})
		p.acts(program, withdrawn.Number, casework.Action{Name: casework.ActWithdraw})
		p.report(operator, incident.Report{Class: "c0101", Text: "还没办完", Place: riverine, Reporter: incident.Reporter{Phone: "13900990005"}})

		list, next, err := p.callbacks(operator, 2, "")
		p.ok(err)
		if len(list) != 2 || list[0].Number != first.Number || list[1].Report != second.Report || list[0].Closed.IsZero() || next == "" {
			t.Fatalf("first page %+v %q", list, next)
		}
		if list, next, err = p.callbacks(operator, 2, next); err != nil || len(list) != 1 || list[0].Report != third.Report || next != "" {
			t.Errorf("second page %+v %q %v", list, next, err)
		}
		for _, bad := range []string{"x", "MSB4", "!!"} {
			_, _, err = p.callbacks(operator, 2, bad)
			p.refused(err, city.KindInvalid, "cursor "+bad)
		}
		_, _, err = p.callbacks(stranger, 2, "")
		p.refused(err, city.KindForbidden, "the list")
		_, err = p.ring(stranger, first.Report)
		p.refused(err, city.KindForbidden, "a number")
		p.refused(inc.RateByCall(ctx, stranger, first.Report, incident.Rating{Level: 1}), city.KindForbidden, "rating for somebody")
		p.refused(inc.Unanswered(ctx, stranger, first.Report, 0), city.KindForbidden, "noting a call")

		c, err := p.ring(operator, first.Report)
		p.ok(err)
		if c.Reporter.Phone != "13900990001" || c.Answer != "周六上午上班。" || c.Words != "周末上班吗" || c.Case.Open {
			t.Errorf("to call %+v", c)
		}
		p.refused(inc.RateByCall(ctx, operator, first.Report, incident.Rating{Level: 6}), city.KindInvalid, "a sixth level")
		p.refused(inc.RateByCall(ctx, operator, first.Report, incident.Rating{}), city.KindInvalid, "nothing said")
		p.ok(inc.RateByCall(ctx, operator, first.Report, incident.Rating{Responded: &yes, Resolved: &yes, Level: 1, Words: "挺快"}))
		p.refused(inc.RateByCall(ctx, operator, first.Report, incident.Rating{Level: 1}), city.KindConflict, "rated twice")
		p.refused(inc.Rate(ctx, nobody, first.Number, first.Code, incident.Rating{Level: 1}), city.KindConflict, "rated once more on the page")
		p.ok(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			reports, err := inc.Reports(ctx, tx, operator, first.Number)
			if err != nil || len(reports) != 1 || reports[0].Rating != `{"responded":true,"resolved":true,"level":1,"by":"call"}` {
				t.Errorf("rated as %+v, %v", reports, err)
			}
			return nil
		}))

		p.ok(inc.Rate(ctx, nobody, second.Number, second.Code, incident.Rating{Level: 2}))
		if list, _, err = p.callbacks(operator, 0, ""); err != nil || len(list) != 1 {
			t.Errorf("after two ratings %+v %v", list, err)
		}
		p.acts(program, third.Number, casework.Action{Name: casework.ActReopen, Reason: "还要问"})
		if list, _, err = p.callbacks(operator, 0, ""); err != nil || len(list) != 0 {
			t.Errorf("taken up again %+v %v", list, err)
		}

		quiet := closed("13900990006")
		for try := range 3 {
			p.ok(inc.Unanswered(ctx, operator, quiet.Report, try))
			if try < 2 { // pressed twice
				p.ok(inc.Unanswered(ctx, operator, quiet.Report, try))
			}
			if list, _, err = p.callbacks(operator, 0, ""); err != nil || len(list) != 0 {
				t.Errorf("called again at once: %+v %v", list, err)
			}
		}
		p.refused(inc.Unanswered(ctx, operator, quiet.Report, 3), city.KindConflict, "a fourth call")
		p.refused(inc.RateByCall(ctx, operator, city.NewReportID(), incident.Rating{Level: 1}), city.KindNotFound, "nobody")
	})
}
