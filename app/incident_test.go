package app_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/scorecard"
)

var (
	nobody   = city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}
	riverine = city.Place{Lat: 31.933, Lon: 121.040, Address: "海棠里 6 幢门口"} // in Haitang Street
)

// at is an officer in posts of one body.
func at(posts ...city.PostID) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: posts[0].Body(), Posts: posts, Channel: city.ChannelPhone}
}

func (p *place) report(a city.Actor, r incident.Report) incident.Receipt {
	p.Helper()
	got, err := p.app.Incidents.Report(context.Background(), a, r)
	p.ok(err)
	return got
}

func (p *place) acts(a city.Actor, n city.CaseNumber, act casework.Action) casework.Case {
	p.Helper()
	c, err := p.app.Cases.Do(context.Background(), a, n, act)
	if err != nil {
		p.Fatalf("%s on %s: %v", act.Name, n, err)
	}
	return c
}

func (p *place) follow(n city.CaseNumber, code string) (f incident.Followed, err error) {
	err = p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		f, err = p.app.Incidents.Follow(ctx, tx, nobody, n, code)
		return err
	})
	return f, err
}

func (p *place) refused(err error, want city.Kind, what string) {
	p.Helper()
	if city.KindOf(err) != want {
		p.Errorf("%s: %v, want %s", what, err, want)
	}
}

