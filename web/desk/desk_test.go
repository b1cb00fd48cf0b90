package desk

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

func date(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		panic(err)
	}
	return t
}

func TestTheMostUrgentStandsFirst(t *testing.T) {
	w := newWorld(t)
	late := w.opened()
	w.clock.Set(date("2026-11-17 10:00"))
	paused := w.opened()
	w.clock.Set(date("2026-11-18 10:00"))
	today := w.opened()
	w.do(porter, paused, casework.Action{Name: "supplement", Points: []casework.Point{{Text: "x"}}})
	w.clock.Set(date("2026-11-18 20:00"))

	p := w.get(porter, "/desk?scope=post").is(200)
	var order []string
	for _, n := range p.all(".inbox .waits .no") {
		order = append(order, words(n))
	}
	want := []string{string(late.Number), string(today.Number), string(paused.Number)}
	if strings.Join(order, " ") != strings.Join(want, " ") {
		t.Errorf("order %v, want %v", order, want)
	}
	left := p.all(".inbox .time-left")
	for i, want := range []struct{ class, words string }{{"overdue", "超 3 小时"}, {"", "剩 2 个工作日"}, {"paused", "等补正"}} {
		if got := words(left[i]); got != want.words || !strings.Contains(attr(left[i], "class"), want.class) {
			t.Errorf("row %d says %q in %q, want %q in %q", i, got, attr(left[i], "class"), want.words, want.class)
		}
	}
	p.says(".scopes", "本岗待领 3", "已超期 1", "我的 0")
	w.do(porter, today, casework.Action{Name: "claim"})
	p = w.get(porter, "/desk").is(200)
	if rows := p.all(".inbox .waits"); len(rows) != 1 {
		t.Errorf("%d rows are mine", len(rows))
	}
	p.says(".inbox .where", "在您手上")
	if p := w.get(w.resident(), "/desk"); p.Code != 403 {
		t.Errorf("a resident at the desk: %d", p.Code)
	}
	if p := w.get(city.Actor{}, "/desk"); p.Code != 303 || !strings.HasPrefix(p.Header().Get("Location"), "/sign-in") {
		t.Errorf("nobody at the desk: %d %s", p.Code, p.Header().Get("Location"))
	}
}

func TestACaseTellsEverything(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	p := w.get(porter, CasePath(c.Number, "")).is(200)
	p.says("h1", "网球会员", "林小满")
	p.says("main header", string(c.Number), "网上", "轮到您办", "11 月 18 日")
	p.says("#application", "姓名林小满", "人口库", "滨江区", "红土、草地", "3 年", "1998 年 5 月 4 日")
	p.says("#papers", "球拍照片", "球拍.pdf", "健康证明", "1.2.156.3005.2.", "同意调取", "推荐信", "以后补交")
	p.says("#rule", "不能直接准予，转人工", "球龄不到 10 年", "《会章》第九条", "年满 18 周岁", "2 条里满足 1 条")
	p.says("#rule .deciding", "球龄 3")
	p.says("#history", "提交申请", "申请人", "转人工", "自动规则")
	p.says(".right .clock", "承诺 10 个工作日，从受理起算", "这一步最晚")
	if n := len(p.all(".button.primary")); n != 1 {
		t.Errorf("%d primary buttons", n)
	}
	if got := words(p.one(".act .button.primary")); got != "受理A" {
		t.Errorf("the primary button says %q", got)
	}
	for _, n := range p.all(".act .button.danger") {
		if words(n) != "不予受理X" {
			t.Errorf("red: %q", words(n))
		}
	}
	seen := map[string]bool{}
	for _, n := range p.all("[data-key]") {
		if k := attr(n, "data-key"); seen[k] {
			t.Errorf("key %q stands twice", k)
		} else {
			seen[k] = true
		}
	}
	// English, complete.
	p = w.get(porter, CasePath(c.Number, "")+"?lang=en").is(200)
	p.says("body", "It is your turn", "Fewer than ten years of play", "Population register", "Clay, Grass", "Accept")
	// The file opens with its own type, and nothing in it runs.
	href := attr(p.one("#papers a[target]"), "href")
	f := w.get(porter, href).is(200)
	if f.Header().Get("Content-Type") != "application/pdf" || !strings.Contains(f.Header().Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(f.Body.String(), "%PDF") {
		t.Errorf("the file: %v", f.Header())
	}
	w.get(porter, strings.Replace(href, href[len(href)-4:], "0000", 1)).is(404)
	w.get(elder2, "/desk/cases/TC-2026-000001-1").is(422)
	w.get(officer("library", "x", "clerk"), CasePath(c.Number, "")).is(403)
}

// Who looks at a case is seen by the person it concerns; a look that can't be
// recorded shows nothing.
func TestALookLeavesATrace(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	w.get(porter, CasePath(c.Number, "")).is(200)
	w.get(porter, CasePath(c.Number, "supplement")).is(200)
	var uses []access.Use
	w.ok(w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		uses, err = w.access.Uses(ctx, tx, system, w.me, time.Time{}, 10)
		return err
	}))
	var looks []access.Use
	for _, u := range uses {
		if u.Purpose == purpose {
			looks = append(looks, u)
		}
	}
	if len(looks) != 1 || looks[0].Body != "club" || looks[0].Case != c.Number || looks[0].Post != "club.porter" {
		t.Errorf("looks %+v", looks)
	}
}

