package app_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/app"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/jt808"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/story"
	"yiwang/scorecard"
	"yiwang/web"
)

// A truck drives into an area that is closed to it. Whoever watches the map sees the
// alert as it happens, its evidence, and where the truck can be in five minutes; sends
// the inspector who can be there; sees that they go. What they find is checked by
// somebody else, counts in the precision of the rule, and the case in the scorecard.
func TestATruckIsStoppedInABrowser(t *testing.T) {
	story.Available(t)
	if !web.BundleReady() {
		t.Skip("the scripts that draw were not bundled: make bundle")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, "", func(o *app.Options) { o.JT808 = l })
	p.officer("chief", "operations-center.commander")
	p.officer("checker", "operations-center.reviewer")
	rider := p.team("transport.inspector", 1)[0]
	officer := func(login string, view story.View) *story.Visitor {
		v := story.Visit(t, p.url, view)
		v.Go("/sign-in?lang=zh-Hans")
		v.In("main").Fill("用户名或手机号", login)
		v.In("main").Fill("密码", "demo")
		v.In(`form:has([name="password"][type="password"])`).Click("登录")
		return v
	}
	phone := story.View{Size: story.Phone, Lang: city.Chinese}
	drawn := func(v *story.Visitor, what, selector string) {
		t.Helper()
		for end := time.Now().Add(60 * time.Second); v.Count(selector) == 0; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the map shows no %s", what)
			}
		}
	}

	chief := officer("chief", story.View{Size: story.Wall, Lang: city.Chinese})
	chief.Go("/command?theme=hazmat")
	chief.Expect("城市体征", "在线危险货物车")
	drawn(chief, "ground", "[data-map][data-ready]")
	truck, way := p.trespass()
	x := p.terminal(l.Addr().String(), truck.Terminal)
	x.drive(way, time.Now().Add(-time.Duration(len(way))*10*time.Second))
	chief.Expect("进入限制通行区域", string(truck.ID)+" 没有批准") // by itself
	drawn(chief, "truck", `[data-map][data-vehicles]:not([data-vehicles="0"])`)
	drawn(chief, "alert", `[data-map][data-alerts]:not([data-alerts="0"])`)

	chief.Click("看依据，派人拦")
	chief.Expect("95%", "未经公安机关批准", "5 分钟内能到的地方", "个路口", "附近没有在岗的人", "运输许可")
	drawn(chief, "reachable area", `[data-map][data-reach]:not([data-reach="0"])`)
	chief.Screenshot("truck-1-evidence")

	found := p.noticed(detect.ForbiddenZone)
	task := "/field/tasks/" + string(found.Case)
	end := way[len(way)-1]
	p.call(rider, "POST", "/api/v1/duty", map[string]any{"post": "transport.inspector", "until": time.Now().Add(4 * time.Hour)}, 200, nil)
	p.call(rider, "POST", "/api/v1/position", map[string]any{"lat": end.Lat, "lon": end.Lon}, 200, nil)
	chief.Expect("交通局执法检查员") // by itself
	chief.In("[data-bit=comers]").Click("派他去")
	chief.Expect("已派")
	chief.Screenshot("truck-2-sent")

	v := officer("colleague-0", phone)
	v.Go(task)
	v.Expect("去拦 "+string(truck.ID), "进入限制通行区域")
	v.Click("收到，我去")
	chief.In("[data-bit=steps]").Expect("收到，我去") // by itself
	chief.Screenshot("truck-3-accepted")
	v.Click("到现场了")
	unfold(v, "/confirm", "属实")
	f := v.In("form[action$='/confirm']")
	f.Choose("进入限制通行区域")
	f.Fill("说明", "车上是汽油，没有通行证，已经带离")
	f.Click("属实")
	v.Expect("复核（属实）")

	if before := p.record(detect.ForbiddenZone); before.Said != 1 || before.Right != 0 {
		t.Errorf("before anybody has checked the register says %+v", before)
	}
	check := officer("checker", phone)
	check.Go(task)
	unfold(check, "/passed", "复核通过")
	check.In("form[action$='/passed']").Click("复核通过")
	check.Expect("已办结")
	if after := p.record(detect.ForbiddenZone); after.Right != 1 || after.Outcomes.Wrong != 0 {
		t.Errorf("the register says %+v", after)
	}
	check.Go("/algorithms/" + detect.ForbiddenZone)
	check.Expect("1 次说对了，占 100%")
	chief.Go("/command?theme=hazmat")
	chief.Expect("各规则的线索和准确率", "100.0%")
	chief.Screenshot("truck-4-precision")
	chief.Go("/command/table")
	chief.Expect("车辆（1 辆）", string(truck.ID), "没有等人核查的线索")

	p.ok(p.app.Journal.CatchUp(context.Background()))
	chief.Go("/desk/scorecard")
	link := chief.Attr(fmt.Sprintf(`a[href*="scorecard/cases"][href*="with=%d&"]`, scorecard.OnTime), "href")
	if link == "" {
		t.Fatal("the scorecard has no such figure")
	}
	chief.Go(link)
	chief.Expect(string(found.Case))
}

