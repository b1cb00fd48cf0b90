package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/grant"
	"yiwang/internal/db"
	"yiwang/internal/story"
)

// At a door without a network: what was loaded once goes on checking, says how old
// what it knows is, and knows of a revocation as soon as there is a network again.
func TestCheckingWithoutANetwork(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	s := p.outside()
	code, number := p.held("resident", "health-certificate")
	v := s.door(story.View{Size: story.Phone, Lang: city.English, Elder: true})
	v.Screenshot("gate-ready")
	s.cut(v)
	v.ask(code, "This licence is genuine and valid")
	v.ask(code, "Status unknown since")
	v.Screenshot("gate-offline")
	v.ask(code[:60] + "00" + code[62:])
	v.ExpectGone("This licence is genuine and valid")
	if n := v.Attr("[data-gate-lamp]", "data-reason"); n == "ok" {
		t.Error("a code that was changed is said to be good")
	}
	n, err := credential.ParseNumber(number)
	p.ok(err)
	p.ok(p.app.DB.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.app.Credentials.Revoke(ctx, tx, program, credential.Change{Number: n, Reason: "错发"})
		return err
	}))
	v.ask(code, "Status unknown since") // nobody here can know
	s.mend(v)
	v.ask(code, "revoked")
	v.Screenshot("gate-revoked")
}

// A resident lets an identity card be used for one purpose. Somebody at a door without a
// network checks the copy; the resident sees that it was made, and ends it. At the door
// nobody can know until there is a network again; then the check says so.
func TestAGrantIsCheckedWithoutANetwork(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	s := p.outside()
	n, me := p.idCard(), p.passActor("elder")
	g, err := p.app.Grants.Make(t.Context(), me, grant.Request{Number: n, Kind: credential.GrantCopy, Purpose: "rent", Audience: "春江公寓", Until: city.DateOf(time.Now()).AddDays(7)})
	p.ok(err)
	_, copied, err := p.app.Grants.Copy(t.Context(), me, g.ID)
	p.ok(err)
	v := s.door(story.View{Size: story.Phone, Lang: city.Chinese})
	s.cut(v)
	v.ask(copied.Text, "证照是真的", "只为“租房登记”出示给春江公寓", "状态不明")

	r := story.Visit(t, p.url, story.View{Size: story.Phone, Lang: city.Chinese})
	r.Go("/sign-in?lang=zh-Hans")
	r.In("main").Fill("用户名或手机号", "elder")
	r.Fill("密码", "demo")
	r.In(`form:has([name="password"][type="password"])`).Click("登录")
	r.Go("/licences/" + string(n) + "/grants/" + g.ID.String())
	r.Expect("租房登记", "春江公寓", "打印 1 次")
	r.In("main").Click("收回")
	r.Expect("您已经收回")

	v.ask(copied.Text, "证照是真的", "状态不明")
	s.mend(v)
	v.ask(copied.Text, "收回")
	if n := v.Attr("[data-gate-lamp]", "data-reason"); n != "grant_ended" {
		t.Errorf("the reason is %q", n)
	}
}

// guard is somebody who checks at a door.
type guard struct {
	*story.Visitor
	say func(en, zh string) string
}

// door opens the checker in a browser and waits until the device keeps it.
func (s *street) door(view story.View) guard {
	s.Helper()
	v := guard{story.Visit(s.T, s.url, view), func(en, zh string) string {
		if view.Lang == city.English {
			return en
		}
		return zh
	}}
	v.Go("/verify/gate?lang=" + string(view.Lang))
	if v.Attr("[data-gate]", "data-checker") == "" {
		s.Skip("the browser's checker was not built; make bundle does")
	}
	v.ExpectKept()
	v.Expect(v.say("The trust list is of", "信任名单是"))
	return v
}

// cut takes the network away and opens the page once more.
func (s *street) cut(v guard) {
	s.dead.Store(true)
	v.Signal(false)
	v.Go("/verify/gate")
	v.Expect(v.say("No network now", "现在没有网络"))
}

// mend brings the network back.
func (s *street) mend(v guard) {
	s.dead.Store(false)
	v.Signal(true)
	v.Go("/verify/gate")
	v.ExpectGone(v.say("No network now", "现在没有网络"))
}

// ask checks a code and reads what is said. It is gone from the screen after a while,
// and who looks at the page for the first time may take longer; they ask again.
func (v guard) ask(text string, says ...string) {
	for range 3 {
		v.Fill(v.say("Scan or type", "扫码或输入"), text)
		v.In("[data-gate-form]").Click(v.say("Verify", "查验"))
		if len(says) == 0 || strings.Contains(v.Text(), says[0]) {
			break
		}
	}
	v.Expect(says...)
}
