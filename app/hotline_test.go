package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
)

// page asks for a page of the desk in Chinese, or sends a form to it, and gives what
// it says.
func (p *place) page(token, path string, form url.Values, want int) string {
	p.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(form.Encode()))
	p.ok(err)
	r.Header.Set("Accept-Language", "zh")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "yiwang", Value: token})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	p.ok(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	p.ok(err)
	if res.StatusCode != want {
		p.Fatalf("%s %s %v: %d, want %d: %.1500s", method, path, form, res.StatusCode, want, text(string(raw)))
	}
	if want == http.StatusSeeOther {
		return res.Header.Get("Location")
	}
	return string(raw)
}

func (p *place) officer(login string, posts ...city.PostID) string {
	p.Helper()
	_, token := p.person(city.Officer, login, posts...)
	return token
}

var (
	tagPattern    = regexp.MustCompile(`<[^>]*>`)
	numberPattern = regexp.MustCompile(`JH-\d{4}-\d{6}-\w`)
)

func text(page string) string {
	return strings.Join(strings.Fields(tagPattern.ReplaceAllString(page, " ")), " ")
}

func (p *place) says(page string, all ...string) {
	p.Helper()
	said := text(page)
	for _, want := range all {
		if !strings.Contains(said, want) {
			p.Errorf("the page lacks %q: %.3000s", want, said)
		}
	}
}

