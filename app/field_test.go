package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/story"
	"yiwang/web/field"
)

// street is a telephone in the street: signed in at the pages of /field, its
// signal can be cut.
type street struct {
	*place
	url  string
	dead atomic.Bool
}

// outside gives an address of the city that stops answering when the signal is
// cut, in the middle of whatever was going on.
func (p *place) outside() *street {
	s := &street{place: p}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.dead.Load() {
			panic(http.ErrAbortHandler)
		}
		p.app.Handler().ServeHTTP(w, r)
	}))
	p.Cleanup(front.Close)
	s.url = strings.Replace(front.URL, "127.0.0.1", "localhost", 1)
	return s
}

// hand is an officer's browser without scripts.
func (p *place) hand(login string) *http.Client {
	p.Helper()
	jar, err := cookiejar.New(nil)
	p.ok(err)
	c := &http.Client{Jar: jar}
	r, err := c.PostForm(p.url+"/sign-in", map[string][]string{"login": {login}, "password": {"demo"}, "back": {"/field"}})
	p.ok(err)
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK || !strings.HasSuffix(r.Request.URL.Path, "/field") {
		p.Fatalf("signing in led to %d at %s", r.StatusCode, r.Request.URL)
	}
	return c
}

// post sends a form with pictures as the outbox does, and gives its answer.
func (p *place) post(c *http.Client, path string, form map[string]string, photos map[string][]byte) (int, field.Answer) {
	p.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k, v := range form {
		p.ok(m.WriteField(k, v))
	}
	for k, raw := range photos {
		w, err := m.CreateFormFile(k, "photo.jpg")
		p.ok(err)
		_, err = w.Write(raw)
		p.ok(err)
	}
	p.ok(m.Close())
	r, err := http.NewRequest(http.MethodPost, p.url+path, &body)
	p.ok(err)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Accept", "application/json")
	got, err := c.Do(r)
	p.ok(err)
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	p.ok(err)
	var a field.Answer
	if err := json.Unmarshal(raw, &a); err != nil {
		p.Fatalf("%s answered %d %q", path, got.StatusCode, raw)
	}
	return got.StatusCode, a
}

func (p *place) count(query string, args ...any) (n int) {
	p.Helper()
	p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = db.One[int](ctx, tx, query, args...)
		return err
	}))
	return n
}