// The whole way of a case through the forms of the desk, without a script.
func TestACaseGoesItsWay(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	go_ := func(a city.Actor, action string, change url.Values) *page {
		t.Helper()
		at := CasePath(c.Number, action)
		p := w.get(a, CasePath(c.Number, "")).is(200)
		if len(p.all(`form[action*="/`+action+`"]`)) == 0 {
			p = w.get(a, at).is(200)
		}
		path, v := p.form(action)
		for k, vs := range change {
			v[k] = vs
		}
		if v.Get("key") == "" || v.Get("version") == "" {
			t.Fatalf("%s travels without key or version: %v", action, v)
		}
		p = w.post(a, path, v).is(303)
		if again := w.post(a, path, v); again.Code != 303 {
			t.Errorf("%s sent twice: %d", action, again.Code)
		}
		return w.get(a, p.Header().Get("Location")).is(200)
	}
	// A correction with two points; empty rows fall away.
	p := w.get(porter, CasePath(c.Number, "supplement"))
	p.says(".will", "时钟暂停，申请人有 5 个工作日 补正", "一件事只能用一次")
	p = go_(porter, "supplement", url.Values{"points.0.text": {"照片看不清"}, "points.0.field": {"racket"}, "points.2.text": {"住址"}})
	p.says(".notice.done", "已记下：请申请人补正")
	p.says(".notice.waiting", "球拍照片照片看不清", "住址")
	p.says(".act", "正在等申请人补正")
	p.says("main header .tag", "等补正 · 时钟暂停")
	w.clock.Set(date("2026-11-17 10:00"))
	_, err := w.items.Supply(context.Background(), w.resident(), c.Number, serviceitem.Correction{Answers: map[string]any{"years": 4}})
	w.ok(err)
	p = w.get(porter, CasePath(c.Number, "")).is(200)
	p.says("#application .changed", "4 年", "补正后", "3 年")
	if n := len(p.all("#application .changed")); n != 1 {
		t.Errorf("%d answers are marked as changed", n)
	}
	p = go_(porter, "accept", nil)
	p.says(".notice.done", "已记下：受理")
	p.says("main header", "轮到 俱乐部 教练，最晚 12 月 1 日（星期二） 17:00")
	p.says(".act", "别的岗位")

	// The clock pauses three working days for the inspection.
	p = go_(coach, "special_procedure", url.Values{"procedure": {"site_inspection"}, "note": {"周五上午"}})
	p.says("main header", "现场查看 · 时钟暂停")
	p.says(".clock", "现场查看暂停")
	w.clock.Set(date("2026-11-20 16:00"))
	p = go_(coach, "resume", url.Values{"note": {"反手不错"}})
	p.says(".right .clock", "为现场查看暂停 3 个工作日；最晚 12 月 4 日（星期五）")
	p.says("#history", "现场查看，时钟暂停", "反手不错")
	en := w.get(coach, CasePath(c.Number, "")+"?lang=en")
	en.says(".right .clock", "Paused 3 working days for the site inspection; due Friday 4 December")
	w.get(coach, CasePath(c.Number, "")+"?lang=zh-Hans")
	go_(coach, "extend_review", url.Values{"reason": {"下雨"}})
	p = go_(coach, "played", nil)
	p.says("#opinions", "俱乐部 委员", "协会 委员", "还没给意见")
	go_(elder2, "complete_task", url.Values{"opinion": {"agree"}})
	p = w.post(elder, CasePath(c.Number, "complete_task"), url.Values{"opinion": {"disagree"}, "task": {"one"}, "key": {"k"}}).is(422)
	p.says(".faults", "请写几句话")
	go_(elder, "complete_task", url.Values{"opinion": {"disagree"}, "note": {"太吵"}})
	// Granting can't be taken back: it says what it does first.
	p = w.get(president, CasePath(c.Number, "approve")).is(200)
	p.says(".will", "马上颁发", "转到“送达”", "俱乐部 前台")
	go_(president, "approve", nil)
	p = go_(porter, "deliver", nil)
	p.says("main header", "办结")
	p.says(".act", "没有下一步")
	p.says(".right .clock", "在承诺的时间里办完")
}