// From a report by nobody in particular to the answer: sent to whoever mends such
// things at once, not mended at first, checked by somebody else, rated by the one
// who reported, taken up again.
func TestStoryOfAReport(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		inc := p.app.Incidents
		inspector, verifier := at("urban-management.inspector"), at("operations-center.reviewer")
		lamp := incident.Report{Class: "c0101", Text: "海棠里门口的井盖破了，老人走路危险", Place: riverine,
			Reporter: incident.Reporter{Phone: "13900990002", Email: "lin@example.org", Lang: city.Chinese}}
		class, ok := inc.Class(lamp.Class)
		if !ok {
			t.Fatal("no class c0101")
		}
		mender := at(class.Post)
		r := p.report(nobody, lamp)
		if r.Joined || r.Class != lamp.Class || r.Body != class.Post.Body() || r.Due.IsZero() || len(r.Code) != 8 {
			t.Fatalf("receipt %+v", r)
		}
		f, err := p.follow(r.Number, strings.ToLower(r.Code))
		p.ok(err)
		if !f.Case.Open || f.Case.Stage != "handling" || f.Words != lamp.Text || f.MayRate || f.MayReopen || f.Case.Region[:9] != "990101001" {
			t.Errorf("followed %+v", f)
		}
		for _, wrong := range []string{"", "AAAAAAAA", r.Code[:7]} {
			_, err = p.follow(r.Number, wrong)
			p.refused(err, city.KindNotFound, "with the code "+wrong)
		}

		// the same thing, said by others: it joins the open case, unless they say it is another
		second := p.report(nobody, incident.Report{Class: lamp.Class, Text: "井盖又破了", Place: city.Place{Lat: riverine.Lat + 0.0003, Lon: riverine.Lon}})
		if !second.Joined || second.Number != r.Number || second.Code == r.Code {
			t.Errorf("a second report %+v", second)
		}
		for what, other := range map[string]incident.Report{
			"said to be another": {Class: lamp.Class, Text: "另一个", Place: riverine, Apart: true},
			"60 m away":          {Class: lamp.Class, Text: "远处", Place: city.Place{Lat: riverine.Lat + 0.00055, Lon: riverine.Lon}},
			"another class":      {Class: "c0102", Text: "别的", Place: riverine},
		} {
			if got := p.report(nobody, other); got.Joined || got.Number == r.Number {
				t.Errorf("%s: %+v", what, got)
			}
		}

		// not theirs: given back once, sent again by the operator
		p.acts(mender, r.Number, casework.Action{Name: casework.ActClaim})
		c := p.acts(mender, r.Number, casework.Action{Name: "give_back", Reason: "是电力的井盖"})
		if c.Stage != "received" || !c.State.Has("returned") {
			t.Fatalf("given back %+v", c)
		}
		_, err = inc.Dispatch(ctx, inspector, r.Number, incident.To{})
		if k := city.KindOf(err); k != city.KindForbidden && k != city.KindConflict {
			t.Errorf("somebody else sends: %v", err)
		}
		operator := at("operations-center.operator")
		c, err = inc.Dispatch(ctx, operator, r.Number, incident.To{Post: "urban-management.inspector", Limit: city.Limit{N: 4, Unit: "emergency_hours"}})
		p.ok(err)
		if c.Stage != "handling" || c.Body != "urban-management" {
			t.Fatalf("sent again %+v", c)
		}
		_, err = p.app.Cases.Do(ctx, inspector, r.Number, casework.Action{Name: "give_back", Reason: "也不是我们的"})
		p.refused(err, city.KindConflict, "given back twice")

		// nobody checks their own work; what fails is done again and counted
		both := at("urban-management.inspector", "operations-center.reviewer")
		_, err = p.app.Cases.Do(ctx, both, r.Number, casework.Action{Name: "done"})
		p.refused(err, city.KindInvalid, "done without a picture or a word")
		p.photo(both, r.Number, incident.RoleAfter)
		p.acts(both, r.Number, casework.Action{Name: "done"})
		_, err = p.app.Cases.Do(ctx, both, r.Number, casework.Action{Name: "passed"})
		p.refused(err, city.KindConflict, "checking one's own work")
		c = p.acts(verifier, r.Number, casework.Action{Name: "failed", Reason: "还在晃"})
		if c.Stage != "handling" || c.State.Counts["rework"] != 1 {
			t.Fatalf("rework %+v", c)
		}
		p.photo(inspector, r.Number, incident.RoleBefore)
		_, err = p.app.Cases.Do(ctx, inspector, r.Number, casework.Action{Name: "done", Note: " \n"})
		p.refused(err, city.KindInvalid, "done again with the picture of the last time")
		_, err = p.app.Cases.Do(ctx, inspector, r.Number, casework.Action{Name: "done"})
		p.refused(err, city.KindInvalid, "done again with the picture of the last time")
		p.acts(inspector, r.Number, casework.Action{Name: "done", Note: "换了新的，天黑拍不清"})
		yes, no := true, false
		p.refused(inc.Rate(ctx, nobody, r.Number, r.Code, incident.Rating{Level: 5}), city.KindConflict, "rating what is open")
		c = p.acts(verifier, r.Number, casework.Action{Name: "passed"})
		if c.Open || c.Result != "resolved" {
			t.Fatalf("ended %+v", c)
		}

		// each who reported says how it went, once; who is not content has it taken up again
		p.ok(inc.Rate(ctx, nobody, r.Number, r.Code, incident.Rating{Responded: &yes, Resolved: &no, Level: 4, Words: "又松了"}))
		p.refused(inc.Rate(ctx, nobody, r.Number, r.Code, incident.Rating{Level: 1}), city.KindConflict, "rating twice")
		p.ok(inc.Rate(ctx, nobody, second.Number, second.Code, incident.Rating{Resolved: &yes}))
		p.refused(inc.Reopen(ctx, nobody, r.Number, "AAAAAAAA", "没有解决"), city.KindNotFound, "reopening with a wrong code")
		p.ok(inc.Reopen(ctx, nobody, r.Number, r.Code, "又松了"))
		if f, err = p.follow(r.Number, r.Code); err != nil || !f.Case.Open || f.Case.Stage != "handling" || f.MayRate {
			t.Errorf("taken up again: %+v, %v", f, err)
		}
		// why offices sent it to and fro, and what one reporter said, is nobody's answer
		if f, err = p.follow(second.Number, second.Code); err != nil || f.Answer != "" || f.Words != "井盖又破了" {
			t.Errorf("the other reporter reads %q as the answer, %v", f.Answer, err)
		}

		// the hotline reads who said what; an office that has no part in it does not
		p.ok(p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			list, err := inc.Reports(ctx, tx, operator, r.Number)
			if err != nil || len(list) != 2 || list[0].Text != lamp.Text || list[0].Reporter.Phone != "13900990002" || !list[1].Joined || !strings.Contains(list[0].Rating, `"level":4`) {
				t.Errorf("reports %+v, %v", list, err)
			}
			if list, err = inc.Reports(ctx, tx, inspector, r.Number); err != nil || list[0].Rating != "" || list[0].Reporter.Phone == "" {
				t.Errorf("whoever mended it reads %+v, %v", list, err)
			}
			_, err = inc.Reports(ctx, tx, at("civil-affairs.clerk"), r.Number)
			p.refused(err, city.KindForbidden, "an office that has no part")
			public, _, err := inc.Public(ctx, tx, nobody, incident.PublicQuery{Numbers: []city.CaseNumber{r.Number}})
			if err != nil || len(public) != 1 || !public[0].Open || len(public[0].Steps) < 5 {
				t.Errorf("public %+v, %v", public, err)
			}
			return nil
		}))

		// the scorecard hears all of it in the words of the real kind
		p.ok(p.app.Journal.CatchUp(ctx))
		p.ok(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			month := scorecard.MonthOf(time.Now(), p.app.Pack.Zone)
			all, err := p.app.Scores.Total(ctx, tx, at("audit.auditor"), scorecard.Query{Sort: scorecard.Incidents, From: month, Until: month, Item: lamp.Class})
			p.ok(err)
			for id, want := range map[string]int64{"rework_rate": 1, "reopen_rate": 1, "accurate_dispatch_rate": 2} {
				d, ok := scorecard.DefinitionOf(id)
				if n, _ := all.Share(d); !ok || n != want {
					t.Errorf("the scorecard's %s counts %d, want %d (known: %v)", id, n, want, ok)
				}
			}
			return nil
		}))
	})
}