// One screen for a call: while the operator types, classes with their reason, open
// matters to join and answers appear; the call is sent on, answered, refused or
// joined, once; an older matter is urged by its number.
func TestTheHotlinesScreen(t *testing.T) {
	p := newPlace(t, "")
	token := p.officer("hotliner", "operations-center.operator")
	clerk := p.officer("stranger", "civil-affairs.reviewer")
	for _, path := range []string{"/desk/hotline", "/desk/hotline/calls"} {
		p.page(clerk, path, nil, http.StatusForbidden)
	}
	if strings.Contains(p.page(clerk, "/desk", nil, http.StatusOK), `href="/desk/hotline"`) {
		t.Error("who answers no calls is led to them")
	}
	first := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖破了", Place: riverine})

	page := p.page(token, "/desk/hotline", nil, http.StatusOK)
	p.says(page, "接电话", "回电号码", "原话", "派单", "当场答复")
	key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page)[1]
	call := url.Values{"key": {key}, "type": {"help"}, "name": {"沈阿姨"}, "phone": {"13900990009"}, "text": {"我们小区门口的井盖破了，差点摔跤"},
		"region": {"990101001001"}, "address": {"海棠里"}}
	with := func(more ...string) url.Values {
		v := url.Values{}
		for k, vs := range call {
			v[k] = vs
		}
		for i := 0; i+1 < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	part := p.page(token, "/desk/hotline/beside", call, http.StatusOK)
	if strings.Contains(part, "<html") {
		t.Error("the part came as a whole page")
	}
	p.says(part, "井盖", "因为说到", "能当场答的", string(first.Number), "1 人报过", "请您绕开", "核对于")
	p.says(p.page(token, "/desk/hotline/beside", url.Values{}, http.StatusOK), "一边听一边记")

	// what is missing is told at its field, and everything typed is kept
	for do, want := range map[string]string{"dispatch": "派单要先选小类", "answered": "请写下怎么答复的", "not_accepted": "请选一个不受理的理由"} {
		page = p.page(token, "/desk/hotline", with("do", do), http.StatusUnprocessableEntity)
		p.says(page, want, "差点摔跤")
		if !strings.Contains(page, `value="13900990009"`) || !strings.Contains(page, key) {
			t.Errorf("%s lost what was typed", do)
		}
	}
	page = p.page(token, "/desk/hotline", with("use", "c0101"), http.StatusOK)
	if !strings.Contains(page, `value="c0101" selected`) {
		t.Error("the class was not taken over")
	}
	page = p.page(token, "/desk/hotline", with("say", "streets/manhole-danger"), http.StatusOK)
	if !regexp.MustCompile(`(?s)<textarea[^>]*name="answer"[^>]*>[^<]*2 小时内有人到现场`).MatchString(page) {
		t.Errorf("the answer was not put in: %s", text(page))
	}
	p.page(token, "/desk/hotline", with("do", "dispatch", "class", "c0101", "phone", "call me"), http.StatusUnprocessableEntity)
	p.says(p.page(token, "/desk/hotline", with("do", "dispatch", "class", "c0101", "place.lat", "39.9", "place.lon", "116.4"), http.StatusUnprocessableEntity), "0990-12345")

	// sent on, twice: one case
	before := p.count(`SELECT count(*) FROM cases`)
	numbers := map[string]bool{}
	for range 2 {
		page = p.page(token, "/desk/hotline", with("do", "dispatch", "class", "c0101"), http.StatusOK)
		p.says(page, "已派给", "查询码")
		numbers[numberPattern.FindString(text(page))] = true
	}
	if got := p.count(`SELECT count(*) FROM cases`); got != before+1 || len(numbers) != 1 {
		t.Errorf("one call became %d cases, %v", got-before, numbers)
	}
	// joined by a press
	page = p.page(token, "/desk/hotline", with("join", string(first.Number), "key", "k2"), http.StatusOK)
	p.says(page, "并入了已有的一件", string(first.Number))
	if n := p.count(`SELECT count(*) FROM incident_reports WHERE number = '` + string(first.Number) + `'`); n != 2 {
		t.Errorf("%d reports of the matter that the call joined", n)
	}
	p.page(token, "/desk/hotline", with("join", "JH-2026-999999-9", "key", "k3"), http.StatusUnprocessableEntity)
	// answered, refused, kept
	p.says(p.page(token, "/desk/hotline", with("do", "answered", "answer", "请绕行", "key", "k4", "type", "consult"), http.StatusOK), "已记下答复")
	p.says(p.page(token, "/desk/hotline", with("do", "not_accepted", "answer", "已在法院", "ground", "courts", "key", "k5"), http.StatusOK), "已记下不予受理")
	p.page(token, "/desk/hotline", with("do", "not_accepted", "answer", "已在法院", "ground", "mood", "key", "k6"), http.StatusUnprocessableEntity)
	p.says(p.page(token, "/desk/hotline", with("do", "keep", "key", "k7"), http.StatusOK), "已收下")
	p.page(token, "/desk/hotline", with("do", "dispatch", "class", "c0101", "post", "urban-management.inspector", "limit", "2 emergency_hours", "key", "k8"), http.StatusOK)
	p.page(token, "/desk/hotline", with("do", "dispatch", "class", "c0101", "post", "urban-management.nobody", "key", "k9"), http.StatusUnprocessableEntity)

	// an older matter is urged by its number, and the caller hears how it stands
	p.says(p.page(token, "/desk/hotline/urge", url.Values{"number": {string(first.Number)}, "note": {"又打来了"}, "urge": {"u1"}}, http.StatusOK), "已催", "正在处理")
	p.says(p.page(token, "/desk/hotline/urge", url.Values{"number": {"JH-1"}, "note": {"原话还在"}}, http.StatusUnprocessableEntity), "编号")
	p.page(token, "/desk/hotline/urge", url.Values{"number": {"JH-2026-999999-9"}}, http.StatusUnprocessableEntity)
	p.page(clerk, "/desk/hotline/urge", url.Values{"number": {string(first.Number)}}, http.StatusForbidden)

	// whoever called before is known by the number, however it is written, and each look is on record
	looks := func() int { return p.count(`SELECT count(*) FROM journal WHERE type = 'incident.looked'`) }
	was := looks()
	page = p.page(token, "/desk/hotline", with("earlier", "1", "phone", "+86 139 0099-0009", "key", "k10"), http.StatusOK)
	p.says(page, "以前从这个号码打来的", string(first.Number), "差点摔跤")
	if looks() != was+1 {
		t.Error("the look at earlier calls is not on record")
	}
	p.says(p.page(token, "/desk/hotline", with("earlier", "1", "phone", "13900990001"), http.StatusOK), "没有查到以前的来电")
	p.says(p.page(token, "/desk/hotline", with("earlier", "1", "phone", "none"), http.StatusUnprocessableEntity), "这个电话号码看起来不对")
	p.page(clerk, "/desk/hotline", with("earlier", "1"), http.StatusForbidden)
	p.refused(p.app.DB.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.app.Incidents.Earlier(ctx, tx, at("civil-affairs.reviewer"), "13900990009")
		return err
	}), city.KindForbidden, "earlier calls")
	was = looks()

	// calling back: the list says no number, the page does, and keeps three answers
	list := p.page(token, "/desk/hotline/calls", nil, http.StatusOK)
	if strings.Contains(list, "13900990009") {
		t.Error("the list shows telephone numbers")
	}
	link := regexp.MustCompile(`/desk/hotline/calls/[0-9a-f-]{36}`).FindString(list)
	if link == "" {
		t.Fatalf("nobody to call: %s", text(list))
	}
	p.says(p.page(token, link, nil, http.StatusOK), "13900990009", "沈阿姨", "差点摔跤", "三个问题")
	if looks() != was+1 {
		t.Error("who saw a telephone number is not on record")
	}
	p.page(clerk, link, nil, http.StatusForbidden)
	p.says(p.page(token, link, url.Values{"words": {"挺好"}}, http.StatusUnprocessableEntity), "挺好")
	p.page(token, link, url.Values{"responded": {"true"}, "resolved": {"false"}, "level": {"3"}, "words": {"还行"}}, http.StatusSeeOther)
	p.page(token, link, nil, http.StatusConflict)
	p.page(token, "/desk/hotline/calls/none", nil, http.StatusNotFound)
	next := regexp.MustCompile(`/desk/hotline/calls/[0-9a-f-]{36}`).FindString(p.page(token, "/desk/hotline/calls?done=1", nil, http.StatusOK))
	p.page(token, next, url.Values{"do": {"unanswered"}, "tries": {"0"}}, http.StatusSeeOther)
	p.says(p.page(token, "/desk/hotline/calls", nil, http.StatusOK), "没有要回访的")
}

