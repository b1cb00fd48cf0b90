package app_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/pass"
	"yiwang/internal/db"
)

// duringFlood is while the purpose of Jianghai's pack lasts.
var duringFlood = time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("CST", 8*3600))

// elder is the citizen number of the resident's mother.
const elderNumber = "990101194103120240"

// A resident shows a code; whoever answers for the purpose sets another state, the
// resident reads why and contests it; somebody who had no part in it sets it right. A
// gate looks somebody up with leave, and they see that. When the purpose is over no
// code counts, nothing is made, and nothing is kept.
func TestStoryOfAPass(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		clock := city.NewSetClock(duringFlood)
		p := newPlace(t, database, func(o *app.Options) { o.Clock = clock })
		resident := p.signIn("elder")
		setter, second := p.officer("setter", "emergency-management.inspector"), p.officer("second", "emergency-management.inspector")
		gate := p.officer("gate", "public-security.duty")
		clerk := p.officer("stranger", "civil-affairs.clerk")
		const path = "/passes/flood-return"

		p.says(p.page(resident, "/passes", nil, http.StatusOK), "汛后返家通行", "用到 2027 年 8 月 31 日")
		p.says(p.page(resident, path, nil, http.StatusOK), "可以进入", "林*兰", "防洪法", "打印出来", "2027")
		me := p.passActor("elder")
		show := func(on credential.Carrier) pass.Code {
			var c pass.Code
			p.ok(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				c, err = p.app.Passes.Show(ctx, tx, me, "flood-return", me.Person, on)
				return err
			}))
			return c
		}
		type checked struct {
			Valid  bool
			Kind   string
			Reason string
			Pass   *credential.PassClaims
		}
		check := func(code string) (c checked) {
			p.call("", http.MethodPost, "/api/v1/verify", map[string]string{"code": code}, http.StatusOK, &c)
			return c
		}
		first, again, paper := show(credential.OnScreen), show(credential.OnScreen), show(credential.OnPaper)
		if first.Text == again.Text {
			t.Error("two codes of one person are the same")
		}
		if c := check(first.Text); !c.Valid || c.Kind != "pass" || c.Pass.State != "enter" || c.Pass.Expires.Sub(c.Pass.SignedAt) > 24*time.Hour {
			t.Errorf("%+v %+v", c, c.Pass)
		}
		if c := check(paper.Text); !c.Valid || c.Pass.Carrier != credential.OnPaper || c.Pass.Expires.Sub(c.Pass.SignedAt) > 7*24*time.Hour || c.Pass.Expires.Sub(c.Pass.SignedAt) < 6*24*time.Hour {
			t.Errorf("%+v %+v", c, c.Pass)
		}
		forged := first.Text[:len(first.Text)-9] + "000000000"
		if c := check(forged); c.Valid || c.Pass != nil {
			t.Errorf("forged: %+v", c)
		}
		if raw := p.page("", "/verify", url.Values{"code": {first.Text}}, http.StatusOK); !strings.Contains(raw, "汛后返家通行") {
			t.Errorf("the checker: %.800s", text(raw))
		}

		// somebody who may set a state does, and nobody else can
		form := url.Values{"purpose": {"flood-return"}, "number": {elderNumber}, "state": {"wait"}, "days": {"3"}, "reason": {"3 号楼还没有验收"}}
		p.page(gate, "/desk/passes/set", form, http.StatusForbidden)
		p.page(clerk, "/desk/passes", nil, http.StatusForbidden)
		form.Set("days", "400")
		p.says(p.page(setter, "/desk/passes/set", form, http.StatusUnprocessableEntity), "最长 14 天")
		form.Set("days", "3")
		p.page(setter, "/desk/passes/set", form, http.StatusSeeOther)
		page := p.page(resident, path, nil, http.StatusOK)
		p.says(page, "请先不要回去", "3 号楼还没有验收", "状态不对，请人再看")
		bad := show(credential.OnScreen)
		if c := check(bad.Text); !c.Valid || c.Pass.State != "wait" {
			t.Errorf("%+v", c)
		}
		p.says(p.page("", "/verify", url.Values{"code": {bad.Text}}, http.StatusOK), "码是真的，状态：请先不要回去")

		// contested, and set right by another
		p.says(p.page(resident, path+"/contest?for=0", url.Values{"why": {""}}, http.StatusUnprocessableEntity), "请写明原因")
		at := p.page(resident, path+"/contest?for=0", url.Values{"why": {"昨天已经验收，有通知"}}, http.StatusSeeOther)
		number := numberPattern.FindString(at)
		if number == "" || p.page(resident, path+"/contest?for=0", url.Values{"why": {"再说一次"}}, http.StatusSeeOther) != at {
			t.Fatalf("contested at %q", at)
		}
		act := map[string]any{"action": "correct", "reason": "查了验收单，确实已经通电验收"}
		p.call(setter, http.MethodPost, "/api/v1/cases/"+number+"/actions", act, http.StatusForbidden, nil)
		p.call(second, http.MethodPost, "/api/v1/cases/"+number+"/actions", act, http.StatusOK, nil)
		p.says(p.page(resident, path, nil, http.StatusOK), "可以进入")
		p.says(p.page(setter, "/desk/passes", nil, http.StatusOK), "设定 1 次，代查 0 次，申诉 1 次，其中改正 1 次")

		// looked up at a gate
		ask := url.Values{"purpose": {"flood-return"}, "number": {elderNumber}}
		p.says(p.page(gate, "/desk/passes/look-up", ask, http.StatusUnprocessableEntity), "要本人同意")
		ask.Set("how", pass.WithLeave)
		p.says(p.page(gate, "/desk/passes/look-up", ask, http.StatusOK), "林*兰", "可以进入")
		p.says(p.page(resident, "/uses", nil, http.StatusOK), "在卡口经您同意查看通行码")

		// over: a code from before no longer counts, and nothing is kept
		late := p.lastOf("flood-return", show)
		clock.Set(time.Date(2027, 9, 1, 0, 0, 1, 0, duringFlood.Location()))
		if c := check(late.Text); c.Valid || c.Reason != "purpose_ended" && c.Reason != "expired" {
			t.Errorf("%+v", c)
		}
		resident = p.signIn("elder")
		p.says(p.page(resident, path, nil, http.StatusNotFound), "2027 年 8 月 31 日已经结束")
		p.ok(p.app.Passes.Sweep(ctx, program))
		p.ok(p.app.Passes.Sweep(ctx, program))
		if n := p.count(`SELECT COUNT(*) FROM pass_states`); n != 0 {
			t.Errorf("%d states are kept", n)
		}
		if n := p.count(`SELECT COUNT(*) FROM journal WHERE type = 'pass.erased'`); n != 2 { // and the marathon of 2025
			t.Errorf("it was said %d times that something was erased", n)
		}
		p.says(p.page(resident, "/passes", nil, http.StatusOK), "现在没有需要出示的通行码", "留下的 1 条状态已删除")
	})
}

// passActor is who signs in under a login.
func (p *place) passActor(login string) city.Actor {
	p.Helper()
	known, err := p.app.Identity.Actor(context.Background(), p.signIn(login))
	p.ok(err)
	return known.Actor
}

// lastOf moves to the purpose's last evening and makes a code there: its life ends with
// the purpose.
func (p *place) lastOf(purpose string, show func(credential.Carrier) pass.Code) pass.Code {
	p.Helper()
	x, err := p.app.Passes.Purpose(purpose)
	p.ok(err)
	end := x.Over(duringFlood.Location())
	p.app.Clock.(*city.SetClock).Set(end.Add(-time.Hour))
	c := show(credential.OnPaper)
	if !c.Claims.Expires.Equal(end) {
		p.Errorf("a code lives until %s, the purpose ends at %s", c.Claims.Expires, end)
	}
	return c
}