// What can't be known without a person waits for the operator, who answers it or
// finds that it was reported before.
func TestReportsThatAPersonReads(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		operator := at("operations-center.operator")
		vague := p.report(nobody, incident.Report{Text: "想问问你们周末上班吗", Type: incident.Consult})
		if vague.Class != "" || vague.Body != "operations-center" {
			t.Errorf("a question: %+v", vague)
		}
		p.acts(operator, vague.Number, casework.Action{Name: "answered", Reason: "周六上午可以取证，电话 12345 随时有人接。"})
		f, err := p.follow(vague.Number, vague.Code)
		p.ok(err)
		if f.Case.Open || f.Answer == "" || !f.MayRate {
			t.Errorf("answered %+v", f)
		}

		first := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine})
		again := p.report(operator, incident.Report{Text: "有位老人打电话说路上有东西坏了", Place: city.Place{Region: "990101001001"}})
		if again.Class != "" {
			t.Fatalf("the words were clear after all: %+v", again)
		}
		p.refused(p.app.Incidents.Merge(ctx, operator, again.Number, again.Number, "同一件"), city.KindInvalid, "a case merged into itself")
		p.refused(p.app.Incidents.Merge(ctx, operator, again.Number, "JH-2026-999999-9", "同一件"), city.KindInvalid, "merged into nothing")
		p.refused(p.app.Incidents.Merge(ctx, operator, again.Number, vague.Number, "同一件"), city.KindInvalid, "merged into what is closed")
		if f, err = p.follow(again.Number, again.Code); err != nil || f.Case.Number != again.Number || !f.Case.Open {
			t.Errorf("a refused merger left %+v, %v", f, err)
		}
		p.ok(p.app.Incidents.Merge(ctx, operator, again.Number, first.Number, "同一件"))
		if f, err = p.follow(again.Number, again.Code); err != nil || f.Case.Number != first.Number || !f.Joined || !f.Case.Open {
			t.Errorf("the old number and code lead to %+v, %v", f, err)
		}
		p.refused(p.app.Incidents.Merge(ctx, operator, again.Number, first.Number, "同一件"), city.KindConflict, "merged twice")
	})
}

func TestReportsSentOftenAndWrongly(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		// the same report, three times over and twenty times at once, is one
		r := incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine, Key: "phone-7-1", Source: "gridworker"}
		first := p.report(nobody, r)
		for range 2 {
			if again := p.report(nobody, r); again.Number != first.Number || again.Code != first.Code || again.Joined {
				t.Errorf("again %+v, first %+v", again, first)
			}
		}
		r.Key, r.Apart = "phone-7-2", true
		var wg sync.WaitGroup
		var mu sync.Mutex
		numbers := map[city.CaseNumber]bool{}
		for range 20 {
			wg.Go(func() {
				got, err := p.app.Incidents.Report(ctx, nobody, r)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				numbers[got.Number] = true
			})
		}
		wg.Wait()
		if len(numbers) != 1 {
			t.Errorf("twenty at once made %d cases", len(numbers))
		}

		for what, bad := range map[string]incident.Report{
			"nothing said":       {Place: riverine},
			"outside the city":   {Text: "井盖", Place: city.Place{Lat: 39.9, Lon: 116.4}},
			"no place on earth":  {Text: "井盖", Place: city.Place{Lat: 139.9, Lon: 16.4}},
			"no such community":  {Text: "井盖", Place: city.Place{Region: "990199"}},
			"no such class":      {Text: "井盖", Class: "c9999", Place: riverine},
			"too long":           {Text: strings.Repeat("井", 5001), Place: riverine},
			"letters as a phone": {Text: "井盖", Reporter: incident.Reporter{Phone: "call me"}, Place: riverine},
			"two addresses":      {Text: "井盖", Reporter: incident.Reporter{Email: "a@b.org,c@d.org"}, Place: riverine},
			"no such type":       {Text: "井盖", Type: "gossip", Place: riverine},
			"joining nothing":    {Text: "井盖", Join: "JH-2026-999999-9", Place: riverine},
		} {
			_, err := p.app.Incidents.Report(ctx, nobody, bad)
			p.refused(err, city.KindInvalid, what)
			if what == "outside the city" && (err == nil || !strings.Contains(err.Error(), "0990-12345")) {
				t.Errorf("outside the city the neighbour's number is missing: %v", err)
			}
		}
		odd := p.report(nobody, incident.Report{Text: "مرحبا \x00 𝕏 \xff 🚧 " + strings.Repeat("路", 4000), Place: riverine, Class: "c0102", At: time.Now().Add(48 * time.Hour)})
		if f, err := p.follow(odd.Number, odd.Code); err != nil || !strings.Contains(f.Words, "🚧") || strings.ContainsRune(f.Words, 0) {
			t.Errorf("odd words became %.40q, %v", f.Words, err)
		}
	})
}

