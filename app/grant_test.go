package app_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/internal/story"
)

// idCard is the mother's identity card.
func (p *place) idCard() (n credential.Number) {
	p.Helper()
	me := p.passActor("elder")
	p.in(func(ctx context.Context, tx *db.Tx) error {
		list, err := p.app.Credentials.ByHolder(ctx, tx, me, credential.Holder{Person: me.Person})
		for _, c := range list {
			if c.Type == "resident-id-card" {
				n = c.Number
			}
		}
		return err
	})
	if n == "" {
		p.Fatal("the mother has no identity card")
	}
	return n
}

// A resident shows a licence for one purpose in a browser, somebody else checks it in
// another, an office does too and says so; the resident sees the use, ends it, and the
// check says so. A copy is printed and ended the same way.
func TestALicenceIsShownForOnePurposeInABrowser(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	p.idCard()
	v := story.Visit(t, p.url, story.View{Size: story.Phone, Lang: city.Chinese})
	v.Go("/sign-in?lang=zh-Hans")
	v.In("main").Fill("用户名或手机号", "elder")
	v.Fill("密码", "demo")
	v.In(`form:has([name="password"][type="password"])`).Click("登录")
	v.Go("/licences")
	v.Click("居民身份证")
	v.In("main").Click("出示给别人看")
	v.In("main").Click("出示")
	v.Expect("请选一个用途")
	v.Choose("租房登记")
	v.Fill("给谁", "春江公寓")
	v.In("main").Click("出示")
	v.Expect("租房登记", "给春江公寓看", "这个码管到", "做了 1 个码")
	page := v.Address()
	code := v.Attr("#live", "data-code")

	// the other one, who isn't signed in
	w := story.Visit(t, p.url, story.View{Size: story.Phone, Lang: city.Chinese})
	check := func(w *story.Visitor, code string, says ...string) {
		w.Go("/verify")
		w.In("main").Fill("证照编号", code)
		w.In("main").Click("查验")
		w.Expect(says...)
	}
	check(w, code, "只为“租房登记”出示给春江公寓", "挪作他用无效", "林*兰", "没有留下记录")

	office := p.officer("gate", "public-security.duty")
	var told struct {
		Valid, Told bool
		Message     string
		Claims      credential.Claims
	}
	p.call(office, http.MethodPost, "/api/v1/verify", map[string]string{"code": code}, http.StatusOK, &told)
	if !told.Valid || !told.Told || told.Claims.Grant == nil || told.Claims.Number != "" || !strings.Contains(told.Message, "春江公寓") {
		t.Errorf("%+v", told)
	}
	v.Click("换新码")
	v.Expect("公安局查验 1 次", "做了 2 个码")
	code = v.Attr("#live", "data-code")
	v.In("main").Click("收回")
	v.Expect("您已经收回", "已收回")
	check(w, code, "持证人已经收回这次授权")

	// a copy
	v.Go(strings.TrimPrefix(page[:strings.LastIndexByte(page, '/')], p.url))
	v.Expect("已经结束的", "租房登记")
	v.Click("打印加注件")
	v.Choose("入职")
	v.In("main").Click("做加注件")
	v.Expect("请写明给谁")
	v.Fill("给谁", "江海书店")
	v.In("main").Click("做加注件")
	v.Expect("加注件已经做好", "下载加注件")
}

// Nobody else sees, shows or ends a holder's grants; without a browser, too, each
// refusal has its page.
func TestGrantsAreTheirHoldersOwn(t *testing.T) {
	p := newPlace(t, "")
	n := p.idCard()
	me := p.passActor("elder")
	elder, daughter := p.signIn("elder"), p.signIn("resident")
	base := "/licences/" + string(n) + "/grants"
	at := p.page(elder, base+"/show", url.Values{"purpose": {"stay"}, "span": {"0"}}, http.StatusSeeOther)
	p.says(p.page(elder, at, nil, http.StatusOK), "住宿登记", "换新码")
	for _, path := range []string{base, base + "/show", base + "/copy", at, at + "/copy.pdf"} {
		p.page("", path, nil, http.StatusSeeOther) // to sign in
		p.page(daughter, path, nil, http.StatusForbidden)
	}
	p.page(daughter, at+"/end", url.Values{"x": {""}}, http.StatusForbidden)
	p.page(elder, base+"/"+city.NewGrantID().String(), nil, http.StatusNotFound)
	p.page(elder, base+"/nothing", nil, http.StatusNotFound)
	p.page(elder, at+"/copy.pdf", nil, http.StatusNotFound)
	p.says(p.page(elder, base+"/copy", url.Values{"purpose": {"own"}, "audience": {"x"}, "span": {"day"}, "until.year": {"2099"}, "until.month": {"1"}, "until.day": {"1"}}, http.StatusUnprocessableEntity), "请写明用来做什么", "最晚到")
	p.page(elder, at+"/end", url.Values{"x": {""}}, http.StatusSeeOther)
	p.says(p.page(elder, at, nil, http.StatusOK), "您已经收回")
	if _, err := p.app.Grants.Show(context.Background(), me, lastID(at)); city.KindOf(err) != city.KindConflict {
		t.Errorf("shown after its end: %v", err)
	}
}

func lastID(at string) city.GrantID {
	id, _ := city.ParseID[struct{}](at[strings.LastIndexByte(at, '/')+1:])
	return city.GrantID(id)
}
