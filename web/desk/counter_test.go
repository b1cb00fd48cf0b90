package desk

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http/httptest"
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

// upload posts a form with a file, as a browser does.
func (w *world) upload(a city.Actor, path string, form url.Values, field, name, content string) *page {
	w.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k, vs := range form {
		for _, v := range vs {
			w.ok(m.WriteField(k, v))
		}
	}
	if field != "" {
		f, err := m.CreateFormFile(field, name)
		w.ok(err)
		_, err = f.Write([]byte(content))
		w.ok(err)
	}
	w.ok(m.Close())
	r := httptest.NewRequest("POST", path, &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return w.send(a, r)
}

func (w *world) uses(purpose string) (out []access.Use) {
	w.Helper()
	w.ok(w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		all, err := w.access.Uses(ctx, tx, program, w.me, time.Time{}, 50)
		for _, u := range all {
			if u.Purpose == purpose {
				out = append(out, u)
			}
		}
		return err
	}))
	return out
}

func TestNobodyIsLookedUpBeforeTheCardWasSeen(t *testing.T) {
	w := newWorld(t)
	p := w.get(porter, PathCounter).is(200)
	p.says("nav", "窗口收件")
	path, v := p.form("counter")
	v.Set("item", "tennis")
	v.Set("number", w.number)
	p = w.post(porter, path, v).is(422)
	p.says(".faults", "请先看过来人和证件")
	if _, again := p.form("counter"); again.Get("number") != w.number || again.Get("item") != "tennis" {
		t.Errorf("what was typed is lost: %v", again)
	}
	if u := w.uses("purpose.counter_filing"); len(u) != 0 {
		t.Errorf("somebody was looked up: %+v", u)
	}
	v.Set("seen", "true")
	v.Set("number", w.number[:17]+"0")
	if w.number[17] == '0' {
		v.Set("number", w.number[:17]+"1")
	}
	w.post(porter, path, v).is(422).says(".field.wrong", "身份证")
	w.get(coach, PathCounter).is(403)
	w.get(w.resident(), PathCounter).is(403)
	w.get(coach, "/desk").says("nav", "待办")
}

// A clerk takes an application in: the same case, with the channel recorded.
func TestAClerkFilesForSomebody(t *testing.T) {
	w := newWorld(t)
	path, v := w.get(porter, PathCounter).form("counter")
	v.Set("item", "tennis")
	v.Set("number", strings.ToLower(w.number[:6]+" "+w.number[6:]))
	v.Set("seen", "true")
	p := w.post(porter, path, v).is(303)
	at := p.Header().Get("Location")
	if strings.Contains(at, w.number) {
		t.Errorf("a citizen number stands in the address %s", at)
	}
	if u := w.uses("purpose.counter_filing"); len(u) != 1 || u[0].Post != "club.porter" {
		t.Errorf("uses %+v", u)
	}
	p = w.get(porter, at).is(200)
	p.says("h1", "网球会员", "林小满")
	p.says(".known", "林小满", "人口库")

	// What is wrong is said at its field, and everything typed is kept.
	form := func(p *page) url.Values { _, v := p.world.formOf(p, ".intake"); return v }
	v = form(p)
	v.Set("years", "一百")
	v.Set("region", "990101")
	v["court"] = []string{"clay"}
	v.Set("send", "1")
	p = w.upload(porter, at, v, "", "", "").is(422)
	p.says(".faults", "请选来的是谁")
	v = form(p)
	if v.Get("years") != "一百" || v.Get("region") != "990101" || v.Get("court") != "clay" {
		t.Errorf("typed answers are lost: %v", v)
	}
	// A file that is no PDF is refused at its field; the rest is kept.
	v.Set("years", "1")
	v.Set("save", "1")
	p = w.upload(porter, at, v, "racket", "球拍.pdf", "not a pdf").is(422)
	if len(p.all(".field.wrong #f-racket")) != 1 {
		t.Errorf("no fault at the file: %s", p.text(".faults"))
	}
	// Little practice: a question appears that was not there.
	v = form(p)
	p.says(".intake", "要不要教练")
	v.Set("lessons", "true")
	v.Set("fetch.health", "true")
	v.Set("paper.letter", "true")
	v.Set("save", "1")
	p = w.upload(porter, at, v, "racket", "球拍.pdf", racket).is(303)
	p = w.get(porter, p.Header().Get("Location")).is(200)
	p.says(".notice.done", "已存下")
	p.says(".files", "球拍.pdf")
	p.says(".intake-paper", "健康证明已调取", "推荐信已收")
	w.get(porter, PathCounter).is(200).says("main .list", "网球会员", "林小满")
	w.get(porter2, at).is(200) // a colleague can go on
	f := w.get(porter2, attr(p.one(".files a"), "href")).is(200)
	if f.Body.String() != racket {
		t.Error("the file came back as something else")
	}
	v = form(p)
	v.Set("checked", "self")
	v.Set("send", "1")
	p = w.upload(porter, at, v, "", "", "").is(303)
	receipt := p.Header().Get("Location")
	if again := w.upload(porter, at, v, "", "", ""); again.Code != 303 && again.Code != 409 {
		t.Errorf("sent twice: %d", again.Code)
	}
	p = w.get(porter, receipt).is(200)
	p.says(".receipt", "收件凭证", "林小满", "网球会员", "10 个工作日", "球拍照片、健康证明、推荐信", "俱乐部")
	n := city.CaseNumber(words(p.one(".receipt .number")))
	_, err := w.items.Decide(context.Background())
	w.ok(err)
	p = w.get(porter2, CasePath(n, "")).is(200)
	p.says("main header", "窗口")
	p.says("#application", "窗口核对：本人到场", "1 年", "要不要教练")
	p.says("#papers", "窗口看过原件", "球拍.pdf")
	p.says("#history", "提交申请", "俱乐部")
}