func TestRefusalNeedsReasonAndAppeal(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	w.do(porter, c, casework.Action{Name: "accept"})
	w.do(coach, c, casework.Action{Name: "special_procedure", Procedure: "site_inspection"})
	w.do(coach, c, casework.Action{Name: "resume"})
	w.do(coach, c, casework.Action{Name: "played"})
	w.do(elder, c, casework.Action{Name: "complete_task", Opinion: "agree"})
	w.do(elder2, c, casework.Action{Name: "complete_task", Opinion: "agree"})
	p := w.get(president, CasePath(c.Number, "refuse")).is(200)
	p.says(".act.open .button.danger", "不予入会")
	if len(p.all(".act.open .button.primary")) != 0 {
		t.Error("a refusal is offered as the primary step")
	}
	path, v := p.form("refuse")
	if !strings.Contains(v.Get("appeal"), "60 日") {
		t.Errorf("the appeal note begins with %q", v.Get("appeal"))
	}
	v.Set("appeal", "")
	p = w.post(president, path, v).is(422)
	p.says(".faults", "请写明理由", "请写明不同意可以怎么办")
	if _, again := p.form("refuse"); again.Get("key") != v.Get("key") {
		t.Error("the key changed between two tries of one form")
	}
	v.Set("reason", "球场满了")
	v.Set("appeal", "向协会申请")
	w.post(president, path, v).is(303)
	p = w.get(president, CasePath(c.Number, "")).is(200)
	p.says("#history .refused", "不予入会", "球场满了", "向协会申请")
	p.says("main header .tag.refused", "未入会")
}

// Two people act at once: the slower one sees why, the fresh case, and what they
// had written.
func TestConflictKeepsWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	path, v := w.get(porter, CasePath(c.Number, "not_accepted")).is(200).form("not_accepted")
	v.Set("reason", "没有身份证明")

	// Somebody else left a note: the step is still there, with the words in it.
	w.do(porter2, c, casework.Action{Name: "comment", Note: "打过电话了"})
	p := w.post(porter, path, v).is(409)
	p.says(".notice.wrong", "刚刚有人处理了这件事", "没有生效")
	p.says("#notes", "打过电话了")
	again, v2 := p.form("not_accepted")
	if again != path || v2.Get("reason") != "没有身份证明" || v2.Get("version") == v.Get("version") {
		t.Errorf("the form came back as %v", v2)
	}
	// Somebody else accepted it: the step is gone, the words are not.
	w.do(porter2, c, casework.Action{Name: "accept"})
	p = w.post(porter, path, v2).is(409)
	p.says(".notice.wrong", "没有身份证明", "存成备注")
	notePath, note := "", url.Values{}
	for _, f := range p.all(".notice.wrong form") {
		notePath = attr(f, "action")
	}
	for _, in := range p.all(".notice.wrong input") {
		note.Set(attr(in, "name"), attr(in, "value"))
	}
	w.post(porter, notePath, note).is(303)
	w.get(porter, CasePath(c.Number, "")).says("#notes", "没有身份证明")
	// A link to a step that has gone says so.
	w.get(porter, CasePath(c.Number, "accept")).is(409).says(".notice.wrong", "现在这一步不能这样办")
}

func TestNotesAreForColleagues(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	p := w.post(porter, CasePath(c.Number, "comment"), url.Values{"note": {"  "}}).is(422)
	p.says("#notes .fault", "请写几句话")
	path, v := w.get(porter, CasePath(c.Number, "")).form("comment")
	v.Set("note", "第一行\n第二行")
	w.post(porter, path, v).is(303)
	p = w.get(porter, CasePath(c.Number, "")).is(200)
	p.says("#notes", "您", "第一行", "第二行")
	if strings.Contains(p.text("#history"), "第一行") {
		t.Error("a note stands in the history")
	}
	w.get(porter2, CasePath(c.Number, "")).says("#notes", "俱乐部")
}