// What a telephone sends again, because it never heard the answer, counts once;
// what is wrong or too late is refused for good, with the reason.
func TestSentFromTheFieldCountsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		p.team("urban-management.inspector", 2)
		me, other := p.hand("colleague-0"), p.hand("colleague-1")
		pic := camera(t, 80, 60)

		round := map[string]string{"key": "made in the rain", "text": "井盖翘起来了", "class": "c0101", "lat": "31.9331", "lon": "121.0402", "made": "2026-01-02T03:04:05Z"}
		var href string
		for range 3 {
			status, a := p.post(me, "/field/report", round, map[string][]byte{"photo": pic})
			if status != http.StatusOK || a.State != "done" || href != "" && a.Href != href {
				t.Fatalf("%d %+v, before %s", status, a, href)
			}
			href = a.Href
		}
		if n := p.count(`SELECT count(*) FROM incident_reports`); n != 1 {
			t.Errorf("%d reports of one", n)
		}
		if n := p.count(`SELECT count(*) FROM incident_photos`); n != 1 {
			t.Errorf("%d pictures of one", n)
		}
		n, err := city.ParseCaseNumber(strings.TrimPrefix(href, "/field/report?sent="))
		p.ok(err)
		at := "/field/tasks/" + string(n)
		for _, step := range []struct {
			action string
			form   map[string]string
		}{{"claim", nil}, {"progress", map[string]string{"step": "on_the_way"}}, {"progress", map[string]string{"step": "arrived"}}} {
			for range 3 {
				form := map[string]string{"key": step.action + step.form["step"]}
				for k, v := range step.form {
					form[k] = v
				}
				if status, a := p.post(me, at+"/"+step.action, form, nil); status != http.StatusOK || a.State != "done" {
					t.Fatalf("%s: %d %+v", step.action, status, a)
				}
			}
		}
		refused := func(c *http.Client, path string, form map[string]string, photos map[string][]byte, want int) {
			t.Helper()
			if status, a := p.post(c, path, form, photos); status != want || a.State != "refused" || a.Message == "" {
				t.Errorf("%s %v: %d %+v", path, form, status, a)
			}
		}
		refused(other, at+"/done", map[string]string{"key": "k1", "note": "我来晚了"}, nil, http.StatusConflict)
		refused(me, at+"/done", map[string]string{"key": "k2"}, nil, http.StatusUnprocessableEntity)
		refused(me, at+"/done", map[string]string{"key": "k3"}, map[string][]byte{"photo_after": []byte("<script>")}, http.StatusUnprocessableEntity)
		refused(me, at+"/done", map[string]string{"note": "没有钥匙"}, nil, http.StatusUnprocessableEntity)
		refused(me, at+"/done", map[string]string{"key": "k8", "made": "2026-01-02T03:04:05Z"}, map[string][]byte{"other": []byte("x")}, http.StatusUnprocessableEntity)
		refused(me, at+"/done", map[string]string{"key": "k9", "note": "上次看到的", "entered": "1"}, nil, http.StatusConflict)
		refused(me, at+"/whistle", map[string]string{"key": "k10", "note": "来人", "bodies": "nobody"}, nil, http.StatusUnprocessableEntity)
		refused(me, at+"/whistle", map[string]string{"key": "k11", "note": "来人", "bodies": "\x00"}, nil, http.StatusUnprocessableEntity)
		refused(me, at+"/comment", map[string]string{"key": "\xff", "note": "字"}, nil, http.StatusUnprocessableEntity)
		refused(me, "/field/report", map[string]string{"key": "k12", "text": "在哪里呢"}, nil, http.StatusUnprocessableEntity)
		if status, a := p.post(me, at+"/comment", map[string]string{"key": "k13", "note": "别人写的", "account": city.NewAccountID().String()}, nil); status != http.StatusUnauthorized || a.State != "signin" {
			t.Errorf("made by somebody else: %d %+v", status, a)
		}
		refused(me, at+"/fly", map[string]string{"key": "k4"}, nil, http.StatusConflict)
		refused(me, "/field/tasks/JH-2026-999999-9/done", map[string]string{"key": "k5"}, nil, http.StatusUnprocessableEntity)
		refused(me, "/field/report", map[string]string{"key": "k6", "text": ""}, nil, http.StatusUnprocessableEntity)
		refused(me, "/field/report", map[string]string{"key": "k7", "text": "在海里", "lat": "10", "lon": "10"}, nil, http.StatusUnprocessableEntity)
		for range 3 {
			if status, a := p.post(me, at+"/done", map[string]string{"key": "done once"}, map[string][]byte{"photo_before": pic, "photo_after": pic}); status != http.StatusOK || a.State != "done" {
				t.Fatalf("done: %d %+v", status, a)
			}
		}
		if n := p.count(`SELECT count(*) FROM incident_photos`); n != 3 {
			t.Errorf("%d pictures", n)
		}
		if n := p.count(`SELECT count(*) FROM case_actions WHERE action = 'done'`); n != 1 {
			t.Errorf("done %d times", n)
		}
		if status, a := p.post(http.DefaultClient, at+"/claim", map[string]string{"key": "k"}, nil); status != http.StatusUnauthorized || a.State != "signin" {
			t.Errorf("not signed in: %d %+v", status, a)
		}
		stranger := p.hand("clerk")
		refused(stranger, at+"/claim", map[string]string{"key": "k"}, nil, http.StatusForbidden)
		r, err := stranger.Get(p.url + at)
		p.ok(err)
		r.Body.Close()
		if r.StatusCode != http.StatusForbidden {
			t.Errorf("an office that has no part reads it: %d", r.StatusCode)
		}
	})
}

// Whoever goes home leaves nothing behind: what they had in hand goes to the next on
// duty, and to the inbox when they were the last. Pressing twice does no harm.
func TestAShiftEndedOnTheTelephone(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		p.team("urban-management.inspector", 2)
		first, second := p.hand("colleague-0"), p.hand("colleague-1")
		press := func(c *http.Client, path string) {
			t.Helper()
			if status, a := p.post(c, path, map[string]string{"post": "urban-management.inspector", "hours": "8"}, nil); status != http.StatusOK || a.State != "done" {
				t.Fatalf("%s: %d %+v", path, status, a)
			}
		}
		with := func(n city.CaseNumber) city.AccountID {
			t.Helper()
			var c casework.Case
			p.in(func(ctx context.Context, tx *db.Tx) (err error) {
				c, err = p.app.Cases.Get(ctx, tx, program, n)
				return err
			})
			return c.Assignee
		}
		press(first, "/field/duty")
		n := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖翘起来了", Place: riverine}).Number
		one := with(n)
		press(second, "/field/duty")
		press(first, "/field/duty/end")
		two := with(n)
		if one.IsZero() || two.IsZero() || one == two {
			t.Errorf("the first had it, %s, and then the second, %s", one, two)
		}
		press(first, "/field/duty/end")
		press(second, "/field/duty/end")
		if last := with(n); !last.IsZero() {
			t.Errorf("nobody is on duty, and %s has it", last)
		}
	})
}

