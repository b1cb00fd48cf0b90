package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/story"
	"yiwang/web"
)

// drives keeps a day of a tanker: along its declared route from seven, a stop at the
// end of it, back with the terminal off on the way, and parked.
func (p *place) drives() (truck *register.Vehicle, day city.Date) {
	p.Helper()
	book := p.app.Registers.Book()
	var line []geo.Point
	for _, v := range book.Vehicles() {
		if rs := book.RoutesOf(v.ID); v.Use == register.UseHazmat && len(rs) > 0 {
			truck, line = v, rs[0].Line
			break
		}
	}
	if truck == nil {
		p.Fatal("no tanker of the pack has a route")
	}
	day = city.DateOf(p.app.Clock.Now().In(p.app.Pack.Zone)).AddDays(-1)
	at := day.In(p.app.Pack.Zone).Add(7 * time.Hour)
	var all []history.Position
	put := func(where geo.Point, speed float32) {
		us := city.Micros(at)
		all = append(all, history.Position{Vehicle: string(truck.ID), At: us, Received: us, Lat: where.Lat, Lon: where.Lon, Speed: speed, Status: 3})
		at = at.Add(15 * time.Second)
	}
	go_ := func(from, to geo.Point) {
		far, toward := geo.Distance(from, to), geo.Bearing(from, to)
		for d := 0.0; d < far; d += 200 {
			put(geo.Move(from, toward, d), 48)
		}
	}
	for i := 1; i < len(line); i++ {
		go_(line[i-1], line[i])
	}
	for range 120 {
		put(line[len(line)-1], 0)
	}
	for i := len(line) - 1; i > len(line)/2; i-- {
		go_(line[i], line[i-1])
	}
	at = at.Add(90 * time.Minute)
	for i := len(line) / 2; i > 0; i-- {
		go_(line[i], line[i-1])
	}
	for range 160 {
		put(line[0], 0)
	}
	p.ok(p.app.Vehicles.Record(p.Context(), program, all))
	return truck, day
}

// A day of a tanker is a page with its way, its stops and what was noticed; who may
// not see positions sees none, and the driver is named nowhere.
func TestAVehiclesDayIsAPage(t *testing.T) {
	p := newPlace(t, "")
	head := p.officer("head", "emergency-management.head")
	operator := p.officer("operator", "operations-center.operator")
	stranger := p.officer("stranger", "civil-affairs.reviewer")
	truck, day := p.drives()
	path := "/desk/vehicles/" + url.PathEscape(string(truck.ID)) + "?day=" + day.String()
	noon := day.In(p.app.Pack.Zone).Add(12 * time.Hour)
	a, _ := p.raises(alert.Finding{Rule: detect.MobileRefuelling, Subject: "vehicle:" + string(truck.ID), Key: "x", From: noon, To: noon.Add(time.Hour), Place: city.Place{Lat: 31.933, Lon: 121.04}, Sure: 0.9,
		Args: []any{"vehicle", string(truck.ID), "other", "X", "minutes", 30, "n", 2}, Evidence: []alert.Evidence{{What: "track", Subject: "vehicle:" + string(truck.ID), From: city.Micros(noon), To: city.Micros(noon.Add(time.Hour))}}})

	page := p.page(head, path, nil, http.StatusOK)
	p.says(page, string(truck.ID)+" 的一天", "行驶", "停留", "没有信号", "这一天的经过", "车辆登记", "驾驶员的名字", "前一天", "后一天")
	for _, want := range []string{`type="range"`, `id="replay-day"`, `/desk/alerts/` + a.ID.String(), `class="taken"`, "/desk/registers/vehicles/"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if sheets := p.app.Registers.Book().SheetsOf(truck.ID); len(sheets) > 0 && strings.Contains(page, string(sheets[0].Driver)) {
		t.Error("the page names the driver's certificate")
	}
	p.page(stranger, path, nil, http.StatusForbidden)
	p.page(stranger, "/desk/vehicles/-/land", nil, http.StatusForbidden)
	if ground := p.page(head, "/desk/vehicles/-/land", nil, http.StatusOK); !strings.Contains(ground, "FeatureCollection") {
		t.Errorf("%.200s", ground)
	}
	p.says(p.page(operator, path, nil, http.StatusOK), "不在您的权限里")
	p.says(p.page(head, strings.Replace(path, day.String(), "2026-01-05", 1), nil, http.StatusOK), "这一天没有定位")
	p.page(head, strings.Replace(path, day.String(), "tomorrow", 1), nil, http.StatusUnprocessableEntity)
	p.page(head, "/desk/vehicles/nobody", nil, http.StatusNotFound)

	record := p.page(head, "/desk/registers/vehicles/"+url.PathEscape(string(truck.ID)), nil, http.StatusOK)
	if !strings.Contains(record, `href="/desk/vehicles/`+url.PathEscape(string(truck.ID))+`"`) {
		t.Error("the entry in the register doesn't lead to the day")
	}
	if one := p.page(head, "/desk/alerts/"+a.ID.String(), nil, http.StatusOK); strings.Count(one, strings.ReplaceAll(path, "&", "&amp;")) != 2 {
		t.Error("the alert and its evidence don't lead to the day")
	}
}

// The day can be followed by keyboard, and is whole without a script.
func TestAVehiclesDayInABrowser(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	p.officer("head", "emergency-management.head")
	truck, day := p.drives()
	path := "/desk/vehicles/" + url.PathEscape(string(truck.ID)) + "?day=" + day.String()
	views := []story.View{{Size: story.Laptop, Lang: city.Chinese}, {Size: story.Phone, Lang: city.English}, {Size: story.Laptop, Lang: city.English, NoScript: true}}
	for _, view := range views {
		t.Run(view.String(), func(t *testing.T) {
			v := story.Visit(t, p.url, view)
			v.Go("/sign-in?lang=zh-Hans")
			v.In("main").Fill("用户名或手机号", "head")
			v.In("main").Fill("密码", "demo")
			v.In(`form:has([name="password"][type="password"])`).Click("登录")
			v.Go(path + "&lang=" + string(view.Lang))
			say := map[city.Lang][]string{city.Chinese: {"这一天的经过", "播放", "暂停"}, city.English: {"The day step by step", "Play", "Pause"}}[view.Lang]
			v.Expect(say[0])
			if view.NoScript {
				if n := v.Count("[data-replay-controls]:not([hidden])"); n != 0 {
					t.Error("without a script there is something to press that does nothing")
				}
				return
			}
			if web.BundleReady() && v.Count("[data-replay-ground] .drawn") != 1 {
				t.Error("the map isn't drawn")
			}
			began := v.Attr("#moment", "aria-valuetext")
			v.In("main").Click(say[1])
			v.Expect(say[2])
			v.In("main").Click(say[2])
			stopped := v.Attr("#moment", "aria-valuetext")
			if stopped == began || !strings.Contains(stopped, ":") {
				t.Errorf("it played from %q to %q", began, stopped)
			}
			v.Press(kb.Tab)
			v.Press(kb.ArrowRight)
			if after := v.Attr("#moment", "aria-valuetext"); after == stopped {
				t.Errorf("an arrow key leaves it at %q", after)
			}
			v.Screenshot("replay")
		})
	}
}