func TestAssigningChoosesAColleague(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	p := w.get(president, CasePath(c.Number, "assign")).is(200)
	path, v := p.form("assign")
	w.post(president, path, v).is(422).says(".faults", "请选一位同事")
	v.Set("assignee", porter2.Account.String())
	w.post(president, path, v).is(303)
	w.get(porter, CasePath(c.Number, "")).says(".act", "别的岗位或同事")
	w.get(porter2, CasePath(c.Number, "")).says("main header", "轮到您办")
}

func TestRelatedCasesStandBesideEachOther(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	var child casework.Case
	w.ok(w.db.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		child, err = w.engine.Open(ctx, tx, city.SystemActor("rating"), casework.Opening{Kind: "complaint", Item: "tennis", Applicant: w.me, Parent: c.ID,
			Params: map[string]string{"body": "club"}, Title: "林小满"})
		return err
	}))
	w.get(president, CasePath(c.Number, "")).says("#related", string(child.Number), "差评核实", "核实")
	w.get(president, CasePath(child.Number, "")).says("#related", string(c.Number), "网球会员", "从这一件来")
}

func TestSearchGoesStraightToANumber(t *testing.T) {
	w := newWorld(t)
	c := w.opened()
	typed := strings.ToLower(strings.ReplaceAll(string(c.Number), "-", "－"))
	p := w.get(porter, "/desk/search?q="+url.QueryEscape(typed)).is(303)
	if p.Header().Get("Location") != CasePath(c.Number, "") {
		t.Errorf("leads to %s", p.Header().Get("Location"))
	}
	w.get(porter, "/desk/search?q=TC-2026-000001-0").is(200).says("main", "抄错了")
	w.get(porter, "/desk/search?q=林").is(200).says("main", "完整编号")
	w.get(porter, "/desk/search").is(200)
}

// Keys j and k lead along the inbox, and the place in it travels along.
func TestTheInboxStaysBesideTheCase(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.opened(), w.opened(), w.opened()
	w.do(porter, b, casework.Action{Name: "claim"})
	p := w.get(porter, CasePath(c.Number, "")+"?scope=post").is(200)
	if n := p.all(`.waits[aria-current="page"]`); len(n) != 1 || !strings.Contains(words(n[0]), string(c.Number)) {
		t.Error("the open case isn't marked in the inbox")
	}
	if up := p.one(`[data-key="k"]`); !strings.Contains(attr(up, "href"), string(a.Number)) || !strings.Contains(attr(up, "href"), "scope=post") {
		t.Errorf("k leads to %s", attr(up, "href"))
	}
	path, v := p.form("accept")
	if !strings.Contains(path, "scope=post") {
		t.Errorf("the form forgets the inbox: %s", path)
	}
	p = w.get(porter, w.post(porter, path, v).is(303).Header().Get("Location")).is(200)
	p.says(".notice.done", "去办下一件")
	if next := p.one(".notice.done a"); !strings.Contains(attr(next, "href"), string(a.Number)) {
		t.Errorf("the next case is %s", attr(next, "href"))
	}
	part := w.get(porter, attr(p.one("#inbox"), "data-hx-get")).is(200)
	if len(part.all("header.bar")) != 0 || len(part.all(".waits")) != 1 {
		t.Error("the list alone isn't the list alone")
	}
}

// The bar says which post somebody holds; of several, how many, with all of them
// to unfold.
func TestTheBarNamesEveryPost(t *testing.T) {
	w := newWorld(t)
	if p := w.get(porter, "/desk").is(200); len(p.all("header.bar details")) != 0 {
		t.Error("a list of one post")
	} else {
		p.says("header.bar", "俱乐部 前台")
	}
	all := porter
	all.Posts = append(append([]city.PostID{}, "federation.elder"), append(all.Posts, "club.coach")...)
	p := w.get(all, "/desk").is(200)
	p.says("header.bar .held summary", "2 个部门的 3 个岗位")
	rows := p.all("header.bar .held dl div")
	if len(rows) != 2 || !strings.HasPrefix(words(rows[0]), "俱乐部") || !strings.Contains(words(rows[0]), "教练") || !strings.Contains(words(rows[1]), "委员") {
		t.Errorf("%d rows: %s", len(rows), p.text("header.bar .held"))
	}
	all.Posts = []city.PostID{"club.porter", "club.coach"}
	w.get(all, "/desk").is(200).says("header.bar .held summary", "俱乐部 2 个岗位")
}
