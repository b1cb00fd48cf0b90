package app_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/story"
	"yiwang/web"
)

// commanded is a city with one open matter, and somebody on duty a street away.
func commanded(t *testing.T) (p *place, number city.CaseNumber) {
	p = newPlace(t, "")
	p.officer("chief", "operations-center.commander")
	number = p.report(program, incident.Report{Class: "c0101", Text: "井盖不见了", Place: city.Place{Lat: riverine.Lat, Lon: riverine.Lon}}).Number
	p.in(func(ctx context.Context, tx *db.Tx) error {
		who, err := p.app.Directory.AddPerson(ctx, tx, program, directory.Person{CitizenNumber: city.NewCitizenNumber("990102", city.Date{Year: 1985, Month: 2, Day: 1}, 100, false), Name: "同事", Region: "990102001001"})
		if err != nil {
			return err
		}
		mender := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: who, Body: "urban-management", Posts: []city.PostID{"urban-management.inspector"}, Channel: city.ChannelWeb}
		if _, err := p.app.Directory.GoOnDuty(ctx, tx, mender, directory.Shift{Post: "urban-management.inspector", Until: time.Now().Add(4 * time.Hour)}); err != nil {
			return err
		}
		_, err = p.app.Directory.Stand(ctx, tx, mender, directory.Fix{Point: geo.Point{Lat: riverine.Lat, Lon: riverine.Lon}})
		return err
	})
	return p, number
}

// Whoever commands sees what is open, points at it, and sends somebody; a table says
// the same without a script.
func TestTheCommandCentreInABrowser(t *testing.T) {
	story.Available(t)
	p, number := commanded(t)
	if !web.BundleReady() {
		t.Skip("the scripts that draw were not bundled: make bundle")
	}
	enter := func(view story.View, path string) *story.Visitor {
		v := story.Visit(t, p.url, view)
		v.Go("/sign-in?lang=zh-Hans")
		v.In("main").Fill("用户名或手机号", "chief")
		v.In("main").Fill("密码", "demo")
		v.In(`form:has([name="password"][type="password"])`).Click("登录")
		v.Go(path + "?lang=" + string(view.Lang))
		return v
	}
	v := enter(story.View{Size: story.Wall, Lang: city.Chinese}, "/command")
	v.Expect("城市体征", "正在发生", "井盖", "秒前的数据")
	v.Click("派谁去 " + string(number))
	v.Expect("城管局巡查队员", "离现场约 50 米，手上 0 件")
	v.Click("派他去")
	v.Expect("派单")
	p.report(program, incident.Report{Class: "c0102", Text: "雨水篦子堵了", Place: city.Place{Lat: riverine.Lat + 0.01, Lon: riverine.Lon}})
	v.Expect("雨水口、排水沟") // by itself

	for _, view := range []story.View{{Size: story.Laptop, Lang: city.English}, {Size: story.Phone, Lang: city.English, NoScript: true}} {
		v := enter(view, "/command")
		v.Expect("Vital signs", "Happening now", "Manhole covers")
		v.Go("/command/table")
		v.Expect("On duty (1)", "Open matters (2)", string(number))
		v.Go("/command?theme=environment")
		v.Expect("Sensors")
	}
}

// The stream says what stands on the page, then what changed; it needs leave, and
// ends when the program does.
func TestTheWallIsStreamed(t *testing.T) {
	p, number := commanded(t)
	listen := func(token string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/command/live", nil)
		p.ok(err)
		r.AddCookie(&http.Cookie{Name: "yiwang", Value: token})
		res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		p.ok(err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	if res := listen(p.signIn("resident")); res.StatusCode != http.StatusForbidden {
		t.Errorf("a resident gets %d", res.StatusCode)
	}
	if res := listen(""); res.StatusCode != http.StatusSeeOther {
		t.Errorf("a stranger gets %d", res.StatusCode)
	}
	res := listen(p.signIn("chief"))
	if ct := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || ct != "text/event-stream" {
		t.Fatalf("%d %s", res.StatusCode, ct)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	heard := map[string]string{}
	until := func(event string) {
		name := ""
		for lines.Scan() {
			if s, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = s
				heard[name] = ""
			} else if s, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				heard[name] += s
			} else if name == event {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", event, lines.Err())
	}
	until("tick")
	if !strings.Contains(heard["now"], string(number)) || !strings.Contains(heard["places"], string(number)) || !strings.Contains(heard["signs"], "在岗") {
		t.Errorf("the first picture is %v", heard)
	}
	other := p.report(program, incident.Report{Class: "c0102", Text: "雨水篦子堵了", Place: city.Place{Lat: riverine.Lat + 0.01, Lon: riverine.Lon}}).Number
	clear(heard)
	until("places")
	if !strings.Contains(heard["places"], string(other)) {
		t.Errorf("what is new isn't on the map: %v", heard["places"])
	}
}