// A grid worker and an inspector with a telephone: the signal goes, they carry on,
// the page is closed and opened again, and when the signal is back everything has
// arrived once.
func TestOutsideWithoutASignal(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	p.team("urban-management.inspector", 1)
	s := p.outside()
	pic := filepath.Join(t.TempDir(), "after.jpg")
	p.ok(os.WriteFile(pic, camera(t, 2600, 1900), 0o600))
	for _, view := range []story.View{{Size: story.Phone, Lang: city.Chinese}, {Size: story.Phone, Lang: city.English}} {
		t.Run(view.String(), func(t *testing.T) {
			say := func(en, zh string) string {
				if view.Lang == city.English {
					return en
				}
				return zh
			}
			r := p.report(nobody, incident.Report{Class: "c0101", Text: "井盖响得厉害，晚上睡不着", Place: riverine, Apart: true, Photos: [][]byte{camera(t, 300, 200)},
				Reporter: incident.Reporter{Phone: "13900990002"}})
			before := p.count(`SELECT count(*) FROM incident_reports`)
			v := story.Visit(t, s.url, view)
			v.Go("/sign-in?lang=" + string(view.Lang))
			v.In("main").Fill(say("User name or phone number", "用户名或手机号"), "colleague-0")
			v.In("main").Fill(say("Password", "密码"), "demo")
			v.In(`form:has([name="password"][type="password"])`).Click(say("Sign in", "登录"))
			v.Go("/field")
			v.Screenshot("field-tasks")
			v.In(".shift").Click(say("Go on duty", "上岗"))
			v.Expect(say("On duty", "在岗"))
			at := "/field/tasks/" + string(r.Number)
			v.Go(at)
			v.Expect("井盖响得厉害")
			v.Screenshot("field-task")
			v.Click(say("Take it", "我来办"))
			v.Expect(say("This is yours now", "这件归您了"))
			v.Go("/field")
			v.ExpectKept()
			v.Go(at)
			v.ExpectKept()

			s.dead.Store(true)
			v.Signal(false)
			v.Click(say("On the way", "在路上"))
			v.Expect(say("1 waiting to be sent", "还有 1 件没发出去"))
			v.Screenshot("field-offline")
			v.Go(at) // the page as it was last seen
			v.Expect("井盖响得厉害", say("1 waiting to be sent", "还有 1 件没发出去"))
			v.In("details:has(form[action$='/done'])").Click(say("Done", "处理好了"))
			v.Upload(say("Photo, after", "处理后的照片"), pic)
			v.In("form[action$='/done']").Click(say("Done", "处理好了"))
			v.Expect(say("2 waiting to be sent", "还有 2 件没发出去"))
			v.Go("/field/report")
			v.Fill(say("What you see", "看到了什么"), "路灯不亮，走路看不见 "+view.String())
			v.Fill(say("Community", "社区"), say("Haitangli", "海棠里"))
			v.In("main").Click(say("Report it", "上报"))
			v.Expect(say("3 waiting to be sent", "还有 3 件没发出去"))
			v.Go("/field") // closed and opened again
			v.Expect(say("3 waiting to be sent", "还有 3 件没发出去"))
			v.Screenshot("field-outbox")

			s.dead.Store(false)
			v.Signal(true)
			v.Click(say("Send now", "现在发"))
			v.ExpectGone(say("waiting to be sent", "没发出去"))
			c := p.acts(city.SystemActor("test"), r.Number, casework.Action{Name: casework.ActComment, Note: "看一眼"})
			if c.Stage != "verify" {
				t.Errorf("after the signal came back the matter is in %s", c.Stage)
			}
			if n := p.count(`SELECT count(*) FROM incident_reports`); n != before+1 {
				t.Errorf("%d reports, want %d", n, before+1)
			}
			if n := p.count(fmt.Sprintf(`SELECT count(*) FROM incident_photos WHERE role = '%s'`, incident.RoleAfter)); n < 1 {
				t.Error("the picture did not arrive")
			}
			v.Go(at)
			v.Screenshot("field-after")
			v.Go("/field/report")
			v.Screenshot("field-report")
			v.ExpectTargets(44)
			v.Go("/field")
			v.In(".shift").Click(say("End my shift", "下岗"))
			v.Expect(say("You are off duty", "现在不在岗"))
		})
	}
}