// formOf reads a form found by a selector.
func (w *world) formOf(p *page, selector string) (string, url.Values) {
	w.Helper()
	action := attr(p.one("form"+selector), "action")
	return p.form(strings.TrimPrefix(action, "/"))
}

func TestADraftIsThrownAway(t *testing.T) {
	w := newWorld(t)
	d, err := w.items.Begin(context.Background(), atTheCounter(porter), "tennis", serviceitem.Party{Person: w.me})
	w.ok(err)
	path, v := w.get(porter, DraftPath(d.ID, "discard")).is(200).form("discard")
	w.post(porter, path, v).is(303)
	w.get(porter, DraftPath(d.ID, "")).is(404)
	w.post(porter, path, v).is(303)
	w.get(porter, PathCounter+"/x").is(404)
}

// What is ready stands at the counter until it is handed over.
func TestWhatIsReadyIsHandedOut(t *testing.T) {
	w := newWorld(t)
	c, _ := w.granted()
	w.opened() // waits at the same post, for something else
	p := w.get(porter, PathCounter).is(200)
	if rows := p.all(".waits"); len(rows) != 1 || !strings.Contains(words(rows[0]), string(c.Number)) {
		t.Fatalf("ready: %s", p.text(".waits"))
	}
	path, v := w.get(porter, attr(p.one(".waits"), "href")).is(200).form("deliver")
	w.post(porter, path, v).is(303)
	w.get(porter, PathCounter).is(200).says("main", "没有要交给人的")
	w.ok(w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		c, err := w.engine.Get(ctx, tx, program, c.Number)
		if c.Open || !c.State.Has("delivered") {
			t.Errorf("handed out, and the case is %+v", c.Flags)
		}
		return err
	}))
}

// A bad rating and a wish for a second look say what they are about.
func TestFollowUpsSayWhatTheyAreAbout(t *testing.T) {
	w := newWorld(t)
	c, _ := w.granted()
	w.do(porter, c, casework.Action{Name: "deliver"})
	r, err := w.items.Rate(context.Background(), w.resident(), c.Number, serviceitem.Level(4), "等了太久")
	w.ok(err)
	review, err := w.items.LookAgain(context.Background(), w.resident(), c.Number, "我打了十年")
	w.ok(err)
	other := officer("club", "乔安", "head") // the president decided it
	p := w.get(other, CasePath(r.FollowUp, "")).is(200)
	p.says("#application", "评价", "不满意", "等了太久")
	p.says("h1", "差评核实")
	// What, not who: the way to the matter is marked, and its name is not here.
	if text := words(p.one("main")); strings.Contains(text, "林小满") || strings.Contains(text, string(c.Number)) {
		t.Errorf("says who rated: %s", text)
	}
	if link := p.one("#application a"); attr(link, "href") != CasePath(c.Number, "") {
		t.Errorf("leads to %s", attr(link, "href"))
	}
	if n := len(w.get(other, CasePath(c.Number, "")).is(200).all(`a[href*="` + string(r.FollowUp) + `"]`)); n > 1 { // its row in the inbox
		t.Errorf("the matter leads to what its rating led to")
	}
	if strings.Contains(words(w.get(president, "/desk?scope=post").one("#inbox")), string(r.FollowUp)) {
		t.Error("the president reads of it in the inbox")
	}
	p = w.get(other, "/desk?scope=post").is(200)
	found := false
	for _, row := range p.all(".waits") {
		found = found || strings.Contains(words(row), "差评核实") && strings.Contains(words(row), "网球会员")
	}
	if !found {
		t.Errorf("the inbox doesn't say what the rating is about: %s", words(p.one("#inbox")))
	}
	p = w.get(president, CasePath(review.Number, "")).is(200)
	p.says("#application", "我打了十年")
	p.says("#rule", "球龄不到 10 年")
	p.says(".act", "维持")
}
