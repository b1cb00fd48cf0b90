package app_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/story"
)

// snapshot is a small picture as a camera would write it.
func snapshot(t *testing.T) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for x := range 40 {
		m.Set(x, 15, color.RGBA{R: 200, A: 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The whole conversation of a client, in both formats, with the whole city behind
// the door: what is sent becomes a case with its answers and pictures, its steps are
// the updates, what is mended and was looked at is closed.
func TestOpen311WithTheCityBehindIt(t *testing.T) {
	for _, format := range []string{"xml", "json"} {
		t.Run(format, func(t *testing.T) {
			onBoth(t, func(t *testing.T, database string) { converse(t, database, format) })
		})
	}
}

func converse(t *testing.T, database, format string) {
	ctx := context.Background()
	p := newPlace(t, database, func(o *app.Options) { o.Demo = true })
	day := func(d int) string {
		return url.QueryEscape(time.Now().AddDate(0, 0, d).UTC().Format(time.RFC3339))
	}
	known := map[string]string{"yesterday": day(-1), "now": day(0), "tomorrow": day(1), "photo": snapshot(t), "script": "<script>alert(1)</script>"}
	kept := story.Play(t, p.app.Handler(), "testdata/open311."+format+".http", known)
	n, litter := city.CaseNumber(kept["id"]), city.CaseNumber(kept["litter"])
	if n == "" || litter == "" {
		t.Fatal("nothing was filed")
	}
	// what the officer reads of it
	reports := func(a city.Actor, n city.CaseNumber) (list []incident.ReportSeen) {
		p.ok(p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			list, err = p.app.Incidents.Reports(ctx, tx, a, n)
			return err
		}))
		return list
	}
	mender := at("urban-management.inspector")
	list := reports(mender, n)
	if len(list) != 2 { // and the remark
		t.Fatalf("%d reports", len(list))
	}
	if r := list[0]; r.Answers["state"] != "loose" || !strings.Contains(r.Text, "http://pictures.example/1.jpg") || r.Address != "6 Haitang Lane" ||
		r.Reporter != (incident.Reporter{Name: "Ann", Phone: "13900990003", Email: "ann@mail.example", Lang: city.English}) {
		t.Errorf("the report: %+v", r)
	}
	if r := list[1]; r.Text != "Worse now" || !r.Joined || r.Reporter.Email != "bob@mail.example" || r.ID.String() != kept["update"] {
		t.Errorf("the remark: %+v", r)
	}
	photographed := reports(mender, litter)
	if len(photographed) != 1 || len(photographed[0].Photos) != 2 {
		t.Fatalf("the pictures: %+v", photographed)
	}
	if raw, err := p.app.Incidents.PhotoBytes(ctx, mender, litter, photographed[0].Photos[1]); err != nil || !bytes.HasPrefix(raw, []byte("\xFF\xD8\xFF")) {
		t.Errorf("a picture: %d bytes, %v", len(raw), err)
	}

	_, err := p.app.Cases.Do(ctx, program, n, casework.Action{Name: "done", Note: "too dark for a picture"})
	p.ok(err)
	_, err = p.app.Cases.Do(ctx, program, n, casework.Action{Name: "passed"})
	p.ok(err)
	for name, v := range known {
		kept[name] = v
	}
	story.Play(t, p.app.Handler(), "testdata/open311-closed."+format+".http", kept)
}

// Who floods the door is told to wait, in the format and language asked for, by both
// doors; somebody elsewhere is served as before, and what was taken is there.
func TestFloodFromOneAddress(t *testing.T) {
	p := newPlace(t, "", func(o *app.Options) { o.Demo = true })
	post := func(from, path, kind, lang, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.RemoteAddr = from + ":1234"
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Accept-Language", lang)
		w := httptest.NewRecorder()
		p.app.Handler().ServeHTTP(w, r)
		return w
	}
	const form, js = "application/x-www-form-urlencoded", "application/json"
	const sent = "api_key=demo&service_code=e0101&lat=31.934&long=121.041&description=flood"
	number := ""
	const said = `{"class":"e0101","text":"flood","place":{"lat":31.934,"lon":121.041}}`
	for _, c := range []struct {
		name, from, path, kind, lang, body string
		taken                              int
		format, words                      string
	}{
		{"Open311, XML", "192.0.2.1", "/open311/v2/requests.xml", form, "en", sent, 200, "text/xml; charset=utf-8", "<code>429</code>"},
		{"Open311, JSON", "192.0.2.2", "/open311/v2/requests.json", form, "zh-CN", sent, 200, "application/json; charset=utf-8", `"code":429`},
		{"Open311, remarks", "192.0.2.3", "/open311/v2/servicerequestupdates.json", form, "en", sent + "&service_request_id=NUMBER", 200, "application/json; charset=utf-8", `"code":429`},
		{"the API", "192.0.2.4", "/api/v1/incidents", js, "zh-CN", said, 201, "application/problem+json", "429"},
	} {
		taken, refused := 0, 0
		c.body = strings.Replace(c.body, "NUMBER", number, 1)
		for range 2000 { // all that differs for 10,000 is the time that the test takes
			w := post(c.from, c.path, c.kind, c.lang, c.body)
			switch {
			case w.Code == c.taken && refused == 0:
				taken++
				if number == "" { // of the matter that all of them are about
					number = numberPattern.FindString(w.Body.String())
				}
			case w.Code == http.StatusTooManyRequests:
				if refused++; refused > 1 {
					continue
				}
				if w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != c.format || !strings.Contains(w.Body.String(), c.words) {
					t.Errorf("%s: %v %s", c.name, w.Header(), w.Body)
				}
				if zh := strings.Contains(w.Body.String(), "请"); zh != (c.lang != "en") {
					t.Errorf("%s, in the reader's language: %s", c.name, w.Body)
				}
			case w.Code != c.taken:
				t.Fatalf("%s: %d %s", c.name, w.Code, w.Body)
			}
		}
		if taken < 20 || taken > 200 || refused < 1800 {
			t.Errorf("%s: %d taken, %d refused", c.name, taken, refused)
		}
		if w := post("192.0.2.99", c.path, c.kind, c.lang, c.body); w.Code != c.taken {
			t.Errorf("%s: somebody elsewhere: %d %s", c.name, w.Code, w.Body)
		}
	}
}