// unfold opens the form of an action, where it isn't open yet.
func unfold(v *story.Visitor, action, words string) {
	at := "details%s:has(form[action$='" + action + "'])"
	if v.Count(fmt.Sprintf(at, "[open]")) == 0 {
		v.In(fmt.Sprintf(at, "")).Click(words)
	}
}

// noticed waits for the only alert of a rule and the case that came of it.
func (p *place) noticed(rule string) (a alert.Alert) {
	p.Helper()
	for end := time.Now().Add(2 * time.Minute); a.Case == ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.Fatalf("no case came of %+v", a)
		}
		p.in(func(ctx context.Context, tx *db.Tx) error {
			page, err := p.app.Alerts.List(ctx, tx, program, alert.Query{Rule: rule})
			if len(page.Alerts) == 1 {
				a = page.Alerts[0]
			}
			return err
		})
	}
	return a
}

// trespass finds a truck with dangerous goods, and a way along a road into an area that
// is closed to it: too short to count as off its route.
func (p *place) trespass() (truck *register.Vehicle, way []geo.Point) {
	p.Helper()
	book := p.app.Registers.Book()
	for _, v := range book.Vehicles() {
		if v.Use == register.UseHazmat && v.Terminal != "" && v.Status == register.Active && v.Permit.InForce(book.Day()) {
			truck = v
			break
		}
	}
	if truck == nil {
		p.Fatal("no truck with a terminal")
	}
	closed := func(at geo.Point) bool {
		for _, z := range book.ZonesAt(nil, at) {
			if len(z.Hours) == 0 && len(z.Classes) == 0 {
				return true
			}
		}
		return false
	}
	for i := range p.app.Pack.Roads.Roads {
		r := &p.app.Pack.Roads.Roads[i]
		if r.Class == geo.Motorway {
			continue
		}
		steps := paced(r.Line, 100)
		for j := 1; j < len(steps); j++ {
			if closed(steps[j-1]) || !closed(steps[j]) {
				continue
			}
			within := j
			for within < len(steps) && closed(steps[within]) && within < j+16 {
				within++
			}
			if within-j >= 14 && (way == nil || j > 5) {
				way = steps[max(0, j-6):within]
			}
		}
	}
	if way == nil {
		p.Fatal("no road leads into a closed area")
	}
	return truck, way
}

// paced is a line as points so many metres apart.
func paced(line []geo.Point, metres float64) []geo.Point {
	out := []geo.Point{line[0]}
	left := metres
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		for d := geo.Distance(a, b); d >= left; d = geo.Distance(a, b) {
			a = geo.Move(a, geo.Bearing(a, b), left)
			out, left = append(out, a), metres
		}
		left -= geo.Distance(a, b)
	}
	return out
}

// terminal connects one, registered and known.
func (p *place) terminal(addr, phone string) *terminal {
	p.Helper()
	conn, err := net.Dial("tcp", addr)
	p.ok(err)
	p.Cleanup(func() { _ = conn.Close() })
	x := &terminal{T: p.T, conn: conn, in: jt808.NewScanner(conn), phone: phone}
	reply, ok := x.says(jt808.Register{Colour: 2}).(jt808.RegisterReply)
	if !ok || len(reply.Code) == 0 {
		p.Fatalf("%+v", reply)
	}
	x.says(jt808.Authenticate{Code: reply.Code})
	return x
}

// drive tells of a way, a place every ten seconds.
func (x *terminal) drive(way []geo.Point, from time.Time) {
	x.Helper()
	for i, at := range way {
		heading := geo.Bearing(way[max(0, i-1)], way[max(1, i)])
		pos := jt808.Position{Time: from.Add(time.Duration(i) * 10 * time.Second), Lat: int64(at.Lat * 1e6), Lon: int64(at.Lon * 1e6), Speed: 360, Course: uint16(heading), Status: 3}
		if r, ok := x.says(pos).(jt808.Reply); !ok || r.Result != jt808.Done {
			x.Fatalf("position %d: %+v", i, r)
		}
	}
}