// However a matter ends it is no longer what new reports join, and whoever takes it
// up again, by whichever door, makes it so once more.
func TestWhatReportsJoin(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		cover := incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine}
		first := p.report(nobody, cover)
		p.acts(program, first.Number, casework.Action{Name: casework.ActTerminate, Reason: "报错了地方"})
		second := p.report(nobody, cover)
		if second.Joined || second.Number == first.Number {
			t.Errorf("a report joined what was ended: %+v", second)
		}
		p.acts(program, second.Number, casework.Action{Name: "done", Note: "好了"})
		p.acts(program, second.Number, casework.Action{Name: "passed"})
		p.acts(program, second.Number, casework.Action{Name: casework.ActReopen, Reason: "又坏了"})
		if third := p.report(nobody, cover); !third.Joined || third.Number != second.Number {
			t.Errorf("a report did not join what was taken up again: %+v", third)
		}
	})
}

// The operator sends a matter on from the desk, choosing the post and the limit;
// whoever mends it calls another office, and what is missing is told at its field.
func TestSendingOnFromTheDesk(t *testing.T) {
	p := newPlace(t, "")
	token := p.team("operations-center.operator", 1)[0]
	r := p.report(nobody, incident.Report{Text: "想问问你们周末上班吗", Type: incident.Consult})
	ask := func(form url.Values, want int) string {
		t.Helper()
		method := http.MethodPost
		if form == nil {
			method = http.MethodGet
		}
		req, err := http.NewRequest(method, p.url+"/desk/cases/"+string(r.Number)+"/dispatch", strings.NewReader(form.Encode()))
		p.ok(err)
		req.Header.Set("Accept-Language", "en")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.AddCookie(&http.Cookie{Name: "yiwang", Value: token})
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Do(req)
		p.ok(err)
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		p.ok(err)
		if res.StatusCode != want {
			t.Fatalf("%s %v: %d, want %d: %.2000s", method, form, res.StatusCode, want, raw)
		}
		return string(raw)
	}
	page := ask(nil, http.StatusOK)
	for _, field := range []string{`name="take.post"`, `name="take.limit"`, `value="urban-management.inspector"`, `value="4 emergency_hours"`} {
		if !strings.Contains(page, field) {
			t.Errorf("the form lacks %s", field)
		}
	}
	ask(url.Values{"take.post": {"urban-management.inspector"}}, http.StatusUnprocessableEntity)
	ask(url.Values{"take.post": {"urban-management.nobody"}, "take.limit": {"4 emergency_hours"}}, http.StatusUnprocessableEntity)
	ask(url.Values{"take.post": {"urban-management.inspector"}, "take.limit": {"4 emergency_hours"}}, http.StatusSeeOther)
	f, err := p.follow(r.Number, r.Code)
	p.ok(err)
	if f.Case.Stage != "handling" || f.Case.Body != "urban-management" || f.Case.State.Promise.N != 4 {
		t.Errorf("sent on as %+v", f.Case)
	}
	p.ok(p.app.Journal.CatchUp(context.Background()))
	p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		month := scorecard.MonthOf(time.Now(), p.app.Pack.Zone)
		all, err := p.app.Scores.Total(ctx, tx, at("audit.auditor"), scorecard.Query{Sort: scorecard.Incidents, From: month, Until: month})
		if n := all.Count(scorecard.Dispatched); n != 1 {
			t.Errorf("the scorecard counts %d sent on", n)
		}
		return err
	}))
}