// What is overdue stands in one list, the longest first, with what nobody has taken:
// the city's for those who answer for it, each office's own for the office, nothing of
// others'. Pages end where they begin again, on both databases.
func TestWhatIsOverdue(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		clock := city.NewSetClock(time.Now().Truncate(time.Second))
		p := newPlace(t, database, func(o *app.Options) { o.Clock = clock })
		operator := at("operations-center.operator")
		var want []city.CaseNumber
		for i := range 7 {
			where, post := city.Place{Region: "990101001001"}, "urban-management/inspector"
			if i%2 == 1 {
				where, post = city.Place{Region: "990103001001"}, "transport/clerk"
			}
			body, id, _ := strings.Cut(post, "/")
			r := p.report(operator, incident.Report{Class: "c0101", Text: fmt.Sprint("第", i), Place: where,
				Then: casework.Action{Name: "dispatch", Params: map[string]string{"body": body, "post": id, "limit": "2 emergency_hours"}}})
			want = append(want, r.Number)
			clock.Set(clock.Now().Add(time.Minute))
		}
		intime := p.report(operator, incident.Report{Class: "c0101", Text: "不急", Place: riverine, Then: casework.Action{Name: "dispatch",
			Params: map[string]string{"body": "urban-management", "post": "inspector", "limit": "15 working_days"}}})
		late := func(a city.Actor, q casework.LateQuery) (got []city.CaseNumber, pages int) {
			p.Helper()
			for {
				var page casework.Page
				p.ok(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
					page, err = p.app.Cases.Late(ctx, tx, a, q)
					return err
				}))
				pages++
				for _, c := range page.Cases {
					got = append(got, c.Number)
					if c.Title != "" {
						p.Errorf("the title %q was read in passing", c.Title)
					}
				}
				if q.After = page.Next; page.Next == "" || pages > 20 {
					return got, pages
				}
			}
		}
		commander := at("operations-center.commander")
		if got, _ := late(commander, casework.LateQuery{}); len(got) != 0 {
			t.Errorf("in time, and overdue: %v", got)
		}
		clock.Set(clock.Now().Add(3 * time.Hour))
		got, pages := late(commander, casework.LateQuery{Limit: 3})
		if fmt.Sprint(got) != fmt.Sprint(want) || pages != 3 {
			t.Errorf("overdue %v in %d pages, want %v", got, pages, want)
		}
		if got, _ := late(commander, casework.LateQuery{Region: "990103001"}); len(got) != 3 || got[0] != want[1] {
			t.Errorf("in a street %v", got)
		}
		if got, _ := late(commander, casework.LateQuery{All: true, Kind: "incident"}); len(got) != 8 || got[7] != intime.Number {
			t.Errorf("all that is open %v", got)
		}
		inspector := at("urban-management.inspector")
		if got, _ := late(inspector, casework.LateQuery{Body: "urban-management"}); len(got) != 4 || got[0] != want[0] {
			t.Errorf("of one office %v", got)
		}
		for _, q := range []casework.LateQuery{{}, {Body: "transport"}} {
			p.refused(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := p.app.Cases.Late(ctx, tx, inspector, q)
				return err
			}), city.KindForbidden, "what is overdue elsewhere")
		}
		p.refused(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := p.app.Cases.Late(ctx, tx, commander, casework.LateQuery{After: "x"})
			return err
		}), city.KindInvalid, "a cursor")

		token := p.officer("chief", "operations-center.commander")
		page := p.page(token, "/desk/overdue", nil, http.StatusOK)
		p.says(page, "超 1 小时", "没有人领", "城管局", string(want[0]), "催办")
		if strings.Index(page, string(want[0])) > strings.Index(page, string(want[6])) {
			t.Error("the list begins with what is overdue least")
		}
		to := p.page(token, "/desk/overdue", url.Values{"number": {string(want[0])}, "key": {"k"}, "here": {"/desk/overdue?body=urban-management"}}, http.StatusSeeOther)
		p.says(p.page(token, to, nil, http.StatusOK), "已催办 "+string(want[0]), "催过")
		if to := p.page(token, "/desk/overdue", url.Values{"number": {string(want[0])}, "here": {"//evil.example"}}, http.StatusSeeOther); !strings.HasPrefix(to, "/desk/overdue") {
			t.Errorf("led away to %s", to)
		}
		p.says(p.page(token, "/desk/scorecard", nil, http.StatusOK), "行政问效", "按部门", "城管局")
		p.says(p.page(token, "/desk/scorecard/"+clock.Now().Format("2006-01"), nil, http.StatusOK), "月报", "按部门：大家怎么评")
		own := p.officer("walker", "urban-management.inspector")
		page = p.page(own, "/desk/overdue?body=transport", nil, http.StatusOK)
		p.says(page, string(want[0]))
		if strings.Contains(page, string(want[1])) {
			t.Error("an office reads what is overdue elsewhere")
		}
		p.page(own, "/desk/overdue", url.Values{"number": {string(want[1])}, "key": {"k"}}, http.StatusForbidden)
	})
}
