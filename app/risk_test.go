package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/fleet"
	"yiwang/fleet/detect"
	"yiwang/internal/story"
)

// measures computes the index for today and the days before, with something noticed in
// the chemical park.
func (p *place) measures() alert.Alert {
	p.Helper()
	at := time.Now().Add(-time.Hour)
	a, _ := p.raises(alert.Finding{Rule: detect.MobileRefuelling, Subject: "vehicle:X1", Key: "x", From: at, To: at.Add(time.Minute), Place: city.Place{Lat: 31.9230, Lon: 121.2460}, Sure: 0.9,
		Args: []any{"vehicle", "X1", "other", "X2", "minutes", 30, "n", 2}})
	p.ok(p.app.Risks.Keep(p.Context(), program))
	return a
}

const chemicalPark = "/desk/risk/990103003002"

// How dangerous communities are is a page, with a map that needs no colours, the
// formula, and for each community what its number is made of, down to the records.
func TestRiskIsAPage(t *testing.T) {
	p := newPlace(t, "")
	inspector := p.officer("looker", "emergency-management.inspector")
	head := p.officer("head", "emergency-management.head")
	stranger := p.officer("stranger", "civil-affairs.reviewer")
	p.says(p.page(inspector, "/desk/risk", nil, http.StatusOK), "这一天还没有算")
	p.page(inspector, chemicalPark, nil, http.StatusNotFound)
	a := p.measures()

	page := p.page(inspector, "/desk/risk", nil, http.StatusOK)
	p.says(page, "社区风险指数", "五色图", "化工园社区", "新圩街道", "蓝 · 低", "绿 · 很低", "怎么算的", "指数 = 100 ×（危险源 × 暴露 ×（0.4 + 0.6 × 管控缺口））的 0.5 次方", "存放的危险化学品", "40%")
	if n := strings.Count(page, `class="area `); n < 60 { // on the map and in the list
		t.Errorf("%d areas", n)
	}
	for _, want := range []string{`href="/desk/risk/990103003002"`, "pattern-dots", `href="/algorithms/` + string(fleet.RiskID) + `"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	p.page(inspector, "/algorithms/"+string(fleet.RiskID), nil, http.StatusOK)
	one := p.page(head, chemicalPark, nil, http.StatusOK)
	p.says(one, "化工园社区", "满分 100", "危险源", "暴露", "管控缺口", "倍阈值", "线索，还没核查完", "每天的变化", "没有数据，不参与计算", "4600 人")
	for _, want := range []string{`href="/desk/alerts/` + a.ID.String() + `"`, `href="/desk/registers/sites/hx-huaxing"`} {
		if !strings.Contains(one, want) {
			t.Errorf("it doesn't lead to %s", want)
		}
	}
	p.says(p.page(head, "/desk/risk?day="+p.app.Risks.Today().AddDays(-5).String(), nil, http.StatusOK), "化工园社区")
	p.says(p.page(head, "/desk/risk?day=2020-01-05", nil, http.StatusOK), "这一天还没有算")
	p.page(head, "/desk/risk?day=soon", nil, http.StatusUnprocessableEntity)
	p.page(head, "/desk/risk/990103003009", nil, http.StatusNotFound)
	for _, path := range []string{"/desk/risk", chemicalPark} {
		p.page(stranger, path, nil, http.StatusForbidden)
	}
	if strings.Contains(p.page(stranger, "/desk", nil, http.StatusOK), `href="/desk/risk"`) {
		t.Error("who sees no risk is led to it")
	}
}

func TestRiskInABrowser(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	p.officer("head", "emergency-management.head")
	p.measures()
	for _, view := range []story.View{{Size: story.Laptop, Lang: city.Chinese}, {Size: story.Phone, Lang: city.English}} {
		t.Run(view.String(), func(t *testing.T) {
			v := story.Visit(t, p.url, view)
			v.Go("/sign-in?lang=zh-Hans")
			v.In("main").Fill("用户名或手机号", "head")
			v.In("main").Fill("密码", "demo")
			v.In(`form:has([name="password"][type="password"])`).Click("登录")
			v.Go("/desk/risk?lang=" + string(view.Lang))
			say := map[city.Lang][]string{city.Chinese: {"五色图", "怎么算的", "算一半的量", "化工园社区", "满分 100"}, city.English: {"Five-colour map", "How it is computed", "Counts half at", "Huagongyuan Community", "of 100"}}[view.Lang]
			v.Expect(say[0])
			v.In("main").Click(say[1])
			v.Expect(say[2])
			v.Screenshot("risk")
			v.In("main").Click(say[3])
			v.Expect(say[4])
			v.Screenshot("risk-one")
		})
	}
}
